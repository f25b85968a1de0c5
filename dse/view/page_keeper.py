"""Keeps the page of a running campaign fresh: written anew after every event, never at the campaign's cost."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from dse.errors import DseError
from dse.store.fsops import write_atomically
from dse.store.journal import Event, read_events
from dse.study.assemble import Question
from dse.study.evaluate import Answer
from dse.study.fold import CampaignState, replay
from dse.view.beliefs import believe
from dse.view.page import page
from dse.view.story import Story

_SHARE = 20.0  # a page that took t seconds is written again after 20 t at the earliest: 5 % of the time
_LONG_SESSION_SECONDS = 60.0  # after which some seconds for the surrogate's figures are nothing


class PageKeeper:
    """A watcher of the loop. A page that cannot be made or written is noted once in `warnings` and stops nothing."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.path: Path = question.spec.state / "page.html"
        self.warnings: list[str] = []
        self._events: list[Event] | None = None
        self._state: CampaignState | None = None
        self._is_stale = self._has_news = False
        self._not_before = 0.0
        self._began = time.monotonic()

    def __enter__(self) -> PageKeeper:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write what is still owed; a campaign that came to its end also gets what its surrogate believes."""
        if kind is None and self._state is None and not self.path.exists():
            self._load()
        is_over = self._state is not None and self._state.stop is not None
        if self._is_stale or (is_over and self._has_news):
            with suppress(KeyboardInterrupt):  # the edition before this one stays
                self._write(with_beliefs=is_over and self._has_news and self._may_fit())

    def event(self, event: Event, state: CampaignState) -> None:
        """Write the page, or remember to."""
        if self._events is None:
            self._events = list(read_events(self.question.spec.state / "journal.jsonl")[0])
        else:
            self._events.append(event)
        self._state, self._is_stale, self._has_news = state, True, True
        self._write_if_due()

    def tick(self, answers: tuple[Answer, ...], state: CampaignState) -> None:
        """Write a page that is owed."""
        if self._is_stale:
            self._write_if_due()

    def _load(self) -> None:
        with suppress(DseError):  # what is wrong with a journal is told where it is opened
            self._events = list(read_events(self.question.spec.state / "journal.jsonl")[0])
            self._state, self._is_stale = replay(self._events), True

    def _may_fit(self) -> bool:
        # a search with a surrogate has loaded its libraries already
        has_surrogate = hasattr(self.question.spec.search_options, "surrogate")
        return has_surrogate or time.monotonic() - self._began > _LONG_SESSION_SECONDS

    def _write_if_due(self) -> None:
        if time.monotonic() >= self._not_before:
            self._write()

    def _write(self, *, with_beliefs: bool = False) -> None:
        if self._state is None:
            return
        begun = time.monotonic()
        try:
            story = Story(self.question, self._state, tuple(self._events or ()))
            beliefs = believe(self.question, self._state, story.summary.incumbent) if with_beliefs else None
            write_atomically(self.path, page(story, beliefs).encode())
        except Exception as error:  # a page is never worth a campaign
            warning = f"{self.path}: the page could not be written: {type(error).__name__}: {error}"
            self.warnings += [warning] if not self.warnings else []
        self._is_stale = False
        self._not_before = time.monotonic() + _SHARE * (time.monotonic() - begun)
