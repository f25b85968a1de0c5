"""The board of a campaign that another process runs, from its files alone: nothing is locked, started or changed."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dse.campaign.times import seconds_since
from dse.errors import DseError
from dse.study.assemble import Question, build_backend
from dse.study.fold import CampaignState
from dse.synth_backends.base import HasJobs
from dse.view.live import Live
from dse.view.story import read_story

if TYPE_CHECKING:
    from rich.console import Console

PERIOD_SECONDS = 1.0


class Watch(Live):
    """A `Live` that reads the campaign's folder instead of listening to the loop."""

    is_watching = True

    def __init__(self, question: Question, console: Console) -> None:
        super().__init__(question, console)
        with suppress(DseError):  # without it, only what the journal says is shown
            self.backend = build_backend(question.spec)
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
        if isinstance(self.backend, HasJobs):
            self._progress = {trial.key: self.backend.glance(trial.key, past) for trial in state.pending}
        self._heard = time.monotonic()


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
