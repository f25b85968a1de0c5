"""Single keys from the terminal, read by a thread of its own; the terminal is always put back as it was."""

from __future__ import annotations

import atexit
import os
import re
import select
import signal
import sys
import termios
import threading
import tty
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

_PATIENCE_SECONDS = 0.1
_ESCAPE = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|O.)")  # arrow and function keys


class Keys:
    """While entered, calls `press` with each key (one character); does nothing where stdin is no terminal of ours.

    Attributes:
        is_open: whether keys are read.
    """

    def __init__(self, press: Callable[[str], None]) -> None:
        self.press = press
        self.is_open = False
        self._end = threading.Event()
        self._saved: list[Any] = []
        self._handler: Any = None

    def __enter__(self) -> Keys:
        with suppress(OSError, ValueError, termios.error):
            self._fd = sys.stdin.fileno()
            # A background job that touches the terminal is stopped by the kernel.
            if os.isatty(self._fd) and os.tcgetpgrp(self._fd) == os.getpgrp():
                self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        if self.is_open:
            self.is_open = False
            self._thread.join(10 * _PATIENCE_SECONDS)
            self._restore()
            atexit.unregister(self._restore)
            if self._handler is not None:
                signal.signal(signal.SIGCONT, self._handler)

    def _open(self) -> None:
        self._saved = termios.tcgetattr(self._fd)
        atexit.register(self._restore)
        tty.setcbreak(self._fd)
        self.is_open = True
        if threading.current_thread() is threading.main_thread():
            # The shell gives a resumed job its own settings.
            self._handler = signal.signal(signal.SIGCONT, self._resume)
        self._thread = threading.Thread(target=self._read, name="keys", daemon=True)
        self._thread.start()

    def _restore(self) -> None:
        with suppress(OSError, termios.error):
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._saved)

    def _resume(self, _number: int, _frame: FrameType | None) -> None:
        with suppress(OSError, termios.error):
            tty.setcbreak(self._fd)

    def _read(self) -> None:
        while not self._end.is_set():
            try:
                ready, _, _ = select.select([self._fd], [], [], _PATIENCE_SECONDS)
                text = os.read(self._fd, 64).decode(errors="ignore") if ready else None
            except OSError:
                return
            if text == "":
                return
            for key in _ESCAPE.sub("", text or ""):
                self.press(key)
