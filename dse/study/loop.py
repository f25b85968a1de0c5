"""The loop: harvest, stop?, propose, wait.

All state is a fold over the journal; nothing is decided from memory that a crash could take away. Killed anywhere, the same command
goes on: pending trials are asked for again before anything new is proposed, so the sequence of proposals stays a function of the
campaign and the ordered results. A trial that somebody cancelled stays pending: it says nothing about its design, so this session goes
on without it and the next one takes it up again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from dse.campaign.times import utc_now
from dse.goal import Budget
from dse.qor import Evaluation, Failure, FailureKind
from dse.search.base import Advice, Proposal, Trial, TrialStatus
from dse.store.journal import Event, Journal
from dse.study import fold as events
from dse.study.evaluate import Answer, Asked, Evaluator
from dse.study.fold import CampaignState
from dse.synth_backends.base import Progress

TICK_SECONDS = 1.0


class Watcher(Protocol):
    """Somebody who looks on. A watcher that fails never stops a campaign."""

    def event(self, event: Event, state: CampaignState) -> None: ...

    def tick(self, answers: tuple[Answer, ...], state: CampaignState) -> None: ...


class Proposes(Protocol):
    """A searcher of any kind of study: what it may know, and how many proposals at most -> its advice."""

    def propose(self, view: Any, n: int) -> Advice: ...


@dataclass
class Signals:
    """What the user asked for while the loop runs.

    Attributes:
        stop: no new trials; wait for the running ones.
        cancel: stop the running ones as well.
        detach: leave at once; running syntheses go on by themselves.
        slots: fewer trials at once than the campaign file allows, for this session; None means as many. Running ones end first.
    """

    stop: bool = False
    cancel: bool = False
    detach: bool = False
    slots: int | None = None


@dataclass
class Campaign:
    """The live objects of one study; `assemble` (or `dse.nas.session`) builds it, only `record` changes its state.

    Attributes:
        job: the question that a point is.
        gives_up: (trial, its progress, state) -> what to record of a job under way that is not worth going on; what is recorded is
            wanted no longer, so its backend ends it.
        works: what the budget counts.
        cancelled: numbers of the pending trials that were cancelled in this session; they take no slot.
        held_by: what keeps all jobs under way from running, e.g. that no licence is free; "" if one runs.
    """

    journal: Journal
    state: CampaignState
    searcher: Proposes
    evaluator: Evaluator
    view: Callable[[CampaignState], Any]
    job: Callable[[Any], Asked]
    budget: Budget
    slots: int
    watchers: tuple[Watcher, ...] = ()
    signals: Signals = field(default_factory=Signals)
    gives_up: Callable[[Trial, Progress, CampaignState], Evaluation | None] = lambda trial, progress, state: None
    works: str = "syntheses"
    tick_seconds: float = TICK_SECONDS
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    cancelled: set[int] = field(default_factory=set)
    held_by: str = ""

    def __post_init__(self) -> None:
        self._mark = self.clock()
        self._broken: set[int] = set()

    def ends_waiting(self) -> str:
        """Say why the hours of the budget end here although jobs are under way: all wait for something outside; "" while they do not."""
        if not self.held_by or self.budget.hours is None:
            return ""
        hours = (self.state.active_seconds + self.clock() - self._mark) / 3600
        return (
            f"the budget is spent: {hours:.2f} h, the last of them waiting ({self.held_by})" if hours >= self.budget.hours else ""
        )

    def record(self, event: Event) -> None:
        """Stamp one event, then make it durable, then true, then known."""
        now = self.clock()
        event = {**event, "at": utc_now(), "elapsed": round(now - self._mark, 3)}
        self._mark = now
        self.journal.append(event)
        self.state = events.apply(self.state, event)
        self.tell(lambda watcher: watcher.event(event, self.state))

    def tell(self, speak: Callable[[Watcher], None]) -> None:
        """Speak to every watcher; one that fails is named once, and nothing stops because of it."""
        for watcher in self.watchers:
            try:
                speak(watcher)
            except Exception as error:  # whatever a view does wrong, the campaign is worth more
                if id(watcher) not in self._broken:
                    self._broken.add(id(watcher))
                    name = type(watcher).__name__
                    logging.getLogger(__name__).warning(
                        "%s is broken, the campaign goes on: %s: %s", name, type(error).__name__, error
                    )


def run(campaign: Campaign) -> CampaignState:
    """Run until the search is done, the budget is spent, only cancelled trials are left, or a signal comes; return the last state."""
    try:
        _run(campaign)
    finally:
        campaign.evaluator.release()
    return campaign.state


def _run(campaign: Campaign) -> None:
    signals = campaign.signals
    asked: tuple[int, ...] | None = None
    while not (signals.detach or is_over(campaign)):
        harvest(campaign)
        if signals.cancel:
            cancel(campaign)
            break
        known = (len(campaign.state.trials), len(campaign.state.order), len(campaign.cancelled), slots(campaign))
        is_waiting = under_way(campaign) > 0
        if is_waiting and (why := campaign.ends_waiting()):
            campaign.record(events.stopped("budget", why, Advice()))
            break
        if is_waiting and (signals.stop or room(campaign) == 0 or known == asked):
            campaign.sleep(campaign.tick_seconds)
            continue
        if signals.stop:
            break
        asked = known
        advice = campaign.searcher.propose(campaign.view(campaign.state), room(campaign))
        if advice.proposals:
            propose(campaign, advice)
        elif not campaign.state.pending:
            campaign.record(events.stopped(*stop_reason(campaign, advice), advice))
        elif not is_waiting:
            break  # what the search waits for was cancelled


def is_over(campaign: Campaign) -> bool:
    """Whether nothing is left to do: the search said so, or the budget is still spent."""
    stop = campaign.state.stop
    return stop is not None and (stop[0] == "search" or affordable(campaign) == 0)


def harvest(campaign: Campaign) -> None:
    """Ask for all pending trials, and record those that are done."""
    pending = campaign.state.pending
    wanted = {campaign.state.made_by(trial.number): campaign.job(trial.point) for trial in pending}
    answers = campaign.evaluator.advance(wanted) if pending else ()
    told = tuple(_without_cancelled(answer) for answer in answers)
    held = [answer.progress for answer in answers if answer.evaluation is None]
    campaign.held_by = held[0].message if held and all(progress.state == "waiting" for progress in held) else ""
    campaign.tell(lambda watcher: watcher.tick(told, campaign.state))
    for trial, answer in zip(pending, answers, strict=True):
        if answer.evaluation is None:
            given_up = campaign.gives_up(trial, answer.progress, campaign.state)
            if given_up is not None:
                campaign.record(events.finished(trial.number, given_up, cached=False))
        elif not _is_cancelled(answer.evaluation):
            campaign.cancelled.discard(trial.number)
            campaign.record(events.finished(trial.number, answer.evaluation, answer.cached))
        elif trial.number not in campaign.cancelled:
            campaign.cancelled.add(trial.number)
            campaign.record(events.cancelled(trial.number))


def _is_cancelled(evaluation: Evaluation) -> bool:
    return isinstance(evaluation.outcome, Failure) and evaluation.outcome.kind is FailureKind.CANCELLED


def _without_cancelled(answer: Answer) -> Answer:
    """Return what is told of an answer: a cancelled trial is not done."""
    if answer.evaluation is None or not _is_cancelled(answer.evaluation):
        return answer
    outcome = answer.evaluation.outcome
    why = outcome.message if isinstance(outcome, Failure) and outcome.message else "cancelled"
    return replace(
        answer, progress=Progress(answer.progress.key, "waiting", message=f"{why} The next `dse run` takes it up again.")
    )


def cancel(campaign: Campaign) -> None:
    """End all that is under way; it stays pending."""
    campaign.evaluator.advance({})  # nothing is wanted any more
    for trial in campaign.state.pending:
        if trial.number not in campaign.cancelled:
            campaign.cancelled.add(trial.number)
            campaign.record(events.cancelled(trial.number))


def under_way(campaign: Campaign) -> int:
    """How many trials take a slot."""
    return len(campaign.state.pending) - len(campaign.cancelled)


def slots(campaign: Campaign) -> int:
    """How many trials may be under way at once."""
    asked = campaign.signals.slots
    return campaign.slots if asked is None else max(1, min(asked, campaign.slots))


def room(campaign: Campaign) -> int:
    """How many trials may be added now: free slots, and what is left of the budget."""
    return max(0, min(slots(campaign) - under_way(campaign), affordable(campaign)))


def affordable(campaign: Campaign) -> int:
    """How many more trials the budget allows; as many as there are slots where it has no bound."""
    state, budget = campaign.state, campaign.budget
    if budget.hours is not None and state.active_seconds >= 3600 * budget.hours:
        return 0
    return slots(campaign) if budget.syntheses is None else max(0, budget.syntheses - state.syntheses)


def propose(campaign: Campaign, advice: Advice) -> None:
    """Record a batch before any work on it."""
    numbers = campaign.state.numbers(proposal.point for proposal in advice.proposals)
    trials = [_trial(campaign, number, proposal) for number, proposal in zip(numbers, advice.proposals, strict=True)]
    campaign.record(events.proposed(trials, advice))


def stop_reason(campaign: Campaign, advice: Advice) -> tuple[str, str]:
    """Return (kind, reason) of there being nothing more to do."""
    if advice.stop is not None:
        return "search", advice.stop
    budget = campaign.budget
    if room(campaign) == 0:
        spent = f"{campaign.state.syntheses} of {budget.syntheses} {campaign.works}, {campaign.state.active_seconds / 3600:.2f} h"
        return "budget", f"the budget is spent: {spent}"
    return "search", "the search has nothing to propose"


def _trial(campaign: Campaign, number: int, proposal: Proposal) -> Trial:
    key = campaign.job(proposal.point).key
    point, rule, why = proposal.point, proposal.proposed_by, proposal.reason
    return Trial(number, key, point, rule, why, TrialStatus.PENDING, notes=proposal.notes, facts=proposal.facts)
