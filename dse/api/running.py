"""Runs a campaign from Python."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dse.api.results import Results, campaign_file
from dse.campaign.spec import read_campaign
from dse.consent import backend_commands, remember
from dse.store.journal import Event
from dse.study.assemble import assemble, open_campaign
from dse.study.evaluate import Answer
from dse.study.fold import CampaignState
from dse.study.loop import Signals
from dse.study.loop import run as run_loop
from dse.study.numbers import builds_circuits, check_question, is_wanted
from dse.study.session import session


def run(
    path: str | Path,
    *,
    on_event: Callable[[Event], None] | None = None,
    overrides: Iterable[str] = (),
    fresh: bool = False,
    trust: bool = False,
    check_numerics: bool = True,
) -> Results:
    """Run a campaign to its end, or go on with it, and return what it found; the same as `dse run`, without its screen.

    An interrupt (Ctrl-C, or a notebook's stop button) detaches: running syntheses go on, and the next call takes them up again.

    Args:
        on_event: called with every event of the journal; if it raises, there is a warning and the campaign goes on.
        overrides: `key=value` texts, e.g. `search.mode="compact"`.
        fresh: start again; the old state is kept aside.
        check_numerics: compare the numbers of hls4ml's C++ with the network's before the first synthesis.
        trust: agree to whatever the campaign's backend runs (`tool`, `setup`, ...); without it, what was not agreed to is refused.

    Raises:
        DseError: as `dse run`; the message says what to do.
    """
    question = assemble(read_campaign(campaign_file(path), overrides))
    if trust:
        with suppress(OSError):
            remember(question.spec.path, backend_commands(question.spec.backend_options))
    if is_wanted(check_numerics) and builds_circuits(question):
        check_question(question)
    campaign = open_campaign(question, watchers=(_Listener(on_event),) if on_event else (), fresh=fresh)
    with session(campaign), _detach_on_interrupt(campaign.signals):
        run_loop(campaign)
    return Results(question)


class _Listener:
    """A watcher that calls a function."""

    def __init__(self, call: Callable[[Event], None]) -> None:
        self._call = call

    def event(self, event: Event, state: CampaignState) -> None:
        try:
            self._call(dict(event))
        except Exception as error:  # somebody else's code; a watcher never stops a campaign
            warnings.warn(f"on_event raised {type(error).__name__}: {error}", stacklevel=2)

    def tick(self, answers: tuple[Answer, ...], state: CampaignState) -> None:
        """Events are all that is told."""


@contextmanager
def _detach_on_interrupt(signals: Signals) -> Iterator[None]:
    """Turn an interrupt into a flag, so that no write is cut short; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def detach(_number: int, _frame: object) -> None:
        signals.detach = True

    previous = signal.signal(signal.SIGINT, detach)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
