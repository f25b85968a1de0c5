"""The linear terms behind LUT, FF and latency of layers with weights under io_stream: a metric is offset + sum of constant x term.

Each term is a count that hls4ml's template states (`nnet_dense_resource.h` has one function for reuse factors up to n_in and one
beyond; the recurrent and stream templates call them). The constants are fitted on recordings (`benchmarks/fit_estimate.py`).
What depends on the kind is in the kind's own file (`dse.layers`); what all matrices share is here.

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

from dse.layers._circuit import Context, Geometry, Terms
from dse.registry import layer_kind


def area_terms(g: Geometry) -> Terms:
    """Return the terms of LUT and FF (offset 0)."""
    terms: Counter[str] = Counter()
    for matrix in g.matrices:
        terms["folded" if matrix.reuse_factor == 1 else "multiplier"] += matrix.n_multipliers
        terms["output"] += matrix.n_out
        choice_of = matrix.reuse_factor // matrix.n_in
        if matrix.reuse_factor > matrix.n_in:
            terms["select_2" if choice_of < 3 else "select_4" if choice_of < 8 else "select_8"] += matrix.n_out
    return {**terms, **layer_kind(g.layer.kind).area_terms(g)}


def latency_terms(g: Geometry, context: Context) -> tuple[float, Terms]:
    """Return offset (cycles that the template's loops state) and terms of the longest latency."""
    return layer_kind(g.layer.kind).latency_terms(g, context)


def shortest_latency_terms(g: Geometry) -> tuple[float, Terms]:
    """Return offset and terms of how much shorter the shortest latency is than the longest, or (`shortest_is_whole`) of itself."""
    return layer_kind(g.layer.kind).shortest_terms(g)


def shortest_is_whole(g: Geometry) -> bool:
    """Whether `shortest_latency_terms` add up to the shortest latency itself."""
    return layer_kind(g.layer.kind).shortest_is_whole
