"""The estimate of a layer and of a design.

DSP = products side by side (with constant weights, reuse factor 1, only those constants that are no shift or single addition), plus
3 per unit of a recurrent layer. BRAM = the weights' memories and the activation tables. LUT, FF and latency under io_stream are the
fitted terms of `terms.py`; io_parallel and layers without weights are derived from the templates (`parallel.py`, `dse.layers`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from dse.composition import compose
from dse.design import DesignPoint, Layer, LayerChoice, Network, Target
from dse.estimation import parallel
from dse.estimation.between import FIFOS, fifos, split_off
from dse.estimation.constants import predict
from dse.estimation.context import Context, alone, context_of
from dse.estimation.geometry import geometry
from dse.estimation.terms import area_terms, latency_terms, shortest_is_whole, shortest_latency_terms
from dse.layers._circuit import Geometry, Matrix, number
from dse.layers._primitives import dsps_per_product, largest_weight, matrix_blocks, share_of_dsps
from dse.layers.dense import packets
from dse.qor import Qor
from dse.registry import layer_kind

_FITTED_BITS = 16.0
_SATURATION = 220.0  # LUTs of a sum of 16 bits that saturates, as fitted under io_stream
_VITIS_CYCLES_A_WORD = 3
# FF of the kernels under io_stream over those under io_parallel: memories, constant weights. The stream recordings, foretold from the others
# alone, have 1.5 to 2.9 and 4 times as many, part of which is their saturation.
_STREAM_FF = (1.8, 3.0)
_PRODUCTS_PER_UNIT = 3  # of a recurrent state, beside its matrices; measured for the LSTM
_TABLES_PER_UNIT = 2  # block RAMs of a recurrent unit's sigmoid and tanh; measured for the LSTM


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
    numbers |= _stream(g, context, target) if target.io_type == "io_stream" else _parallel(g, context, target)
    whole: dict[str, Any] = {name: float(round(value)) for name, value in numbers.items()}
    return Qor(**whole)


Correct = Callable[[Layer, LayerChoice, Target, Qor], Qor]


def _as_it_is(layer: Layer, choice: LayerChoice, target: Target, qor: Qor) -> Qor:
    return qor


def estimate_design(network: Network, point: DesignPoint, target: Target, correct: Correct = _as_it_is) -> Qor:
    """Estimate a network at a point: its layers composed, those without weights, split-off activations and FIFOs included.

    Args:
        correct: what measured layers taught of a layer's estimate (`dse.estimation.learned`).
    """
    chosen, contexts = dict(point.choices), context_of(network, point, target)
    if len(chosen) == 1 and len(network.layers) == 1:  # a lone layer, as recordings of single layers are
        contexts = {}
    fixed = LayerChoice(1, "latency")
    parts = []
    for layer in network.layers:
        choice = chosen.get(layer.name, fixed)
        qor = estimate_layer(layer, choice, target, contexts.get(layer.name))
        parts.append((layer.name, correct(layer, choice, target, qor)))
    return compose((*parts, *fixed_parts(network, target)))


def fixed_parts(network: Network, target: Target) -> tuple[tuple[str, Qor], ...]:
    """Return what a design has besides the layers of its network, whatever is chosen: split-off activations, and FIFOs of a stream."""
    activations = tuple(split_off(network))
    parts = [(layer.name, estimate_layer(layer, LayerChoice(1, "latency"), target, Context())) for layer in activations]
    if target.io_type == "io_stream":
        parts.append((FIFOS, fifos(network, activations, target)))
    return tuple(parts)


def _stream(g: Geometry, context: Context, target: Target) -> dict[str, Any]:
    if not g.is_recorded_target:
        return _derived_stream(g, context, target)
    areas = {metric: max(0.0, predict(metric, 0.0, area_terms(g))) for metric in ("lut", "ff")}
    longest = predict("latency_cycles", *latency_terms(g, context))
    return areas | _cycles(_shortest(g, longest), longest, *_intervals(g, context, longest))


def _derived_stream(g: Geometry, context: Context, target: Target) -> dict[str, Any]:
    """Estimate off the recordings' target: the kernels as under io_parallel, and around them what the recordings show of streams."""
    inside = parallel.matrix_terms(g, replace(context, is_alone=False))
    inside.pop("input", None)  # a stream layer reads its input into registers
    around = {name: n for name, n in layer_kind(g.layer.kind).area_terms(g).items() if not name.endswith(("_mux", "_far"))}
    scale = g.precision.width_bits / _FITTED_BITS
    areas = {metric: predict(f"parallel.{metric}", 0.0, inside) + scale * predict(metric, 0.0, around) for metric in ("lut", "ff")}
    areas["lut"] += _saturation(g)
    areas["ff"] += (_STREAM_FF[g.is_unrolled] - 1) * predict("parallel.ff", 0.0, inside)
    built = parallel.with_turns(g)
    longest = predict("latency_cycles", *latency_terms(built, context))
    numbers = areas | _cycles(_shortest(built, longest), longest, *_intervals(built, context, longest))
    if g.family == "conv" and g.strategy == "latency" and target.toolchain.name == "vitis_hls":
        words = float(max(_VITIS_CYCLES_A_WORD, built.slowest) * g.steps)  # measured: about three cycles a pixel, not one
        numbers |= _cycles(words, words + max(1, parallel.depth(g.layer.n_in, target)), words, words)
    return numbers


