"""A campaign's metrics as tables: which columns of a belief they weigh, and whether layers add or the worst one counts.

Notation: L layers, C_l choices of layer l, M columns (`dse.surrogates.base.METRICS`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.composition import Combine, combine_of
from dse.goal import DEVICE_COST_RESOURCES, Goal
from dse.surrogates.base import METRICS

Floats = NDArray[np.float64]

# A layer's shortest interval is not learned apart from its longest: they are one number but for data-dependent loops.
_COLUMN = {"ii_cycles_min": "ii_cycles_max"}


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric: `weights` (M,) over a belief's columns; all 0 where nothing predicts it (URAM)."""

    name: str
    weights: Floats
    combine: Combine

    @property
    def is_predicted(self) -> bool:
        return bool(self.weights.any())

    def of(self, tables: Sequence[Floats]) -> tuple[Floats, ...]:
        """Return per layer (C_l,) this metric of the entries of (C_l, M) tables; NaN where a column that counts is NaN."""
        columns = np.flatnonzero(self.weights)
        return tuple(table[:, columns] @ self.weights[columns] for table in tables)


def metric(name: str, goal: Goal) -> Metric:
    """Return how a metric is made of columns."""
    weights = np.zeros(len(METRICS))
    if name == "device_cost":
        for resource in DEVICE_COST_RESOURCES:
            weights[METRICS.index(resource)] = 1.0 / goal.part.capacity(resource)
        return Metric(name, weights, "sum")
    cycles = name.replace("_ns_", "_cycles_")
    column = _COLUMN.get(cycles, cycles)
    if column in METRICS:
        weights[METRICS.index(column)] = goal.clock_period_ns if cycles != name else 1.0
    return Metric(name, weights, combine_of(column))
