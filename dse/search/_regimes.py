"""Where a belief is too sure of itself: costs that jump between two measured choices, or a layer that is unlike the others.

A surrogate is smooth; a circuit need not be (a memory that becomes registers, a loop that is no longer unrolled). So bounds on unmeasured
choices are checked against the residual e = log(1 + y) - trend of the measured ones, the trend being the analytic estimate:
  - *between two measured choices* whose residuals differ by more than a factor of two, the change may lie anywhere: the choice may belong to
    either side, and the bound is the lower of what both sides say;
  - *beyond the measured choices*, once any layer of that kind showed such a change, it may come there as well, by as much as was ever seen;
  - a layer that stands more than a factor of two above the others of its kind may have been measured beyond such a change only: what it
    costs elsewhere may be what the others cost.
Where residuals agree nothing is lowered, so a smooth world pays nothing for this.

Notation: C choices of a layer, M columns; `values` are log(1 + y), NaN where not measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BREAK = np.log(2.0)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """The choices of one layer that differ in the reuse factor alone, ascending: places in the layer's table, trend and values (C, M)."""

    kind: str
    places: tuple[int, ...]
    trend: Floats
    values: Floats


def floors(runs: Sequence[Run]) -> list[Floats]:
    """Return per run (C, M) upper bounds on what may be hoped at most, in log(1 + y); infinite where nothing speaks against a belief."""
    found = [np.full(run.values.shape, np.inf) for run in runs]
    for kind in dict.fromkeys(run.kind for run in runs):
        own = [n for n, run in enumerate(runs) if run.kind == kind]
        for column in range(runs[own[0]].values.shape[1]):
            residuals = [runs[n].values[:, column] - runs[n].trend[:, column] for n in own]
            _lower(residuals, [runs[n].trend[:, column] for n in own], [found[n][:, column] for n in own])
    return found


def _lower(residuals: list[Floats], trends: list[Floats], out: list[Floats]) -> None:
    """Fill in one column of all layers of a kind; residuals are NaN where not measured."""
    measured = [np.flatnonzero(np.isfinite(residual)) for residual in residuals]
    jumps = [np.abs(np.diff(residual[rows])) for residual, rows in zip(residuals, measured, strict=True)]
    largest = max((float(jump.max()) for jump in jumps if len(jump)), default=0.0)
    least = min(
        (float(residual[rows].min()) for residual, rows in zip(residuals, measured, strict=True) if len(rows)), default=np.inf
    )
    for residual, trend, rows, floor in zip(residuals, trends, measured, out, strict=True):
        if not len(rows):
            continue
        for place in np.flatnonzero(np.isnan(residual)):
            left, right = rows[rows < place][-1:], rows[rows > place][:1]
            sides = residual[np.concatenate([left, right])]
            if len(sides) == 2:
                if abs(sides[0] - sides[1]) > _BREAK:
                    floor[place] = trend[place] + sides.min()
                continue
            lowest = np.inf
            if largest > _BREAK:
                lowest = sides[0] - largest
            elif residual[rows].min() > least + _BREAK:
                lowest = least
            floor[place] = trend[place] + lowest
