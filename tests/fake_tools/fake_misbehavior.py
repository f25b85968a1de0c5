"""What a fake tool does wrong on demand: broken reports, processes left behind, noise."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path


def spoil(path: Path, kind: str) -> None:
    content = path.read_bytes()
    if kind == "truncated":
        path.write_bytes(content[: len(content) * 2 // 3])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "garbage":
        path.write_bytes(b"\xff\x00" * 512)
    elif kind == "stale":
        hour_ago = time.time() - 3600
        os.utime(path, (hour_ago, hour_ago))


_CHAIN = """
import subprocess, sys, time
if int(sys.argv[1]) > 1:
    subprocess.Popen([sys.executable, "-c", sys.argv[2], str(int(sys.argv[1]) - 1), sys.argv[2]])
time.sleep(3600)
"""


def start_children(count: int) -> None:
    """Start a chain of processes, each the child of the one before, like the tools' own wrappers; they live until killed."""
    if count > 0:
        subprocess.Popen([sys.executable, "-c", _CHAIN, str(count), _CHAIN])


def leave_daemon(seconds: float) -> None:
    """Leave a double-forked process in a session of its own behind."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(seconds)
        os._exit(0)
    os.wait()


def spew(n_bytes: int, line_bytes: int) -> None:
    noise = (b"\x00\x1b[31m\x1b]52;c;ZmFrZQ==\x07\xff\xfe<script>" * (line_bytes // 32 + 1))[: max(1, line_bytes - 1)] + b"\n"
    sys.stdout.flush()
    for _ in range(n_bytes // len(noise) + 1):
        sys.stdout.buffer.write(noise)
    sys.stdout.buffer.flush()
