"""What local, ssh and slurm share: brings wanted jobs from project to evaluation, over crashes and bad hosts.

One turn (`advance`) never waits: it takes the answers that came in, asks every host once how its jobs stand, collects what ended, and
fills the free slots. What a job does next is decided by `dse.execution.step` and performed by `dse.execution.jobs`. What must survive a
crash is in the tickets (`jobdir`) and with the shims; all else is rebuilt from them.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

from dse.design import Fidelity, Job
from dse.errors import BackendError, ConnectionLost, SpecError
from dse.execution import inspection
from dse.execution.events import Abandoned, Granted, Held, Seen, Wanted
from dse.execution.host_state import Executor, HostState
from dse.execution.jobdir import JobFolder, Ticket, job_folders, read_log
from dse.execution.jobs import Jobs, ProjectSource
from dse.execution.places import Place
from dse.execution.record import Record
from dse.execution.scheduler import ORDINARY, choose_host
from dse.execution.settings import ToolOptions
from dse.qor import FailureKind
from dse.store.fsops import write_atomically
from dse.synth_backends.base import COSIMULATED, Finding, KnownJob, Progress, Site

STOP_ALL_SECONDS = 20.0
START_SECONDS = 1.0
NEVER_HEARD_SECONDS = 90.0


@lru_cache(maxsize=4096)
def key_of(job: Job) -> str:
    """Return a job's key; the same jobs are asked for at every tick, and a digest takes a quarter of a millisecond."""
    return job.key


