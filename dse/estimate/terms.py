"""The linear terms behind LUT, FF and latency of layers with weights under io_stream: a metric is offset + sum of constant x term.

Each term is a count that hls4ml's template states (`nnet_dense_resource.h` has one function for reuse factors up to n_in and one
beyond; the recurrent and stream templates call them). The constants are fitted on recordings (`benchmarks/fit_estimate.py`).

| term | counts |
|---|---|
| multiplier, folded | multipliers with weights from memory; products with constant weights (reuse factor 1) |
| output | accumulators |
| select_2, select_4, select_8 | accumulators behind a choice of 2, 4, or 8 and more (reuse factor above n_in) |
| dense, dense_input; conv, conv_input; recurrent, recurrent_input, unit | a layer, its inputs, its units |
| dense_mux, conv_mux, recurrent_mux | multiplexed inputs of multipliers while 2 < reuse factor < n_in |
| dense_far | a dense layer with 512 <= reuse factor < n_in, where the tool builds a second copy of the input |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from dse.estimate.context import Context
from dse.estimate.geometry import Geometry, Matrix

Terms = Mapping[str, float]

_MUX_INPUTS_MAX = 512  # measured: 256 inputs are multiplexed per multiplier, 1024 are not; between lies no recording
_FAR = 512
_WORD = 16  # values per word where nobody says: the recordings' filters


def area_terms(g: Geometry) -> Terms:
    """Return the terms of LUT and FF (offset 0)."""
    terms: Counter[str] = Counter()
    for matrix in g.matrices:
        terms["folded" if matrix.reuse_factor == 1 else "multiplier"] += matrix.n_multipliers
        terms["output"] += matrix.n_out
        choice_of = matrix.reuse_factor // matrix.n_in
        if matrix.reuse_factor > matrix.n_in:
            terms["select_2" if choice_of < 3 else "select_4" if choice_of < 8 else "select_8"] += matrix.n_out
        if 2 < matrix.reuse_factor < matrix.n_in:
            terms[f"{g.kind}_mux"] += _multiplexed(g, matrix)
    terms[g.kind] += 1
    terms[f"{g.kind}_input"] += g.layer.n_in
    if g.kind == "recurrent":
        terms["unit"] += g.layer.n_state
    if g.kind == "dense" and _FAR <= g.slowest < g.layer.n_in:
        terms["dense_far"] += 1
    return dict(terms)


def _multiplexed(g: Geometry, matrix: Matrix) -> int:
    if g.kind == "dense":
        return matrix.n_multipliers * matrix.fan if matrix.n_in <= _MUX_INPUTS_MAX else 0
    return matrix.n_in * matrix.n_out if g.kind == "conv" else matrix.n_multipliers


def latency_terms(g: Geometry, context: Context) -> tuple[float, Terms]:
    """Return offset (cycles that the template's loops state) and terms of the longest latency."""
    layer, rf = g.layer, g.slowest
    if g.kind == "dense":
        words = packets(g, context)
        waits = words if words > 1 else 0
        if g.is_unrolled:
            return waits, {"folded": 1, "chain": layer.n_in}
        far = {"dense_far": 1.0} if _FAR <= rf < layer.n_in else {}
        return rf + waits, {"dense_packed" if words > 1 else "dense": 1} | far
    if g.kind == "conv":
        if g.is_unrolled:
            return g.pixels, {"folded": 1, "chain": layer.n_in}
        return g.steps * rf, {"conv_step" if rf > 1 else "conv_step_unrolled": g.steps}
    return g.steps * rf, {"recurrent_step": g.steps, "recurrent_load": g.steps * layer.n_in}


def shortest_latency_terms(g: Geometry) -> tuple[float, Terms]:
    """Return offset and terms of how much shorter the shortest latency is than the longest (convolutions: of itself)."""
    if g.kind == "conv":
        return 0.0, {"conv_step_idle": g.steps}
    return (1.0 if g.kind == "dense" else g.steps), {}


def packets(g: Geometry, context: Context) -> int:
    """Return the words in which a dense layer's input arrives."""
    if context.input_packets is not None:
        return context.input_packets
    return 1 if g.layer.n_in <= 64 else -(-g.layer.n_in // _WORD)
