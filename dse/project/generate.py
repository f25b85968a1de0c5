"""One request -> one written hls4ml project; runs inside a worker process and is the only file that imports hls4ml.

The project is written beside its destination and renamed when it is complete. What hls4ml built is read back, layer by layer,
and compared with what was asked: it snaps reuse factors and replaces strategies with no more than a printed line.
"""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import io
import json
import os
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

from dse.design import Job, LayerChoice, is_identifier
from dse.errors import ConversionError
from dse.layers.recurrent import effective
from dse.project.plan import CONFIGURATION_FILE, MODEL_FILE, PROJECT_NAME, BuiltLayer, ProjectPlan, content_digest
from dse.wire import from_json

BACKENDS = {"vivado_hls": "Vivado", "vitis_hls": "Vitis"}
STRATEGIES = {
    "latency": "Latency",
    "resource": "Resource",
    "resource_unrolled": "resource_unrolled",
    "distributed_arithmetic": "distributed_arithmetic",
}

_PART = re.compile(r"[A-Za-z0-9-]{4,64}")
_USUAL_LINES = re.compile(
    r"Interpreting |Topology:|Layer name: |Creating HLS model|Writing HLS project|Done|\s*$|  -> |Input shape"
)
_MODELS: OrderedDict[tuple[str, str], tuple[Any, tuple[str, ...]]] = OrderedDict()  # loaded once per (file, network)
_KEPT_MODELS = 4
_CONFIGURATIONS: dict[tuple[int, str, str], Any] = {}  # hls4ml's own, per (model, backend, precision)


def load_libraries() -> None:
    """Import hls4ml and Keras, with the backend that is installed: TensorFlow, else torch.

    Raises:
        ConversionError: hls4ml or Keras, or both backends, are missing.
    """
    backend = next((name for name in ("tensorflow", "torch") if importlib.util.find_spec(name) is not None), None)
    if backend is None or importlib.util.find_spec("hls4ml") is None or importlib.util.find_spec("keras") is None:
        raise ConversionError(
            'project generator: hls4ml, keras or their backend is missing. Install it: pip install "dse[hls4ml]".'
        )
    os.environ.setdefault("KERAS_BACKEND", backend)
    with contextlib.redirect_stdout(io.StringIO()):
        import dse.project.keras_networks
        import dse.project.shortcuts

    dse.project.shortcuts.take()


def write_project(request: dict[str, Any]) -> ProjectPlan:
    """Write the project that a request asks for (see `dse.project.request`).

    Raises:
        ConversionError: hls4ml built something else than was asked; names layer, asked and built.
        NetworkError: the network cannot be loaded.
    """
    job = from_json(Job, request["job"])
    staging, destination, part = Path(request["staging"]), Path(request["destination"]), str(request["part"])
    if _PART.fullmatch(part) is None:
        raise ConversionError(f"part {part!r}: expected letters, digits and dashes.")
    model, notes = _model(Path(request["source"]), job)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        graph = convert(model, job, part, staging)
        layers = read_back(graph, job)
        graph.config.config.pop("KerasModel", None)  # or every project gets a copy of the model, which takes most of the time
        graph.write()
        if request.get("keep_model"):
            _keep_model(model, graph.config.config, staging)
    return _finish(staging, destination, layers, (*notes, *_unusual(printed.getvalue())))


def layer_configuration(model: Any, job: Job) -> dict[str, Any]:
    """Return hls4ml's configuration of a job: every layer's strategy, reuse factor and precision written out.

    Every type that hls4ml would infer gets the target's precision (or the layer's own), as the classical `ap_fixed<16,6>` for
    the whole network has it. Accumulators stay hls4ml's to infer, so that they hold their sums (of recurrent layers it takes the
    default); types with a default of their own, such as look-up tables, keep it.

    Raises:
        ConversionError: the point has a layer that hls4ml does not know, or a name that may not stand in generated code.
    """
    import hls4ml

    backend = BACKENDS[job.target.toolchain.name]
    default = str(job.target.precision)
    key = (id(model), backend, default)
    if key not in _CONFIGURATIONS:
        _CONFIGURATIONS[key] = hls4ml.utils.config_from_keras_model(
            model, granularity="name", backend=backend, default_precision=default, default_reuse_factor=1
        )
    configuration: dict[str, Any] = copy.deepcopy(_CONFIGURATIONS[key])
    layers = configuration["LayerName"]
    unknown = [name for name, _ in job.point.choices if name not in layers]
    if unknown:
        raise ConversionError(f"layer {unknown[0]}: hls4ml has no such layer; got {', '.join(layers)}.")
    choices = dict(job.point.choices)
    for name, layer in layers.items():
        if not is_identifier(name):
            raise ConversionError(f"layer {name!r}: expected letters, digits and _ only. Rename it in the network.")
        choice = choices.get(_source(name, tuple(choices)))
        precision = str(choice.precision) if choice is not None and choice.precision is not None else default
        inferred = layer.get("Precision", {})
        layer["Precision"] = {key: precision if value == "auto" and key != "accum" else value for key, value in inferred.items()}
        if name in choices:
            layer["ReuseFactor"] = choices[name].reuse_factor
            layer["Strategy"] = STRATEGIES[choices[name].strategy]
    return configuration


