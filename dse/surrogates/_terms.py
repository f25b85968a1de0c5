"""The mean function of the Gaussian processes: each metric as a sum of terms that hardware adds up.

    y(x) = sum_j w_j * phi_j(x),    w_j = w0_j * exp(theta_j),    theta_j ~ N(0, tau_j^2)

The terms phi are counts that follow from hls4ml's templates (multipliers, memory blocks of the weights, positions times reuse factor);
the weights w0 are only where learning starts, and tau says how far it may go: little where the template leaves no freedom (DSPs, memory
blocks), much where the tool decides (LUTs, FFs). Nothing here is fitted to a corpus; the weights are learned from the records given.

Sources: `nnet_dense_resource.h`, `nnet_conv1d_stream.h`, `nnet_recurrent.h` of hls4ml 1.3 for the loops; AMD UG573 for the shapes of an
18 Kb block RAM.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, log2

import numpy as np

from dse.design import Layer, LayerChoice, Target
from dse.surrogates._features import PARTITION_LIMIT, Floats, Geometry, geometry
from dse.surrogates.base import METRICS

RECURRENT = ("lstm", "gru", "bidirectional_lstm", "bidirectional_gru")
ONCE = ("dense",)
WEIGHTED = (*ONCE, "conv1d", "conv2d", "separable_conv1d", "separable_conv2d", "depthwise_conv1d", "depthwise_conv2d", *RECURRENT)

_EXACT, _SURE, _LIKELY, _OPEN = 0.03, 0.1, 0.5, 1.0  # tau: standard deviation of a weight, in log units

# Depth -> bits of one 18 Kb block RAM, the widest first.
_BLOCK_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
_DISTRIBUTED_BITS = 1024  # up to this many bits the tool keeps a memory in LUTs
_DISTRIBUTED_COLUMN_BITS = 8  # so narrow a rest of a wide memory stays in LUTs too


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a sum: what it counts, its weight to start from, and how sure that is."""

    name: str
    count: Callable[[Geometry], float]
    weight: float
    tau: float


def memory_blocks(depth: int, width_bits: int) -> int:
    """Return the 18 Kb block RAMs of a read-only memory.

    >>> memory_blocks(16, 48 * 16), memory_blocks(24, 32 * 16), memory_blocks(48, 16)
    (22, 14, 0)
    """
    if depth <= 1 or depth * width_bits <= _DISTRIBUTED_BITS:
        return 0
    for rows, columns in _BLOCK_SHAPES:
        if depth <= rows:
            full, rest = divmod(width_bits, columns)
            return full + (1 if rest > _DISTRIBUTED_COLUMN_BITS or (rest and not full) else 0)
    return ceil(depth / _BLOCK_SHAPES[-1][0]) * width_bits


def _index_blocks(n_in: int, reuse_factor: int) -> int:
    """Return the blocks of the table that tells each turn's output where the reuse factor is above n_in."""
    if reuse_factor <= n_in:
        return 0
    return 1 if reuse_factor * ceil(log2(reuse_factor / n_in)) >= _DISTRIBUTED_BITS else 0


def weight_blocks(g: Geometry) -> float:
    """Return the block RAMs that hold the weights: one word of all multipliers' weights per turn; 0 where they are constants."""
    if g.reuse_factor == 1:
        return 0.0
    blocks = memory_blocks(g.reuse_factor, g.block_factor * g.width_bits) + _index_blocks(g.n_in, g.reuse_factor)
    if g.n_state:
        blocks += memory_blocks(g.recurrent_reuse_factor, g.recurrent_block_factor * g.width_bits)
        blocks += _index_blocks(g.n_state, g.recurrent_reuse_factor)
    return float(blocks)


def _stream_words(g: Geometry) -> float:
    """Return how many words bring a dense layer's inputs, as far as its size tells.

    A layer does not say what it follows: few inputs mostly come from another dense layer (one word), many from a flattened stream (words
    of some 16 channels).
    """
    return g.n_in / 16 * g.n_in / (g.n_in + 128)


def _shared(g: Geometry) -> float:
    return float(g.multipliers if g.reuse_factor > 1 else 0)


def _unrolled(g: Geometry) -> float:
    return float(g.multipliers if g.reuse_factor == 1 else 0)


def _multiplexers(g: Geometry) -> float:
    """Return the 4:1 one-bit multiplexers (one LUT each) that choose among `fan` values in front of every multiplier.

    None where the choice is fixed: one turn, one multiplier per output, or inputs that the tool keeps in a memory.
    """
    if g.reuse_factor <= 2 or g.reuse_factor >= g.n_in or g.n_in >= PARTITION_LIMIT:
        return 0.0
    return g.multipliers * g.fan * g.width_bits / 4


