"""What a campaign's results amount to: incumbent, Pareto front, hypervolume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.campaign.spec import CampaignSpec
from dse.objectives import Objective, keeps, metric_value
from dse.pareto import hypervolume, non_dominated
from dse.qor import Qor
from dse.search import anchor
from dse.search.base import Trial
from dse.study.assemble import Question
from dse.study.fold import CampaignState


@dataclass(frozen=True, slots=True)
class Summary:
    """The answer so far.

    Attributes:
        incumbent: the best feasible trial by the campaign's first objective (or mode); None if there is none.
        front: feasible trials that no other dominates in the campaign's objectives, by the first of them.
        objectives: the metrics that front and hypervolume are over.
        hypervolume: share of the box between the origin and the reference point that the front dominates; None without a reference.
    """

    incumbent: Trial | None
    front: tuple[Trial, ...]
    objectives: tuple[str, ...]
    hypervolume: float | None


def objectives_of(spec: CampaignSpec) -> tuple[Objective, ...]:
    """Return the campaign's objectives; the balancing modes trade speed for multipliers unless told otherwise."""
    if spec.objectives:
        return spec.objectives
    return (Objective(getattr(spec.search_options, "balance", "ii_cycles_max")), Objective("dsp"))


def summarise(question: Question, state: CampaignState) -> Summary:
    """Look at all finished trials."""
    spec = question.spec
    objectives = objectives_of(spec)
    feasible = [(trial, values) for trial in state.finished if (values := _values(spec, objectives, trial)) is not None]
    names = tuple(objective.metric for objective in objectives)
    if not feasible:
        return Summary(None, (), names, None)
    table = np.array([values for _, values in feasible], dtype=np.float64)
    front = sorted((feasible[i] for i in np.flatnonzero(non_dominated(table))), key=lambda pair: pair[1])
    return Summary(
        _incumbent(question, state, [trial for trial, _ in feasible]), tuple(t for t, _ in front), names, _volume(objectives, table)
    )


def value_of(spec: CampaignSpec, qor: Qor, metric: str) -> float | None:
    """Return one metric on the campaign's device and clock."""
    return metric_value(qor, metric, spec.part, spec.target.clock_period_ns)


def _values(spec: CampaignSpec, objectives: tuple[Objective, ...], trial: Trial) -> tuple[float, ...] | None:
    if trial.qor is None or not keeps(trial.qor, spec.limits, spec.part, spec.target.clock_period_ns):
        return None
    values = [value_of(spec, trial.qor, objective.metric) for objective in objectives]
    return None if None in values else tuple(float(value) for value in values if value is not None)


def _incumbent(question: Question, state: CampaignState, feasible: list[Trial]) -> Trial | None:
    spec = question.spec
    if spec.search_kind == "anchor" and not spec.objectives:
        return anchor.best(question.view(state), spec.search_options)
    objectives = objectives_of(spec)
    return min(feasible, key=lambda trial: (_values(spec, objectives, trial), trial.number))


def _volume(objectives: tuple[Objective, ...], table: NDArray[np.float64]) -> float | None:
    references = [objective.reference for objective in objectives]
    if any(reference is None for reference in references):
        return None
    corner = np.array(references, dtype=np.float64)
    return float(hypervolume(table / corner, np.ones(len(corner))))