def _saturation(g: Geometry) -> float:
    """Return LUTs of sums that saturate."""
    sums = g.layer.n_out if g.is_unrolled else g.n_multipliers
    return _SATURATION * sums * g.precision.width_bits / _FITTED_BITS if g.saturates else 0.0


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


def _parallel(g: Geometry, context: Context, target: Target) -> dict[str, Any]:
    terms = parallel.area_terms(g, context)
    areas = {metric: max(0.0, predict(f"parallel.{metric}", 0.0, terms)) for metric in ("lut", "ff")}
    areas["lut"] += _saturation(g)
    shortest, longest, interval = parallel.cycles(g, context, target)
    return areas | _cycles(shortest, longest, interval, interval)


def _cycles(shortest: float, longest: float, ii_min: float, ii_max: float) -> dict[str, Any]:
    return {"latency_cycles_min": shortest, "latency_cycles_max": longest, "ii_cycles_min": ii_min, "ii_cycles_max": ii_max}


def count_dsps(g: Geometry) -> float:
    """Return DSP slices of all products."""
    each = dsps_per_product(g.precision.width_bits, g.weight.width_bits)
    return each * (sum(_multipliers(g, matrix) for matrix in g.matrices) + _PRODUCTS_PER_UNIT * g.layer.n_state)


def _multipliers(g: Geometry, matrix: Matrix) -> float:
    """Return the multipliers that are built of a matrix: of constants only those that are no shift and no addition."""
    if g.strategy == "distributed_arithmetic":
        return 0.0
    if matrix.reuse_factor > 1 and g.strategy != "latency":
        return matrix.n_multipliers
    if not g.is_recorded_target:
        return min(parallel.matrix_products(g, matrix).n_multipliers, matrix.n_multipliers)
    kernel, integer_bits = number(g.layer, "kernel"), g.weight.integer_bits
    largest = largest_weight(matrix.n_in, matrix.n_out, kernel, g.weight.width_bits, integer_bits)
    return min(matrix.n_in * matrix.n_out * share_of_dsps(largest), matrix.n_multipliers)


def count_blocks(g: Geometry) -> float:
    """Return block RAMs (18 Kb) of weights and tables."""
    width = g.weight.width_bits
    # Only the Resource strategy keeps weights in memories; the others make them constants of the logic.
    blocks = 0 if g.strategy != "resource" else sum(matrix_blocks(m.n_in, m.n_out, m.reuse_factor, width) for m in g.matrices)
    if g.family == "recurrent":
        blocks += _TABLES_PER_UNIT * g.layer.n_state + (g.slowest > 1)
    return float(blocks)
