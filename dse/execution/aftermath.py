"""After an attempt: what the policy makes of it for the job, for its host, and for the campaign."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from dse.errors import BackendError, ConnectionLost, DiskFull
from dse.execution import policy, records
from dse.execution.harvest import Judgement
from dse.execution.settings import ToolOptions
from dse.execution.stations import Station
from dse.execution.work import ON_PLACE, Work
from dse.qor import FailureKind

NEVER_HEARD_SECONDS = 90.0


class Aftermath:
    """Closes attempts and finishes jobs.

    Attributes:
        past_seconds: how long the measured jobs took.
        stop: why the campaign cannot go on; None while it can.
    """

    def __init__(self, backend: str, options: ToolOptions, past_seconds: list[float], now: Callable[[], float]) -> None:
        self.past_seconds = past_seconds
        self.stop: BackendError | None = None
        self._backend, self._options, self._now = backend, options, now
        self._early: list[str] = []  # causes of the first jobs, until one of them says something about a design

    def close(self, work: Work, judgement: Judgement) -> None:
        """End the open attempt, and the job with it unless the policy has it tried again."""
        station, ref = work.berth
        cause = work.stopping if work.stopping and judgement.cause != policy.MEASURED else judgement.cause
        work.ticket = work.ticket.amended(cause=cause, message=judgement.message[:500])
        rule = policy.RULES.get(cause)
        if rule is None or (rule.is_cached and not rule.is_host_fault):
            station.trust()
            self._early.clear()
        else:
            station.blame(work.key, cause)
        if rule is None or not policy.may_retry(cause, work.ticket.count(cause)):
            self.finish(work, judgement, cause)
        else:
            work.folder.save(work.ticket)
            self._prepare_retry(work, cause, rule, judgement.message)
        if station.answers:
            # Only now: had we crashed before, the next process would have found the attempt as it was.
            station.courier.send(partial(station.place.clean, ref))

    def withdraw(self, work: Work, message: str) -> None:
        """The place refused the attempt, so it never began."""
        work.ticket = records.pardon(work.ticket.amended(cause=str(FailureKind.CANCELLED), message=message[:500]))
        work.folder.save(work.ticket)
        work.leave("ready")

    def _prepare_retry(self, work: Work, cause: str, rule: policy.Rule, message: str) -> None:
        work.avoid = work.attempt.place if rule.elsewhere or rule.is_host_fault else ""
        if rule.alone:
            work.alone, work.memory_factor = True, 2.0
        if rule.then == "wait":
            self._wait(work, cause, rule, message)
        else:
            work.denied_since = None
        records.prune_attempt(work.folder.attempt(work.attempt.number))
        work.leave("new")

    def _wait(self, work: Work, cause: str, rule: policy.Rule, message: str) -> None:
        now, is_licence = self._now(), cause == FailureKind.LICENCE
        n_denied = work.ticket.count(cause) if is_licence else 1
        work.ready_at = now + policy.licence_wait_seconds(n_denied)
        work.denied_since = now if work.denied_since is None else work.denied_since
        is_stalled = now - work.denied_since >= policy.STALLED_SECONDS
        stalled = f" Stalled for {(now - work.denied_since) / 60:.0f} min. {rule.next_step}" if is_stalled else ""
        work.hold = f"{cause}: {message}{stalled}"
        if is_stalled and not is_licence:
            self.stop = rule.error(work.hold)

    def hold(self, work: Work, why: str) -> None:
        """Note why a job that is ready does not start."""
        work.hold = why
        if work.held_since is None:
            work.held_since = self._now()
        if why.startswith("disk") and self._now() - work.held_since > policy.STALLED_SECONDS:
            self.stop = DiskFull(f"{why}. Make room there and run the same command again; nothing was lost.")

    def defer(self, work: Work, why: str) -> None:
        """Have a job's project written again once there may be room."""
        work.generation, work.ready_at = None, self._now() + policy.licence_wait_seconds(1)
        work.leave("new")
        self.hold(work, why)

    def finish(self, work: Work, judgement: Judgement, cause: str) -> None:
        """Give the job its evaluation, or the campaign its reason to stop."""
        rule = policy.RULES.get(cause)
        evaluation = judgement.evaluation or records.failed(work, judgement, cause, self._backend, self._options)
        work.folder.cancel_mark.unlink(missing_ok=True)
        if rule is None or rule.is_cached:
            records.save_evaluation(work.folder, len(work.ticket.attempts), evaluation)
        if work.ticket.attempts:
            work.folder.save(work.ticket)
        if rule is None and evaluation.provenance.tool_seconds:
            self.past_seconds.append(evaluation.provenance.tool_seconds)
        if rule is not None and rule.then == "stop":
            self.stop = rule.error(f"{judgement.message} {rule.next_step}")
            work.ticket = records.pardon(work.ticket)
            work.leave("new")
            return
        work.evaluation, work.stage, work.hold, work.alone = evaluation, "done", "", False
        if rule is not None and rule.is_host_fault and work.is_wanted:
            self._count_early(cause, judgement.message)

    def _count_early(self, cause: str, message: str) -> None:
        """The first jobs of a campaign all fail alike: stop and explain, rather than burn the budget."""
        if self.past_seconds:
            return
        self._early.append(cause)
        if len(self._early) >= policy.EARLY_COUNT and len(set(self._early)) == 1:
            next_step = policy.RULES[cause].next_step
            self.stop = BackendError(f"the first {len(self._early)} jobs failed alike ({cause}): {message} {next_step}")

    def judge_stations(self, works: Iterable[Work], stations: Sequence[Station]) -> None:
        """Stop the campaign if no station can take a job; give away the jobs of one that has been silent for too long."""
        unfinished = [work for work in works if work.stage != "done"]
        if self.stop is not None or not unfinished:
            return
        errors = [station.error for station in stations if station.error is not None]
        if len(errors) == len(stations):
            # What runs on a host that still answers is waited for: its result counts, whatever made the host unfit for more.
            if not any(work.stage in ON_PLACE and work.station is not None and work.station.answers for work in unfinished):
                self.stop = errors[0]
            return
        for station in stations:
            here = [work for work in unfinished if work.station is station and work.stage == "running" and work.errand is None]
            patience = 60.0 * self._options.unreachable_minutes if here or station.was_heard else NEVER_HEARD_SECONDS
            if station.silent_since is not None and self._now() - station.silent_since >= patience:
                self._give_up(station, here, stations)

    def _give_up(self, station: Station, here: Sequence[Work], stations: Sequence[Station]) -> None:
        if all(other.error is not None or other.silent_since is not None for other in stations):
            self.stop = ConnectionLost(f"{station.silence} Its jobs, if any, go on; run the same command again once it answers.")
            return
        for work in here:
            station.strays.append((work.berth[1], lambda: None))
            self.close(work, Judgement(str(FailureKind.LOST), station.silence))
