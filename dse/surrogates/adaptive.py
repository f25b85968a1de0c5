"""The best of the surrogates, per kind of layer and metric, chosen anew with every result.

Candidates: the Gaussian process, the forest, and the analytic estimate times one learned factor. Each predicts what it has not seen (a
whole shape where three or more were measured, else a single point); the one with the largest sum of log predictive densities is believed.
The Gaussian process is left only for a clear gain, since a switch moves the whole table. Where a candidate fails it is out, and the notes
say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from dse.design import Target
from dse.qor import LayerRecord
from dse.surrogates import _candidates as candidates
from dse.surrogates import forest, gp
from dse.surrogates._belief import KindModel, learn
from dse.surrogates._features import Floats, Range, Row
from dse.surrogates._observed import Observed
from dse.surrogates._terms import Start, check_options
from dse.surrogates._work import remembered
from dse.surrogates.base import METRICS, Belief, Surrogate
from dse.surrogates.gp import GpKind

_CLEAR_GAIN = 3.0  # nats
_ENOUGH_FOR_FOREST = 16  # points; with fewer a forest has nothing to split


@dataclass(frozen=True, slots=True)
class Options:
    """`start`: where the estimate's weights start; `trees`: of each forest; `max_points`: different points of one kind that a fit uses at most."""

    start: Start = Start.ESTIMATE
    trees: int = 60
    max_points: int = 256

    def __post_init__(self) -> None:
        check_options(self.start, trees=self.trees, max_points=self.max_points)


@dataclass(frozen=True, slots=True, eq=False)
class MixedKind:
    """For each metric the model that was chosen: `chosen[m]` numbers one of `models`."""

    models: tuple[KindModel, ...]
    chosen: tuple[int, ...]
    span: Range | None

    @property
    def counts(self) -> Floats:
        return np.array([self.models[i].counts[m] for m, i in enumerate(self.chosen)])

    @property
    def nugget(self) -> Floats:
        return np.array([self.models[i].nugget[m] for m, i in enumerate(self.chosen)])

    def t(self, rows: Sequence[Row]) -> tuple[Floats, Floats]:
        """Return each metric's mean and covariance by its own model."""
        answers = {i: self.models[i].t(rows) for i in sorted(set(self.chosen))}
        mean = np.stack([answers[i][0][m] for m, i in enumerate(self.chosen)])
        return mean, np.stack([answers[i][1][m] for m, i in enumerate(self.chosen)])


@dataclass(frozen=True, slots=True)
class AdaptiveSurrogate:
    options: Options

    def fit(self, records: Sequence[LayerRecord], target: Target, *, seed: int) -> Belief:
        """Fit and choose, kind by kind."""
        fit = partial(_choose, options=self.options, seed=seed)
        prior = partial(gp.prior_kind if gp.is_installed() else forest.prior_kind, start=self.options.start)
        belief = learn(records, target, fit, prior, self.options.max_points, seed)
        return belief if gp.is_installed() else replace(belief, notes=(gp.NOT_INSTALLED, *belief.notes))


def create(options: Options) -> Surrogate:
    """Return the recipe."""
    return AdaptiveSurrogate(options)


@remembered
def _choose(kind: str, data: Observed, options: Options, seed: int) -> tuple[KindModel, tuple[str, ...]]:
    """Return what is believed of a kind, and what the user should know of the choice."""
    notes: list[str] = []
    groups = data.groups if len(set(data.groups.tolist())) >= 3 else np.arange(len(data.rows))
    start = options.start
    process = _process(kind, data, start, notes)
    estimate = candidates.fit_estimate(data, start)
    found: list[tuple[str, KindModel | None, Floats]] = []
    if process is not None:
        found.append(("gp", process, candidates.process_density(process, groups)))
    if len(data.rows) >= _ENOUGH_FOR_FOREST:
        found.append(("forest", None, candidates.forest_density(data, start, groups, seed) - _CLEAR_GAIN))
    found.append(("estimate", estimate, candidates.estimate_density(data, start, groups) - _CLEAR_GAIN))
    density = np.stack([score for _, _, score in found])
    chosen = np.where(np.isnan(data.values).all(axis=0), 0, np.argmax(density, axis=0))
    names = [name for name, _, _ in found]
    if "forest" in names and names.index("forest") in chosen:
        i = names.index("forest")
        wanted = [metric for metric, c in zip(METRICS, chosen, strict=True) if c == i]
        found[i] = ("forest", forest.fit_kind(data, start, options.trees, seed, wanted), density[i])
    for i, name in enumerate(names):
        taken = [metric for metric, c in zip(METRICS, chosen, strict=True) if c == i and not np.isnan(density[i]).all()]
        if name != "gp" and taken:
            notes.append(f"{kind}: {', '.join(taken)} believed from the {name}, which predicted left-out results best")
    models = tuple(model if model is not None else estimate for _, model, _ in found)
    return MixedKind(models, tuple(int(c) for c in chosen), estimate.span), tuple(notes)


def _process(kind: str, data: Observed, start: Start, notes: list[str]) -> GpKind | None:
    if not gp.is_installed():
        return None
    try:
        return gp.fit_kind(data, start)
    except ArithmeticError as error:
        notes.append(f"{kind}: Gaussian process failed ({error}); forests and the estimate believe instead")
    return None
