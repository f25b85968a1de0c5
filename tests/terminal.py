"""A Python program on a pseudo-terminal of its own, with somebody who reads and types."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

PATIENCE_SECONDS = 60.0
TESTS = Path(__file__).resolve().parent


def play(arguments: list[str], script: list[tuple[bytes, bytes]], *, columns: int = 100, rows: int = 30) -> tuple[int, bytes]:
    """Run `python *arguments`; wait for each text in turn and type what goes with it. Return its exit status and all that it showed."""
    leader, follower = pty.openpty()
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    own = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**own, "TERM": "xterm", "PYTHONPATH": f"{TESTS}:{TESTS.parent}"},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(follower)
    os.set_blocking(leader, False)
    shown, waiting, heard = b"", list(script), 0
    end = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < end:
        with suppress(BlockingIOError, OSError):
            shown += os.read(leader, 65536)
        if waiting and waiting[0][0] in shown[heard:]:
            heard = len(shown)
            os.write(leader, waiting.pop(0)[1])
        time.sleep(0.02)
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    code = process.wait()
    with suppress(BlockingIOError, OSError):
        while more := os.read(leader, 65536):
            shown += more
    os.close(leader)
    assert not waiting, (waiting, shown)
    return code, shown
