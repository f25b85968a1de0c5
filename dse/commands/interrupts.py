"""What Ctrl-C, TERM and HUP mean to a command that runs for hours."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from dse.study.loop import Signals


@contextmanager
def heard(signals: Signals, *, stopping: str, cancelling: str) -> Iterator[None]:
    """Ctrl-C once stops, twice cancels; TERM and HUP detach. Handlers only set flags, so no write is ever cut short.

    Args:
        stopping, cancelling: what the user is told after the first and after the second Ctrl-C.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signals.cancel = signals.stop
        signals.stop = True
        sys.stderr.write(f"\n{cancelling if signals.cancel else stopping}\n")

    def detach(_number: int, _frame: FrameType | None) -> None:
        signals.detach = True

    handlers = {signal.SIGINT: interrupt, signal.SIGTERM: detach, signal.SIGHUP: detach}
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
