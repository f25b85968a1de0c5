"""The jobs of an engine: their records, and the performing of what `dse.execution.step` says is to be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from dse.design import Job
from dse.errors import BackendError, ConnectionLost, ConversionError, DiskFull
from dse.execution import retry
from dse.execution.events import (
    Action,
    Answered,
    Blame,
    Clean,
    ClearCancel,
    Collect,
    EndCampaign,
    Event,
    Forget,
    Judged,
    Judgement,
    Keep,
    Kept,
    ProjectDelayed,
    ProjectFailed,
    ProjectWritten,
    Refused,
    SaveTicket,
    Stop,
    Submit,
    Ticked,
    Trust,
    Unanswered,
    WriteProject,
)  # fmt: skip
from dse.execution.host_state import HostState
from dse.execution.jobdir import Attempt, JobFolder, Ticket, past_seconds, prune_attempt
from dse.execution.judge import JobContext, failed, judge, lost
from dse.execution.places import Place, Ref, Sighting
from dse.execution.record import Record
from dse.execution.settings import ToolOptions
from dse.execution.step import resumed, step
from dse.project.plan import ProjectPlan, load_plan
from dse.qor import Evaluation, Failure, FailureKind
from dse.synth_backends.base import Progress, Site


class Pending(Protocol):
    """A project on its way."""

    def done(self) -> bool: ...

    def result(self) -> ProjectPlan: ...


class ProjectSource(Protocol):
    """Writes projects in the background; `dse.project.ProjectGenerator` is one."""

    def submit(self, job: Job, source: Path, destination: Path) -> Pending: ...

    def cancel(self, pending: Any) -> None: ...

    def close(self) -> None: ...


class Jobs:
    """All jobs that are wanted, or not ended yet.

    Attributes:
        records: by key.
        projects: where projects come from; None until the first one is needed.
        past_seconds: how long the measured jobs took.
        stop: why the campaign cannot go on; None while it can.
    """

    def __init__(
        self,
        site: Site,
        options: ToolOptions,
        kind: str,
        hosts: Mapping[str, HostState],
        projects: ProjectSource | None,
        now: Callable[[], float],
    ) -> None:
        self.records: dict[str, Record] = {}
        self.projects = projects
        self.past_seconds = past_seconds(site.work)
        self.stop: BackendError | None = None
        self._site, self._options, self._kind, self._hosts, self._now = site, options, kind, hosts, now
        self._jobs: dict[str, Job] = {}
        self._generations: dict[str, Pending] = {}
        self._calls: dict[str, Future[Any]] = {}
        self._trusted_at = float("-inf")  # when a job last told something about a design
        self._early: dict[str, str] = {}  # key -> cause of the first jobs, until one of them gives a result

    def take_up(self, key: str, job: Job) -> None:
        """Know a job, as an earlier process left it."""
        self._jobs[key] = job
        if key in self.records:
            return
        folder = self.folder(key)
        ticket = folder.load()
        record, actions = resumed(key, ticket, folder.load_evaluation(len(ticket.attempts)), self._hosts.keys())
        if record.is_on_host:
            with suppress(ConversionError):
                record = replace(record, project=load_plan(folder.project))
        self.records[key] = record
        self._perform(key, actions)

    def feed(self, key: str, event: Event) -> None:
        """Let something happen to a job, and do what follows from it."""
        self.records[key], actions = step(self.records[key], event, self._now())
        self._perform(key, actions)

    def prepare(self, key: str) -> None:
        """Bring a job that is on no host closer to its project."""
        record = self.records[key]
        if record.is_on_host or record.stage == "done":
            return
        self.feed(key, Ticked())
        pending = self._generations.get(key)
        if pending is not None and pending.done():
            del self._generations[key]
            self._take_project(key, pending.result)
        if self.folder(key).cancel_mark.exists():
            self.feed(key, Ticked(is_cancelled=True))

    def take_answers(self) -> None:
        """Take what hosts answered meanwhile."""
        for key, call in tuple(self._calls.items()):
            if not call.done():
                continue
            del self._calls[key]
            host = self._hosts[self.records[key].host]
            try:
                answer = call.result()
                host.heard()
                event: Event = Judged(answer) if isinstance(answer, Judgement) else Answered()
            except ConnectionLost as error:
                host.unheard(error, self._now())
                event = Unanswered(str(error))
            except DiskFull as error:
                event = Judged(Judgement(str(FailureKind.DISK_FULL), str(error)))
            except BackendError as error:
                host.stumbled(error, self._now())
                event = Refused(str(error), is_final=host.error is not None)
            self.feed(key, event)

    def take_stop(self) -> BackendError | None:
        """Return why the campaign cannot go on, once; what failed on a machine that never succeeded is then forgotten."""
        error, self.stop = self.stop, None
        if error is not None:
            self._early.clear()
            for key, record in tuple(self.records.items()):
                if record.evaluation is not None and self._is_unproven(record.evaluation):
                    del self.records[key]  # asked again, it is taken up anew
        return error

    def progress(self, key: str) -> Progress:
        """Say where a job stands."""
        record = self.records[key]
        if record.stage == "done" and record.evaluation is not None and self._is_unproven(record.evaluation):
            return Progress(key, "done", _set_aside(record.evaluation, record.ticket))
        return record.progress(self._hosts[record.host].silence if record.host else "", self.past_seconds)

    def folder(self, key: str) -> JobFolder:
        return JobFolder.of(self._site.work, key)

    def ref(self, key: str, host: HostState, attempt: Attempt) -> Ref:
        """Return an attempt as its host knows it."""
        return host.place.ref(key, attempt.number, attempt.token, self.folder(key).attempt(attempt.number))

    def close(self) -> None:
        """End the workers that write projects; jobs go on."""
        if self.projects is not None:
            self.projects.close()
            self.projects = None
        self.records.clear()

    def _perform(self, key: str, actions: Sequence[Action]) -> None:
        folder = self.folder(key)
        for action in actions:
            match action:
                case WriteProject():
                    self._take_project(key, partial(self._write_project, key, folder))
                case SaveTicket(ticket):
                    folder.save(ticket)
                case Submit() | Stop() | Collect():
                    self._call(key, action)
                case Keep(judgement, cause):
                    self._keep(key, judgement, cause, folder)
                case ClearCancel():
                    folder.cancel_mark.unlink(missing_ok=True)
                case Clean(name, attempt, is_repeated):
                    self._clean(key, self._hosts[name], attempt, is_repeated)
                case Trust(name):
                    self._hosts[name].trust()
                    self._trusted_at = self._now()
                case Blame(name, cause):
                    self._hosts[name].blame(key, cause)
                case EndCampaign(error, since):
                    waited = self._now() - max(since or 0.0, self._trusted_at)
                    if since is None or waited >= 3600 * self._options.licence_hours:
                        self.stop = error
                case Forget():
                    self._forget(key, folder)

    def _take_project(self, key: str, project: Callable[[], ProjectPlan | None]) -> None:
        try:
            written = project()
            if written is not None:
                self.feed(key, ProjectWritten(written))
        except ConversionError as error:
            self.feed(key, ProjectFailed(str(error)))
        except DiskFull as error:
            self.feed(key, ProjectDelayed(str(error)))

    def _write_project(self, key: str, folder: JobFolder) -> ProjectPlan | None:
        """Return the project that is there; None if it was asked for."""
        if folder.project.exists():
            try:
                return load_plan(folder.project)
            except ConversionError:
                folder.forget_project()
        if self.projects is None:
            from dse.project import ProjectGenerator

            self.projects = ProjectGenerator(self._options.generators)
        folder.make()
        pending = self.projects.submit(self._jobs[key], self._site.source, folder.project)
        if pending.done():
            return pending.result()
        self._generations[key] = pending
        return None

    def _call(self, key: str, action: Submit | Stop | Collect) -> None:
        record = self.records[key]
        host = self._hosts[record.host]
        ref = self.ref(key, host, record.attempt)
        match action:
            case Stop(is_hard):
                call: Callable[[], Any] = partial(host.place.stop, ref, is_hard)
            case Collect(sighting):
                context = JobContext(self._jobs[key], self._options, self._kind, host.tool, record.project, bool(self.past_seconds))
                call = partial(_collect, host.place, ref, record.attempt, context, sighting)
            case Submit():
                if host.tool is None or record.project is None:  # adopted, and the probe has not answered yet
                    self.feed(key, Unanswered())
                    return
                document = self._options.document(record.attempt, self._site.target.toolchain, host.tool.path)
                call = partial(host.place.submit, ref, record.project.directory, document)
        self._calls[key] = host.executor.submit(call)

    def _clean(self, key: str, host: HostState, attempt: Attempt, is_repeated: bool) -> None:
        if is_repeated:
            prune_attempt(self.folder(key).attempt(attempt.number))
        if host.answers:
            host.executor.submit(partial(host.place.clean, self.ref(key, host, attempt)))

    def _keep(self, key: str, judgement: Judgement, cause: str, folder: JobFolder) -> None:
        record, rule = self.records[key], retry.RULES.get(cause)
        context = JobContext(self._jobs[key], self._options, self._kind)
        evaluation = judgement.evaluation or failed(record, judgement, cause, context, folder)
        if (rule is None or rule.is_cached) and not self._is_unproven(evaluation):
            folder.save_evaluation(len(record.ticket.attempts), evaluation)
        self.feed(key, Kept(evaluation))
        if rule is None and evaluation.provenance.tool_seconds:
            self.past_seconds.append(evaluation.provenance.tool_seconds)
        if rule is not None and (rule.is_host_fault or cause in retry.UNPROVEN) and record.is_wanted:
            self._count_early(key, cause, judgement.message)

    def _is_unproven(self, evaluation: Evaluation) -> bool:
        """Whether a failure may be the machine's, because nothing has ever given a result here."""
        return not self.past_seconds and isinstance(evaluation.outcome, Failure) and evaluation.outcome.kind in retry.UNPROVEN

    def _count_early(self, key: str, cause: str, message: str) -> None:
        """The first jobs of a campaign fail alike: stop and explain, rather than burn the budget on a machine that cannot do it."""
        if self.past_seconds:
            return
        self._early[key] = cause
        n = sum(other == cause for other in self._early.values())
        if n >= retry.EARLY_COUNT:
            next_step = retry.RULES[cause].next_step
            self.stop = BackendError(
                f"the first {n} designs failed alike ({cause}), and none has succeeded here: {message} {next_step} "
                "Nothing of it is remembered; once the machine is mended, the same command goes on."
            )

    def _forget(self, key: str, folder: JobFolder) -> None:
        pending = self._generations.pop(key, None)
        if pending is not None and self.projects is not None and not pending.done():
            self.projects.cancel(pending)
        if self.records[key].stage == "done" and not self._options.keep_projects:
            folder.prune()
        del self.records[key], self._jobs[key]


def _set_aside(evaluation: Evaluation, ticket: Ticket) -> Evaluation:
    """Return a failure on a machine that never succeeded as one that says nothing of its design: the trial stays pending.

    Where the user asked a second time and it failed alike, it is a failure of this campaign, that no other remembers.
    """
    assert isinstance(evaluation.outcome, Failure)
    kind, is_asked_again = evaluation.outcome.kind, ticket.pardoned > 0
    why = f"{kind}: {evaluation.outcome.message} (nothing has succeeded on this machine yet, so it is not remembered)"
    shown = FailureKind.UNKNOWN if is_asked_again else FailureKind.CANCELLED
    return replace(evaluation, outcome=Failure(shown, why, evaluation.outcome.log_tail))


def _collect(place: Place, ref: Ref, attempt: Attempt, of: JobContext, sighting: Sighting | None) -> Judgement:
    """Bring an ended attempt's files here and say what they mean; of one whose shim is gone, end first what it left behind."""
    if sighting is None:
        place.fetch(ref)
        return judge(ref.local, attempt, of)
    place.stop(ref, True)
    if sighting.state == "gone":
        place.fetch(ref)
    return lost(ref.local, sighting)
