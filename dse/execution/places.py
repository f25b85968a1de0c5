"""A place holds jobs: it takes them, says where they stand, gives their files back, and ends them.

`Machine` starts shims itself, here or over SSH; `SlurmCluster` hands them to the scheduler, which is only ever a hint: what a shim
wrote is the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from dse.errors import BackendError
from dse.execution.hosts import Host
from dse.execution.jobdir import BEAT, ENDING, IDENTITY, JOB, LOGS

FETCHED = (*LOGS, BEAT, ENDING, IDENTITY, JOB)
REPORTS = (
    "project/**/report/*.xml",
    "project/**/report/*.rpt",
    "project/*.rpt",
    "project/*.log",
    "project/*_prj/*.app",
    "project/firmware/parameters.h",
)
SightingState = Literal["absent", "fresh", "queued", "running", "gone", "ended"]


@dataclass(frozen=True, slots=True)
class Ref:
    """One attempt as a place knows it: `directory` is its path there, `local` where its files are brought."""

    key: str
    number: int
    token: str
    directory: str
    local: Path


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where an attempt stands. `hint` is what a scheduler says of it; `reason` why it does not run yet.

    `silent_seconds` is the time since its last beat, where only that can be told.
    """

    state: SightingState
    stage: str = ""
    seconds: float | None = None
    memory_bytes: int | None = None
    peak_bytes: int = 0
    tail: str = ""
    host: str = ""
    hint: str = ""
    reason: str = ""
    ending: dict[str, Any] | None = None
    silent_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a place is fit for; see `dse.execution.agent.probe`."""

    tool: str = ""
    banner: str = ""
    memory_bytes: int = 0
    disk_bytes: int = 0
    cores: int = 0
    host: str = ""
    python: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a place says of all its attempts at once, and what is free there; None where it cannot say."""

    sightings: dict[Ref, Sighting]
    memory_bytes: int | None = None
    disk_bytes: int | None = None


class Place(Protocol):
    """Where jobs run. All verbs may raise ConnectionLost (nobody knows; ask again) or BackendError (the place is unfit)."""

    name: str
    slots: int

    @property
    def root(self) -> str:
        """The directory of its jobs."""
        ...

    def probe(self, tools: list[str], variables: list[str], setup: str) -> Facts: ...

    def ref(self, key: str, number: int, token: str, local: Path) -> Ref: ...

    def submit(self, ref: Ref, project: Path, job: bytes) -> None:
        """Hand an attempt over; doing so twice starts it once."""
        ...

    def survey(self, refs: Sequence[Ref]) -> Survey:
        """Look at all attempts at once."""
        ...

    def fetch(self, ref: Ref) -> None:
        """Bring log, ending and reports to `ref.local`."""
        ...

    def stop(self, ref: Ref, hard: bool) -> int:
        """End an attempt, asking first unless `hard`; return how many of its processes are left."""
        ...

    def clean(self, ref: Ref) -> None:
        """Delete what the place still holds of an attempt that was fetched."""
        ...

    def close(self) -> None: ...


def sighting(facts: dict[str, Any]) -> Sighting:
    """Read what an agent says of one job; it comes from another machine, so nothing is taken for granted."""
    beat = facts.get("beat") if isinstance(facts.get("beat"), dict) else {}
    assert isinstance(beat, dict)
    state = facts.get("state")
    if state == "elsewhere":
        state = "running"
    if state not in ("absent", "fresh", "running", "gone", "ended"):
        raise BackendError(f"a host said that a job is {state!r}; that is no state.")
    ending = facts.get("rc")
    return Sighting(
        state=state,
        stage=str(beat.get("stage", ""))[:40],
        seconds=_number(beat.get("seconds")),
        memory_bytes=None if _number(beat.get("memory_bytes")) is None else int(beat["memory_bytes"]),
        peak_bytes=int(_number(beat.get("peak_memory_bytes")) or 0),
        tail=str(facts.get("tail", ""))[-8192:],
        host=str(facts.get("host", ""))[:80],
        ending=ending if isinstance(ending, dict) else None,
        silent_seconds=_number(facts.get("silent_seconds")),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 <= value < 2**50 else None


@dataclass
class Machine:
    """A host whose shims we start ourselves."""

    host: Host
    slots: int
    name: str = field(default="")

    def __post_init__(self) -> None:
        self.name = self.name or self.host.name

    @property
    def root(self) -> str:
        return self.host.directory()

    def probe(self, tools: list[str], variables: list[str], setup: str) -> Facts:
        found = self.host.ask("probe", directory=self.root, tools=tools, variables=variables, setup=setup)
        texts = {name: str(found.get(name, ""))[:2000] for name in ("tool", "banner", "host", "python", "error")}
        numbers = {name: int(_number(found.get(name)) or 0) for name in ("memory_bytes", "disk_bytes", "cores")}
        return Facts(**texts, **numbers)  # type: ignore[arg-type]

    def ref(self, key: str, number: int, token: str, local: Path) -> Ref:
        return Ref(key, number, token, self.host.directory(key, f"attempt-{number}"), local)

    def submit(self, ref: Ref, project: Path, job: bytes) -> None:
        self.host.put(ref.directory, project, job)
        reply = self.host.ask("start", directory=ref.directory, archive=self.host.agent())
        if not reply.get("started"):
            raise BackendError(f"{self.name}: the shim did not start: {str(reply.get('error'))[-300:]}")

    def survey(self, refs: Sequence[Ref]) -> Survey:
        return self._read(self.host.ask("survey", root=self.root, directories=[ref.directory for ref in refs]), refs)

    def _read(self, found: dict[str, object], refs: Sequence[Ref]) -> Survey:
        jobs = found.get("jobs")
        if not isinstance(jobs, dict):
            raise BackendError(f"{self.name}: its answer holds no jobs.")
        sightings = {ref: sighting(jobs.get(ref.directory) or {}) for ref in refs}
        memory, disk = (_number(found.get(name)) for name in ("memory_bytes", "disk_bytes"))
        return Survey(sightings, None if memory is None else int(memory), None if disk is None else int(disk))

    def fetch(self, ref: Ref) -> None:
        self.host.get(ref.directory, ref.local, (*FETCHED, *REPORTS))

    def stop(self, ref: Ref, hard: bool) -> int:
        return int(str(self.host.ask("stop", directory=ref.directory, token=ref.token, hard=hard).get("left", 0)))

    def clean(self, ref: Ref) -> None:
        if ref.directory != str(ref.local):
            self.host.ask("remove", directory=ref.directory, keep=[])

    def close(self) -> None:
        self.host.close()
