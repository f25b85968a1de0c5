"""What a campaign asks, as allocation problems over tables of beliefs.

Notation: L layers, C_l choices of layer l, M columns (`dse.surrogates.base.METRICS`). A point is written as one index per layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from dse.allocation.exact import Problem, TableLimit
from dse.allocation.highs import ANY
from dse.composition import Composition
from dse.design import DesignPoint
from dse.goal import CLOCK
from dse.qor import DESIGN_FACTS, Failure
from dse.search._metrics import Metric, metric
from dse.search._tables import Floats, Tables
from dse.search.base import Trial, TrialStatus, View

Indices = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """A view seen as an allocation problem.

    Attributes:
        objectives: the metrics to minimise.
        limits: (metric, maximum) of those that a belief can predict; the others are checked on verified designs only.
        seen: all points proposed so far.
        failed: exclusions learned from designs that failed: no combination of layers that nobody ever built successfully twice.
        suspicion: per layer (C_l,) the blame for failures, 0 for choices that were part of a success.
    """

    view: View
    objectives: tuple[Metric, ...]
    limits: tuple[tuple[Metric, float], ...]
    seen: tuple[Indices, ...]
    failed: tuple[Indices, ...]
    suspicion: tuple[Floats, ...]

    def problem(
        self,
        tables: Sequence[Floats],
        glue: Composition,
        *,
        objective: int = 0,
        optimism: float = 0.0,
        margin: Sequence[float] = (),
        excluded: tuple[Indices, ...] = (),
        suspicion: float = 0.0,
    ) -> Problem:
        """Pose the problem on one version of the tables.

        Args:
            tables: per layer (C_l, M), finite in all columns that count.
            glue: what totals have that sums have not.
            objective: which objective to minimise.
            optimism: how many deviations of the glue are taken in the design's favor.
            margin: per limit, what is kept free of it.
            excluded: points not to return.
            suspicion: what a whole unit of blame costs, in the objective's unit.
        """
        weighed = _glued(self.objectives[objective], glue, optimism)[0]
        value = weighed.of(tables)
        if suspicion > 0:
            value = tuple(column + suspicion * blame for column, blame in zip(value, self.suspicion, strict=True))
        limits = []
        for place, (limited, maximum) in enumerate(self.limits):
            scaled, constant = _glued(limited, glue, optimism)
            room = maximum - constant - (margin[place] if margin else 0.0)
            limits.append(TableLimit(limited.name, scaled.of(tables), room, scaled.combine))
        return Problem(value, tuple(limits), weighed.combine, (*self.failed, *excluded))

    def constant(self, glue: Composition, objective: int = 0, optimism: float = 0.0) -> float:
        """Return what the objective has besides its layers."""
        return _glued(self.objectives[objective], glue, optimism)[1]

    def values(self, trial: Trial) -> tuple[float, ...] | None:
        """Return the objectives of a verified design; None if it failed, breaks a limit, or does not know one."""
        return self.view.goal.values(trial.outcome)

    def design(self, point: Indices) -> DesignPoint:
        """Return the design of one index per layer."""
        options = self.view.space.options
        return self.view.space.point(tuple(option.choices[i] for option, i in zip(options, point, strict=True)))

    def needs(self, tables: Tables) -> tuple[str, ...]:
        """Return the metrics of which the tables do not know enough to allocate."""
        asked = (*self.objectives, *(limited for limited, _ in self.limits))
        return tuple(m.name for m in asked if not all(np.isfinite(column).all() for column in m.of(tables.mean)))

    def chance(self, tables: Tables, point: Indices, confidence: float) -> float:
        """Return the believed probability that a design keeps all limits, layers and limits taken as independent."""
        z = NormalDist().inv_cdf(0.5 + confidence / 2)
        chance = 1.0
        for limited, maximum in self.limits:
            scaled, constant = _glued(limited, tables.glue, 0.0)
            mean, low, high = (
                np.array([column[i] for column, i in zip(scaled.of(t), point, strict=True)])
                for t in (tables.mean, tables.lower, tables.upper)
            )
            deviation = (high - low) / (2 * z)
            if scaled.combine == "max":
                chance *= float(np.prod([_below(m, d, maximum - constant) for m, d in zip(mean, deviation, strict=True)]))
            else:
                glue = float(np.abs(tables.glue.spread @ (scaled.weights > 0))) * mean.sum()
                chance *= _below(mean.sum(), float(np.hypot(np.sqrt((deviation**2).sum()), glue)), maximum - constant)
        return chance


def _below(mean: float, deviation: float, maximum: float) -> float:
    if not np.isfinite(deviation) or deviation <= 1e-12 * max(abs(mean), 1.0):
        return float(mean <= maximum * (1 + 1e-9))
    return NormalDist(mean, deviation).cdf(maximum)


def _glued(weighed: Metric, glue: Composition, optimism: float) -> tuple[Metric, float]:
    """Return a metric over the layers alone, and the constant to add to it.

    Where it is open how cycles combine, an optimist takes the slowest layer alone: less than that no answer allows.
    """
    columns = np.flatnonzero(weighed.weights)
    combine = glue.combine[columns[0]] if len(columns) == 1 else weighed.combine
    if optimism > 0 and glue.is_open[columns].any():
        return Metric(weighed.name, weighed.weights, "max"), 0.0
    shrink = np.maximum(1.0 - optimism * glue.spread, 0.0)
    constant = float(weighed.weights @ (glue.offset * shrink))
    return Metric(weighed.name, weighed.weights * glue.ratio * shrink, combine), constant


def ask(view: View, tables: Tables) -> Ask:
    """Read a view."""
    posed = [(limit, metric(limit.metric, view.goal)) for limit in view.goal.limits]
    limits = [
        (limited, float(limit.maximum))
        for limit, limited in posed
        if not limit.implied or _may_bind(limited, limit.maximum, tables)
    ]
    objectives = tuple(metric(objective.metric, view.goal) for objective in view.goal.objectives)
    failed, suspicion = _blame(view, tables)
    seen = tuple(indices(view, trial) for trial in (*view.finished, *view.pending))
    return Ask(view, objectives, tuple(pair for pair in limits if pair[0].is_predicted), seen, failed, suspicion)


def _may_bind(limited: Metric, maximum: float, tables: Tables) -> bool:
    """Whether an implied limit is worth posing: known of all choices, and not far above what the largest of them come to."""
    columns = limited.of(tables.upper)
    worst = sum(float(column.max()) for column in columns)
    return bool(np.isfinite(worst)) and limited.is_predicted and 1.5 * worst > maximum


def indices(view: View, trial: Trial) -> Indices:
    """Return a trial's point as one index per layer."""
    chosen = dict(trial.point.choices)
    return tuple(option.choices.index(chosen[option.layer.name]) for option in view.space.options)


