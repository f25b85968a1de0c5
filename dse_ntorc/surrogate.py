"""N-TORC's own setting, to compare against: forests of 100 trees on four raw features, in original units.

Features: reuse factor, inputs, size (filters, units), sequence length. One forest per kind and metric, no estimate, no logarithm
(HeRCLab/N-TORC, `src/optimizer.py`). Their forests give no interval; here it is the central quantile span of the trees. What was never
measured is NaN: this recipe has nothing to fall back on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse.design import Layer, LayerChoice, Target
from dse.qor import LayerRecord
from dse.surrogates._features import Floats, Range, Row, feature_table, measured_range
from dse.surrogates._observed import Observed, from_log, observe, one_fidelity
from dse.surrogates._terms import Start, check_options
from dse.surrogates.base import METRICS, Belief, Prediction, Surrogate


@dataclass(frozen=True, slots=True)
class Options:
    """`trees`: of each forest."""

    trees: int = 100

    def __post_init__(self) -> None:
        check_options(Start.PLAIN, trees=self.trees)


@dataclass(frozen=True, slots=True, eq=False)
class KindForests:
    """A forest per metric, None where nothing was measured."""

    forests: tuple[Any, ...]
    span: Range


@dataclass(frozen=True, slots=True, eq=False)
class NtorcBelief:
    """Fitted forests."""

    kinds: dict[str, KindForests]
    target: Target
    notes: tuple[str, ...]

    def predict(self, layer: Layer, choices: Sequence[LayerChoice], *, confidence: float = 0.9) -> Prediction:
        if not choices:
            nothing = np.zeros((0, len(METRICS)))
            return Prediction(nothing, nothing, nothing, np.zeros(0, dtype=np.bool_))
        trees = self._trees(layer, choices)
        known = self.kinds.get(layer.kind)
        rows = [(layer, choice, self.target) for choice in choices]
        is_outside = np.ones(len(rows), dtype=np.bool_) if known is None else ~known.span.holds(feature_table(rows))
        mean = np.stack([t.mean(axis=0) for t in trees], axis=1)
        tail = (1 - confidence) / 2
        lower, upper = (np.stack([np.quantile(t, q, axis=0) for t in trees], axis=1) for q in (tail, 1 - tail))
        return Prediction(mean, np.minimum(lower, mean), np.maximum(upper, mean), is_outside)

    def sample(self, layers: Sequence[tuple[Layer, Sequence[LayerChoice]]], rng: np.random.Generator) -> list[Floats]:
        """Draw one tree per kind and metric."""
        picks = {kind: rng.random(len(METRICS)) for kind in sorted({layer.kind for layer, _ in layers})}
        return [
            np.stack([t[int(u * len(t))] for t, u in zip(self._trees(layer, choices), picks[layer.kind], strict=True)], axis=1)
            for layer, choices in layers
        ]

    def _trees(self, layer: Layer, choices: Sequence[LayerChoice]) -> list[Floats]:
        nothing = np.full((1, len(choices)), np.nan)
        known = self.kinds.get(layer.kind)
        if known is None or not choices:
            return [nothing] * len(METRICS)
        table = _raw_table([(layer, choice, self.target) for choice in choices]).astype(np.float32)
        return [nothing if forest is None else np.stack([t.predict(table) for t in forest.estimators_]) for forest in known.forests]


@dataclass(frozen=True, slots=True)
class NtorcSurrogate:
    options: Options

    def fit(self, records: Sequence[LayerRecord], target: Target, *, seed: int) -> Belief:
        """Fit every kind that was measured, on the medians of its replicates."""
        observed = observe(one_fidelity(records), target)
        kinds = {kind: _fit_kind(data, self.options.trees, seed) for kind, data in observed.items()}
        notes = [f"{kind}: nothing is believed of a metric without a record" for kind, d in observed.items() if _lacks(d)]
        return NtorcBelief(kinds, target, tuple(notes))


def create(options: Options) -> Surrogate:
    """Return the recipe."""
    return NtorcSurrogate(options)


def _raw_table(rows: Sequence[Row]) -> Floats:
    """Return (N, 4) of what N-TORC's forests see: reuse factor, inputs, size (units of a recurrent layer), sequence length."""
    table = [(choice.reuse_factor, layer.n_in, layer.n_state or layer.n_out, layer.n_positions) for layer, choice, _ in rows]
    return np.array(table, dtype=np.float64).reshape(len(rows), 4)


def _lacks(data: Observed) -> bool:
    return bool(np.isnan(data.values).all(axis=0).any())


def _fit_kind(data: Observed, trees: int, seed: int) -> KindForests:
    from sklearn.ensemble import RandomForestRegressor

    table, forests = _raw_table(data.rows), []
    for column in data.values.T:
        known = ~np.isnan(column)
        forest = RandomForestRegressor(n_estimators=trees, random_state=seed, n_jobs=1) if known.any() else None
        if forest is not None:
            forest.fit(table[known], from_log(column[known]))
        forests.append(forest)
    return KindForests(tuple(forests), measured_range(feature_table(data.rows)))
