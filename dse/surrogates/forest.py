"""Random forests: per kind of layer one forest per metric, on the features of `_features`.

`forest` learns what the analytic estimate leaves, log(1 + y) - log(1 + estimate), because trees cannot follow a trend beyond their data.
Its deviation is the spread of the trees and the out-of-bag error together. A draw is one tree of each forest plus out-of-bag noise: trees
of bootstrap samples are draws of the function, so a draw is joint over all choices (Sequential model-based optimisation by Hutter et al.,
LION 2011, takes the trees' spread so).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import t as student_t

from dse.design import Layer, LayerChoice, Target
from dse.qor import LayerRecord
from dse.surrogates._features import Floats, Range, feature_table, measured_range
from dse.surrogates._observed import Observed, Row, from_log, missing_notes, observe, one_fidelity
from dse.surrogates._terms import prior_mean
from dse.surrogates.base import METRICS, Belief, Prediction, Surrogate

_PRIOR_DEVIATION = 0.7  # of log(1 + y) where nothing was measured
_PRIOR_POINTS = 2.0  # how many points the prior deviation counts for
_OUTSIDE_FACTOR = 2.0  # a tree is constant beyond its data: there its spread says too little
_DOF = 4.0


@dataclass(frozen=True, slots=True)
class Options:
    """`trees`: of each forest."""

    trees: int = 60


@dataclass(frozen=True, slots=True, eq=False)
class KindForests:
    """What was learned of one kind: a forest per metric (None where nothing was measured), out-of-bag deviations, points."""

    forests: tuple[Any, ...]
    out_of_bag: Floats  # (M,)
    counts: Floats  # (M,)
    span: Range


@dataclass(frozen=True, slots=True, eq=False)
class ForestBelief:
    """Fitted forests; what was never measured is believed from the analytic estimate, with a wide interval."""

    kinds: dict[str, KindForests]
    target: Target
    notes: tuple[str, ...]

    def predict(self, layer: Layer, choices: Sequence[LayerChoice], *, confidence: float = 0.9) -> Prediction:
        rows = [(layer, choice, self.target) for choice in choices]
        known = self.kinds.get(layer.kind)
        trees = self._trees(layer.kind, rows)
        is_outside = np.ones(len(rows), dtype=np.bool_) if known is None else ~known.span.holds(feature_table(rows))
        widen = np.where(is_outside, _OUTSIDE_FACTOR, 1.0)[:, None]
        mean = prior_mean(layer.kind, rows) + np.stack([t.mean(axis=0) for t in trees], axis=1)
        deviation = np.sqrt(np.stack([t.var(axis=0) for t in trees], axis=1) + self._noise(layer.kind) ** 2) * widen
        half = student_t.ppf(0.5 + confidence / 2, _DOF + self._counts(layer.kind)) * deviation
        return Prediction(from_log(mean), from_log(mean - half), from_log(mean + half), is_outside)

    def sample(self, layers: Sequence[tuple[Layer, Sequence[LayerChoice]]], rng: np.random.Generator) -> list[Floats]:
        """Draw one tree per kind and metric for all layers of that kind."""
        picks = {kind: rng.random(len(METRICS)) for kind in sorted({layer.kind for layer, _ in layers})}
        first, last = METRICS.index("latency_cycles_min"), METRICS.index("latency_cycles_max")
        tables = []
        for layer, choices in layers:
            rows = [(layer, choice, self.target) for choice in choices]
            pick = picks[layer.kind]
            drawn = [t[int(u * len(t))] for t, u in zip(self._trees(layer.kind, rows), pick, strict=True)]
            noise = rng.standard_normal((len(rows), len(METRICS))) * self._noise(layer.kind)
            table = from_log(prior_mean(layer.kind, rows) + np.stack(drawn, axis=1) + noise)
            table[:, last] = np.maximum(table[:, first], table[:, last])
            tables.append(table)
        return tables

    def _trees(self, kind: str, rows: Sequence[Row]) -> list[Floats]:
        """Return per metric (trees, N): each tree's answer, 0 where nothing was learned."""
        known = self.kinds.get(kind)
        if known is None:
            return [np.zeros((1, len(rows)))] * len(METRICS)
        table = feature_table(rows).astype(np.float32)  # what a tree compares with inside
        return [
            np.zeros((1, len(rows))) if forest is None else np.stack([tree.predict(table) for tree in forest.estimators_])
            for forest in known.forests
        ]

    def _noise(self, kind: str) -> Floats:
        known = self.kinds.get(kind)
        return np.full(len(METRICS), _PRIOR_DEVIATION) if known is None else known.out_of_bag

    def _counts(self, kind: str) -> Floats:
        known = self.kinds.get(kind)
        return np.zeros(len(METRICS)) if known is None else known.counts


@dataclass(frozen=True, slots=True)
class ForestSurrogate:
    options: Options

    def fit(self, records: Sequence[LayerRecord], target: Target, *, seed: int) -> Belief:
        """Fit every kind that was measured."""
        observed = observe(one_fidelity(records), target)
        kinds = {kind: fit_kind(kind, data, self.options.trees, seed) for kind, data in observed.items()}
        return ForestBelief(kinds, target, missing_notes(observed))


def create(options: Options) -> Surrogate:
    """Return the recipe."""
    return ForestSurrogate(options)


def fit_kind(kind: str, data: Observed, trees: int, seed: int) -> KindForests:
    """Fit one kind: on what the analytic estimate leaves of each metric."""
    table, residual = feature_table(data.rows), data.values - prior_mean(kind, data.rows)
    forests, out_of_bag = [], []
    for column in residual.T:
        known = ~np.isnan(column)
        forest, deviation = grow(table[known], column[known], trees, seed) if known.any() else (None, _PRIOR_DEVIATION)
        forests.append(forest)
        out_of_bag.append(deviation)
    counts = (~np.isnan(residual)).sum(axis=0).astype(np.float64)
    return KindForests(tuple(forests), np.array(out_of_bag), counts, measured_range(table))


def grow(table: Floats, column: Floats, trees: int, seed: int) -> tuple[Any, float]:
    """Return a forest and its out-of-bag deviation, which starts from the prior's and gives way to the data's."""
    from sklearn.ensemble import RandomForestRegressor

    is_enough = len(column) > 2
    forest = RandomForestRegressor(n_estimators=trees, oob_score=is_enough, random_state=seed, n_jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a point that was in every bag has no out-of-bag answer; it is left out below
        forest.fit(table, column)
    errors = np.array([])
    if is_enough:
        was_out = np.zeros(len(column), dtype=np.bool_)
        for bag in forest.estimators_samples_:
            was_out |= ~np.isin(np.arange(len(column)), bag)
        errors = (column - forest.oob_prediction_)[was_out]
    total = np.sum(errors**2) + _PRIOR_POINTS * _PRIOR_DEVIATION**2
    weight = len(errors) + _PRIOR_POINTS
    return forest, float(np.sqrt(total / weight)) if len(errors) < 20 else float(np.sqrt(np.mean(errors**2)))
