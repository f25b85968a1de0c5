"""The pure step: whatever is seen, answered, lost or crashed, in any order, a job ends, and is never on two hosts at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dse.design import Fidelity
from dse.execution import retry
from dse.execution.events import (
    Abandoned,
    Answered,
    Clean,
    ClearCancel,
    Collect,
    EndCampaign,
    Forget,
    Granted,
    Held,
    Judged,
    Judgement,
    Keep,
    Kept,
    ProjectDelayed,
    ProjectFailed,
    ProjectWritten,
    Refused,
    SaveTicket,
    Seen,
    Stop,
    Submit,
    Ticked,
    Unanswered,
    Wanted,
    WriteProject,
)  # fmt: skip
from dse.execution.jobdir import Ticket
from dse.execution.places import Sighting
from dse.execution.record import Record
from dse.execution.step import resumed, step
from dse.project.plan import ProjectPlan
from dse.qor import Evaluation, Failure, FailureKind, Provenance

PLAN = ProjectPlan(Path("/p"), "ab", "top", (), "1.3.0")
CAUSES = (*retry.RULES, retry.MEASURED)
STATES = ("absent", "fresh", "queued", "running", "gone", "ended")
causes = st.sampled_from(CAUSES)
EVENTS = st.one_of(
    st.builds(Wanted, st.booleans()),
    st.builds(Ticked, st.booleans()),
    st.just(ProjectWritten(PLAN)),
    st.just(ProjectFailed("no")),
    st.just(ProjectDelayed("full")),
    st.builds(Granted, st.sampled_from(["a", "b"]), st.uuids().map(str)),
    st.just(Held("disk: full")),
    st.builds(Seen, st.sampled_from(STATES).map(Sighting), st.booleans()),
    st.just(Answered()),
    st.just(Unanswered()),
    st.builds(Refused, st.just("no"), st.booleans()),
    causes.map(lambda cause: Judged(Judgement(cause))),
    st.just(Abandoned("silent")),
)


class Killed(Exception):
    """The process dies."""


class World:
    """What acts on the actions of one job: a disk that survives crashes, and hosts that run what they are given."""

    def __init__(self, outcomes: list[str]) -> None:
        self.outcomes = outcomes
        self.ticket = Ticket("k")
        self.kept: tuple[int, Evaluation] | None = None  # attempt, its result
        self.patience: int | None = None  # actions until the process dies
        self.running: set[str] = set()  # tokens of the attempts that a host runs
        self.finished: dict[str, str] = {}
        self.runs: list[str] = []
        self.is_known = True

    def resume(self) -> Record:
        self.patience = None
        evaluation = self.kept[1] if self.kept is not None and self.kept[0] == len(self.ticket.attempts) else None
        record, actions = resumed("k", self.ticket, evaluation, ("a", "b"))
        return self.perform(replace(record, project=PLAN) if record.is_on_host else record, actions, 0.0)

    def feed(self, record: Record, event: Any, now: float) -> Record:
        record, actions = step(record, event, now)
        return self.perform(record, actions, now)

    def perform(self, record: Record, actions: Any, now: float) -> Record:
        for action in actions:
            if self.patience is not None:
                self.patience -= 1
                if self.patience < 0:
                    raise Killed
            match action:
                case SaveTicket(ticket):
                    self.ticket = ticket
                case Submit():
                    assert self.ticket.last == record.attempt, "an attempt that no disk knows was handed over"
                    self.start(record.attempt.token)
                case Stop():
                    if record.attempt.token in self.running:
                        self.end(record.attempt.token, "cancelled")
                case Keep(judgement, cause):
                    outcome = Failure(retry.RULES[cause].kind if cause in retry.RULES else FailureKind.UNKNOWN, judgement.message)
                    evaluation = Evaluation("k", Fidelity.CSYNTH, outcome, Provenance("x"))
                    if cause not in retry.RULES or retry.RULES[cause].is_cached:
                        self.kept = (len(record.ticket.attempts), evaluation)
                    record = self.feed(record, Kept(evaluation), now)
                case Clean(_, attempt, _):
                    assert attempt.token not in self.running, "a host forgot what it still runs"
                    assert not self.ticket.attempts[attempt.number - 1].is_open, "forgotten before the disk knew that it ended"
                case Forget():
                    self.is_known = False
                case EndCampaign() | ClearCancel() | Collect() | WriteProject():
                    pass
        return record

    def start(self, token: str) -> None:
        if token in self.running or token in self.finished:
            return
        assert not self.running, "two attempts at once"
        self.running.add(token)
        self.runs.append(token)

    def end(self, token: str, outcome: str) -> None:
        self.running.discard(token)
        self.finished[token] = outcome

    def sighting(self, record: Record) -> Sighting:
        token = record.attempt.token
        return Sighting("running" if token in self.running else "ended" if token in self.finished else "absent")


@given(st.lists(EVENTS, max_size=60), st.lists(st.floats(0, 2000), min_size=60, max_size=60))
def test_any_order_of_events_keeps_the_record_whole(events: list[Any], pauses: list[float]) -> None:
    """An event at the wrong time changes nothing; what is on a host has a host, an open attempt and a token; what is done stays done."""
    record, _ = resumed("k", Ticket("k"), None, ("a", "b"))
    now = 0.0
    for event, pause in zip(events, pauses, strict=False):
        now += pause
        before = record
        record, actions = step(record, event, now)
        assert record.is_on_host == bool(record.host)
        assert not record.is_on_host or record.attempt.is_open or any(isinstance(action, Keep) for action in actions)
        assert record.is_busy <= record.is_on_host
        assert len(record.ticket.attempts) - len(before.ticket.attempts) in (0, 1)
        assert (record.stage == "done") == (record.evaluation is not None)
        if any(isinstance(action, Submit) for action in actions):
            assert record.is_busy
        for action in actions:
            if isinstance(action, Keep):
                outcome = Failure(FailureKind.UNKNOWN, "")
                record, _ = step(record, Kept(Evaluation("k", Fidelity.CSYNTH, outcome, Provenance("x"))), now)
                assert record.stage == "done"
        if before.stage == "done" and not isinstance(event, Wanted):
            assert (record, actions) == (before, ())


@settings(max_examples=300)
@given(st.lists(causes, max_size=12), st.data())
def test_whatever_crashes_and_gets_lost_a_job_ends_and_runs_once_at_a_time(outcomes: list[str], data: st.DataObject) -> None:
    """A world of one job: hosts run it, answers get lost, the process dies at any moment and comes back from the ticket."""
    world = World(outcomes)
    record, now = world.resume(), 0.0
    passing = {str(FailureKind.LICENCE), str(FailureKind.DISK_FULL)}
    for turn in range(400):
        is_calm = turn > 60
        now += 1000.0 if is_calm else 20.0
        if record.stage == "done":
            break
        try:
            record = live(world, record, turn, now, None if is_calm else data)
        except Killed:
            record = world.resume()
    assert record.stage == "done"
    assert not world.running
    assert record.evaluation is not None
    assert len(set(world.runs)) == len(world.runs)
    charged = [attempt.cause for attempt in record.ticket.attempts[record.ticket.pardoned :] if attempt.cause not in passing]
    for cause in set(charged) - {retry.MEASURED}:
        retries = retry.RULES[cause].retries
        assert retries is None or charged.count(cause) <= retries + 1, f"{cause} was tried too often"


def live(world: World, record: Record, turn: int, now: float, data: st.DataObject | None) -> Record:
    """Let something happen to the job; calmly, and for the best, where nothing is drawn."""
    choice = data.draw(st.sampled_from(["go", "go", "go", "die", "die soon", "lost", "end", "cancel"])) if data else "end"
    if choice == "die":
        raise Killed
    if choice == "die soon" and data:
        world.patience = data.draw(st.integers(0, 4))
    token = record.attempt.token if record.is_on_host else ""
    if token in world.running and choice == "end":
        world.end(token, world.outcomes.pop() if world.outcomes and data else retry.MEASURED)
    if record.is_busy:
        if choice == "lost":
            return world.feed(record, Unanswered(), now)
        is_over = record.stage == "collecting"
        return world.feed(record, Judged(Judgement(world.finished[token])) if is_over else Answered(), now)
    if record.is_on_host:
        return world.feed(record, Seen(world.sighting(record), choice == "cancel"), now)
    if record.stage == "ready":
        host = data.draw(st.sampled_from(["a", "b"])) if data else "a"
        return world.feed(record, Granted(host, f"t{turn}"), now)
    record = world.feed(record, Ticked(), now)
    return world.feed(record, ProjectWritten(PLAN), now) if record.stage == "generating" else record


@given(st.sampled_from(("new", "generating", "ready")), st.booleans())
def test_nobody_wants_it_before_it_started(stage: Any, was_wanted: bool) -> None:
    record = replace(resumed("k", Ticket("k"), None, ("a",))[0], stage=stage, is_wanted=was_wanted)
    assert step(record, Wanted(False), 0.0)[1] == (Forget(),)
