"""A host as the engine sees it: who speaks to it, what was found there, how much is free, and whether it is to be trusted."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from dse.design import Toolchain
from dse.errors import BackendError, ConnectionLost, ToolNotFound, ToolVersionMismatch
from dse.execution.places import Facts, Place, Ref, Survey
from dse.execution.retry import BREAKER_COUNT, RULES
from dse.execution.settings import ToolOptions
from dse.execution.ssh_client import HostRefused
from dse.execution.toolchain import Tool, check_version, first_line, programs, read_version, variables

PAUSE_SECONDS = (1.0, 60.0)
Result = TypeVar("Result")


class Executor(Protocol):
    """Runs calls to a host one after the other."""

    def submit(self, call: Callable[[], Result]) -> Future[Result]: ...

    def close(self) -> None: ...


class AtOnce:
    """Runs a call before `submit` returns: for this machine."""

    def submit(self, call: Callable[[], Result]) -> Future[Result]:
        future: Future[Result] = Future()
        _settle(future, call)
        return future

    def close(self) -> None:
        return


class InThread:
    """Runs calls in one background thread, so that a silent host stops nobody. The thread is a daemon: nothing it does needs to be
    finished when `dse` ends."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._name = name
        self._thread: threading.Thread | None = None

    def submit(self, call: Callable[[], Result]) -> Future[Result]:
        future: Future[Result] = Future()
        self._calls.put((future, call))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=f"calls to {self._name}", daemon=True)
            self._thread.start()
        return future

    def close(self) -> None:
        if self._thread is not None:
            self._calls.put(None)
            self._thread.join(timeout=10)
            self._thread = None

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            _settle(*item)


def _settle(future: Future[Any], call: Callable[[], Any]) -> None:
    try:
        future.set_result(call())
    except Exception as error:
        future.set_exception(error)


@dataclass
class HostState:
    """One host and the engine's opinion of it.

    Attributes:
        tool: found by the first probe; None before.
        error: why nothing may run here until somebody acts; None if it is fit.
        silent_since: since when it does not answer.
        faults: (key, cause) of the failures in a row that speak against the host.
        free_memory, free_disk: bytes, as of the last survey; None where unknown.
        orphans, ending: attempts that nobody wants, to end once it can be spoken to, with what to do then; and those being ended.
        was_heard, answers: whether it ever answered, and did so the last time.
    """

    place: Place
    executor: Executor
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
    orphans: list[tuple[Ref, Callable[[], None]]] = field(default_factory=list)
    ending: list[Future[None]] = field(default_factory=list)
    was_heard: bool = False
    answers: bool = False
    n_stumbles: int = 0

    @property
    def name(self) -> str:
        return self.place.name

    @property
    def is_fit(self) -> bool:
        """Whether it may get jobs: nobody has to act first, and it answers."""
        return self.error is None and self.silent_since is None

    @property
    def is_quiet(self) -> bool:
        """Whether no orphan is being ended."""
        self.ending = [call for call in self.ending if not call.done()]
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
            self.probing = self.executor.submit(lambda: self.place.probe(*arguments))
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
                f"{self.name}: no {wished}{where}.{told} Set backend.tool or backend.setup; `dse doctor` shows what is found."
            )
        tool = Tool(facts.tool, first_line(facts.banner), read_version(facts.banner))
        check_version(tool, toolchain, self.name)
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
                f"{self.name}: {len(self.faults)} failures in a row of the same kind ({cause}); it gets no more jobs. "
                f"{RULES[cause].next_step}"
            )

    def trust(self) -> None:
        """A job gave a result (or a fact about its design): the host is sound."""
        self.faults.clear()

    def end_orphans(self) -> None:
        """Have all orphans ended; an attempt is forgotten only after that."""
        while self.orphans:
            ref, then = self.orphans.pop()
            self.ending.append(self.executor.submit(lambda ref=ref, then=then: self._end(ref, then)))  # type: ignore[misc]

    def _end(self, ref: Ref, then: Callable[[], None]) -> None:
        self.place.stop(ref, True)
        then()
