"""From a tree of reports to records of a corpus: what surrogates learn from and replay serves.

A record says what was *built*: sizes, strategy and effective reuse factor from `parameters.h`, formats from `defines.h`, the target from the
report itself. What does not say that is not recorded, and says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dse.design import STRATEGIES, DesignPoint, Fidelity, IoType, Layer, LayerChoice, Precision, Strategy, Target, Toolchain
from dse.errors import NetworkError, SpecError
from dse.networks.table import layer_from_table, structure_digest
from dse.qor import DesignRecord, Failure, FailureKind, LayerRecord, Qor
from dse.reports.checks import impossible, nothing_left, of_another_build
from dse.reports.parameters_h import LayerConfig
from dse.reports.tree import TreeReport, qor_of_tree

UNKNOWN_VERSION = "unknown"  # no file of a project says which hls4ml wrote it
_Tables = list[dict[str, object]]
_DEFAULT_UNCERTAINTY = {"vivado_hls": 12.5, "vitis_hls": 27.0}


@dataclass(frozen=True, slots=True)
class Recorded:
    """The records of one build, and sentences on what could not be recorded.

    Attributes:
        network_toml: the layers as a network file of our own, so that a campaign can ask for the recorded designs: its digest is theirs.
            "" where no design is recorded.
    """

    layers: tuple[LayerRecord, ...] = ()
    designs: tuple[DesignRecord, ...] = ()
    notes: tuple[str, ...] = ()
    network_toml: str = ""


def records_of(tree: TreeReport, source: str) -> Recorded:
    """Return what a build is evidence of; `source` names it in the records."""
    reason = _why_not(tree)
    if reason:
        return Recorded(notes=(f"{source}: not recorded, {reason}",))
    target = _target(tree)
    if isinstance(target, str):
        return Recorded(notes=(f"{source}: not recorded, {target}",))
    network, choices, skipped, tables = _network(tree, target)
    layers = tuple(
        LayerRecord(network[row.name], choices[row.name], target, Fidelity.CSYNTH, row.qor, source)
        for row in tree.layers
        if row.name in network and row.name in choices and row.qor.lut is not None
    )
    has_matrix = [name for name, layer in network.items() if layer.kind not in ("activation", "batchnorm")]
    designs: list[DesignRecord] = []
    notes: tuple[str, ...] = ()
    if skipped:
        notes = (f"{source}: layers recorded but not the design: {', '.join(skipped[:5])} cannot be described",)
    else:
        point = DesignPoint(tuple((name, choices[name]) for name in has_matrix))
        digest = structure_digest(tuple(network.values()))
        designs = [DesignRecord(digest, point, target, fidelity, outcome, source) for fidelity, outcome in _outcomes(tree)]
    return Recorded(layers, tuple(designs), notes, _toml(tables) if designs else "")


def _why_not(tree: TreeReport) -> str:
    if not tree.parameters:
        return "no readable parameters.h says what was built"
    if any(not config.name for config in tree.parameters):
        return "parameters.h names no layers (hls4ml before 0.2)"
    if precision_of(tree) is None:
        return "neither defines.h nor hls4ml_config.yml says in which number format"
    if tree.is_mixed:
        return "reports of two builds lie in one folder"
    doubt = next((reason for check in (impossible, nothing_left, of_another_build) for reason in check(tree)), "")
    if doubt:
        return doubt
    return ""


def precision_of(tree: TreeReport) -> Precision | None:
    """Return the number format to take for the whole design, None where nothing says it.

    `defines.h` decides: its default, or the one format that all weights have. Where they differ, the model's own default is only in
    the YAML; each layer's weights are then recorded with the layer.
    """
    if tree.types.default is not None:
        return tree.types.default
    formats = {precision for _, precision in tree.types.weights}
    return formats.pop() if len(formats) == 1 else tree.wanted_precision if formats else None


def _target(tree: TreeReport) -> Target | str:
    report, total = tree.csynth, tree.csynth.total
    io_types = {config.io_type for config in tree.parameters if config.io_type}
    if len(io_types) != 1:
        return f"parameters.h has {len(io_types)} io types, expected one"
    precision = precision_of(tree)
    if not report.part or total.clock_target_ns is None or not report.toolchain or precision is None:
        return "the report does not say part, clock, tool and version"
    io_type: IoType = "io_stream" if io_types == {"io_stream"} else "io_parallel"
    try:
        return Target(
            part=report.part,
            clock_period_ns=total.clock_target_ns,
            io_type=io_type,
            precision=precision,
            toolchain=Toolchain.parse(report.toolchain),
            hls4ml_version=UNKNOWN_VERSION,
            clock_uncertainty_percent=_uncertainty(report.tool, total.clock_target_ns, total.clock_uncertainty_ns),
        )
    except SpecError as error:
        return str(error)


def _uncertainty(tool: str, period: float, uncertainty: float | None) -> float | None:
    """Return the uncertainty in percent, None where it is hls4ml's default for the tool (reports print two decimals)."""
    default = _DEFAULT_UNCERTAINTY.get(tool)
    if uncertainty is None or (default is not None and abs(period * default / 100 - uncertainty) < 0.011):
        return None
    return round(100 * uncertainty / period, 1)


