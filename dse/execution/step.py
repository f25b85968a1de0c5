"""One pure step of a job: what happened to it -> what it is now, and what is to be done.

The order of the actions is what makes a crash harmless: an attempt is on disk before anything starts, a result before its ticket says
that the attempt ended, and the ticket before its host forgets it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from dse.errors import DiskFull
from dse.execution import retry
from dse.execution.events import (
    Abandoned,
    Action,
    Answered,
    Blame,
    Clean,
    ClearCancel,
    Collect,
    EndCampaign,
    Event,
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
    Trust,
    Unanswered,
    Wanted,
    WriteProject,
)  # fmt: skip
from dse.execution.jobdir import Ticket
from dse.execution.phases import read_phase
from dse.execution.places import Sighting
from dse.execution.record import Record
from dse.qor import Evaluation, Failure, FailureKind

STOP_GRACE_SECONDS = 12.0
MOST_SUBMISSIONS, MOST_FETCHES, WEIGHT_OF_REFUSAL = 5, 25, 5  # a refusal is no chance, a lost answer may be one
RESUBMIT_SECONDS = 5.0

Stepped = tuple[Record, tuple[Action, ...]]


def resumed(key: str, ticket: Ticket, evaluation: Evaluation | None, hosts: Collection[str]) -> Stepped:
    """Return a job as an earlier process left it: new, still on its host, or done.

    Args:
        evaluation: the result of the last attempt, if it is on disk.
        hosts: names of the hosts that there are.
    """
    record, last = Record(key, ticket, evaluation=evaluation), ticket.last
    if evaluation is not None:
        record = replace(record, stage="done")
        if last is None or not last.is_open:
            return record, ()
        # It died between the result and the ticket.
        cause = str(evaluation.outcome.kind) if isinstance(evaluation.outcome, Failure) else retry.MEASURED
        record = replace(record, ticket=ticket.amended(cause=cause))
        return record, (SaveTicket(record.ticket),)
    if last is None or not last.is_open:
        if last is not None:
            record = replace(record, memory_factor=last.memory_factor)
            if not retry.may_retry(last.cause, ticket.count(last.cause)):
                # Nobody remembered that failure: the user mended something and asks again.
                record = replace(record, ticket=ticket.with_fresh_allowance())
        return record, (ClearCancel(),)  # a mark that is there came too late for what it meant, and this is a new wish
    record = replace(record, memory_factor=last.memory_factor)
    if last.place not in hosts:
        message = f"{last.place} is no longer a host of this campaign"
        ticket = ticket.amended(cause=str(FailureKind.LOST), message=message)
        return replace(record, ticket=ticket), (SaveTicket(ticket),)
    return replace(record, stage="running", host=last.place), ()


def step(record: Record, event: Event, now: float) -> Stepped:
    """Return the record after an event, and what is to be done; an event that does not concern its stage changes nothing.

    Args:
        now: the engine's clock (seconds).
    """
    match event:
        case Wanted(is_wanted):
            return _want(replace(record, is_wanted=is_wanted))
        case Kept(evaluation) if record.stage != "done":
            return _finish(record, evaluation)
        case Seen(sighting, is_cancelled) if record.stage == "running" and not record.is_busy:
            return _see(record, sighting, is_cancelled, now)
        case Abandoned(message) if record.stage == "running" and not record.is_busy:
            return _close(record, Judgement(str(FailureKind.LOST), message), now)
        case Answered() | Unanswered() | Refused() | Judged() if record.is_on_host and record.is_busy:
            return _hear(replace(record, is_busy=False), event, now)
        case Ticked() | ProjectWritten() | ProjectFailed() | ProjectDelayed() if record.stage in ("new", "generating", "ready"):
            return _prepare(record, event, now)
        case Granted(host, token) if record.stage == "ready":
            return _open(record, host, token, now)
        case Held(why) if record.stage == "ready":
            return _hold(record, why, now)
    return record, ()


def _want(record: Record) -> Stepped:
    if record.is_wanted:
        return record, ()
    if record.is_on_host:
        return replace(record, stopping=record.stopping or str(FailureKind.CANCELLED)), ()
    return record, (Forget(),)


def _prepare(record: Record, event: Event, now: float) -> Stepped:
    """Bring a job from new to ready."""
    match event:
        case ProjectFailed(message):
            return record, (Keep(Judgement("", f"no project: {message}"), str(FailureKind.UNKNOWN)),)
        case Ticked(is_cancelled) if is_cancelled:
            return record, (Keep(Judgement("", "cancelled before it started"), str(FailureKind.CANCELLED)),)
        case ProjectWritten(project):
            return replace(record, project=project, stage="ready"), ()
        case ProjectDelayed(message):
            later = replace(record, stage="new", ready_at=now + retry.wait_seconds(1))
            return _hold(later, f"disk: {message}", now)
    if record.stage == "new" and now >= record.ready_at:
        return replace(record, stage="generating"), (WriteProject(),)
    return record, ()


def _hold(record: Record, why: str, now: float) -> Stepped:
    since = now if record.held_since is None else record.held_since
    record = replace(record, hold=why, held_since=since)
    if why.startswith("disk") and now - since > retry.STALLED_SECONDS:
        return record, (EndCampaign(DiskFull(f"{why}. Make room there and run the same command again; nothing was lost.")),)
    return record, ()


def _open(record: Record, host: str, token: str, now: float) -> Stepped:
    """Take a slot of a host for a new attempt. A crash from here on finds the attempt again."""
    ticket = record.ticket.opened(host, token, record.memory_factor)
    record = replace(
        record, ticket=ticket, host=host, sighting=None, stop_asked_at=None, n_submissions=0, n_fetches=0, hold="", held_since=None
    )
    record, actions = _submit(replace(record, phase=""), now)
    return record, (SaveTicket(ticket), *actions)


def _submit(record: Record, now: float) -> Stepped:
    return replace(record, stage="submitting", is_busy=True, ready_at=now + RESUBMIT_SECONDS), (Submit(),)


def _hear(record: Record, event: Event, now: float) -> Stepped:
    """Take the answer of a host to what was asked of it."""
    match event:
        case Judged(judgement):
            return _close(record, judgement, now)
        case Refused(message) | Unanswered(message) if record.stage == "collecting":
            weight = WEIGHT_OF_REFUSAL if isinstance(event, Refused) else 1
            record = replace(record, stage="running", n_fetches=record.n_fetches + weight)
            if record.n_fetches < MOST_FETCHES:
                return record, ()
            return _close(record, Judgement(retry.UNFETCHED, f"its files cannot be brought here: {message}"), now)
        case Refused(message, is_final) if is_final and record.stage == "submitting" and record.n_submissions == 0:
            # It never began.
            ticket = record.ticket.amended(cause=str(FailureKind.CANCELLED), message=message[:500]).with_fresh_allowance()
            return record.leave("ready", ticket), (SaveTicket(ticket),)
    return replace(record, stage="running"), ()  # or not: the next survey will tell


def _see(record: Record, sighting: Sighting, is_cancelled: bool, now: float) -> Stepped:
    was_seen, state = record.attempt.seen, sighting.state
    record = replace(record, sighting=sighting, phase=read_phase(sighting.tail) or record.phase or sighting.stage)
    saved: tuple[Action, ...] = ()
    if state in ("running", "gone", "ended") and not was_seen:
        record = replace(record, ticket=record.ticket.amended(seen=True))
        saved = (SaveTicket(record.ticket),)
    if state == "ended":
        return replace(record, stage="collecting", is_busy=True), (*saved, Collect())
    if state == "gone" or (state == "absent" and was_seen):
        return replace(record, stage="collecting", is_busy=True), (*saved, Collect(sighting))
    if record.stopping or is_cancelled:
        record, actions = _stop(record, now)
        return record, (*saved, *actions)
    if state in ("absent", "fresh") and now >= record.ready_at:
        return _submit_again(record, now)
    return record, saved


def _stop(record: Record, now: float) -> Stepped:
    state = record.sighting.state if record.sighting is not None else "absent"
    record = replace(record, stopping=record.stopping or str(FailureKind.CANCELLED))
    if state in ("absent", "fresh"):
        return _close(record, Judgement(str(FailureKind.CANCELLED), "cancelled before it started"), now)
    is_late = record.stop_asked_at is not None and now - record.stop_asked_at > STOP_GRACE_SECONDS
    if record.stop_asked_at is not None and not is_late:
        return record, ()
    return replace(record, stop_asked_at=now, is_busy=True), (Stop(is_late),)


def _submit_again(record: Record, now: float) -> Stepped:
    """Nobody knows whether the attempt arrived: give it again. Of two shims on one directory one goes home."""
    record = replace(record, n_submissions=record.n_submissions + 1)
    if record.n_submissions > MOST_SUBMISSIONS:
        return _close(record, Judgement(str(FailureKind.LOST), "it was handed over several times and never started"), now)
    if record.project is None:
        return _close(record, Judgement(str(FailureKind.LOST), "it was never started, and its project is gone"), now)
    return _submit(record, now)


def _close(record: Record, judgement: Judgement, now: float) -> Stepped:
    """End the open attempt, and the job with it unless the policy has it tried again."""
    cause = record.stopping if record.stopping and judgement.cause != retry.MEASURED else judgement.cause
    attempt, host = record.attempt, record.host
    record = replace(record, ticket=record.ticket.amended(cause=cause, message=judgement.message[:500]))
    rule = retry.RULES.get(cause)
    is_sound = rule is None or (rule.is_cached and not rule.is_host_fault)
    opinion = Trust(host) if is_sound else Blame(host, cause)
    if rule is None or not retry.may_retry(cause, record.ticket.count(cause)):
        record, actions = _end(record, judgement, cause, rule)
        return record, (opinion, *actions, Clean(host, attempt))
    record, actions = _try_again(record, judgement, cause, rule, now)
    return record, (opinion, SaveTicket(record.ticket), *actions, Clean(host, attempt, is_repeated=True))


def _end(record: Record, judgement: Judgement, cause: str, rule: retry.Rule | None) -> Stepped:
    if rule is None or rule.then == "next":
        return record, (Keep(judgement, cause),)
    record = record.leave("new", record.ticket.with_fresh_allowance())
    return record, (ClearCancel(), SaveTicket(record.ticket), EndCampaign(rule.error(f"{judgement.message} {rule.next_step}")))


def _finish(record: Record, evaluation: Evaluation) -> Stepped:
    saved = (SaveTicket(record.ticket),) if record.ticket.attempts else ()
    done = replace(record.leave("done", record.ticket), evaluation=evaluation, hold="", alone=False)
    return done, (ClearCancel(), *saved)


def _try_again(record: Record, judgement: Judgement, cause: str, rule: retry.Rule, now: float) -> Stepped:
    avoid = record.attempt.place if rule.elsewhere or rule.is_host_fault else ""
    record = replace(record.leave("new", record.ticket), avoid=avoid)
    if rule.alone:
        record = replace(record, alone=True, memory_factor=2.0)
    if rule.then != "wait":
        return replace(record, denied_since=None), ()
    is_licence = rule.kind is FailureKind.LICENCE
    since = now if record.denied_since is None else record.denied_since
    is_stalled = now - since >= retry.STALLED_SECONDS
    stalled = f" Stalled for {(now - since) / 60:.0f} min. {rule.next_step}" if is_stalled else ""
    hold = f"{cause}: {judgement.message}{stalled}"
    ready_at = now + retry.wait_seconds(record.ticket.count(cause) if is_licence else 1, cause)
    record = replace(record, ready_at=ready_at, denied_since=since, hold=hold)
    if is_licence:
        return record, (EndCampaign(rule.error(hold), since),)
    return record, (EndCampaign(rule.error(hold)),) if is_stalled else ()
