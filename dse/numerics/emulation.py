"""The worker's side: hls4ml's C++ emulation of a network, compiled with g++, beside Keras on the same inputs.

Where they differ, the same comparison with wide types tells a template that computes something else from a type that is too narrow.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dse.design import DesignPoint, Job, Precision
from dse.errors import ConversionError, NetworkError
from dse.wire import from_json

Array = npt.NDArray[np.float32]
_ERROR = re.compile(r"^(.*error:.*)$", re.MULTILINE)
_WIDE_FRACTION_BITS, _WIDE_INTEGER_BITS = 24, 16
_TABLES = ("softmax",)  # its table takes the highest bits of its input, so wide types make it coarse: judged by its input


def start() -> Callable[[dict[str, Any], object], dict[str, Any]]:
    """Load hls4ml and Keras; returns what serves one request.

    Raises:
        ConversionError: they cannot be loaded.
    """
    from dse.project.workers import start as load

    load()
    return _serve


def _serve(request: dict[str, Any], _: object) -> dict[str, Any]:
    from dse.project.keras_networks import load_model

    began = time.monotonic()
    job = from_json(Job, request["job"])
    model, _ = load_model(Path(request["source"]), job.network)  # as the user gave it: what is folded has to compute the same
    inputs = _inputs(model, request["inputs"], int(request["n_samples"]))
    with contextlib.redirect_stdout(io.StringIO()):
        answer = Comparison(model, job, inputs, request).run()
    kind = "random" if request["inputs"] is None else "given"
    return {**answer, "n_samples": len(inputs[0]), "input_kind": kind, "seconds": round(time.monotonic() - began, 1)}


class Comparison:
    """One network on some inputs, computed by Keras and by hls4ml's C++ with types as asked and, if need be, wide ones."""

    def __init__(self, model: Any, job: Job, inputs: list[Array], request: Mapping[str, Any]) -> None:
        self.model, self.job, self.inputs, self.request = model, job, inputs, request
        self.tolerance = float(request["tolerance"])
        self.layers = _layer_outputs(model, inputs)

    def run(self) -> dict[str, Any]:
        """Return verdict, message, layer, difference and range, as `dse.numerics.Numerics` has them."""
        outputs = [self.layers[name] for name in _output_names(self.model)]
        span = max(float(np.ptp(output)) for output in outputs)
        graph, built, failure = self._computed(self.job, "asked")
        if graph is None:
            return {"verdict": "does_not_compile", "message": f"hls4ml's C++ of this network does not compile: {failure}."}
        difference = _difference(outputs, built)
        told = f"largest difference {difference:.3g} of a range of {span:.3g} ({difference / span if span else 0:.1%})"
        figures = {"difference": difference, "range": span}
        if difference <= self.tolerance * span or difference < 1e-6:
            return {"verdict": "agrees", "message": f"hls4ml's C++ agrees with the network: {told}.", **figures}
        wrong = self._first_wrong()
        if wrong:
            message = f"hls4ml builds another circuit than the network: layer {wrong} differs even with wide types; {told}."
            return {"verdict": "differs", "message": message, "layer": wrong, **figures}
        layer, why = self._too_narrow(graph)
        return {
            "verdict": "types",
            "message": f"the types are too narrow for the network: {why}; {told}.",
            "layer": layer,
            **figures,
        }

    def _computed(self, job: Job, name: str, *, is_traced: bool = False) -> tuple[Any, Any, str]:
        """Return (graph, outputs, "") or (None, None, the compiler's first error); outputs of every layer by name if traced."""
        from dse.project.folding import fold_batchnorms
        from dse.project.generate import convert

        folder = Path(self.request["folder"]) / name
        graph = convert(fold_batchnorms(self.model), job, str(self.request["part"]), folder, is_traced=is_traced)
        _compile_quickly(graph, folder)
        inputs = [np.ascontiguousarray(array) for array in self.inputs]
        given: Any = inputs if len(inputs) > 1 else inputs[0]
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                if is_traced:
                    return graph, graph.trace(given)[1], ""
                graph.compile()
        except Exception as error:  # hls4ml raises a bare one, and prints why
            found = _ERROR.search(printed.getvalue())
            if found is None and not _compiles():
                raise ConversionError(
                    "numeric check: g++ compiles nothing here. Mend it, or skip with --no-check-numerics."
                ) from error
            return None, None, found.group(1).strip()[-300:] if found else str(error)
        built = graph.predict(given)
        return graph, built if isinstance(built, list) else [built], ""

    def _first_wrong(self) -> str:
        """Return the first layer that differs with wide types, "" if none does; softmax is judged by what it reads."""
        reach = max(float(np.abs(output).max()) for output in self.layers.values())
        integer = max(_WIDE_INTEGER_BITS, math.ceil(math.log2(max(reach, 1.0))) + 4)
        wide = Precision(integer + _WIDE_FRACTION_BITS, integer)
        choices = tuple((name, replace(choice, precision=None)) for name, choice in self.job.point.choices)
        job = replace(self.job, point=DesignPoint(choices), target=replace(self.job.target, precision=wide))
        graph, traced, failure = self._computed(job, "wide", is_traced=True)
        if graph is None:
            raise ConversionError(f"numeric check: compiles as asked, but not with {wide}: {failure}")
        for layer in self.model.layers:
            name, activation = layer.name, _activation(layer)
            if activation in _TABLES:
                continue
            built = traced.get(f"{name}_{activation}", traced.get(name))  # an activation is mostly a layer of its own
            expected = self.layers.get(name)
            if built is None or expected is None or np.size(built) != expected.size:
                continue
            if _difference([expected], [built]) > self.tolerance * max(float(np.ptp(expected)), 1e-6):
                return str(name)
        return ""

    def _too_narrow(self, graph: Any) -> tuple[str, str]:
        """Return (layer, why): the first whose values do not fit its result type, else the softmax, else rounding."""
        for node in graph.get_layers():
            expected = self.layers.get(node.name)
            kind = node.get_output_variable().type.precision
            if expected is None or not hasattr(kind, "integer"):
                continue
            reach, limit = float(np.abs(expected).max()), 2.0 ** (kind.integer - (1 if kind.signed else 0))
            if reach > limit:
                return str(
                    node.name
                ), f"layer {node.name} reaches {reach:.3g}, beyond the {limit:g} of its result type, and overflows"
        softmax = next((layer.name for layer in self.model.layers if _activation(layer) in _TABLES), "")
        if softmax and self.job.target.precision.integer_bits > 8:
            bits = self.job.target.precision.integer_bits
            return softmax, (
                f"layer {softmax}: hls4ml's softmax looks its values up by the highest 10 bits of its input, which with {bits} integer bits "
                f"are {2.0**bits / 1024:g} apart"
            )
        return "", "an accumulator overflows, or rounding adds up; more integer and more fractional bits make it agree"