def _network(tree: TreeReport, target: Target) -> tuple[dict[str, Layer], dict[str, LayerChoice], list[str], _Tables]:
    """Return layers and choices by name, the names of weighted layers that cannot be described, and the layers as tables."""
    depthwise = {row.index for row in tree.layers if any("depthwise" in module for module in row.modules)}
    layers: dict[str, Layer] = {}
    choices: dict[str, LayerChoice] = {}
    skipped: list[str] = []
    tables: _Tables = []
    for config in tree.parameters:
        table = None if config.index in depthwise else _table(config)
        if table is None or config.name in layers:
            if config.strategy or config.index in depthwise:
                skipped.append(config.name)
            continue
        previous = next(reversed(layers), "")
        try:
            layers[config.name] = layer_from_table({**table, "name": config.name}, config.name, previous)
            choices[config.name] = _choice(config, tree, target)
            tables.append({"name": config.name, **table})
        except (NetworkError, SpecError):
            layers.pop(config.name, None)
            skipped.append(config.name)
    return layers, choices, skipped, tables


def _table(config: LayerConfig) -> dict[str, object] | None:
    size = config.size
    found: dict[str, object | None]
    if config.base == "dense_config":
        found = {"kind": "dense", "n_in": size("n_in"), "n_out": size("n_out")}
    elif config.base == "conv1d_config":
        found = {"kind": "conv1d", "kernel": size("filt_width"), "positions": size("out_width"), **_convolution(config)}
    elif config.base == "conv2d_config":
        height, width, rows, columns = (size(name) for name in ("filt_height", "filt_width", "out_height", "out_width"))
        if None in (height, width, rows, columns):
            return None
        found = {"kind": "conv2d", "kernel": [height, width], "positions": (rows or 0) * (columns or 0), **_convolution(config)}
    elif config.base in ("lstm_config", "gru_config"):
        kind = config.base.removesuffix("_config")
        found = {"kind": kind, "n_in": size("n_in"), "units": size("n_state"), "steps": size("n_sequence")}
        found["return_sequences"] = size("n_sequence_out") != 1
    elif config.base == "activ_config":
        found = {"kind": "activation", "n_in": size("n_in"), "activation": config.function or "linear"}
    elif config.base == "batchnorm_config":
        found = {"kind": "batchnorm", "n_in": size("n_in")}
    else:
        return None
    return None if None in found.values() else dict(found)


def _convolution(config: LayerConfig) -> dict[str, object | None]:
    pads = [config.size(name) or 0 for name in ("pad_left", "pad_right", "pad_top", "pad_bottom")]
    stride = config.size("stride_width") or 1
    return {
        "channels": config.size("n_chan"),
        "filters": config.size("n_filt"),
        "stride": stride,
        "dilation": config.size("dilation") or config.size("dilation_width") or 1,
        "padding": "same" if any(pads) else "valid",
    }


def _choice(config: LayerConfig, tree: TreeReport, target: Target) -> LayerChoice:
    # A layer without weights has no strategy; "resource" is what a choice has that nobody made.
    strategy: Strategy = next((name for name in STRATEGIES if name == config.strategy), "resource")
    precision = tree.types.weight(config.index, config.name)
    return LayerChoice(config.reuse_factor or 1, strategy, None if precision == target.precision else precision)


def _toml(tables: _Tables) -> str:
    lines = [
        "# The layers of imported builds, as parameters.h had them. A network of these layers has the digest of their records."
    ]
    lines.append('name = "imported"')
    for table in tables:
        # JSON's strings, whole numbers, booleans and lists of them are TOML's, too.
        lines += ["", "[[layer]]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _outcomes(tree: TreeReport) -> Iterable[tuple[Fidelity, Qor | Failure]]:
    if not tree.is_defined:
        failure = Failure(FailureKind.UNDEFINED_RESULT, "synthesised, but the tool gave no latency or no interval")
        return [(Fidelity.CSYNTH, failure)]
    present: Sequence[Fidelity] = [
        fidelity
        for fidelity, report in ((Fidelity.CSYNTH, tree.csynth), (Fidelity.VSYNTH, tree.vsynth), (Fidelity.IMPL, tree.impl))
        if report is not None
    ]
    return [(fidelity, qor_of_tree(tree, fidelity)) for fidelity in present]
