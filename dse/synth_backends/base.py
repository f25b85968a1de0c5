"""The seam to where a synthesis runs: one verb, `advance`.

A backend is told, again and again, the complete set of jobs that are wanted *now*. It starts those it has not started, looks
after those that run, stops those that are wanted no longer, and answers with the progress of each. It never blocks for long and
keeps its truth outside this process (shims, files), so the same call after a crash re-adopts what still runs.

A backend module exposes
    Options                        frozen; its fields are the backend's keys in `[backend]`
    create(options, site) -> SynthBackend

A campaign may come from somebody else. Before anything of it runs, its user is asked about every text in `Options` that is not its
default (`dse.consent`). Where a text is never run, or some values of it are harmless, the field says so: `never_run`, `harmless`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from dse.design import Fidelity, Job, Layer, LayerChoice, Network, Target
from dse.qor import Evaluation, FailureKind, Qor

State = Literal["queued", "waiting", "running", "done"]
COSIMULATED = "cosim"  # the basis of a tool's runs that end with a co-simulation
HARMLESS = "dse.harmless"  # in a field's metadata: the values nobody needs to agree to, None for all


def never_run(default: Any = MISSING) -> Any:
    """A field of `Options` whose text no machine runs, nor reads as instructions to run something: it needs no consent."""
    return field(default=default, metadata={HARMLESS: None})


def harmless(default: Any, *values: str) -> Any:
    """A field of `Options` that needs consent but for its default and these values."""
    return field(default=default, metadata={HARMLESS: values})


def is_tool(basis: str) -> bool:
    """Whether results of this basis come from a real tool."""
    return basis in ("", COSIMULATED)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where one job stands. `evaluation` is there when, and only when, `state` is done.

    `waiting` means held back by something outside (a licence, memory, disk); `message` says by what.
    """

    key: str
    state: State
    evaluation: Evaluation | None = None
    host: str = ""
    phase: str = ""
    elapsed_seconds: float | None = None
    eta_seconds: tuple[float, float] | None = None
    memory_bytes: int | None = None
    message: str = ""
    curve: tuple[float, ...] = ()  # of a training: its validation error after each epoch so far


@dataclass(frozen=True, slots=True)
class Site:
    """What a backend may know of its surroundings: the network (and its file), the target, and where it may write.

    Attributes:
        source: the network's file as the campaign names it, resolved.
        work: directory of this campaign's running jobs; may not exist yet.
        campaign: the campaign's name, for job names.
        slots: how many jobs may run at once.
        seed: the campaign's seed.
    """

    network: Network
    target: Target
    source: Path
    work: Path
    campaign: str
    slots: int = 1
    seed: int = 0


class SynthBackend(Protocol):
    """A place where jobs become evaluations.

    Attributes:
        fidelity: how far its results go.
        basis: see `dse.design.Job.basis`; "" for a real tool, `COSIMULATED` for one that also checks its RTL.
    """

    fidelity: Fidelity
    basis: str

    def advance(self, wanted: Sequence[Job]) -> tuple[Progress, ...]:
        """Bring the world closer to "all of these are done", and say where each stands, in the order given.

        A job that was reported done may be asked for again and gives the same evaluation. Jobs not in `wanted` are stopped.

        Raises:
            BackendError: the machine is unfit for *every* job (no tool, unknown part); nothing was lost.
            NotRecorded: a replay has no recording of the point.
        """
        ...


@runtime_checkable
class ListsRecorded(Protocol):
    """A backend that can serve only some choices: the space is narrowed to them."""

    def recorded(self, layer: Layer) -> tuple[LayerChoice, ...]:
        """Return the choices of a layer that can be served, ascending by reuse factor; empty if none."""
        ...


@runtime_checkable
class Closes(Protocol):
    """A backend that holds workers or connections of this process."""

    def close(self) -> None:
        """End them; jobs go on."""
        ...


@runtime_checkable
class HasLimits(Protocol):
    """A backend that gives up at limits: what failed under a smaller one may be tried again."""

    @property
    def limits(self) -> Mapping[FailureKind, float | None]:
        """Return the limits in force (seconds, gigabytes); None means no limit."""
        ...


@runtime_checkable
class HasBounds(Protocol):
    """A backend whose figures are estimates, and that says how far they may be off."""

    def bounds(self, job: Job, qor: Qor) -> Mapping[str, tuple[float, float]]:
        """Return between what the truth of a job's figures lies in 9 of 10 cases, by metric; one that is not known is missing."""
        ...


@dataclass(frozen=True, slots=True)
class KnownJob:
    """A job that a backend started once, as its files on this machine tell.

    Attributes:
        attempt: number of the last try, from 1.
        host: where that was.
        is_open: it runs, or nobody here knows that it ended.
        process: e.g. "lab3, pid 4711"; "" where that is not known here.
        has_log: its log, or a part of it, can be read without speaking to a host.
    """

    key: str
    attempt: int
    host: str
    is_open: bool
    process: str = ""
    has_log: bool = False


@runtime_checkable
class HasJobs(Protocol):
    """A backend whose jobs outlive this process: `dse logs`, `dse cancel`, the board's keys and `--watch` work on them."""

    def known_jobs(self) -> tuple[KnownJob, ...]:
        """Return all jobs that were ever started here, sorted by key; reads files only."""
        ...

    def glance(self, key: str, past_seconds: Sequence[float]) -> Progress:
        """Say where a job stands that another process looks after; reads files only.

        Args:
            past_seconds: how long measured jobs took.
        """
        ...

    def log(self, key: str) -> str:
        """Return what is known of the log of the last attempt, its newest part at least; speaks to the host unless `has_log`.

        Raises:
            SpecError: its host is no longer one of this backend's.
            BackendError: it cannot be reached.
        """
        ...

    def ask_to_end(self, keys: Sequence[str]) -> None:
        """Leave word for the process that looks after these jobs to end them as cancelled."""
        ...

    def stop_jobs(self, keys: Sequence[str]) -> None:
        """End jobs that nobody looks after, waiting for it; asked for again, they start anew."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check-up: what was looked at, what was found, and what to do where that is not good. A `fail` blocks the campaign."""

    level: Literal["ok", "warn", "fail"]
    about: str
    found: str
    fix: str = ""


@runtime_checkable
class HasHealth(Protocol):
    """A backend that can say whether its machines are ready, for `dse doctor`."""

    @property
    def needs_login(self) -> bool:
        """Whether looking means to log in to other machines, so that it is done only when asked for."""
        ...

    def options_health(self) -> Sequence[Finding]:
        """Say what the options alone tell; starts nothing."""
        ...

    def health(self) -> Sequence[Finding]:
        """Look at every machine, starting the tool for its version; needs the user's consent."""
        ...
