"""A station is a place as the engine sees it: its courier, what was found there, how much is free, and whether it is to be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from dse.design import Toolchain
from dse.errors import BackendError, ConnectionLost, ToolNotFound, ToolVersionMismatch
from dse.execution.courier import Courier
from dse.execution.places import Facts, Place, Ref, Survey
from dse.execution.policy import BREAKER_COUNT, RULES
from dse.execution.settings import GIB, ToolOptions
from dse.execution.ssh_client import HostRefused
from dse.execution.toolchain import Tool, check_version, first_line, programs, read_version, variables

PAUSE_SECONDS = (1.0, 60.0)
LOOKING = "looking for the tool"
FULL = "slots"


@dataclass
class Station:
    """One place and the engine's opinion of it.

    Attributes:
        tool: found by the first probe; None before.
        error: why nothing may run here until somebody acts; None if it is fit.
        silent_since: since when it does not answer.
        faults: (key, cause) of the failures in a row that speak against the host.
        free_memory, free_disk: bytes, as of the last survey; None where unknown.
        strays, ending: attempts to end once it can be spoken to, with what to do then; and those being ended.
        was_heard, answers: whether it ever answered, and did so the last time.
    """

    place: Place
    courier: Courier
    tool: Tool | None = None
    facts: Facts | None = None
    error: BackendError | None = None
    silent_since: float | None = None
    silence: str = ""
    next_try: float = 0.0
    n_tries: int = 0
    free_memory: int | None = None
    free_disk: int | None = None
    faults: list[tuple[str, str]] = field(default_factory=list)
    survey: Future[Survey] | None = None
    probing: Future[Facts] | None = None
    strays: list[tuple[Ref, Callable[[], None]]] = field(default_factory=list)
    ending: list[Future[None]] = field(default_factory=list)
    was_heard: bool = False
    answers: bool = False
    n_stumbles: int = 0

    @property
    def is_quiet(self) -> bool:
        """Whether no stray is being ended."""
        self.ending = [errand for errand in self.ending if not errand.done()]
        return not self.ending

    def heard(self) -> None:
        """It answered."""
        self.silent_since, self.silence, self.n_tries, self.next_try = None, "", 0, 0.0
        self.was_heard, self.answers, self.n_stumbles = True, True, 0

    def unheard(self, error: BackendError, now: float) -> None:
        """It did not answer; it is tried again, ever more rarely."""
        if self.silent_since is None:
            self.silent_since = now
        self.silence, self.answers = str(error), False
        first, longest = PAUSE_SECONDS
        self.next_try = now + min(longest, first * 2.0 ** min(self.n_tries, 10))
        self.n_tries += 1

    def may_ask(self, now: float) -> bool:
        """Whether it is time to speak to it (again)."""
        return now >= self.next_try

    def stumbled(self, error: BackendError, now: float) -> None:
        """It answered something that makes no sense; once is chance, again and again it is unfit."""
        self.n_stumbles += 1
        if isinstance(error, HostRefused) or self.n_stumbles >= BREAKER_COUNT:
            self.refused(error, now)
        else:
            self.unheard(error, now)

    def refused(self, error: BackendError, now: float) -> None:
        """It answered that it will not do; somebody has to act first."""
        self.error, self.answers, self.next_try = error, False, now + PAUSE_SECONDS[1]

    def probe(self, toolchain: Toolchain, options: ToolOptions, now: float) -> None:
        """Find the tool there, once; the answer may come later."""
        if self.tool is not None or self.error is not None:
            return
        if self.probing is None and self.may_ask(now):
            arguments = (programs(toolchain, options.tool), variables(toolchain), options.setup)
            self.probing = self.courier.send(lambda: self.place.probe(*arguments))
        if self.probing is not None and self.probing.done():
            probing, self.probing = self.probing, None
            try:
                self._read_probe(probing.result(), toolchain, options)
                self.heard()
            except ConnectionLost as error:
                self.unheard(error, now)
            except (ToolNotFound, ToolVersionMismatch) as error:
                self.heard()
                self.error = error
            except BackendError as error:
                self.stumbled(error, now)

    def _read_probe(self, facts: Facts, toolchain: Toolchain, options: ToolOptions) -> None:
        self.facts = facts
        self.free_memory, self.free_disk = facts.memory_bytes or None, facts.disk_bytes or None
        if not facts.tool:
            wished = options.tool or " or ".join(programs(toolchain, ""))
            where = f" after {options.setup}" if options.setup else " on PATH"
            told = f" The setup script said: {facts.error}" if facts.error else ""
            raise ToolNotFound(
                f"{self.place.name}: no {wished}{where}.{told} Set backend.tool or backend.setup; `dse doctor` shows what is found."
            )
        tool = Tool(facts.tool, first_line(facts.banner), read_version(facts.banner))
        check_version(tool, toolchain, self.place.name)
        self.tool = tool

    def blame(self, key: str, cause: str) -> None:
        """Count a failure that speaks against the host; three alike in a row, of two jobs or more, and it is drained."""
        if not RULES[cause].is_host_fault:
            return
        if self.faults and self.faults[-1][1] != cause:
            self.faults.clear()
        self.faults.append((key, cause))
        if len(self.faults) >= BREAKER_COUNT and len({key for key, _ in self.faults}) > 1:
            self.error = BackendError(
                f"{self.place.name}: {len(self.faults)} failures in a row of the same kind ({cause}); it gets no more jobs. "
                f"{RULES[cause].next_step}"
            )

    def trust(self) -> None:
        """A job gave a result (or a fact about its design): the host is sound."""
        self.faults.clear()


def why_not(station: Station, options: ToolOptions, used_slots: int, running_memory: Sequence[tuple[int, int]], needed: int) -> str:
    """Say why no job may start at a station now; "" if one may.

    Args:
        running_memory: (used now, may use) in bytes of each of its running jobs: what they may still take is not free.
        needed: bytes that the job may use; 0 where no limit is set.
    """
    if station.error is not None:
        return str(station.error)
    if station.tool is None or station.silent_since is not None:
        return station.silence or LOOKING
    if used_slots >= station.place.slots:
        return FULL
    if station.free_disk is not None and station.free_disk < options.disk_reserve_gb * GIB:
        return (
            f"disk: {station.place.name} has {station.free_disk / GIB:.1f} GiB free, the reserve is {options.disk_reserve_gb:g} GiB"
        )
    if station.free_memory is not None and needed:
        free = station.free_memory - sum(max(0, limit - used) for used, limit in running_memory)
        if free < needed:
            return f"memory: {station.place.name} has {free / GIB:.1f} GiB to spare, a job may need {needed / GIB:.1f} GiB"
    return ""
