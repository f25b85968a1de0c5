"""What local, ssh and slurm share: brings wanted jobs from project to evaluation, over crashes and bad hosts.

One turn (`advance`) never waits: it takes the answers that came in, asks every place once how its jobs stand, collects what ended,
and fills the free slots. What must survive a crash is in the tickets (`jobdir`) and with the shims; all else is rebuilt from them.

    new -> generating -> ready -> submitting -> running -> collecting -> done
                           ^________________________________|   as often as the policy allows
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from dse.design import Fidelity, Job
from dse.errors import BackendError, ConnectionLost, ConversionError, DiskFull
from dse.execution import policy, records
from dse.execution.courier import Courier
from dse.execution.harvest import Circumstances, Judgement, judge, lost
from dse.execution.jobdir import JobFolder, job_folders
from dse.execution.places import Facts, Place, Ref, Sighting, Survey
from dse.execution.settings import ToolOptions
from dse.execution.stations import FULL, LOOKING, Station, why_not
from dse.execution.work import ON_PLACE, ProjectSource, Work
from dse.project.plan import load_plan
from dse.qor import FailureKind
from dse.synth_backends.base import Progress, Site

STOP_GRACE_SECONDS = 12.0
STOP_ALL_SECONDS = 20.0
HAND_OVERS = 5
RESUBMIT_SECONDS = 5.0
NEVER_HEARD_SECONDS = 90.0


class Engine:
    """A `SynthBackend` over one or several places.

    Args:
        places: (place, its courier); names must differ.
        projects: makes the projects' source when first needed.
        now, sleep: the clock, for tests.
    """

    basis = ""

    def __init__(
        self, site: Site, options: ToolOptions, kind: str, places: Sequence[tuple[Place, Courier]],
        projects: Callable[[], ProjectSource], *, now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self.site, self.options, self.kind = site, options, kind
        self.fidelity = Fidelity(options.fidelity)
        self.stations = [Station(place, courier) for place, courier in places]
        self._make_projects, self._projects = projects, None
        self._now, self._sleep = now, sleep
        self._works: dict[str, Work] = {}
        self._past_seconds = records.past_seconds(site.work)
        self._stop: BackendError | None = None
        self._early: list[str] = []  # causes of the first jobs, until one of them says something about a design
        self._looked_for_strays = False

    _projects: ProjectSource | None

    def advance(self, wanted: Sequence[Job]) -> tuple[Progress, ...]:
        """See `SynthBackend.advance`. With nothing wanted it waits, for some seconds at most, until all jobs have ended."""
        self._admit({job.key: job for job in wanted})
        self._turn()
        if not wanted:
            deadline = self._now() + STOP_ALL_SECONDS
            while any(work.station is not None and work.station.error is None for work in self._works.values()):
                if self._now() > deadline:
                    break
                self._sleep(0.1)
                self._turn()
            self._stop = None
        if self._stop is not None:
            error, self._stop = self._stop, None
            raise error
        return tuple(self._works[job.key].progress(self._past_seconds) for job in wanted)

    def projects_from(self, source: ProjectSource) -> None:
        """Take projects from this source instead."""
        self._make_projects = lambda: source

    def close(self) -> None:
        """End workers and connections; jobs go on."""
        if self._projects is not None:
            self._projects.close()
            self._projects = None
        for station in self.stations:
            station.courier.close()
            station.place.close()
        self._works.clear()

    def facts(self) -> list[tuple[str, Facts | None, BackendError | None]]:
        """Probe all places, waiting for them, and return (place, what was found, why it is unfit)."""
        for station in self.stations:
            station.tool = station.error = None
            while station.tool is None and station.error is None and station.silent_since is None:
                station.probe(self.site.target.toolchain, self.options, self._now())
                self._sleep(0.02)
        return [(s.place.name, s.facts, s.error or (ConnectionLost(s.silence) if s.silence else None)) for s in self.stations]

    # --- what is wanted ---------------------------------------------------------------------------------------------------

    def _admit(self, wanted: dict[str, Job]) -> None:
        if not self._looked_for_strays:
            self._looked_for_strays = True
            self._find_strays(wanted)
        for key, work in tuple(self._works.items()):
            work.is_wanted = key in wanted
            if not work.is_wanted:
                self._drop(work)
        for key, job in wanted.items():
            if key not in self._works:
                self._works[key] = self._take_up(job)

    def _take_up(self, job: Job) -> Work:
        folder = JobFolder.of(self.site.work, job.key)
        ticket = folder.load()
        work = Work(job, folder, ticket)
        work.evaluation = records.load_evaluation(folder, len(ticket.attempts))
        if work.evaluation is not None:
            work.stage = "done"
            return work
        last = ticket.last
        if last is not None and last.is_open:
            self._adopt(work)
        elif last is not None and not policy.may_retry(last.cause, ticket.count(last.cause)):
            work.ticket = records.pardon(ticket)  # nobody remembered that failure: the user mended something and asks again
        if last is not None:
            work.memory_factor = last.memory_factor
        return work

    def _adopt(self, work: Work) -> None:
        """Find the place of an attempt that an earlier process started."""
        last = work.ticket.last
        assert last is not None
        station = next((station for station in self.stations if station.place.name == last.place), None)
        if station is None:
            work.ticket = work.ticket.amended(
                cause=str(FailureKind.LOST), message=f"{last.place} is no longer a host of this campaign"
            )
            work.folder.save(work.ticket)
            return
        work.station, work.ref = station, station.place.ref(work.key, last.number, last.token, work.folder.attempt(last.number))
        work.memory_factor = last.memory_factor
        work.stage = "running"
        with suppress(ConversionError):
            work.plan = load_plan(work.folder.project)

    def _find_strays(self, wanted: dict[str, Job]) -> None:
        """Stop what an earlier process left running and nobody wants any more."""
        for folder in job_folders(self.site.work):
            last = folder.load().last if folder.key not in wanted else None
            if last is not None and last.is_open:
                station = next((station for station in self.stations if station.place.name == last.place), None)
                ticket = folder.load().amended(cause=str(FailureKind.CANCELLED), message="no longer wanted")
                if station is not None:
                    ref = station.place.ref(folder.key, last.number, last.token, folder.attempt(last.number))
                    station.strays.append((ref, partial(folder.save, ticket)))

    def _drop(self, work: Work) -> None:
        if work.stage in ON_PLACE:
            work.stopping = work.stopping or str(FailureKind.CANCELLED)
            return
        if work.generation is not None and not work.generation.done():
            cancel = getattr(self._projects, "cancel", None)
            if cancel is not None:
                cancel(work.generation)
        if work.stage == "done" and not self.options.keep_projects:
            records.prune(work.folder)
        del self._works[work.key]

    # --- one turn ---------------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._take_answers()
        for station in self.stations:
            self._look_after(station)
        self._take_answers()
        for work in self._works.values():
            self._prepare(work)
        self._fill_slots()
        self._take_answers()
        for key, work in tuple(self._works.items()):
            if not work.is_wanted and work.stage not in ON_PLACE:
                self._drop(self._works[key])
        self._judge_stations()

    def _take_answers(self) -> None:
        for work in tuple(self._works.values()):
            errand = work.errand
            if errand is None or not errand.done():
                continue
            work.errand = None
            assert work.station is not None
            try:
                answer = errand.result()
                work.station.heard()
            except ConnectionLost as error:
                work.station.unheard(error, self._now())
                work.stage = "running"  # or not: the next survey will tell
            except DiskFull as error:
                self._close(work, Judgement(str(FailureKind.DISK_FULL), str(error)))
            except BackendError as error:
                work.station.stumbled(error, self._now())
                if work.stage == "submitting" and work.station.error is not None and work.handed_over == 0:
                    self._withdraw(work, error)
                else:
                    work.stage = "running"
            else:
                self._proceed(work, answer)

    def _withdraw(self, work: Work, error: BackendError) -> None:
        """The place refused the attempt, so it never began."""
        work.ticket = records.pardon(work.ticket.amended(cause=str(FailureKind.CANCELLED), message=str(error)[:500]))
        work.folder.save(work.ticket)
        work.stage, work.station, work.ref = "ready", None, None

    def _proceed(self, work: Work, answer: object) -> None:
        if work.stage == "submitting":
            work.stage = "running"
        elif isinstance(answer, Judgement):
            self._close(work, answer)
        elif work.stage == "collecting":
            work.stage = "running"

    def _look_after(self, station: Station) -> None:
        now = self._now()
        refs = {
            work.ref: work
            for work in self._works.values()
            if work.station is station and work.stage == "running" and work.errand is None
        }
        station.probe(self.site.target.toolchain, self.options, now)
        if station.survey is None and (refs or station.strays or station.free_disk is not None) and station.may_ask(now):
            asked = tuple(ref for ref in refs if ref is not None)
            station.survey = station.courier.send(partial(station.place.survey, asked))
        if station.survey is None or not station.survey.done():
            return
        survey, station.survey = station.survey, None
        try:
            self._read_survey(station, survey.result())
        except ConnectionLost as error:
            station.unheard(error, now)
        except BackendError as error:
            station.stumbled(error, now)

    def _read_survey(self, station: Station, survey: Survey) -> None:
        station.heard()
        station.free_memory, station.free_disk = survey.memory_bytes, survey.disk_bytes
        while station.strays:
            station.courier.send(partial(_end_stray, station.place, *station.strays.pop()))
        by_ref = {work.ref: work for work in self._works.values() if work.stage == "running" and work.errand is None}
        for ref, sighting in survey.sightings.items():
            if ref in by_ref:
                self._read_sighting(by_ref[ref], sighting)

    def _read_sighting(self, work: Work, sighting: Sighting) -> None:
        work.look(sighting)
        last = work.ticket.last
        assert last is not None
        if sighting.state in ("running", "gone", "ended") and not last.seen:
            work.ticket = work.ticket.amended(seen=True)
            work.folder.save(work.ticket)
        if sighting.state == "ended":
            self._send(work, "collecting", partial(_collect, work, self.kind, self.options))
        elif sighting.state == "gone" or (sighting.state == "absent" and last.seen):
            self._send(work, "collecting", partial(_bury, work, sighting))
        elif work.folder.cancel_mark.exists() or work.stopping:
            self._stop_work(work)
        elif sighting.state in ("absent", "fresh") and self._now() >= work.ready_at:
            self._hand_over_again(work)

    def _hand_over_again(self, work: Work) -> None:
        """Nobody knows whether the attempt arrived: give it again. Of two shims on one directory one goes home."""
        work.handed_over += 1
        work.ready_at = self._now() + RESUBMIT_SECONDS
        if work.handed_over > HAND_OVERS:
            self._close(work, Judgement(str(FailureKind.LOST), "it was handed over several times and never started"))
        elif work.plan is None:
            self._close(work, Judgement(str(FailureKind.LOST), "it was never started, and its project is gone"))
        else:
            self._submit(work)

    def _stop_work(self, work: Work) -> None:
        assert work.station is not None
        assert work.ref is not None
        work.stopping = work.stopping or str(FailureKind.CANCELLED)
        now = self._now()
        if work.sighting is not None and work.sighting.state in ("absent", "fresh"):
            self._close(work, Judgement(str(FailureKind.CANCELLED), "cancelled before it started"))
            return
        is_late = work.stop_asked_at is not None and now - work.stop_asked_at > STOP_GRACE_SECONDS
        if work.stop_asked_at is None or is_late:
            work.stop_asked_at = now
            self._send(work, "running", partial(work.station.place.stop, work.ref, is_late))

    def _send(self, work: Work, stage: Any, errand: Callable[[], Any]) -> None:
        assert work.station is not None
        work.stage = stage
        work.errand = work.station.courier.send(errand)

    # --- before the tool runs ---------------------------------------------------------------------------------------------

    def _prepare(self, work: Work) -> None:
        if work.stage == "new":
            self._request_project(work)
        if work.stage == "generating":
            assert work.generation is not None
            if work.generation.done():
                try:
                    work.plan = work.generation.result()
                    work.stage = "ready"
                except ConversionError as error:
                    self._finish(work, Judgement(str(FailureKind.UNKNOWN), f"no project: {error}"))
        if work.stage in ("new", "generating", "ready") and work.folder.cancel_mark.exists():
            self._finish(work, Judgement(str(FailureKind.CANCELLED), "cancelled before it started"))

    def _request_project(self, work: Work) -> None:
        if work.folder.project.exists():
            try:
                work.plan, work.stage = load_plan(work.folder.project), "ready"
                return
            except ConversionError:
                work.folder.forget_project()
        if self._projects is None:
            self._projects = self._make_projects()
        work.folder.path.mkdir(parents=True, exist_ok=True)
        work.generation = self._projects.submit(work.job, self.site.source, work.folder.project)
        work.stage = "generating"

    def _fill_slots(self) -> None:
        now = self._now()
        for work in self._works.values():
            if work.stage != "ready" or now < work.ready_at:
                continue
            station, why = self._choose_station(work)
            if station is None:
                self._hold(work, why)
                continue
            work.hold, work.held_since = "", None
            self._open(work, station)

    def _hold(self, work: Work, why: str) -> None:
        """Note why a job does not start. A full slot is the order of things; anything else is told."""
        if why in (FULL, LOOKING):
            return
        work.hold = why
        if work.held_since is None:
            work.held_since = self._now()
        if why.startswith("disk") and self._now() - work.held_since > policy.STALLED_SECONDS:
            self._stop = DiskFull(f"{why}. Make room there and run the same command again; nothing was lost.")

    def _choose_station(self, work: Work) -> tuple[Station | None, str]:
        on_place = [other for other in self._works.values() if other.stage in ON_PLACE]
        if len(on_place) >= self.site.slots or len(on_place) >= (self.options.licences or self.site.slots):
            return None, FULL
        reasons, best, best_free = [], None, -1
        for station in self.stations:
            here = [other for other in on_place if other.station is station]
            needed = int((self.options.memory_bytes() or 0) * work.memory_factor)
            memory = [
                ((o.sighting.memory_bytes or 0) if o.sighting else 0, int((self.options.memory_bytes() or 0) * o.memory_factor))
                for o in here
            ]
            why = why_not(station, self.options, len(here), memory, needed)
            if not why and here and (work.alone or any(other.alone for other in here)):
                why = "a job that ran out of memory runs alone"
            free = station.place.slots - len(here) - (station.place.name == work.avoid)
            if why:
                reasons.append(why)
            elif free > best_free:
                best, best_free = station, free
        told = [reason for reason in reasons if reason != FULL]
        return best, (told or reasons or [FULL])[0]

    def _open(self, work: Work, station: Station) -> None:
        work.ticket = work.ticket.opened(station.place.name, work.memory_factor)
        last = work.ticket.last
        assert last is not None
        work.folder.save(work.ticket)  # before anything starts: a crash from here on finds the attempt again
        work.station, work.handed_over, work.stop_asked_at, work.sighting = station, 0, None, None
        work.ref = station.place.ref(work.key, last.number, last.token, work.folder.attempt(last.number))
        self._submit(work)

    def _submit(self, work: Work) -> None:
        assert work.station is not None
        assert work.ref is not None
        assert work.plan is not None
        last = work.ticket.last
        assert last is not None
        tool = work.station.tool
        if tool is None:  # adopted before the probe answered
            return
        document = self.options.document(last, self.site.target.toolchain, tool.path)
        work.ready_at = self._now() + RESUBMIT_SECONDS
        self._send(work, "submitting", partial(work.station.place.submit, work.ref, work.plan.directory, document))

    # --- after it has run -------------------------------------------------------------------------------------------------

    def _close(self, work: Work, judgement: Judgement) -> None:
        """End the open attempt and decide by the policy what comes next."""
        station, cause = work.station, judgement.cause
        assert station is not None
        if work.stopping and cause != policy.MEASURED:
            cause = work.stopping
        ticket = work.ticket.amended(cause=cause, message=judgement.message[:500])
        if cause == policy.MEASURED or policy.RULES[cause].is_cached:
            station.trust()
            self._early.clear()
        else:
            station.blame(work.key, cause)
        work.ticket, ref = ticket, work.ref
        if cause == policy.MEASURED or not policy.may_retry(cause, ticket.count(cause)):
            self._finish(work, judgement, cause)
        else:
            work.folder.save(ticket)
            self._prepare_retry(work, cause, judgement)
        if ref is not None and station.answers:
            # Only now: had we crashed before, the next process would have found the attempt as it was.
            station.courier.send(partial(station.place.clean, ref))

    def _prepare_retry(self, work: Work, cause: str, judgement: Judgement) -> None:
        rule = policy.RULES[cause]
        last = work.ticket.last
        assert last is not None
        work.avoid = last.place if rule.elsewhere or rule.is_host_fault else ""
        if rule.alone:
            work.alone, work.memory_factor = True, 2.0
        n = work.ticket.count(cause)
        if rule.then == "wait":
            is_licence = cause == FailureKind.LICENCE
            work.ready_at = self._now() + (policy.licence_wait_seconds(n) if is_licence else policy.LICENCE_WAIT_SECONDS[0])
            work.denied_since = self._now() if work.denied_since is None else work.denied_since
            minutes = (self._now() - work.denied_since) / 60
            stalled = f" Stalled for {minutes:.0f} min. {rule.next_step}" if 60 * minutes >= policy.STALLED_SECONDS else ""
            work.hold = f"{cause}: {judgement.message}{stalled}"
            if stalled and not is_licence:
                self._stop = rule.error(work.hold)
        records.prune_attempt(work.folder.attempt(last.number))
        work.stage, work.station, work.ref, work.sighting, work.stop_asked_at = "new", None, None, None, None

    def _finish(self, work: Work, judgement: Judgement, cause: str = "") -> None:
        cause = cause or judgement.cause
        rule = policy.RULES.get(cause)
        work.evaluation = judgement.evaluation or records.failed(work, judgement, cause, self.kind, self.options)
        work.stage, work.hold, work.alone = "done", "", False
        work.folder.cancel_mark.unlink(missing_ok=True)
        if rule is None or rule.is_cached:
            records.save_evaluation(work.folder, len(work.ticket.attempts), work.evaluation)
            if rule is None and work.evaluation.provenance.tool_seconds:
                self._past_seconds.append(work.evaluation.provenance.tool_seconds)
        if work.ticket.attempts:
            work.folder.save(work.ticket)
        if rule is not None and rule.then == "stop":
            self._stop = rule.error(f"{judgement.message} {rule.next_step}")
            work.stage, work.evaluation = "new", None
            work.ticket = records.pardon(work.ticket)
        elif rule is not None and rule.is_host_fault and work.is_wanted:
            self._count_early(cause, judgement)

    def _count_early(self, cause: str, judgement: Judgement) -> None:
        """The first jobs of a campaign all fail alike: stop and explain, rather than burn the budget."""
        if self._past_seconds:
            return
        self._early.append(cause)
        if len(self._early) >= policy.EARLY_COUNT and len(set(self._early)) == 1:
            self._stop = BackendError(
                f"the first {len(self._early)} jobs failed alike ({cause}): {judgement.message} {policy.RULES[cause].next_step}"
            )

    def _judge_stations(self) -> None:
        """Stop the campaign if no station can take a job; give away the jobs of one that has been silent for too long."""
        open_works = [work for work in self._works.values() if work.stage != "done"]
        if self._stop is not None or not open_works:
            return
        errors = [station.error for station in self.stations if station.error is not None]
        if len(errors) == len(self.stations):
            # What runs on a host that still answers is waited for: its result counts, whatever made the host unfit for more.
            if not any(work.stage in ON_PLACE and work.station is not None and work.station.answers for work in open_works):
                self._stop = errors[0]
            return
        for station in self.stations:
            here = [work for work in open_works if work.station is station and work.stage == "running" and work.errand is None]
            patience = 60.0 * self.options.unreachable_minutes if here or station.was_heard else NEVER_HEARD_SECONDS
            if station.silent_since is not None and self._now() - station.silent_since >= patience:
                self._give_up(station, here)

    def _give_up(self, station: Station, here: Sequence[Work]) -> None:
        if all(other.error is not None or other.silent_since is not None for other in self.stations):
            self._stop = ConnectionLost(f"{station.silence} Its jobs, if any, go on; run the same command again once it answers.")
            return
        for work in here:
            if work.ref is not None:
                station.strays.append((work.ref, lambda: None))
            self._close(work, Judgement(str(FailureKind.LOST), station.silence))


def _collect(work: Work, kind: str, options: ToolOptions) -> Judgement:
    """Bring an ended attempt's files here and say what they mean."""
    assert work.station is not None
    assert work.ref is not None
    work.station.place.fetch(work.ref)
    attempt = work.ticket.last
    assert attempt is not None
    return judge(work.ref.local, Circumstances(work.job, work.plan, attempt, options, kind, work.station.tool))


def _bury(work: Work, sighting: Sighting) -> Judgement:
    """An attempt whose shim is gone without a word: end what it left behind and keep its log."""
    assert work.station is not None
    assert work.ref is not None
    ref: Ref = work.ref
    work.station.place.stop(ref, True)
    if sighting.state == "gone":
        work.station.place.fetch(ref)
    return lost(ref.local, sighting)


def _end_stray(place: Place, ref: Ref, then: Callable[[], None]) -> None:
    """End an attempt that nobody wants, and only then forget it."""
    place.stop(ref, True)
    then()