class Engine:
    """A `SynthBackend` over one or several hosts.

    Args:
        hosts: (place, who speaks to it); names must differ.
        projects: where projects come from; None starts the generator's workers when the first one is needed.
        now, sleep: the clock, for tests.
    """

    def __init__(
        self,
        site: Site,
        options: ToolOptions,
        kind: str,
        hosts: Sequence[tuple[Place, Executor]],
        projects: ProjectSource | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.site, self.options, self.kind = site, options, kind
        self.fidelity = Fidelity(options.fidelity)
        self.basis = COSIMULATED if options.cosim else ""
        self.hosts = {place.name: HostState(place, executor) for place, executor in hosts}
        self.limits = {
            FailureKind.TIMEOUT: 60.0 * options.timeout_minutes,
            FailureKind.OUT_OF_MEMORY: options.memory_gb,
        }
        self.jobs = Jobs(site, options, kind, self.hosts, projects, now)
        self._now, self._sleep = now, sleep
        self._looked_for_orphans = False

    def advance(self, wanted: Sequence[Job]) -> tuple[Progress, ...]:
        """See `SynthBackend.advance`. With nothing wanted it waits, for some seconds at most, until all jobs have ended."""
        jobs = self.jobs
        self._admit({key_of(job): job for job in wanted})
        self._turn()
        if not wanted:
            self._wait_while(lambda: any(one.host and self.hosts[one.host].error is None for one in jobs.records.values()))
            jobs.take_stop()
        if (error := jobs.take_stop()) is not None:
            raise error
        return tuple(jobs.progress(key_of(job)) for job in wanted)

    def stop_jobs(self, keys: Sequence[str]) -> None:
        """End jobs of an earlier process, waiting for it; their attempts are closed, so that they may start anew."""
        self._looked_for_orphans = True
        self._find_orphans(lambda key: key in keys)
        self._wait_while(lambda: any(host.orphans or not host.is_quiet for host in self.hosts.values()))

    def known_jobs(self) -> tuple[KnownJob, ...]:
        return tuple(inspection.known_jobs(self.site.work))

    def glance(self, key: str, past_seconds: Sequence[float]) -> Progress:
        return inspection.glance(self.jobs.folder(key), past_seconds)

    def ask_to_end(self, keys: Sequence[str]) -> None:
        for key in keys:
            write_atomically(self.jobs.folder(key).cancel_mark, b"{}\n")

    def log(self, key: str) -> str:
        folder = self.jobs.folder(key)
        last = folder.load().last
        if last is None:
            return ""
        text = read_log(folder.attempt(last.number))
        if text or not last.is_open:
            return text
        if last.place not in self.hosts:
            raise SpecError(f"job {key[:12]}: ran on {last.place!r}, which is no longer a host of this campaign.")
        place = self.hosts[last.place].place
        ref = self.jobs.ref(key, self.hosts[last.place], last)
        return place.survey([ref]).sightings[ref].tail

    @property
    def needs_login(self) -> bool:
        return self.kind != "local"

    def options_health(self) -> tuple[Finding, ...]:
        return tuple(inspection.options_health(tuple(self.hosts.values()), self.options, self.site.slots))

    def health(self) -> tuple[Finding, ...]:
        self.probe()
        return tuple(finding for host in self.hosts.values() for finding in inspection.host_health(host, self.options))

    def close(self) -> None:
        """End workers and connections; jobs go on."""
        self.jobs.close()
        for host in self.hosts.values():
            host.executor.close()
            host.place.close()

    def probe(self) -> None:
        """Look at all hosts anew, waiting for their answers: see their `tool`, `facts`, `error` and `silence`."""
        for host in self.hosts.values():
            host.tool = host.error = None
            while host.tool is None and host.error is None and host.silent_since is None:
                host.probe(self.site.target.toolchain, self.options, self._now())
                self._sleep(0.02)

    def _wait_while(self, is_busy: Callable[[], bool]) -> None:
        deadline = self._now() + STOP_ALL_SECONDS
        while is_busy() and self._now() < deadline:
            self._sleep(0.1)
            self._turn()

    def _admit(self, wanted: dict[str, Job]) -> None:
        if not self._looked_for_orphans:
            self._looked_for_orphans = True
            self._find_orphans(lambda key: key not in wanted)
        for key in tuple(self.jobs.records):
            self.jobs.feed(key, Wanted(key in wanted))
        for key, job in wanted.items():
            self.jobs.take_up(key, job)

    def _find_orphans(self, is_meant: Callable[[str], bool]) -> None:
        """Give the hosts what an earlier process left running; each attempt is closed once its host has ended it."""
        for folder in job_folders(self.site.work):
            ticket = folder.load() if is_meant(folder.key) else None
            if ticket is None or ticket.last is None or not ticket.last.is_open or ticket.last.place not in self.hosts:
                continue
            closed = ticket.amended(cause=str(FailureKind.CANCELLED), message="no longer wanted")
            host = self.hosts[ticket.last.place]
            host.orphans.append((self.jobs.ref(folder.key, host, ticket.last), partial(_close_orphan, folder, closed)))

    def _turn(self) -> None:
        jobs = self.jobs
        jobs.take_answers()
        for host in self.hosts.values():
            self._look_after(host)
        jobs.take_answers()
        if jobs.stop is None:
            for key in tuple(jobs.records):
                jobs.prepare(key)
            self._fill_slots()
            jobs.take_answers()
        for key, record in tuple(jobs.records.items()):
            if not record.is_wanted:
                jobs.feed(key, Wanted(False))
        self._judge_hosts()

    def _idle_at(self, host: HostState) -> list[Record]:
        """Return the jobs at a host for which nothing is being done."""
        return [one for one in self.jobs.records.values() if one.host == host.name and one.stage == "running" and not one.is_busy]

    def _look_after(self, host: HostState) -> None:
        """Ask a host how its jobs stand, or take its answer."""
        now, here = self._now(), self._idle_at(host)
        host.probe(self.site.target.toolchain, self.options, now)
        if host.survey is None and (here or host.orphans or host.free_disk is not None) and host.may_ask(now):
            refs = [self.jobs.ref(one.key, host, one.attempt) for one in here]
            host.survey = host.executor.submit(partial(host.place.survey, refs))
        if host.survey is None or not host.survey.done():
            return
        answer, host.survey = host.survey, None
        try:
            survey = answer.result()
            host.heard()
            host.free_memory, host.free_disk = survey.memory_bytes, survey.disk_bytes
            host.end_orphans()
            for record in self._idle_at(host):
                sighting = survey.sightings.get(self.jobs.ref(record.key, host, record.attempt))
                if sighting is not None:
                    is_cancelled = self.jobs.folder(record.key).cancel_mark.exists()
                    self.jobs.feed(record.key, Seen(sighting, is_cancelled))
        except ConnectionLost as error:
            host.unheard(error, now)
        except BackendError as error:
            host.stumbled(error, now)

    def _fill_slots(self) -> None:
        began, hosts, records = self._now(), tuple(self.hosts.values()), self.jobs.records
        for key, record in tuple(records.items()):
            if record.stage != "ready" or self._now() < record.ready_at:
                continue
            if self._now() - began > START_SECONDS:  # the others in the next turn: the views wait for this one
                return
            host, why = choose_host(record, records.values(), hosts, self.options, self.site.slots)
            if host is not None:
                self.jobs.feed(key, Granted(host.name, secrets.token_hex(16)))
            elif why not in ORDINARY:
                self.jobs.feed(key, Held(why))

    def _judge_hosts(self) -> None:
        """Stop the campaign if no host can take a job; give away the jobs of one that has been silent for too long."""
        unfinished = [record for record in self.jobs.records.values() if record.stage != "done"]
        if self.jobs.stop is not None or not unfinished:
            return
        hosts = tuple(self.hosts.values())
        errors = [host.error for host in hosts if host.error is not None]
        if len(errors) == len(hosts):
            # What runs on a host that still answers is waited for: its result counts, whatever made the host unfit for more.
            if not any(record.is_on_host and self.hosts[record.host].answers for record in unfinished):
                self.jobs.stop = errors[0]
            return
        for host in hosts:
            patience = 60.0 * self.options.unreachable_minutes if self._idle_at(host) or host.was_heard else NEVER_HEARD_SECONDS
            if host.silent_since is not None and self._now() - host.silent_since >= patience:
                self._give_up(host)

    def _give_up(self, host: HostState) -> None:
        if not any(other.is_fit for other in self.hosts.values()):
            message = f"{host.silence} Its jobs, if any, go on; run the same command again once it answers."
            self.jobs.stop = ConnectionLost(message)
            return
        for record in self._idle_at(host):
            host.orphans.append((self.jobs.ref(record.key, host, record.attempt), lambda: None))
            self.jobs.feed(record.key, Abandoned(host.silence))


def _close_orphan(folder: JobFolder, ticket: Ticket) -> None:
    folder.save(ticket)
    folder.cancel_mark.unlink(missing_ok=True)