_FABRIC = (
    Term("one", lambda g: 1.0, 300.0, _OPEN),
    Term("inputs", lambda g: float(g.n_in), 30.0, _OPEN),
    Term("large_inputs", lambda g: float(g.n_in * (g.n_in >= PARTITION_LIMIT)), 15.0, _OPEN),
    Term("outputs", lambda g: float(g.n_out), 30.0, _OPEN),
    Term("outputs_indexed", lambda g: float(g.n_out * (g.reuse_factor > g.n_in)), 30.0, _OPEN),
    Term("multipliers", _shared, 200.0, _OPEN),
    Term("multipliers_unrolled", _unrolled, 200.0, _OPEN),
    Term("multiplexers", _multiplexers, 1.0, _OPEN),
)
_STATE = Term("state", lambda g: float(g.n_state), 1000.0, _OPEN)
_RESOURCE_TERMS: dict[str, tuple[Term, ...]] = {
    "lut": _FABRIC,
    "ff": (*_FABRIC, Term("counters", lambda g: log2(max(2, g.n_positions)), 2.0, _LIKELY)),
    "dsp": (
        Term("multipliers", _shared, 1.0, _SURE),
        # Constant weights fold: products by 0 and powers of two need no DSP.
        Term("multipliers_unrolled", _unrolled, 0.6, _LIKELY),
    ),
    "bram_18k": (Term("weights", weight_blocks, 1.0, _SURE),),
}
_STATE_TERMS: dict[str, tuple[Term, ...]] = {
    "lut": (_STATE,),
    "ff": (_STATE,),
    "dsp": (Term("state", lambda g: 3.0 * g.n_state, 1.0, _SURE),),
    "bram_18k": (Term("tables", lambda g: 2.0 * g.n_state + (g.reuse_factor > 1), 1.0, _SURE),),
}
_LATENCY_ONCE = (
    Term("turns", lambda g: float(g.reuse_factor), 1.0, _EXACT),
    Term("fill", lambda g: 1.0, 5.0, _LIKELY),
    Term("words", _stream_words, 1.0, _OPEN),
    Term("chain", lambda g: g.n_in / g.reuse_factor, 0.3, _OPEN),
)
_LATENCY_MANY = (
    Term("turns", lambda g: float(g.n_positions * g.reuse_factor), 1.0, _LIKELY),
    Term("positions", lambda g: float(g.n_positions), 10.0, _OPEN),
    Term("edge_turns", lambda g: float(g.reuse_factor), 2.0, _LIKELY),
    Term("fill", lambda g: 1.0, 20.0, _OPEN),
)
# A convolution's shortest path is the pixels at the border, where no window is complete.
_LATENCY_BORDER = (
    Term("positions", lambda g: float(g.n_positions), 6.0, _OPEN),
    Term("fill", lambda g: 1.0, 12.0, _OPEN),
)
_INTERVAL = (
    Term("turns", lambda g: float(g.n_positions * g.reuse_factor), 1.0, _LIKELY),
    Term("positions", lambda g: float(g.n_positions), 2.0, _OPEN),
)
_PLAIN = (
    Term("one", lambda g: 1.0, 10.0, _OPEN),
    Term("elements", lambda g: float(g.n_in), 10.0, _OPEN),
)


def terms(kind: str, metric: str, target: Target) -> tuple[Term, ...]:
    """Return the terms of one metric of one kind of layer."""
    if kind not in WEIGHTED:
        return _PLAIN
    if metric in _RESOURCE_TERMS:
        return _RESOURCE_TERMS[metric] + (_STATE_TERMS[metric] if kind in RECURRENT else ())
    if metric == "ii_cycles_max":
        return _INTERVAL
    if kind in ONCE:
        return _LATENCY_ONCE
    if metric == "latency_cycles_min" and kind not in RECURRENT and target.io_type == "io_stream":
        return _LATENCY_BORDER
    return _LATENCY_MANY


def term_table(chosen: Sequence[Term], rows: Sequence[tuple[Layer, LayerChoice, Target]]) -> Floats:
    """Return (N, J): w0_j * phi_j of each row."""
    sizes = [geometry(*row) for row in rows]
    table = [[term.weight * term.count(g) for term in chosen] for g in sizes]
    return np.array(table, dtype=np.float64).reshape(len(rows), len(chosen))


def prior_mean(kind: str, rows: Sequence[tuple[Layer, LayerChoice, Target]]) -> Floats:
    """Return (N, M) log(1 + sum of the terms) with the weights that learning starts from."""
    columns = [np.log1p(term_table(terms(kind, metric, rows[0][2]), rows).sum(axis=1)) for metric in METRICS]
    return np.stack(columns, axis=1)
