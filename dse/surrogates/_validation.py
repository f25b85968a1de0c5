"""How well surrogates predict layers of shapes that they have not seen: every shape is left out in turn, never a row.

Rows of one shape are near copies of each other (N-TORC: 3,998 convolution rows are 94 different points of 16 shapes), so a split by row
would put the answers into the training set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.design import Target
from dse.qor import LayerRecord
from dse.surrogates._features import Floats
from dse.surrogates._observed import Observed, from_log, observe, one_fidelity
from dse.surrogates.base import METRICS, Surrogate

CONFIDENCE = 0.9


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One surrogate on one metric of one kind, all shapes left out in turn. Truth is the median over replicates.

    Attributes:
        r2: 1 - squared error / variance; None where the truth is constant.
        mape_percent, median_ape_percent: mean and median absolute error as a share of the truth, over points whose truth is above 0.
        rmse_percent: root mean squared error as a share of the mean truth.
        coverage: share of points inside their 90 % interval (with the slack of rounding to a thousandth).
        half_width_percent: median half width of these intervals, as a share of the prediction.
        extrapolated: share of points flagged as outside what was measured.
    """

    surrogate: str
    kind: str
    metric: str
    n_points: int
    n_shapes: int
    r2: float | None
    mape_percent: float | None
    median_ape_percent: float | None
    rmse_percent: float | None
    coverage: float
    half_width_percent: float | None
    extrapolated: float


@dataclass(frozen=True, slots=True)
class Replicates:
    """How far single measurements lie from the median of their replicates: what no prediction of one measurement can beat.

    `n_points` counts the points with two or more replicates; `mape_percent` is the mean over these points, `worst_percent` the largest
    error of any replicate.
    """

    kind: str
    metric: str
    n_points: int
    mape_percent: float
    worst_percent: float


@dataclass(frozen=True, slots=True)
class Validation:
    """All of it; `seconds` is the mean time of a fit and its predictions per surrogate and kind."""

    target: Target
    accuracies: tuple[Accuracy, ...]
    replicates: tuple[Replicates, ...]
    seconds: tuple[tuple[str, str, float], ...]
    notes: tuple[str, ...]


def leave_one_shape_out(
    records: Sequence[LayerRecord],
    surrogates: Sequence[tuple[str, Surrogate]],
    *,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> Validation:
    """Fit each surrogate once per shape, on all records of that kind but the shape's, and compare.

    Args:
        records: of one or several kinds; only those of the commonest target and fidelity are used.
        surrogates: (name, recipe).
        tell: is told what is being fitted.
    """
    notes: list[str] = []
    same = one_fidelity(records)
    target = Counter(record.target for record in same).most_common(1)[0][0]
    used = [record for record in same if record.target == target]
    if len(used) < len(records):
        notes.append(f"{len(records) - len(used)} of {len(records)} records were built for another target or fidelity; left out")
    accuracies, replicates, seconds = [], [], []
    for kind, data in sorted(observe(used, target).items()):
        of_kind = [record for record in used if record.layer.kind == kind]
        replicates += _replicates(kind, data, of_kind)
        n_shapes = len(set(data.groups.tolist()))
        if n_shapes < 2:
            notes.append(f"{kind}: one shape only; nothing can be left out")
            continue
        for name, surrogate in surrogates:
            tell(f"{kind}: {name}, {n_shapes} shapes")
            start = perf_counter()
            tables, is_outside = _predict(of_kind, data, surrogate, target, seed)
            seconds.append((name, kind, (perf_counter() - start) / n_shapes))
            accuracies += _accuracies(name, kind, data, tables, is_outside)
    return Validation(target, tuple(accuracies), tuple(replicates), tuple(seconds), tuple(notes))


def _predict(
    records: Sequence[LayerRecord], data: Observed, surrogate: Surrogate, target: Target, seed: int
) -> tuple[tuple[Floats, Floats, Floats], NDArray[np.bool_]]:
    """Return mean, lower and upper (N, M), and whether each row was flagged, all predicted without the row's shape."""
    mean, lower, upper = (np.full(data.values.shape, np.nan) for _ in range(3))
    is_outside = np.zeros(len(data.rows), dtype=np.bool_)
    for group in sorted(set(data.groups.tolist())):
        rows = np.flatnonzero(data.groups == group)
        layer = data.rows[rows[0]][0]
        rest = [record for record in records if record.layer.shape != layer.shape]
        belief = surrogate.fit(rest, target, seed=seed)
        predicted = belief.predict(layer, [data.rows[i][1] for i in rows], confidence=CONFIDENCE)
        mean[rows], lower[rows], upper[rows] = predicted.mean, predicted.lower, predicted.upper
        is_outside[rows] = predicted.extrapolates
    return (mean, lower, upper), is_outside


def _accuracies(
    name: str, kind: str, data: Observed, tables: tuple[Floats, Floats, Floats], is_outside: NDArray[np.bool_]
) -> list[Accuracy]:
    found = []
    for m, metric in enumerate(METRICS):
        known = ~np.isnan(data.values[:, m])
        if not known.any():
            continue
        truth = from_log(data.values[known, m])
        mean, lower, upper = (table[known, m] for table in tables)
        slack = 1e-3 * truth + 1e-9
        variance = float(((truth - truth.mean()) ** 2).sum())
        positive = truth > 0
        shares = np.abs(mean[positive] / truth[positive] - 1)
        half = (upper - lower)[positive] / 2 / np.maximum(mean[positive], 1e-9)
        error = mean - truth
        found.append(
            Accuracy(
                surrogate=name,
                kind=kind,
                metric=metric,
                n_points=int(known.sum()),
                n_shapes=len(set(data.groups[known].tolist())),
                r2=1 - float((error**2).sum()) / variance if variance > 0 else None,
                mape_percent=_percent(shares, np.mean),
                median_ape_percent=_percent(shares, np.median),
                rmse_percent=100 * float(np.sqrt(np.mean(error**2)) / truth.mean()) if truth.mean() > 0 else None,
                coverage=float(np.mean((lower - slack <= truth) & (truth <= upper + slack))),
                half_width_percent=_percent(half, np.median),
                extrapolated=float(is_outside[known].mean()),
            )
        )
    return found


def _percent(shares: Floats, fold: Callable[[Floats], Any]) -> float | None:
    return 100 * float(fold(shares)) if len(shares) else None


def _replicates(kind: str, data: Observed, records: Sequence[LayerRecord]) -> list[Replicates]:
    """Compare every measurement with the median of its replicates."""
    medians = {(layer.shape, choice): from_log(data.values[i]) for i, (layer, choice, _) in enumerate(data.rows)}
    found = []
    for m, metric in enumerate(METRICS):
        errors: dict[object, list[float]] = {}
        for record in records:
            value, key = getattr(record.qor, metric), (record.layer.shape, record.choice)
            if value is not None and medians[key][m] > 0:
                errors.setdefault(key, []).append(abs(float(value) / float(medians[key][m]) - 1))
        several = [shares for shares in errors.values() if len(shares) > 1]
        if several:
            mean = float(np.mean([np.mean(shares) for shares in several]))
            found.append(Replicates(kind, metric, len(several), 100 * mean, 100 * max(map(max, several))))
    return found
