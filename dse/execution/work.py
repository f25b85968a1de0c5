"""One job on its way through the engine: what this process knows of it, beyond the ticket on disk."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

from dse.design import Job
from dse.execution.jobdir import Attempt, JobFolder, Ticket
from dse.execution.phases import estimate_remaining, read_phase
from dse.execution.places import Ref, Sighting
from dse.execution.stations import Station
from dse.project.plan import ProjectPlan
from dse.qor import Evaluation
from dse.synth_backends.base import Progress, State

Stage = Literal["new", "generating", "ready", "submitting", "running", "collecting", "done"]
ON_PLACE: tuple[Stage, ...] = ("submitting", "running", "collecting")


@lru_cache(maxsize=4096)
def key_of(job: Job) -> str:
    """Return a job's key; the same jobs are asked for at every tick, and a digest takes a quarter of a millisecond."""
    return job.key


class Pending(Protocol):
    """A project on its way."""

    def done(self) -> bool: ...

    def result(self) -> ProjectPlan: ...


class ProjectSource(Protocol):
    """Writes projects in the background; `dse.project.ProjectGenerator` is one."""

    def submit(self, job: Job, source: Path, destination: Path) -> Pending: ...

    def close(self) -> None: ...


@dataclass
class Work:
    """One job.

    Attributes:
        stage: where it is in the engine; it takes a slot of its station while submitting, running or collecting.
        errand: what is being done for it at its station.
        ready_at: not before this time of the engine's clock.
        stopping: the cause for which it is being stopped; "" if it is not.
        stop_asked_at: when it was asked to stop.
        hold, held_since: what keeps it waiting, for the user.
        denied_since: since when it has not got a licence.
        avoid, alone, memory_factor: how the next attempt differs from the last.
    """

    job: Job
    folder: JobFolder
    ticket: Ticket
    stage: Stage = "new"
    plan: ProjectPlan | None = None
    generation: Pending | None = None
    station: Station | None = None
    ref: Ref | None = None
    errand: Future[Any] | None = None
    sighting: Sighting | None = None
    evaluation: Evaluation | None = None
    ready_at: float = 0.0
    held_since: float | None = None
    denied_since: float | None = None
    stopping: str = ""
    stop_asked_at: float | None = None
    hold: str = ""
    phase: str = ""
    handed_over: int = 0
    avoid: str = ""
    alone: bool = False
    memory_factor: float = 1.0
    is_wanted: bool = field(default=True)

    @property
    def key(self) -> str:
        return self.folder.key

    @property
    def attempt(self) -> Attempt:
        """The last attempt; there is one wherever this is asked."""
        last = self.ticket.last
        assert last is not None
        return last

    @property
    def berth(self) -> tuple[Station, Ref]:
        """Where the attempt is; there is one while the job is on a place."""
        assert self.station is not None
        assert self.ref is not None
        return self.station, self.ref

    def moor(self, station: Station, ref: Ref) -> None:
        """Take a slot of a station for a new attempt."""
        self.station, self.ref, self.sighting, self.stop_asked_at = station, ref, None, None
        self.handed_over, self.hold, self.held_since, self.phase = 0, "", None, ""

    def leave(self, stage: Stage) -> None:
        """Give the slot back."""
        self.station = self.ref = self.sighting = self.stop_asked_at = None
        self.stage = stage

    def look(self, sighting: Sighting) -> None:
        """Take note of what a survey saw."""
        self.sighting = sighting
        self.phase = read_phase(sighting.tail) or self.phase or sighting.stage

    def progress(self, past_seconds: list[float]) -> Progress:
        """Say where the job stands."""
        if self.stage == "done":
            assert self.evaluation is not None
            return Progress(self.key, "done", self.evaluation, host=self.evaluation.provenance.host)
        sighting = self.sighting
        is_running = self.stage in ON_PLACE and not (sighting is not None and sighting.state == "queued")
        state: State = "running" if is_running else "waiting" if self.hold else "queued"
        elapsed = sighting.seconds if sighting and is_running else None
        return Progress(
            key=self.key,
            state=state,
            host=self.station.place.name if self.station and self.stage in ON_PLACE else "",
            phase=self._phase(),
            elapsed_seconds=elapsed,
            eta_seconds=None if elapsed is None else estimate_remaining(elapsed, past_seconds),
            memory_bytes=sighting.memory_bytes if sighting and is_running else None,
            message=self._message(),
        )

    def _phase(self) -> str:
        names = {"new": "", "generating": "generating project", "ready": "", "submitting": "starting", "collecting": "collecting"}
        if self.stopping:
            return "stopping"
        return names.get(self.stage, self.phase)

    def _message(self) -> str:
        if self.hold:
            return self.hold
        if self.station is not None and self.stage in ON_PLACE and self.station.silence:
            return self.station.silence
        if self.sighting is not None and self.sighting.reason:
            return self.sighting.reason
        last = self.ticket.last
        if last is not None and len(self.ticket.attempts) > 1:
            before = self.ticket.attempts[-2] if last.is_open else last
            return f"attempt {len(self.ticket.attempts)}, after {before.cause}: {before.message}"[:300]
        return ""