def _blame(view: View, tables: Tables) -> tuple[tuple[Indices, ...], tuple[Floats, ...]]:
    """Learn from failures: among the choices that never succeeded at least one is to blame, each as likely as the others.

    What the machine did (a lost host, a cancelled job) says nothing about a design. A design that misses its clock is taken as a failure too: no
    belief predicts the clock, so nothing else would lead away from its choices.
    """
    told = [t for t in view.finished if not isinstance(t.outcome, Failure) or t.outcome.kind in DESIGN_FACTS]
    points = [(TrialStatus.FAILED if _misses_clock(view, trial) else trial.status, indices(view, trial)) for trial in told]
    fine = {tables.circuits[n][i] for status, point in points if status is TrialStatus.DONE for n, i in enumerate(point)}
    suspicion = tuple(np.zeros(len(option.choices)) for option in view.space.options)
    failed: list[Indices] = []
    for status, point in points:
        if status is not TrialStatus.FAILED:
            continue
        suspects = [n for n, i in enumerate(point) if tables.circuits[n][i] not in fine]
        failed.append(tuple(i if n in suspects else ANY for n, i in enumerate(point)) if suspects else point)
        for n in suspects:
            suspicion[n][point[n]] += 1.0 / len(suspects)
    return tuple(failed), suspicion


def _misses_clock(view: View, trial: Trial) -> bool:
    return trial.qor is not None and any(broken.metric == CLOCK for broken in view.goal.violations(trial.qor))


def unmeasured(view: View, tables: Tables) -> tuple[tuple[str, str], ...]:
    """Return the (layer, choice in words) pairs that nobody measured: reuse factors, with the strategy where a layer has several."""
    pairs = []
    for option, known in zip(view.space.options, tables.measured, strict=True):
        has_several = len({(choice.strategy, choice.precision) for choice in option.choices}) > 1
        for choice, is_known in zip(option.choices, known, strict=True):
            if not is_known:
                more = f" ({choice.strategy}{f', {choice.precision}' if choice.precision else ''})" if has_several else ""
                pairs.append((option.layer.name, f"{choice.reuse_factor}{more}"))
    return tuple(pairs)


def unasked(tables: Tables, points: Sequence[Indices]) -> tuple[NDArray[np.bool_], ...]:
    """Return per layer (C_l,) which choices are neither measured nor part of the points (e.g. pending ones)."""
    asked = {tables.circuits[n][i] for point in points for n, i in enumerate(point)}
    return tuple(
        np.array([not known and circuit not in asked for known, circuit in zip(measured, circuits, strict=True)])
        for measured, circuits in zip(tables.measured, tables.circuits, strict=True)
    )
