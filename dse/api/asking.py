"""A search for somebody else's evaluations: ask and tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from dse.api.results import campaign_file
from dse.campaign.spec import read_campaign
from dse.design import DesignPoint
from dse.errors import SpaceError, SpecError
from dse.qor import Failure, Qor
from dse.search.base import Certificate, Trial, TrialStatus
from dse.study.assemble import Question, assemble
from dse.study.fold import CampaignState
from dse.summary import summarise


class AskTell:
    """A search without a backend: `ask` for points, evaluate them as you like, `tell` what came out.

    Nothing is stored; space, objectives and search come from the campaign file, whose backend is not started.
    """

    def __init__(self, question: Question) -> None:
        self.question = question
        self.state = CampaignState(identity="ask and tell")
        self.stop_reason: str | None = None
        self._searcher = question.searcher

    def ask(self, n: int = 1) -> tuple[DesignPoint, ...]:
        """Return at most n points worth evaluating.

        None are returned while the search waits for results of points that it gave out, and once it is done: then `stop_reason` says why.
        """
        advice = self._searcher.propose(self.question.view(self.state), n)
        self.stop_reason = advice.stop
        for proposal in advice.proposals:
            self._add(proposal.point, proposal.proposed_by, proposal.reason)
        if advice.certificate is not None:
            self.state = replace(self.state, certificate=advice.certificate)
        return tuple(proposal.point for proposal in advice.proposals)

    def tell(self, point: DesignPoint, outcome: Qor | Failure) -> None:
        """Say what came out of a point; one that was never asked for is welcome too.

        The balancing searches and the surrogates learn from `Qor.layers`; without it they know the totals only.

        Raises:
            SpaceError: the point is not one of the space.
            SpecError: its result was told before, or is neither a Qor nor a Failure.
        """
        if point not in self.question.space:
            raise SpaceError(f"tell: {point} is not a point of this campaign's space; build it with space.point(...)")
        if not isinstance(outcome, Qor | Failure):
            raise SpecError(f"tell: got {type(outcome).__name__}, expected dse.Qor or dse.Failure")
        found = [trial for trial in self.state.trials if trial.point == point]
        trial = found[0] if found else self._add(point, "told", "evaluated by you")
        if trial.status is not TrialStatus.PENDING:
            raise SpecError(f"tell: {point} was told before, as trial {trial.number}")
        status = TrialStatus.FAILED if isinstance(outcome, Failure) else TrialStatus.DONE
        done = replace(trial, status=status, outcome=outcome)
        trials = tuple(done if other.number == trial.number else other for other in self.state.trials)
        self.state = replace(self.state, trials=trials, order=(*self.state.order, trial.number))

    @property
    def incumbent(self) -> Trial | None:
        """The best design told so far that keeps the limits."""
        return summarise(self.question, self.state).incumbent

    @property
    def certificate(self) -> Certificate | None:
        """How much better anything else could be, as the search last said."""
        return self.state.certificate

    def _add(self, point: DesignPoint, proposed_by: str, reason: str) -> Trial:
        key = self.question.job(point).key
        trial = Trial(len(self.state.trials) + 1, key, point, proposed_by, reason, TrialStatus.PENDING)
        self.state = replace(self.state, trials=(*self.state.trials, trial))
        return trial


def ask_tell(path: str | Path, *, overrides: Iterable[str] = ()) -> AskTell:
    """Return the search of a campaign file for a loop of your own; see `AskTell`."""
    return AskTell(assemble(read_campaign(campaign_file(path), overrides)))
