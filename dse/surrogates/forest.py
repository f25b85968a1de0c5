"""Random forests: per kind of layer one forest per metric, on the features of `_features`.

A forest learns what the analytic terms leave, log(1 + y) - log(1 + estimate), because trees cannot follow a trend beyond their data.
The spread of the trees is the covariance of the belief (trees of bootstrap samples are draws of the function; Hutter et al., LION 2011),
the out-of-bag error the noise around it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from dse.design import Layer, Target
from dse.qor import LayerRecord
from dse.surrogates._belief import KindModel, LogBelief
from dse.surrogates._features import Floats, Range, Row, feature_table, measured_range
from dse.surrogates._observed import Observed, missing_notes, observe, one_fidelity
from dse.surrogates._terms import Start, check_options, prior_mean
from dse.surrogates.base import METRICS, Belief, Surrogate

PRIOR_DEVIATION = 0.7  # of log(1 + y) around the analytic estimate where nothing was measured
_PRIOR_POINTS = 2.0  # how many points the prior deviation counts for, while there are few
_FEW = 20
_OUTSIDE_FACTOR = 2.0  # a tree is constant beyond its data: there its spread says too little


@dataclass(frozen=True, slots=True)
class Options:
    """`start`: where the estimate's weights start; `trees`: of each forest."""

    start: Start = Start.ESTIMATE
    trees: int = 60

    def __post_init__(self) -> None:
        check_options(self.start, trees=self.trees)


@dataclass(frozen=True, slots=True, eq=False)
class ForestKind:
    """What was learned of one kind: a forest per metric (None where nothing was measured), and the variance around it."""

    start: Start
    forests: tuple[Any, ...]
    variance: Floats  # (M,)
    counts: Floats  # (M,)
    span: Range | None

    @property
    def nugget(self) -> Floats:
        return np.zeros(len(METRICS))

    def t(self, rows: Sequence[Row]) -> tuple[Floats, Floats]:
        """Return mean and covariance, wider outside what was measured."""
        table = feature_table(rows)
        is_inside = np.zeros(len(rows), dtype=np.bool_) if self.span is None else self.span.holds(table)
        widen = np.where(is_inside, 1.0, _OUTSIDE_FACTOR)
        mean, covariance = prior_mean(rows, self.start).T.copy(), np.zeros((len(METRICS), len(rows), len(rows)))
        for m, forest in enumerate(self.forests):
            if forest is not None:
                trees = each_tree(forest, table)[:, :, 0]
                mean[m] += trees.mean(axis=0)
                covariance[m] = np.cov(trees, rowvar=False, bias=True).reshape(len(rows), len(rows))
            covariance[m] += np.diag(np.full(len(rows), self.variance[m]))
        return mean, covariance * widen[:, None] * widen[None, :]


@dataclass(frozen=True, slots=True)
class ForestSurrogate:
    options: Options

    def fit(self, records: Sequence[LayerRecord], target: Target, *, seed: int) -> Belief:
        """Fit every kind that was measured."""
        return believe(records, target, self.options, seed)


def create(options: Options) -> Surrogate:
    """Return the recipe."""
    return ForestSurrogate(options)


def believe(records: Sequence[LayerRecord], target: Target, options: Options, seed: int) -> LogBelief:
    """Return the belief of forests."""
    observed = observe(one_fidelity(records), target)
    kinds = {kind: fit_kind(data, options.start, options.trees, seed) for kind, data in observed.items()}
    return LogBelief(kinds, target, partial(prior_kind, start=options.start), missing_notes(observed))


def prior_kind(layer: Layer, target: Target, start: Start = Start.ESTIMATE) -> KindModel:
    """Return the analytic estimate with a wide interval."""
    none = np.zeros(len(METRICS))
    return ForestKind(start, (None,) * len(METRICS), none + PRIOR_DEVIATION**2, none, None)


def fit_kind(data: Observed, start: Start, trees: int, seed: int, metrics: Sequence[str] = METRICS) -> ForestKind:
    """Fit one kind, or only some of its metrics."""
    table, residual = feature_table(data.rows), data.values - prior_mean(data.rows, start)
    forests, variance = [], []
    for metric, column in zip(METRICS, residual.T, strict=True):
        known = ~np.isnan(column)
        is_wanted = known.any() and metric in metrics
        forest, left = grow(table[known], column[known], trees, seed) if is_wanted else (None, PRIOR_DEVIATION**2)
        forests.append(forest)
        variance.append(left)
    counts = (~np.isnan(residual)).sum(axis=0).astype(np.float64)
    return ForestKind(start, tuple(forests), np.array(variance), counts, measured_range(table))


def plant(table: Floats, values: Floats, trees: int, seed: int, *, with_errors: bool = False) -> Any:
    """Return a random forest; values are (N,), or (N, M) with trees that serve all M. `with_errors` keeps its out-of-bag answers."""
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(n_estimators=trees, oob_score=with_errors, random_state=seed, n_jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a point that was in every bag has no out-of-bag answer; `grow` leaves it out
        return forest.fit(table, values)


def each_tree(forest: Any, table: Floats) -> Floats:
    """Return (trees, N, M): every tree's answer."""
    narrow = table.astype(np.float32)  # what trees compare with inside
    # Straight to the trees: checking the same table once per tree costs more than all answers.
    return np.stack([tree.tree_.predict(narrow).reshape(len(table), -1) for tree in forest.estimators_])


def grow(table: Floats, column: Floats, trees: int, seed: int) -> tuple[Any, float]:
    """Return a forest and its out-of-bag variance, which starts from the prior's and gives way to the data's."""
    is_enough = len(column) > 2
    forest = plant(table, column, trees, seed, with_errors=is_enough)
    errors = np.array([])
    if is_enough:
        drawn = np.stack([np.bincount(bag, minlength=len(column)) for bag in forest.estimators_samples_])
        was_out = (drawn == 0).any(axis=0)
        errors = (column - forest.oob_prediction_)[was_out]
    if len(errors) >= _FEW:
        return forest, float(np.mean(errors**2))
    return forest, float((np.sum(errors**2) + _PRIOR_POINTS * PRIOR_DEVIATION**2) / (len(errors) + _PRIOR_POINTS))
