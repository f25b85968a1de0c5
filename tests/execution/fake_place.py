"""A world of the tests' own: places that hold jobs for as long as a script says, a clock that jumps, and answers that get lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from execution_kit import FAKE_TOOLS, TARGET, StubSource, job_for, write_project

from dse.errors import BackendError, ConnectionLost
from dse.execution.engine import Engine
from dse.execution.host_state import AtOnce
from dse.execution.jobdir import BEAT, ENDING, IDENTITY, LOG
from dse.execution.places import Facts, Ref, Sighting, Survey
from dse.execution.settings import ToolOptions
from dse.synth_backends.base import Site

BANNER = "Vivado(TM) HLS - High-Level Synthesis v2019.2 (64-bit)"


@dataclass
class Clock:
    """Seconds that pass only when told to."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass(frozen=True)
class Outcome:
    """How a run ends: after `seconds`, with this verdict, status, log, and perhaps a report."""

    seconds: float = 600.0
    verdict: str = "done"
    rc: int | None = 0
    log: str = "INFO: all is well\n"
    has_report: bool = True
    is_lost: bool = False


@dataclass
class Run:
    began: float
    outcome: Outcome
    ended: bool = False


@dataclass
class FakePlace:
    """A place whose world outlives the engine. `script` says how the n-th run of a key ends.

    `trouble` is asked before and after every verb: it may raise, as a connection would.
    """

    name: str
    slots: int
    clock: Clock
    reports: Path
    script: Callable[[str, int], Outcome] = lambda key, n: Outcome()
    trouble: Callable[[str, str], None] = lambda verb, when: None
    runs: dict[str, Run] = field(default_factory=dict)  # by token
    starts: list[tuple[str, str, float]] = field(default_factory=list)  # key, token, time
    memory_bytes: int | None = None
    disk_bytes: int | None = None
    tool: str = "/opt/vivado_hls"
    banner: str = BANNER
    wiped: set[str] = field(default_factory=set)
    busy_seconds: float = 0.0

    @property
    def root(self) -> str:
        return f"/{self.name}"

    def _verb(self, verb: str, act: Callable[[], Any]) -> Any:
        self.trouble(verb, "before")
        answer = act()
        self.trouble(verb, "after")
        return answer

    def probe(self, tools: list[str], variables: list[str], setup: str) -> Facts:
        facts = Facts(self.tool, self.banner, self.memory_bytes or 0, self.disk_bytes or 0, 4, self.name, "3.11")
        return self._verb("probe", lambda: facts)  # type: ignore[no-any-return]

    def ref(self, key: str, number: int, token: str, local: Path) -> Ref:
        return Ref(key, number, token, f"/{self.name}/{key}/{number}", local)

    def submit(self, ref: Ref, project: Path, job: bytes) -> None:
        assert (project / "dse_plan.json").exists()
        self._verb("submit", lambda: self._start(ref))

    def _start(self, ref: Ref) -> None:
        if ref.token not in self.runs:
            n = sum(1 for key, _, _ in self.starts if key == ref.key)
            self.starts.append((ref.key, ref.token, self.clock()))
            self.runs[ref.token] = Run(self.clock(), self.script(ref.key, n))

    def survey(self, refs: Sequence[Ref]) -> Survey:
        found = {ref: self._look(ref) for ref in refs}
        return self._verb("survey", lambda: Survey(found, self.memory_bytes, self.disk_bytes))  # type: ignore[no-any-return]

    def _look(self, ref: Ref) -> Sighting:
        run = self.runs.get(ref.token)
        if run is None or ref.token in self.wiped:
            return Sighting("absent")
        elapsed = self.clock() - run.began
        if run.ended or elapsed >= run.outcome.seconds:
            run.ended = True
            return Sighting("gone" if run.outcome.is_lost else "ended", seconds=elapsed)
        return Sighting("running", "csynth", elapsed, 1 << 20)

    def fetch(self, ref: Ref) -> None:
        self._verb("fetch", lambda: self._write(ref))

    def _write(self, ref: Ref) -> None:
        run = self.runs[ref.token]
        ref.local.mkdir(parents=True, exist_ok=True)
        (ref.local / IDENTITY).write_text(json.dumps({"host": self.name}))
        os.utime(ref.local / IDENTITY, (1, 1))
        (ref.local / LOG).write_text(run.outcome.log)
        (ref.local / BEAT).write_text("{}")
        stage = {"name": "csynth", "rc": run.outcome.rc, "seconds": run.outcome.seconds}
        end = {"verdict": run.outcome.verdict, "stages": [stage], "seconds": run.outcome.seconds, "host": self.name}
        (ref.local / ENDING).write_text(json.dumps(end))
        report = ref.local / "project" / "myproject_prj" / "solution1" / "syn" / "report"
        if run.outcome.has_report and not report.exists():
            shutil.copytree(self.reports, report)

    def stop(self, ref: Ref, hard: bool) -> int:
        return self._verb("stop", lambda: self._end(ref))  # type: ignore[no-any-return]

    def _end(self, ref: Ref) -> int:
        run = self.runs.get(ref.token)
        if run is not None and not run.ended:
            run.ended = True
            run.outcome = Outcome(verdict="cancelled", rc=None, has_report=False)
        return 0

    def clean(self, ref: Ref) -> None:
        self._verb("clean", lambda: None)

    def close(self) -> None:
        return

    @property
    def n_running(self) -> int:
        """Runs that have not ended, whatever anybody knows of them."""
        return sum(1 for run in self.runs.values() if not run.ended and self.clock() - run.began < run.outcome.seconds)


def make_reports(directory: Path) -> Path:
    """Let the fake tool write one good report folder, to be copied for every run."""
    project = directory / "one"
    write_project(job_for(4, 4), project)
    argv = [sys.executable, str(FAKE_TOOLS / "vivado_hls"), "-f", "build_prj.tcl", "csim=0 cosim=0 validation=0 synth=1 reset=1"]
    environment = dict(os.environ, FAKE_TOOL_STARTS=str(directory / "starts"), FAKE_TOOL_SCRIPT=str(directory / "none"))
    subprocess.run(argv, cwd=project, env=environment, check=True, capture_output=True)
    return project / "myproject_prj" / "solution1" / "syn" / "report"


def make_engine(
    site: Site, places: Sequence[FakePlace], clock: Clock, options: ToolOptions | None = None, source: StubSource | None = None
) -> Engine:
    """An engine over fake places; a second one over the same places is a new process in the old world."""
    source = source or StubSource()
    options = options or ToolOptions()
    return Engine(
        site, options, "fake", [(place, AtOnce()) for place in places], source, now=clock, sleep=clock.sleep
    )  # fmt: skip


def lose(error: str = "the line is dead") -> None:
    raise ConnectionLost(error)


def refuse(error: str = "nonsense") -> None:
    raise BackendError(error)


__all__ = ["TARGET", "Clock", "FakePlace", "Outcome", "lose", "make_engine", "make_reports", "refuse"]