def read_back(graph: Any, job: Job) -> tuple[BuiltLayer, ...]:
    """Return what hls4ml built, after comparing it with what the point asks.

    Raises:
        ConversionError: a strategy or reuse factor differs, or a layer with a choice is gone.
    """
    names = tuple(layer.name for layer in job.network.layers)
    built = tuple(_built_layer(layer, names) for layer in graph.get_layers())
    by_name = {layer.name: layer for layer in built}
    sizes = {layer.name: layer for layer in job.network.layers}
    for name, choice in job.point.choices:
        layer = by_name.get(name)
        if layer is None:
            raise ConversionError(f"layer {name}: asked {_words(choice)}, but hls4ml removed the layer. Leave it out of the space.")
        expected: tuple[int | None, int | None] = (choice.reuse_factor, None)
        if layer.recurrent_reuse_factor is not None:
            expected = effective(sizes[name], choice.reuse_factor, choice.strategy)
        got = (layer.reuse_factor, layer.recurrent_reuse_factor)
        if layer.strategy != choice.strategy or got != expected:
            pair = "" if layer.recurrent_reuse_factor is None else f" and {layer.recurrent_reuse_factor} (recurrent matrix)"
            raise ConversionError(
                f"layer {name}: asked {_words(choice)}, built reuse factor {layer.reuse_factor}{pair} ({layer.strategy}). "
                "Choose a legal one: `dse legal` lists them."
            )
    chosen = dict(job.point.choices)
    for layer in built:
        if layer.name not in chosen and layer.reuse_factor not in (None, 1):
            raise ConversionError(f"layer {layer.name}: has no choice, so asked reuse factor 1, built {layer.reuse_factor}.")
    return built


def convert(model: Any, job: Job, part: str, staging: Path, *, is_traced: bool = False) -> Any:
    """Return hls4ml's graph of a job; `is_traced` makes its C++ emulation keep what every layer gives.

    Raises:
        ConversionError: another version of hls4ml is installed than the target names.
    """
    import hls4ml

    target = job.target
    if hls4ml.__version__ != target.hls4ml_version:
        raise ConversionError(
            f"hls4ml: got version {hls4ml.__version__}, expected {target.hls4ml_version}. "
            f"Install it: pip install hls4ml=={target.hls4ml_version}, or change the target."
        )
    extra = {} if target.clock_uncertainty_percent is None else {"clock_uncertainty": f"{target.clock_uncertainty_percent:g}%"}
    configuration = layer_configuration(model, job)
    if is_traced:
        for layer in configuration["LayerName"].values():
            layer["Trace"] = True
    return hls4ml.converters.convert_from_keras_model(
        model,
        output_dir=str(staging),
        project_name=PROJECT_NAME,
        backend=BACKENDS[target.toolchain.name],
        hls_config=configuration,
        io_type=target.io_type,
        part=part,
        clock_period=target.clock_period_ns,
        **extra,
    )


def _keep_model(model: Any, configuration: dict[str, Any], staging: Path) -> None:
    """Leave the model, weights included, and hls4ml's whole configuration beside the project, for who builds it without `dse`."""
    model.save(staging / MODEL_FILE)
    (staging / CONFIGURATION_FILE).write_text(json.dumps(configuration, default=str), encoding="utf-8")


def _finish(staging: Path, destination: Path, layers: tuple[BuiltLayer, ...], notes: tuple[str, ...]) -> ProjectPlan:
    import hls4ml

    record = staging / "hls4ml_config.yml"
    if record.exists():
        record.write_text(record.read_text(encoding="utf-8").replace(str(staging), str(destination)), encoding="utf-8")
    plan = ProjectPlan(staging, content_digest(staging), PROJECT_NAME, layers, str(hls4ml.__version__), notes)
    plan.save()
    if destination.exists():
        raise ConversionError(f"{destination}: appeared while the project was written; each job needs a directory of its own.")
    staging.rename(destination)
    return plan


def _model(source: Path, job: Job) -> tuple[Any, tuple[str, ...]]:
    from dse.project.folding import fold_batchnorms
    from dse.project.keras_networks import load_model

    key = (str(source), job.network.digest)
    if key not in _MODELS:
        model, notes = load_model(source, job.network)
        _MODELS[key] = fold_batchnorms(model), notes
        while len(_MODELS) > _KEPT_MODELS:
            _MODELS.popitem(last=False)
            _CONFIGURATIONS.clear()  # they are known by the model's address, which may be given out again
    _MODELS.move_to_end(key)
    return _MODELS[key]


def _built_layer(layer: Any, names: tuple[str, ...]) -> BuiltLayer:
    strategy = layer.get_attr("strategy")
    # A bidirectional layer keeps a pair for each direction, always the same.
    is_twice = layer.get_attr("forward_reuse_factor") is not None
    factors = [layer.get_attr(("forward_" if is_twice else "") + name) for name in ("reuse_factor", "recurrent_reuse_factor")]
    return BuiltLayer(
        config_index=int(layer.index),
        name=str(layer.name),
        source="" if layer.class_name == "Input" and layer.name not in names else _source(str(layer.name), names),
        class_name=str(layer.class_name),
        strategy=None if strategy is None else str(strategy).lower(),
        reuse_factor=None if factors[0] is None else int(factors[0]),
        recurrent_reuse_factor=None if factors[1] is None else int(factors[1]),
    )


def _source(hls_name: str, names: tuple[str, ...]) -> str:
    """Return the network's layer that hls4ml's comes from: the same name, else the longest `name_` that it begins with."""
    if hls_name in names:
        return hls_name
    return max((name for name in names if hls_name.startswith(f"{name}_")), key=len, default="")


def _words(choice: LayerChoice) -> str:
    return f"reuse factor {choice.reuse_factor} ({choice.strategy})"


def _unusual(printed: str) -> tuple[str, ...]:
    lines = [line.rstrip() for line in printed.splitlines()]
    return tuple(dict.fromkeys(line[:500] for line in lines if _USUAL_LINES.match(line) is None))
