"""What `adaptive` compares: how well each candidate predicts results that it has not seen.

Every density is (M,): the sum over left-out points of log p(t | the rest), t = log(1 + y), NaN-free; a metric without data counts 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.surrogates._features import Floats, Range, Row, feature_table, measured_range
from dse.surrogates._observed import Observed
from dse.surrogates._terms import Start, prior_mean
from dse.surrogates.base import METRICS

if TYPE_CHECKING:
    from dse.surrogates.gp import GpKind

Ints = np.ndarray[Any, np.dtype[np.int64]]

_PRIOR_VARIANCE = 0.5  # of log(1 + y) around the analytic estimate, one point's worth
_FOLDS = 4
_TREES = 20
_LEAST_VARIANCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class EstimateKind:
    """The analytic estimate times one factor per metric, with the spread of what is left."""

    start: Start
    offset: Floats  # (M,) log of the factor
    variance: Floats  # (M,)
    counts: Floats  # (M,)
    span: Range | None

    @property
    def nugget(self) -> Floats:
        return np.zeros(len(METRICS))

    def t(self, rows: Sequence[Row]) -> tuple[Floats, Floats]:
        """Return mean and covariance; the factor's own uncertainty is common to all rows."""
        mean = prior_mean(rows, self.start).T + self.offset[:, None]
        common = self.variance / (self.counts + 1.0)
        return mean, self.variance[:, None, None] * np.eye(len(rows)) + common[:, None, None]


def fit_estimate(data: Observed, start: Start) -> EstimateKind:
    """Learn the factor."""
    offset, variance, counts = _factor(data.values - prior_mean(data.rows, start))
    return EstimateKind(start, offset, variance, counts, measured_range(feature_table(data.rows)))


def _factor(residual: Floats) -> tuple[Floats, Floats, Floats]:
    counts = (~np.isnan(residual)).sum(axis=0).astype(np.float64)
    offset = np.nansum(residual, axis=0) / (counts + 0.5)  # half a point pulls to the estimate itself
    squares = np.nansum((residual - offset) ** 2, axis=0)
    return offset, (squares + _PRIOR_VARIANCE) / (counts + 1.0) + _LEAST_VARIANCE, counts


def process_density(process: GpKind, groups: Ints) -> Floats:
    """Return the Gaussian process's, in closed form."""
    mean, variance = process.posterior.leave_out(groups)
    scale = process.scale_new if len(set(groups.tolist())) < len(groups) else process.scale_known
    return _density(process.data.values - mean.T, (variance * scale[:, None] ** 2).T)


def estimate_density(data: Observed, start: Start, groups: Ints) -> Floats:
    """Return the scaled estimate's."""
    residual = data.values - prior_mean(data.rows, start)
    error, variance = np.full(residual.shape, np.nan), np.ones(residual.shape)
    for group in np.unique(groups):
        out = groups == group
        offset, left, counts = _factor(residual[~out])
        error[out], variance[out] = residual[out] - offset, left * (1 + 1 / (counts + 1))
    return _density(error, variance)


def forest_density(data: Observed, start: Start, groups: Ints, seed: int) -> Floats:
    """Return the forest's, from few folds and small forests that share their trees among metrics: a ranking needs no more."""
    from dse.surrogates.forest import each_tree, plant

    residual = data.values - prior_mean(data.rows, start)
    table = feature_table(data.rows)
    error, spread = np.full(residual.shape, np.nan), np.zeros(residual.shape)
    order = np.random.default_rng(seed).permutation(np.unique(groups))
    filled = np.nan_to_num(residual)  # a metric not measured at a point counts as the estimate there
    for fold in np.array_split(order, min(_FOLDS, len(order))):
        out = np.isin(groups, fold)
        trees = each_tree(plant(table[~out], filled[~out], _TREES, seed), table[out])
        error[out] = residual[out] - trees.mean(axis=0)
        spread[out] = trees.var(axis=0)
    left = np.nansum(error**2, axis=0) / np.maximum((~np.isnan(error)).sum(axis=0), 1)
    return _density(error, spread + left + _LEAST_VARIANCE)


def _density(error: Floats, variance: Floats) -> Floats:
    variance = np.maximum(variance, _LEAST_VARIANCE)
    return np.asarray(np.nansum(-0.5 * np.log(2 * np.pi * variance) - 0.5 * error**2 / variance, axis=0), dtype=np.float64)
