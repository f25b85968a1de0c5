"""What a surrogate may know of a layer and a choice before anybody has built them: sizes in doublings, regimes as flags.

Notation: N rows, one per (layer, choice, target); F features. All float64.

A feature is a number that hls4ml's templates themselves depend on (`nnet_dense_resource.h`: `reuse_factor <= n_in` and `> n_in` are
two functions; `reuse_factor == 1` folds constant weights into the multipliers), so that layers of different sizes lie close where
their circuits are alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from dse.design import Layer, LayerChoice, Target
from dse.layers.base import closest, legal_reuse_factors

Floats = NDArray[np.float64]

NAMES = (
    "log2_block_factor",
    "log2_reuse_factor",
    "log2_n_in",
    "log2_n_out",
    "log2_positions",
    "log2_state",
    "log2_fan",
    "is_unrolled",
    "is_paired",
    "is_at_least_n_in",
    "is_above_n_in",
    "is_single_output",
    "is_large_input",
    "is_latency",
    "is_resource_unrolled",
    "is_distributed",
    "is_stream",
    "is_dataflow",
    "log2_width_bits",
    "log2_clock_period",
)
IS_LOG = np.array([name.startswith("log2") for name in NAMES])

PARTITION_LIMIT = 1024  # Vivado HLS keeps an array of so many elements in a memory, not in registers (XFORM 203-103)

# What a metric hardly depends on in the templates: outputs are computed side by side, so cycles do not count them; and a layer is built
# once however many positions it serves, so resources do not count those (but for the width of a counter).
_HARDLY = {
    "cycles": ("log2_block_factor", "log2_n_out", "log2_fan", "is_single_output"),
    "resources": ("log2_positions", "log2_clock_period"),
}


def hardly_matters(metric: str) -> NDArray[np.bool_]:
    """Return (F,) whether a feature hardly matters to a metric."""
    names = _HARDLY["cycles" if "cycles" in metric else "resources"]
    return np.array([name in names for name in NAMES])


RAW_NAMES = ("reuse_factor", "n_in", "size", "positions")


@dataclass(frozen=True, slots=True)
class Geometry:
    """The sizes of one layer under one choice.

    `block_factor` is the number of multipliers built, ceil(n_in x n_out / reuse factor); the recurrent ones are those of a second
    matrix n_state x n_out, whose factor hls4ml moves to its own nearest legal value, and 0 where there is none.
    """

    n_in: int
    n_out: int
    n_positions: int
    n_state: int
    reuse_factor: int
    block_factor: int
    recurrent_reuse_factor: int
    recurrent_block_factor: int
    width_bits: int

    @property
    def multipliers(self) -> int:
        """Multipliers of all matrices."""
        return self.block_factor + self.recurrent_block_factor

    @property
    def fan(self) -> int:
        """Width of the multiplexer in front of each multiplier: the accumulators it may serve, or for one output its inputs."""
        return self.n_out if self.n_out > 1 else self.n_in


def geometry(layer: Layer, choice: LayerChoice, target: Target) -> Geometry:
    """Return the sizes that hls4ml builds.

    >>> from dse.design import Target
    >>> g = geometry(Layer("l", "lstm", 16, 32, 64, 8), LayerChoice(512), Target("xczu7ev", 4.0))
    >>> g.block_factor, g.recurrent_reuse_factor, g.recurrent_block_factor
    (1, 256, 1)
    """
    factor, recurrent, recurrent_block = choice.reuse_factor, 0, 0
    if layer.n_state:
        recurrent = factor if choice.strategy == "latency" else closest(legal_reuse_factors(layer.n_state, layer.n_out), factor)
        recurrent_block = ceil(layer.n_state * layer.n_out / recurrent)
    return Geometry(
        layer.n_in,
        layer.n_out,
        layer.n_positions,
        layer.n_state,
        factor,
        ceil(layer.n_in * layer.n_out / factor),
        recurrent,
        recurrent_block,
        (choice.precision or target.precision).width_bits,
    )


def features(layer: Layer, choice: LayerChoice, target: Target) -> list[float]:
    """Return one row of features, in the order of `NAMES`."""
    g = geometry(layer, choice, target)
    is_stream = target.io_type == "io_stream"
    return [
        np.log2(g.multipliers),
        np.log2(g.reuse_factor),
        np.log2(g.n_in),
        np.log2(g.n_out),
        np.log2(g.n_positions),
        np.log2(1 + g.n_state),
        np.log2(g.fan),
        float(g.reuse_factor == 1),
        float(g.reuse_factor == 2),
        float(g.reuse_factor >= g.n_in),
        float(g.reuse_factor > g.n_in),
        float(g.n_out == 1),
        float(g.n_in >= PARTITION_LIMIT),
        float(choice.strategy == "latency"),
        float(choice.strategy == "resource_unrolled"),
        float(choice.strategy == "distributed_arithmetic"),
        float(is_stream),
        # hls4ml's rule for one layer alone: streams and the resource strategy make the top a dataflow region.
        float(is_stream or choice.strategy == "resource"),
        np.log2(g.width_bits),
        np.log2(target.clock_period_ns),
    ]


def feature_table(rows: Sequence[tuple[Layer, LayerChoice, Target]]) -> Floats:
    """Return (N, F) features."""
    return np.array([features(*row) for row in rows], dtype=np.float64).reshape(len(rows), len(NAMES))


def raw_table(rows: Sequence[tuple[Layer, LayerChoice, Target]]) -> Floats:
    """Return (N, 4) of what N-TORC's forests see: reuse factor, inputs, size (units of a recurrent layer), sequence length."""
    table = [(choice.reuse_factor, layer.n_in, layer.n_state or layer.n_out, layer.n_positions) for layer, choice, _ in rows]
    return np.array(table, dtype=np.float64).reshape(len(rows), len(RAW_NAMES))


@dataclass(frozen=True, slots=True)
class Range:
    """What was measured of one kind: shapes, and the span of each feature."""

    lowest: tuple[float, ...]
    highest: tuple[float, ...]

    def holds(self, table: Floats) -> NDArray[np.bool_]:
        """Whether each row of (N, F) lies inside the measured span of every feature."""
        slack = 1e-9
        inside = (table >= np.array(self.lowest) - slack) & (table <= np.array(self.highest) + slack)
        return np.asarray(inside.all(axis=1), dtype=np.bool_)


def measured_range(table: Floats) -> Range:
    """Return the span of an (N, F) table, N >= 1."""
    return Range(tuple(table.min(axis=0)), tuple(table.max(axis=0)))
