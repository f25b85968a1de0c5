"""The estimate of a layer and of a design.

DSP = products side by side (with constant weights, reuse factor 1, only those constants that are no shift or single addition), plus
3 per unit of a recurrent layer. BRAM = the weights' memories and the activation tables. LUT, FF and latency under io_stream are the
fitted terms of `terms.py`; io_parallel and layers without weights are derived from the templates (`parallel.py`, `dse.layers`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from dse.canonical import digest
from dse.design import DesignPoint, Layer, LayerChoice, Network, Target
from dse.estimate import parallel
from dse.estimate.context import Context, alone, context_of
from dse.estimate.geometry import geometry
from dse.estimate.terms import area_terms, latency_terms, shortest_is_whole, shortest_latency_terms
from dse.layers._circuit import Geometry, Terms
from dse.layers._primitives import dsps_per_product, largest_weight, matrix_blocks, share_of_dsps
from dse.layers.dense import packets
from dse.qor import Qor, compose
from dse.registry import layer_kind

VERSION = 1  # raise it when a formula changes, so that no cached estimate outlives it

_FITTED_BITS = 16.0
_WRAPPING = {"lut": {"multiplier": 32.0, "folded": 25.0}, "ff": {"multiplier": 16.0, "folded": 11.0}}  # as in `parallel.py`
_PRODUCTS_PER_UNIT = 3  # of a recurrent state, beside its matrices; measured for the LSTM
_TABLES_PER_UNIT = 2  # block RAMs of a recurrent unit's sigmoid and tanh; measured for the LSTM
_FITTED = ("dense", "conv1d", "lstm")


@cache
def _tables() -> Mapping[str, Any]:
    return MappingProxyType(tomllib.loads(files("dse.estimate").joinpath("constants.toml").read_text(encoding="utf-8")))


@cache
def basis() -> str:
    """Return the digest of the constants and the formulas' version: `Job.basis` of every estimate."""
    constants = tuple((name, tuple(sorted(_tables()[name].items()))) for name in ("lut", "ff", "latency_cycles"))
    return digest(("estimate", VERSION, constants))


def fitting() -> Mapping[str, Any]:
    """Return what the constants were fitted on: `corpus` (its digest), `n_circuits`, `n_shapes`."""
    return MappingProxyType(dict(_tables()["fitted_on"]))


def typical_errors(kind: str) -> Mapping[str, float]:
    """Return the mean absolute error in percent per metric, each shape left out in turn; {} for a kind that was not fitted."""
    return MappingProxyType(dict(_tables()["error_percent"].get(kind, {})))


def is_fitted(layer: Layer, choice: LayerChoice, target: Target) -> bool:
    """Whether recordings of this kind of layer, strategy and io_type stand behind the constants."""
    return target.io_type == "io_stream" and choice.strategy == "resource" and layer.kind in _FITTED


def is_known(layer: Layer) -> bool:
    """Whether the templates say what a layer costs."""
    kind = layer_kind(layer.kind)
    return kind.has_weights or kind.cost is not None


@lru_cache(maxsize=1 << 16)
def estimate_layer(layer: Layer, choice: LayerChoice, target: Target, context: Context | None = None) -> Qor:
    """Estimate one layer.

    Args:
        choice: of a layer without weights it changes nothing.
        context: what the rest of the design does to it; None for a layer of which nothing else is known.

    Returns:
        All metrics but the clock period, as whole numbers. For embeddings and custom code nothing is known.
    """
    kind = layer_kind(layer.kind)
    if not kind.matrices(layer):
        costs: Mapping[str, Any] = kind.cost(layer, target) if kind.cost else {}
        return Qor(**costs)
    g = geometry(layer, choice, target)
    context = context or alone(layer, choice.strategy, target)
    numbers: dict[str, Any] = {"dsp": count_dsps(g), "bram_18k": count_blocks(g), "uram": 0.0}
    numbers |= _stream(g, context) if target.io_type == "io_stream" else _parallel(g, context)
    whole: dict[str, Any] = {name: float(round(value)) for name, value in numbers.items()}
    return Qor(**whole)