def _inputs(model: Any, given: str | None, n_samples: int) -> list[Array]:
    """Return the inputs, one array an input of the network; random ones are standard normal, or indices for an embedding."""
    shapes = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    if given is not None:
        array = np.load(given, mmap_mode="r", allow_pickle=False)
        if len(shapes) != 1 or array.shape[1:] != shapes[0] or len(array) == 0:
            raise NetworkError(
                f"{Path(given).name}: got shape {array.shape}, expected samples of {shapes}. Save one array of inputs."
            )
        return [np.ascontiguousarray(array[: 4 * n_samples], dtype=np.float32)]
    rng = np.random.default_rng(0)
    first = next((layer for layer in model.layers if type(layer).__name__ == "Embedding"), None)
    if first is not None:
        return [rng.integers(0, first.input_dim, (n_samples, *shape)).astype(np.float32) for shape in shapes]
    return [rng.standard_normal((n_samples, *shape)).astype(np.float32) for shape in shapes]


def _layer_outputs(model: Any, inputs: list[Array]) -> dict[str, Array]:
    """Return what every layer of the network gives, by name."""
    import keras

    outputs = {layer.name: layer.output for layer in model.layers if not isinstance(layer.output, list | tuple)}
    values = keras.Model(model.inputs, list(outputs.values())).predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    values = values if isinstance(values, list) else [values]
    return {name: np.asarray(value, dtype=np.float32) for name, value in zip(outputs, values, strict=True)}


def _output_names(model: Any) -> list[str]:
    by_tensor = {id(layer.output): layer.name for layer in model.layers if not isinstance(layer.output, list | tuple)}
    return [by_tensor[id(tensor)] for tensor in model.outputs]


def _activation(layer: Any) -> str:
    if type(layer).__name__ == "Softmax":
        return "softmax"
    function = getattr(layer, "activation", None)
    return str(getattr(function, "__name__", "")) if function is not None else ""


def _difference(expected: list[Array], built: list[Any]) -> float:
    """Return the largest absolute difference; infinite where a number is none."""
    largest = 0.0
    for one, other in zip(expected, built, strict=True):
        gap = np.abs(one.reshape(len(one), -1) - np.asarray(other).reshape(len(one), -1))
        largest = max(largest, float(gap.max()) if np.isfinite(gap).all() else math.inf)
    return largest


def _compile_quickly(graph: Any, folder: Path) -> None:
    """Let g++ optimise less than hls4ml asks: compiling is most of the time, running a few samples is nothing."""
    write, script = graph.write, folder / "build_lib.sh"

    def write_and_patch() -> None:
        write()
        script.write_text(script.read_text(encoding="utf-8").replace("-O3", "-O1"), encoding="utf-8")

    graph.write = write_and_patch


def _compiles() -> bool:
    """Whether g++ compiles anything at all here."""
    text = b"#include <cmath>\nint main() { return 0; }\n"
    done = subprocess.run(["g++", "-x", "c++", "-", "-o", "/dev/null"], input=text, capture_output=True, check=False)
    return done.returncode == 0
