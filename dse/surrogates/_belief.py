"""What the fitted surrogates share: normal beliefs about log(1 + y) per kind of layer, read out in original units.

Notation: M metrics, Q asked rows, in the order of `METRICS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import stdtrit

from dse.design import Layer, LayerChoice, Target
from dse.qor import LayerRecord
from dse.surrogates._features import Floats, Range, Row, feature_table
from dse.surrogates._observed import Observed, from_log, missing_notes, observe, one_fidelity
from dse.surrogates._work import one_thread
from dse.surrogates.base import METRICS, Prediction

_PRIOR_DOF = 4.0  # degrees of freedom of an interval before the first point
_FIRST, _LAST = METRICS.index("latency_cycles_min"), METRICS.index("latency_cycles_max")


class KindModel(Protocol):
    """What is believed of one kind of layer.

    `counts` (M,): measured points; `nugget` (M,): variance of one measurement; `span`: None where nothing was measured.
    """

    @property
    def counts(self) -> Floats: ...
    @property
    def nugget(self) -> Floats: ...
    @property
    def span(self) -> Range | None: ...

    def t(self, rows: Sequence[Row]) -> tuple[Floats, Floats]:
        """Return mean (M, Q) and covariance (M, Q, Q) of log(1 + y), without the noise of a measurement."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LogBelief:
    """A belief made of one model per kind; `prior` makes one for a kind that was never measured.

    A prediction's mean is the median of the belief (the exponential of the mean logarithm), which is what relative errors ask for.
    """

    kinds: Mapping[str, KindModel]
    target: Target
    prior: Callable[[Layer, Target], KindModel]
    notes: tuple[str, ...] = ()

    @one_thread
    def predict(self, layer: Layer, choices: Sequence[LayerChoice], *, confidence: float = 0.9) -> Prediction:
        """Believe something of every metric; one without any record comes from the analytic terms with their prior's width."""
        rows = [(layer, choice, self.target) for choice in choices]
        if not rows:
            nothing = np.zeros((0, len(METRICS)))
            return Prediction(nothing, nothing, nothing, np.zeros(0, dtype=np.bool_))
        model = self._model(layer)
        mean, covariance = model.t(rows)
        deviation = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0.0) + model.nugget[:, None])
        half = stdtrit(_PRIOR_DOF + model.counts, 0.5 + confidence / 2)[:, None] * deviation
        is_outside = np.ones(len(rows), dtype=np.bool_) if model.span is None else ~model.span.holds(feature_table(rows))
        middle, lower, upper = (from_log(a).T for a in (mean, mean - half, mean + half))
        return Prediction(middle, lower, upper, is_outside)

    @one_thread
    def sample(self, layers: Sequence[tuple[Layer, Sequence[LayerChoice]]], rng: np.random.Generator) -> list[Floats]:
        """Draw jointly over all layers of a kind; shortest and longest latency share their draw, other metrics are independent."""
        tables: list[Floats] = [np.empty((len(choices), len(METRICS))) for _, choices in layers]
        for kind in dict.fromkeys(layer.kind for layer, _ in layers):
            chosen = [i for i, (layer, _) in enumerate(layers) if layer.kind == kind]
            rows = [(layers[i][0], choice, self.target) for i in chosen for choice in layers[i][1]]
            if not rows:
                continue
            drawn = _draw(*self._model(layers[chosen[0]][0]).t(rows), rng)
            for i, part in zip(chosen, np.split(drawn, np.cumsum([len(layers[i][1]) for i in chosen])[:-1]), strict=True):
                tables[i] = part
        return tables

    def _model(self, layer: Layer) -> KindModel:
        return self.kinds.get(layer.kind) or self.prior(layer, self.target)


Fit = Callable[[str, Observed], tuple[KindModel | None, tuple[str, ...]]]


@one_thread
def learn(
    records: Sequence[LayerRecord], target: Target, fit: Fit, prior: Callable[[Layer, Target], KindModel], most: int, seed: int
) -> LogBelief:
    """Fit kind by kind, each on at most so many different points, drawn by seed; a kind whose fit gives None keeps its prior."""
    notes: list[str] = []
    kinds: dict[str, KindModel] = {}
    observed = observe(one_fidelity(records), target)
    for kind, data in observed.items():
        n_points = len(data.rows)
        if n_points > most:
            notes.append(f"{kind}: {n_points} different points, of which {most} were drawn to fit on")
            data = data.take(np.sort(np.random.default_rng(seed).choice(n_points, most, replace=False)))
        model, told = fit(kind, data)
        notes.extend(told)
        if model is not None:
            kinds[kind] = model
    return LogBelief(kinds, target, prior, (*notes, *missing_notes(observed)))


def _draw(mean: Floats, covariance: Floats, rng: np.random.Generator) -> Floats:
    """Return (Q, M): one joint draw per metric."""
    normal = rng.standard_normal(mean.shape)
    normal[_LAST] = normal[_FIRST]
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    # The symmetric root, unlike a Cholesky factor, gives two almost equal covariances almost equal draws.
    drawn = from_log(mean + (root @ (vectors.transpose(0, 2, 1) @ normal[..., None]))[..., 0]).T
    drawn[:, _LAST] = np.maximum(drawn[:, _FIRST], drawn[:, _LAST])
    return drawn
