"""LSTM and GRU: per time step a kernel matrix n_in x n_out on the input and a recurrent one n_state x n_out on the state.

hls4ml takes one reuse factor and moves it to the nearest legal value of each matrix on its own. Offered are the values that are
legal for the kernel matrix, so that the factor asked for is the factor built there; the recurrent matrix then takes the nearest
legal value of its own, which `effective` tells. Each offered value is therefore a different circuit, and a well defined one.
"""

from __future__ import annotations

from dse.design import Layer, Strategy, Target
from dse.layers.base import (
    Legal,
    closest,
    explain,
    legal_reuse_factors,
    narrow,
    narrow_by_strategy,
    narrow_by_unrolling,
    refuse,
)

KINDS = ("lstm", "gru", "bidirectional_lstm", "bidirectional_gru")


def matrices(layer: Layer) -> tuple[tuple[int, int], ...]:
    """Return kernel and recurrent matrix, of a bidirectional layer twice."""
    return ((layer.n_in, layer.n_out), (layer.n_state, layer.n_out)) * (2 if _is_bidirectional(layer) else 1)


def multiplications(layer: Layer) -> int:
    """Return the products of all matrices over all time steps; the gates' element-wise products are not counted."""
    return sum(n_in * n_out for n_in, n_out in matrices(layer)) * layer.n_positions


def effective(layer: Layer, reuse_factor: int, strategy: Strategy = "resource") -> tuple[int, int]:
    """Return the reuse factors (kernel matrix, recurrent matrix) that hls4ml builds when asked for an offered one.

    >>> effective(Layer("lstm", "lstm", 16, 32, 8, 8), 512)
    (512, 256)
    """
    if strategy == "latency":
        return reuse_factor, reuse_factor
    recurrent = legal_reuse_factors(layer.n_state, _n_out_in_hls4ml(layer))
    if strategy == "resource_unrolled":
        recurrent = recurrent[:-1]
    return reuse_factor, closest(recurrent, reuse_factor)


def legal(layer: Layer, target: Target, strategy: Strategy) -> Legal:
    """Return what hls4ml 1.3 builds as asked (`init_lstm`, `init_gru`, `init_bidirectional` of its Vivado backend)."""
    offered = Legal(legal_reuse_factors(layer.n_in, layer.n_out))
    if strategy == "distributed_arithmetic":
        return refuse(offered, "recurrent_no_distributed_arithmetic", "hls4ml silently builds Latency for a recurrent layer here")
    if _is_bidirectional(layer):
        offered = _narrow_bidirectional(layer, target, strategy, offered)
    if offered.reuse_factors:
        offered = narrow_by_strategy(offered, strategy, largest=layer.n_in * layer.n_out)
    if strategy == "resource_unrolled" and layer.n_state * layer.n_out == 1:
        return refuse(offered, "recurrent_matrix_too_small", "the recurrent matrix has no reuse factor for ResourceUnrolled")
    offered = narrow_by_unrolling(offered, target, strategy, lambda rf: _multipliers(layer, rf, strategy))
    return _explain_recurrent(layer, strategy, offered)


def _is_bidirectional(layer: Layer) -> bool:
    return layer.kind.startswith("bidirectional")


def _n_out_in_hls4ml(layer: Layer) -> int:
    # get_layer_mult_size of hls4ml 1.3 counts three gates for a bidirectional LSTM too.
    return 3 * layer.n_state if _is_bidirectional(layer) else layer.n_out


def _multipliers(layer: Layer, reuse_factor: int, strategy: Strategy) -> int:
    """Return the products unrolled side by side in the larger of the two matrices."""
    kernel, recurrent = (1, 1) if strategy == "latency" else effective(layer, reuse_factor, strategy)
    return max(-(-layer.n_in * layer.n_out // kernel), -(-layer.n_state * layer.n_out // recurrent))


def _narrow_bidirectional(layer: Layer, target: Target, strategy: Strategy, offered: Legal) -> Legal:
    if target.toolchain.name == "vitis_hls" and target.io_type == "io_stream":
        return refuse(offered, "bidirectional_io_stream", "hls4ml's Vitis backend refuses bidirectional layers under io_stream")
    if strategy == "resource_unrolled":
        return refuse(offered, "bidirectional_unrolled", "hls4ml always builds Resource instead of ResourceUnrolled here")
    if strategy == "latency":
        return offered
    unsnapped = set(legal_reuse_factors(layer.n_in, _n_out_in_hls4ml(layer)))
    offered = narrow(
        offered,
        "bidirectional_three_gates",
        "hls4ml checks a bidirectional layer as if it had three gates and would move these values",
        lambda rf: rf in unsnapped,
    )
    sound = set(legal_reuse_factors(layer.n_state, layer.n_out))
    return narrow(
        offered,
        "bidirectional_recurrent",
        "hls4ml would give the recurrent matrix a reuse factor that does not divide it",
        lambda rf: effective(layer, rf, strategy)[1] in sound,
    )


def _explain_recurrent(layer: Layer, strategy: Strategy, offered: Legal) -> Legal:
    moved = [pair for pair in (effective(layer, rf, strategy) for rf in offered.reuse_factors) if pair[0] != pair[1]]
    if not moved:
        return offered
    pairs = ", ".join(f"{kernel} -> {recurrent}" for kernel, recurrent in moved)
    return explain(offered, "recurrent_nearest", f"the recurrent matrix takes the nearest value that is legal for it: {pairs}")