def estimate_design(network: Network, point: DesignPoint, target: Target) -> Qor:
    """Estimate a network at a point: its layers composed, those without weights included."""
    chosen, contexts = dict(point.choices), context_of(network, point, target)
    fixed = LayerChoice(1, "latency")
    return compose(
        (layer.name, estimate_layer(layer, chosen.get(layer.name, fixed), target, contexts[layer.name])) for layer in network.layers
    )


def predict(metric: str, offset: float, terms: Terms, *, constants: Mapping[str, float] | None = None) -> float:
    """Return offset + sum of constant x term.

    >>> predict("lut", 1.0, {"output": 2.0}, constants={"output": 10.0})
    21.0
    """
    own = _tables()[metric] if constants is None else constants
    return offset + sum(own.get(name, 0.0) * count for name, count in terms.items())


def _stream(g: Geometry, context: Context) -> dict[str, Any]:
    scale = g.precision.width_bits / _FITTED_BITS
    areas = {}
    for metric in ("lut", "ff"):
        constants = _tables()[metric] if g.saturates else {**_tables()[metric], **_WRAPPING[metric]}
        areas[metric] = max(0.0, predict(metric, 0.0, area_terms(g), constants=constants)) * scale
    areas["lut"] += _products_in_luts(g)
    longest = predict("latency_cycles", *latency_terms(g, context))
    return areas | _cycles(_shortest(g, longest), longest, *_intervals(g, context, longest))


def _shortest(g: Geometry, longest: float) -> float:
    if g.is_unrolled:
        return longest
    value = predict("latency_cycles", *shortest_latency_terms(g))
    return min(value, longest) if shortest_is_whole(g) else longest - value


def _intervals(g: Geometry, context: Context, longest: float) -> tuple[float, float]:
    # A process of a stream design starts again when it has finished; only the unrolled pipelines overlap inferences.
    if g.is_unrolled and g.family != "recurrent":
        words = float(g.steps if g.family == "conv" else packets(g, context))
        return words, words
    return _shortest(g, longest), longest


def _parallel(g: Geometry, context: Context) -> dict[str, Any]:
    lut, ff = parallel.area(g)
    latency, interval = parallel.cycles(g, context)
    return {"lut": lut + _products_in_luts(g), "ff": ff, **_cycles(latency, latency, interval, interval)}


def _cycles(shortest: float, longest: float, ii_min: float, ii_max: float) -> dict[str, Any]:
    return {"latency_cycles_min": shortest, "latency_cycles_max": longest, "ii_cycles_min": ii_min, "ii_cycles_max": ii_max}


def count_dsps(g: Geometry) -> float:
    """Return DSP slices of all products."""
    each = dsps_per_product(g.precision.width_bits)
    kernel = g.layer.attribute("kernel", 1)
    total = 0.0
    for matrix in g.matrices:
        if matrix.reuse_factor > 1:
            total += matrix.n_multipliers
        else:
            width, integer = g.precision.width_bits, g.precision.integer_bits
            largest = largest_weight(matrix.n_in, matrix.n_out, kernel if isinstance(kernel, int) else 1, width, integer)
            total += matrix.n_in * matrix.n_out * share_of_dsps(largest)
    return each * (total + _PRODUCTS_PER_UNIT * g.layer.n_state)


def _products_in_luts(g: Geometry) -> float:
    """Return LUTs of multipliers too narrow for a DSP: about half a LUT per partial product."""
    width = g.precision.width_bits
    return 0.0 if dsps_per_product(width) else 0.55 * width * width * (g.n_multipliers + _PRODUCTS_PER_UNIT * g.layer.n_state)


def count_blocks(g: Geometry) -> float:
    """Return block RAMs (18 Kb) of weights and tables."""
    width = g.precision.width_bits
    # Only the Resource strategy keeps weights in memories; the others make them constants of the logic.
    blocks = 0 if g.strategy != "resource" else sum(matrix_blocks(m.n_in, m.n_out, m.reuse_factor, width) for m in g.matrices)
    if g.family == "recurrent":
        blocks += _TABLES_PER_UNIT * g.layer.n_state + (g.slowest > 1)
    return float(blocks)
