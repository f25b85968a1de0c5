"""What a surrogate may know of a layer and a choice before anybody has built them: sizes in doublings, regimes as flags.

Notation: N rows, one per (layer, choice, target); F features. All float64.

A feature is a number that hls4ml's templates themselves depend on (`nnet_dense_resource.h`: reuse factors up to n_in and above are two
functions; constants fold into unrolled multipliers), so that layers of different sizes lie close where their circuits are alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import log2

import numpy as np
from numpy.typing import NDArray

from dse.design import Layer, LayerChoice, Target
from dse.estimation.geometry import geometry
from dse.layers._circuit import Geometry
from dse.registry import layer_kind, layer_kinds

Floats = NDArray[np.float64]
Row = tuple[Layer, LayerChoice, Target]

# Vivado HLS keeps the inputs of larger layers in memories instead of registers: 256 were seen in registers, 1024 in memories.
REGISTERED_INPUTS = 512

NAMES = (
    "log2_multipliers",
    "log2_reuse_factor",
    "log2_n_in",
    "log2_n_out",
    "log2_steps",
    "log2_state",
    "log2_fan",
    "is_one",
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

# What a metric hardly depends on in the templates: outputs are computed side by side, so cycles do not count them; and a layer is built
# once however many steps it takes, so resources do not count those (but for the width of a counter).
_HARDLY = {
    "cycles": ("log2_multipliers", "log2_n_out", "log2_fan", "is_single_output"),
    "resources": ("log2_steps", "log2_clock_period"),
}


def hardly_matters(metric: str) -> NDArray[np.bool_]:
    """Return (F,) whether a feature hardly matters to a metric."""
    names = _HARDLY["cycles" if "cycles" in metric else "resources"]
    return np.array([name in names for name in NAMES])


@lru_cache(maxsize=1 << 16)
def sizes(layer: Layer, choice: LayerChoice, target: Target) -> Geometry | None:
    """Return the sizes that hls4ml builds; None for a layer without weights, or of a kind that nobody knows."""
    if not is_known_kind(layer.kind) or not layer_kind(layer.kind).matrices(layer):
        return None
    return geometry(layer, choice, target)


@cache
def is_known_kind(kind: str) -> bool:
    """Whether a module of `dse.layers` knows the kind."""
    return kind in layer_kinds()


@lru_cache(maxsize=1 << 16)
def _features(layer: Layer, choice: LayerChoice, target: Target) -> tuple[float, ...]:
    g = sizes(layer, choice, target)
    is_stream = target.io_type == "io_stream"
    factor = g.slowest if g else 1
    return (
        log2(g.n_multipliers if g else 1),
        log2(factor),
        log2(layer.n_in),
        log2(layer.n_out),
        log2(g.steps if g else layer.n_positions),
        log2(1 + layer.n_state),
        log2(g.matrices[0].fan if g else 1),
        float(factor == 1),
        float(g is not None and g.is_unrolled),
        float(factor == 2),
        float(factor >= layer.n_in),
        float(factor > layer.n_in),
        float(layer.n_out == 1),
        float(layer.n_in > REGISTERED_INPUTS),
        float(choice.strategy == "latency"),
        float(choice.strategy == "resource_unrolled"),
        float(choice.strategy == "distributed_arithmetic"),
        float(is_stream),
        # hls4ml's rule for one layer alone: streams and the resource strategy make the top a dataflow region.
        float(is_stream or choice.strategy == "resource"),
        log2((choice.precision or target.precision).width_bits),
        log2(target.clock_period_ns),
    )


def feature_table(rows: Sequence[Row]) -> Floats:
    """Return (N, F) features, in the order of `NAMES`."""
    return np.array([_features(*row) for row in rows], dtype=np.float64).reshape(len(rows), len(NAMES))


@dataclass(frozen=True, slots=True)
class Range:
    """The measured span of each feature of one kind."""

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
