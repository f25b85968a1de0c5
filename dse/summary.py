"""What a campaign's results amount to: incumbent, Pareto front, hypervolume."""

from __future__ import annotations

from dataclasses import dataclass

from dse.search.base import HasOwnGoal, Trial
from dse.study.assemble import Question
from dse.study.fold import CampaignState


@dataclass(frozen=True, slots=True)
class Summary:
    """The answer so far.

    Attributes:
        incumbent: the best feasible trial as the search sees it, or by the campaign's first objective; None if there is none.
        front: feasible trials that no other dominates in the campaign's objectives, by the first of them.
        objectives: the metrics that front and hypervolume are over.
        hypervolume: share of the box between the origin and the reference point that the front dominates; None without a reference.
    """

    incumbent: Trial | None
    front: tuple[Trial, ...]
    objectives: tuple[str, ...]
    hypervolume: float | None


def summarise(question: Question, state: CampaignState) -> Summary:
    """Look at all finished trials."""
    goal, trials = question.goal, state.finished
    outcomes = [trial.outcome for trial in trials]
    front = tuple(trials[place] for place in goal.front(outcomes))
    names = tuple(objective.metric for objective in goal.objectives)
    return Summary(_incumbent(question, state), front, names, goal.volume(outcomes))


def _incumbent(question: Question, state: CampaignState) -> Trial | None:
    searcher = question.searcher
    if isinstance(searcher, HasOwnGoal) and not question.spec.objectives:
        return searcher.best(question.view(state))
    place = question.goal.best([trial.outcome for trial in state.finished])
    return None if place is None else state.finished[place]
