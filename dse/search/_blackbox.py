"""What searches that see only whole designs share: points as indices, and by how much a trial breaks limits.

Notation: L layers; a point is one index per layer (ascending reuse factor).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dse.design import DesignPoint
from dse.search._ask import Indices, indices
from dse.search.base import Trial, View

EXHAUSTED = "every point of the space has been tried"
_TRIES = 200  # of random points, before all are listed
_LISTED = 1_000_000  # points that may be listed


def violations(view: View, trial: Trial) -> tuple[float, ...] | None:
    """Return by what share each limit is broken, 0 where it is kept; None if a metric is unknown."""
    slack = zip(view.goal.slack(trial.outcome), view.goal.limits, strict=True)
    shares = [0.0 if share is None and limit.implied else share for share, limit in slack]
    return None if trial.qor is None or None in shares else tuple(max(0.0, -share) for share in shares if share is not None)


def merit(view: View, trial: Trial) -> float | None:
    """Return one number to minimise: the objectives' geometric mean in log units, and a step up for broken limits."""
    values, broken = view.goal.measures(trial.outcome), violations(view, trial)
    if values is None or broken is None:
        return None
    return float(np.mean(np.log1p(values))) + (10.0 + sum(broken) if any(broken) else 0.0)


def seen_indices(view: View) -> set[Indices]:
    """Return all points proposed so far."""
    return {indices(view, trial) for trial in (*view.finished, *view.pending)}


def point(view: View, chosen: Indices) -> DesignPoint:
    """Return the design of one index per layer."""
    return view.space.point(tuple(option.choices[i] for option, i in zip(view.space.options, chosen, strict=True)))


def counts(view: View) -> NDArray[np.intp]:
    """Return (L,) how many choices each layer has."""
    return np.array([len(option.choices) for option in view.space.options])


def random_unseen(view: View, rng: np.random.Generator, taken: set[Indices]) -> Indices | None:
    """Return a point that is not taken, each as likely as any other; None if there is none."""
    sizes = counts(view)
    for _ in range(_TRIES):
        drawn = tuple(int(i) for i in rng.integers(0, sizes))
        if drawn not in taken:
            return drawn
    if view.space.size > _LISTED or len(taken) >= view.space.size:
        return None
    free = [chosen for chosen in np.ndindex(*sizes) if chosen not in taken]
    return free[int(rng.integers(len(free)))] if free else None
