"""What local, ssh and slurm share: brings wanted jobs from project to evaluation, over crashes and bad hosts.

One turn (`advance`) never waits: it takes the answers that came in, asks every place once how its jobs stand, collects what ended,
and fills the free slots. What must survive a crash is in the tickets (`jobdir`) and with the shims; all else is rebuilt from them.

    new -> generating -> ready -> submitting -> running -> collecting -> done
     ^_____________________________________________________|   as often as the policy allows
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from dse.design import Fidelity, Job
from dse.errors import BackendError, ConnectionLost, ConversionError, DiskFull
from dse.execution import admission, records
from dse.execution.aftermath import Aftermath
from dse.execution.berths import ORDINARY, choose_station
from dse.execution.courier import Courier
from dse.execution.errands import bury, collect, end_stray
from dse.execution.harvest import Judgement
from dse.execution.places import Place, Sighting, Survey
from dse.execution.projects import Projects
from dse.execution.settings import ToolOptions
from dse.execution.stations import Station
from dse.execution.work import ON_PLACE, ProjectSource, Stage, Work, key_of
from dse.qor import FailureKind
from dse.synth_backends.base import Progress, Site

STOP_GRACE_SECONDS = 12.0
STOP_ALL_SECONDS = 20.0
HAND_OVERS = 5
RESUBMIT_SECONDS = 5.0
START_SECONDS = 1.0


class Engine:
    """A `SynthBackend` over one or several places.

    Args:
        places: (place, its courier); names must differ.
        projects: makes the projects' source when first needed.
        now, sleep: the clock, for tests.
    """

    basis = ""

    def __init__(
        self,
        site: Site,
        options: ToolOptions,
        kind: str,
        places: Sequence[tuple[Place, Courier]],
        projects: Callable[[], ProjectSource],
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.site, self.options, self.kind = site, options, kind
        self.fidelity = Fidelity(options.fidelity)
        self.stations = [Station(place, courier) for place, courier in places]
        self.limits = {
            FailureKind.TIMEOUT: 60.0 * options.timeout_minutes,
            FailureKind.OUT_OF_MEMORY: options.memory_gb,
        }
        self.projects = Projects(site, projects)
        self._now, self._sleep = now, sleep
        self._works: dict[str, Work] = {}
        self._after = Aftermath(kind, options, records.past_seconds(site.work), now)
        self._looked_for_strays = False

    def advance(self, wanted: Sequence[Job]) -> tuple[Progress, ...]:
        """See `SynthBackend.advance`. With nothing wanted it waits, for some seconds at most, until all jobs have ended."""
        self._admit({key_of(job): job for job in wanted})
        self._turn()
        if not wanted:
            self._wait_while(lambda: any(work.station and work.station.error is None for work in self._works.values()))
            self._after.stop = None
        if self._after.stop is not None:
            error, self._after.stop = self._after.stop, None
            raise error
        return tuple(self._works[key_of(job)].progress(self._after.past_seconds) for job in wanted)

    def stop_jobs(self, keys: Sequence[str]) -> None:
        """End jobs of an earlier process, waiting for it; their attempts are closed, so that they may start anew."""
        self._looked_for_strays = True
        admission.mark_strays(self.site.work, self.stations, lambda key: key in keys)
        self._wait_while(lambda: any(station.strays or not station.is_quiet for station in self.stations))

    def close(self) -> None:
        """End workers and connections; jobs go on."""
        self.projects.close()
        for station in self.stations:
            station.courier.close()
            station.place.close()
        self._works.clear()

    def probe(self) -> None:
        """Look at all stations anew, waiting for their answers: see their `tool`, `facts`, `error` and `silence`."""
        for station in self.stations:
            station.tool = station.error = None
            while station.tool is None and station.error is None and station.silent_since is None:
                station.probe(self.site.target.toolchain, self.options, self._now())
                self._sleep(0.02)

    def _wait_while(self, is_busy: Callable[[], bool]) -> None:
        deadline = self._now() + STOP_ALL_SECONDS
        while is_busy() and self._now() < deadline:
            self._sleep(0.1)
            self._turn()

    def _admit(self, wanted: dict[str, Job]) -> None:
        if not self._looked_for_strays:
            self._looked_for_strays = True
            admission.mark_strays(self.site.work, self.stations, lambda key: key not in wanted)
        for key, work in tuple(self._works.items()):
            work.is_wanted = key in wanted
            if not work.is_wanted:
                self._drop(work)
        for key, job in wanted.items():
            if key not in self._works:
                self._works[key] = admission.take_up(self.site.work, job, self.stations)

    def _drop(self, work: Work) -> None:
        if work.stage in ON_PLACE:
            work.stopping = work.stopping or str(FailureKind.CANCELLED)
            return
        self.projects.cancel(work)
        if work.stage == "done" and not self.options.keep_projects:
            records.prune(work.folder)
        del self._works[work.key]

    def _turn(self) -> None:
        self._take_answers()
        for station in self.stations:
            self._look_after(station)
        self._take_answers()
        for work in self._works.values():
            self._prepare(work)
        self._fill_slots()
        self._take_answers()
        for work in tuple(self._works.values()):
            if not work.is_wanted:
                self._drop(work)
        self._after.judge_stations(self._works.values(), self.stations)

    def _take_answers(self) -> None:
        for work in self._works.values():
            errand = work.errand
            if errand is None or not errand.done():
                continue
            work.errand = None
            station, _ = work.berth
            try:
                answer = errand.result()
                station.heard()
            except ConnectionLost as error:
                station.unheard(error, self._now())
                work.stage = "running"  # or not: the next survey will tell
            except DiskFull as error:
                self._after.close(work, Judgement(str(FailureKind.DISK_FULL), str(error)))
            except BackendError as error:
                station.stumbled(error, self._now())
                if work.stage == "submitting" and station.error is not None and work.handed_over == 0:
                    self._after.withdraw(work, str(error))
                else:
                    work.stage = "running"
            else:
                work.stage = "running"
                if isinstance(answer, Judgement):
                    self._after.close(work, answer)

    def _look_after(self, station: Station) -> None:
        now = self._now()
        here = [work for work in self._works.values() if work.station is station and work.stage == "running" and not work.errand]
        station.probe(self.site.target.toolchain, self.options, now)
        if station.survey is None and (here or station.strays or station.free_disk is not None) and station.may_ask(now):
            station.survey = station.courier.send(partial(station.place.survey, [work.berth[1] for work in here]))
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
            station.ending.append(station.courier.send(partial(end_stray, station.place, *station.strays.pop())))
        running = {work.ref: work for work in self._works.values() if work.stage == "running" and work.errand is None}
        for ref, sighting in survey.sightings.items():
            if ref in running:
                self._read_sighting(running[ref], sighting)

    def _read_sighting(self, work: Work, sighting: Sighting) -> None:
        work.look(sighting)
        was_seen = work.attempt.seen
        if sighting.state in ("running", "gone", "ended") and not was_seen:
            work.ticket = work.ticket.amended(seen=True)
            work.folder.save(work.ticket)
        if sighting.state == "ended":
            self._send(work, "collecting", partial(collect, work, self.kind, self.options))
        elif sighting.state == "gone" or (sighting.state == "absent" and was_seen):
            self._send(work, "collecting", partial(bury, work, sighting))
        elif work.stopping or work.folder.cancel_mark.exists():
            self._stop_work(work, sighting)
        elif sighting.state in ("absent", "fresh") and self._now() >= work.ready_at:
            self._hand_over_again(work)

    def _hand_over_again(self, work: Work) -> None:
        """Nobody knows whether the attempt arrived: give it again. Of two shims on one directory one goes home."""
        work.handed_over += 1
        if work.handed_over > HAND_OVERS:
            self._after.close(work, Judgement(str(FailureKind.LOST), "it was handed over several times and never started"))
        elif work.plan is None:
            self._after.close(work, Judgement(str(FailureKind.LOST), "it was never started, and its project is gone"))
        else:
            self._submit(work)

    def _stop_work(self, work: Work, sighting: Sighting) -> None:
        station, ref = work.berth
        work.stopping = work.stopping or str(FailureKind.CANCELLED)
        if sighting.state in ("absent", "fresh"):
            self._after.close(work, Judgement(str(FailureKind.CANCELLED), "cancelled before it started"))
            return
        now = self._now()
        is_late = work.stop_asked_at is not None and now - work.stop_asked_at > STOP_GRACE_SECONDS
        if work.stop_asked_at is None or is_late:
            work.stop_asked_at = now
            self._send(work, "running", partial(station.place.stop, ref, is_late))

    def _prepare(self, work: Work) -> None:
        if work.stage in ON_PLACE or work.stage == "done":
            return
        try:
            self.projects.prepare(work, self._now())
        except ConversionError as error:
            self._after.finish(work, Judgement("", f"no project: {error}"), str(FailureKind.UNKNOWN))
            return
        except DiskFull as error:
            self._after.defer(work, f"disk: {error}")
        if work.folder.cancel_mark.exists():
            self._after.finish(work, Judgement("", "cancelled before it started"), str(FailureKind.CANCELLED))

    def _fill_slots(self) -> None:
        began = self._now()
        for work in self._works.values():
            if work.stage != "ready" or self._now() < work.ready_at:
                continue
            if self._now() - began > START_SECONDS:  # the others in the next turn: the views wait for this one
                return
            station, why = choose_station(work, self._works.values(), self.stations, self.options, self.site.slots)
            if station is not None:
                self._open(work, station)
            elif why not in ORDINARY:
                self._after.hold(work, why)

    def _open(self, work: Work, station: Station) -> None:
        work.ticket = work.ticket.opened(station.place.name, work.memory_factor)
        work.folder.save(work.ticket)  # before anything starts: a crash from here on finds the attempt again
        number, token = work.attempt.number, work.attempt.token
        work.moor(station, station.place.ref(work.key, number, token, work.folder.attempt(number)))
        self._submit(work)

    def _submit(self, work: Work) -> None:
        station, ref = work.berth
        if station.tool is None or work.plan is None:  # adopted, and the probe has not answered yet
            return
        document = self.options.document(work.attempt, self.site.target.toolchain, station.tool.path)
        work.ready_at = self._now() + RESUBMIT_SECONDS
        self._send(work, "submitting", partial(station.place.submit, ref, work.plan.directory, document))

    def _send(self, work: Work, stage: Stage, errand: Callable[[], Any]) -> None:
        station, _ = work.berth
        work.stage = stage
        work.errand = station.courier.send(errand)
