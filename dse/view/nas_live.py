"""What a running architecture search shows: a board on a terminal, else one line per change, so that a log of days stays readable."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from dse.campaign.times import seconds_since
from dse.nas.following import Follower
from dse.nas.records import Candidate, Outcome
from dse.nas.session import candidates_of, read_search
from dse.nas.spec import NasSpec
from dse.nas.trainer import elapsed, read_curve
from dse.study.loop import Signals
from dse.view.nas_board import NasBoard, lines
from dse.view.nas_chart import sparkline
from dse.view.nas_outlook import Flight, seconds_left
from dse.view.nas_story import NasStory
from dse.view.screen import Screen
from dse.view.text import span

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_PAGE_SECONDS = 20.0
_WATCH_SECONDS = 2.0


@dataclass
class _Heard:
    """A training under way, in seconds of the monotonic clock."""

    candidate: Candidate
    began: float
    curve: tuple[float, ...] = ()
    ends: tuple[float, ...] = ()  # of its epochs

    def flight(self, now: float) -> Flight:
        paces = tuple(after - before for before, after in pairwise(self.ends))
        return Flight(self.candidate, self.curve, now - self.began, now - self.ends[-1] if self.ends else 0.0, paces)


class NasLive(Screen, Follower):
    """A watcher of the search for people; whatever goes wrong in here is noted once in `warnings` and stops nothing.

    Attributes:
        signals: what the user's keys set; the search reads it.
    """

    def __init__(
        self,
        spec: NasSpec,
        console: Console,
        page: Callable[[tuple[Candidate, ...]], None],
        *,
        plain: bool = False,
        signals: Signals | None = None,
    ) -> None:
        Follower.__init__(self, spec)
        Screen.__init__(self, console, plain=plain, signals=signals)
        self.warnings: list[str] = []
        self._page, self._page_from = page, 0.0
        self._heard: dict[int, _Heard] = {}
        self._story = NasStory(spec)
        self._before, self._began = 0.0, time.monotonic()
        self._is_over = self._has_help = False

    def __enter__(self) -> NasLive:
        return self

    def opened(self, candidates: tuple[Candidate, ...], seconds: float) -> None:
        """Begin to show, with what earlier sessions did in so many seconds."""
        self._story, self._before, self._began = NasStory(self.spec, candidates), seconds, time.monotonic()
        now = time.monotonic()
        self._heard = {c.number: _Heard(c, now) for c in candidates if c.outcome is Outcome.RUNNING}
        self.show()

    def asked(self, candidate: Candidate) -> None:
        with self._harmless():
            self._heard[candidate.number] = _Heard(candidate, time.monotonic())
            workload, cost = candidate.value("workload"), candidate.value("device_cost")
            told = [f"{workload:,.0f} multiplications"] if workload is not None else []
            told += [f"device cost {cost:.4f}"] if cost is not None else []
            self.say(
                f"#{candidate.number} training {candidate.architecture}: {', '.join(told)} ({1000 * candidate.cost_seconds:.0f} ms)"
            )

    def epoch(self, number: int, curve: tuple[float, ...]) -> None:
        with self._harmless():
            if number in self._heard:
                heard = self._heard[number]
                heard.curve, heard.ends = curve, (*heard.ends, time.monotonic())

    def finished(self, candidate: Candidate, candidates: tuple[Candidate, ...]) -> None:
        with self._harmless():
            self._heard.pop(candidate.number, None)
            self._story = NasStory(self.spec, candidates)
            self.say(self._outcome(candidate))
            if time.monotonic() >= self._page_from:
                self._page(candidates)
                self._page_from = time.monotonic() + _PAGE_SECONDS

    def stopped(self, reason: str) -> None:
        with self._harmless():
            self._is_over = True
            self.say(f"stopped: {reason}")

    def _outcome(self, candidate: Candidate) -> str:
        best = self._story.best_numbers
        mark = "*" if candidate.number in best else ""
        facts = [f"error {candidate.error:.4g}"] if candidate.error is not None else []
        facts += [f"{sparkline(candidate.curve)} {len(candidate.curve)} epochs"] if candidate.curve else []
        facts += [span(candidate.seconds)] if candidate.seconds is not None else []
        # that it was hopeless is said already
        facts += [candidate.reason] if candidate.reason and candidate.outcome is not Outcome.HOPELESS else []
        return f"#{candidate.number}{mark} {candidate.outcome.value}: {', '.join(facts)}; front of {len(best)}"

    @contextmanager
    def _harmless(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # a view is never worth a search
            if not self.warnings:
                self.warnings.append(f"the view is broken: {type(error).__name__}: {error}")

    def board(self) -> NasBoard:
        """Return what a screen shows now."""
        now, signals = time.monotonic(), self.signals
        word = ""
        if signals.detach or signals.cancel:
            word = "leaving; the trainings go on" if signals.detach else "ending the running trainings; they are asked again"
        elif signals.stop:
            word = "stopping after the trainings under way; Ctrl-C again ends them"
        flights = tuple(heard.flight(now) for heard in tuple(self._heard.values()))
        seconds = self._before + now - self._began
        return NasBoard(
            story=self._story,
            flights=flights,
            seconds=seconds,
            eta=seconds_left(self._story, flights, seconds, is_stopping=signals.stop),
            is_over=self._is_over,
            has_help=self._has_help,
            has_keys=self.has_keys,
            signal=word,
        )

    def shown(self, width: int, height: int) -> list[Text]:
        """Return the board's lines."""
        return lines(self.board(), width, height)

    def press(self, key: str) -> None:
        """Act on a key."""
        if key == "d":
            self.signals.detach = True
        elif key == "?":
            self._has_help = not self._has_help


class NasWatch(NasLive):
    """The same board of a search that another process runs, from its files."""

    def __init__(self, spec: NasSpec, console: Console) -> None:
        super().__init__(spec, console, lambda candidates: None)
        self._left = threading.Event()

    def follow(self) -> None:
        """Show the board until the search stops or the user leaves.

        Raises:
            JournalError: the journal cannot be read.
        """
        self.look()
        with self, suppress(KeyboardInterrupt):
            self.show()
            while not self._is_over and not self._left.wait(_WATCH_SECONDS):
                self.look()

    def look(self) -> None:
        """Read where the search stands."""
        state, events = read_search(self.spec)
        candidates = candidates_of(self.spec, state)
        if candidates != self._story.candidates:
            self._story = NasStory(self.spec, candidates)
        self._is_over, self._before = state.stop is not None, state.active_seconds
        # Nobody here knows whether the search runs, but with trainings under way its clock does.
        self._began = time.monotonic() - (seconds_since(events[-1]["at"]) if state.pending else 0.0)

    def board(self) -> NasBoard:
        """Return what a screen shows now."""
        jobs = self.spec.state / "work" / "jobs"
        running = [c for c in self._story.candidates if c.outcome is Outcome.RUNNING]
        flights = tuple(Flight(c, read_curve(jobs / c.key), elapsed(jobs / c.key) or 0.0) for c in running)
        told = super().board()
        seconds = told.seconds if flights else self._before
        eta = seconds_left(self._story, flights, seconds)
        return replace(told, flights=flights, seconds=seconds, eta=eta, is_watching=True)

    def press(self, key: str) -> None:
        """Act on a key; those that would change something do nothing here."""
        if key == "q":
            self._left.set()
        elif key == "?":
            super().press(key)
