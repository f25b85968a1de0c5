"""The board of a campaign that another process runs, from its files alone: nothing is locked, started or changed."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dse.campaign.times import seconds_since
from dse.errors import DseError
from dse.execution.jobdir import BEAT, Attempt, JobFolder, read_json
from dse.execution.phases import estimate_remaining, read_phase
from dse.study.assemble import Question
from dse.study.fold import CampaignState
from dse.synth_backends.base import Progress
from dse.view.live import Live, tail
from dse.view.story import read_story
from dse.view.text import span

if TYPE_CHECKING:
    from rich.console import Console

PERIOD_SECONDS = 1.0
_SILENT_SECONDS = 60.0  # a shim writes its beat every few seconds


class Watch(Live):
    """A `Live` that reads the campaign's folder instead of listening to the loop."""

    is_watching = True

    def __init__(self, question: Question, console: Console) -> None:
        super().__init__(question, console)
        self._left = threading.Event()
        self._size = 0

    def follow(self) -> CampaignState:
        """Show the board until the campaign stops or the user leaves; return the last state.

        Raises:
            JournalError: the journal cannot be read.
        """
        self.look()
        if self._story.state.stop is not None:
            return self._story.state
        with self, suppress(KeyboardInterrupt):
            while self._story.state.stop is None and not self._left.wait(PERIOD_SECONDS):
                self.look()
        return self._story.state

    def press(self, key: str) -> None:
        """Act on a key; those that would change something do nothing here."""
        if key == "q":
            self._left.set()
        elif key in ("l", "?"):
            super().press(key)

    def look(self) -> None:
        """Read what is new."""
        size = _size(self.question.spec.state / "journal.jsonl")
        if size != self._size:
            self._story, self._size = read_story(self.question), size
        state = self._story.state
        # Nobody here knows whether the campaign runs, but with jobs under way its clock does.
        age = seconds_since(self._story.events[-1]["at"]) if state.pending else 0.0
        self._began = time.monotonic() - age
        past = [e.provenance.tool_seconds for _, e in state.evaluations if e.provenance.tool_seconds is not None]
        work = self.question.spec.state.absolute() / "work"
        self._progress = {trial.key: job_progress(JobFolder.of(work, trial.key), past) for trial in state.pending}
        self._heard = time.monotonic()


def job_progress(folder: JobFolder, past_seconds: list[float]) -> Progress:
    """Return where a job stands, as far as its files on this machine tell."""
    last = None
    with suppress(DseError):
        last = folder.load().last
    if last is None or not last.is_open:
        return Progress(folder.key, "queued")
    return _running(folder, last, past_seconds)


def _running(folder: JobFolder, attempt: Attempt, past_seconds: list[float]) -> Progress:
    path = folder.attempt(attempt.number) / BEAT
    beat = read_json(path)
    if beat is None:  # on another machine, or only just handed over
        return Progress(folder.key, "running", host=attempt.place)
    age = _age(path)
    told, used = beat.get("seconds"), beat.get("memory_bytes")
    elapsed = told + age if isinstance(told, int | float) else None
    is_silent = age > _SILENT_SECONDS
    return Progress(
        key=folder.key,
        state="waiting" if is_silent else "running",
        host=attempt.place,
        phase=read_phase("\n".join(tail(folder))) or str(beat.get("stage", "")),
        elapsed_seconds=elapsed,
        eta_seconds=None if elapsed is None else estimate_remaining(elapsed, past_seconds),
        memory_bytes=used if isinstance(used, int) else None,
        message=f"silent for {span(age)}" if is_silent else "",
    )


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


def _age(path: Path) -> float:
    """Return seconds since a file was written; 0 if it went away meanwhile."""
    with suppress(OSError):
        return max(0.0, time.time() - path.stat().st_mtime)
    return 0.0
