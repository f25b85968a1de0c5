"""A file system that fails or stops at its N-th change, and that may then forget all that was not synced.

Watched are the calls of `dse.store` alone, wherever they come from: journal, cache, tickets, outcomes. What others write stays as it is.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

VERBS = ("open", "fsync", "pwrite", "ftruncate", "fchmod", "mkdir", "rename", "replace")
Loss = Literal["kept", "lost", "torn"]


class Killed(BaseException):
    """No `except Exception` stops a SIGKILL."""


@dataclass
class CrashFs:
    """Counts changes; at the N-th it raises what it was told to.

    Attributes:
        kill_after: the process ends right after this many changes.
        fail_at: this change fails instead of happening.
        synced, listed: by inode, what of a file or a directory is safe. Its descriptors are kept open, so that no inode comes back.
    """

    kill_after: int | None = None
    fail_at: int | None = None
    error: int = errno.EIO
    count: int = 0
    synced: dict[int, bytes] = field(default_factory=dict)
    listed: dict[int, dict[str, int]] = field(default_factory=dict)
    _held: list[int] = field(default_factory=list)
    _opened: set[int] = field(default_factory=set)
    _real: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch in this block; on the way out close what the killed process had open, as the kernel does."""
        self._real = {name: getattr(os, name) for name in (*VERBS, "close")}
        for name in VERBS:
            setattr(os, name, self._step(name))
        os.close = self._close
        try:
            yield
        finally:
            for name, real in self._real.items():
                setattr(os, name, real)
            for descriptor in self._opened:
                with suppress(OSError):
                    os.close(descriptor)
            self._opened.clear()

    def _step(self, name: str) -> Callable[..., Any]:
        real = self._real[name]

        def step(*arguments: Any, **named: Any) -> Any:
            if not _is_ours(sys._getframe(1)) or (name == "open" and not arguments[1] & os.O_CREAT):
                return real(*arguments, **named)
            self.count += 1
            if self.count == self.fail_at:
                raise OSError(self.error, os.strerror(self.error))
            try:
                done = real(*arguments, **named)
                if name == "open":
                    self._opened.add(done)
                if name == "fsync":
                    self._note(arguments[0])
                return done
            finally:
                if self.count == self.kill_after:
                    raise Killed

        return step

    def _close(self, descriptor: int) -> None:
        self._opened.discard(descriptor)
        self._real["close"](descriptor)

    def _note(self, descriptor: int) -> None:
        found, place = os.fstat(descriptor), Path(f"/proc/self/fd/{descriptor}")
        if found.st_ino not in self.synced.keys() | self.listed.keys():
            self._held.append(os.dup(descriptor))
        if stat.S_ISDIR(found.st_mode):
            self.listed[found.st_ino] = {entry.name: entry.inode() for entry in os.scandir(descriptor)}
        else:
            self.synced[found.st_ino] = place.read_bytes()

    def lose(self, root: Path, how: Loss) -> None:
        """Turn the machine off: "kept" (only the process ended), "torn" (names are safe before data), "lost" (nothing unsynced is left)."""
        if how != "kept":
            self._lose(root, how)

    def _lose(self, folder: Path, how: Loss) -> None:
        safe = self.listed.get(folder.stat().st_ino, {})
        for entry in tuple(folder.iterdir()):
            if entry.name.startswith(("project", "attempt-", "claims", "lock")):
                continue  # not written by the store
            found = entry.stat(follow_symlinks=False)
            if how == "lost" and safe.get(entry.name) != found.st_ino:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
                self._restore(entry, safe.get(entry.name))
            elif entry.is_dir():
                self._lose(entry, how)
            else:
                entry.write_bytes(self.synced.get(found.st_ino, b""))
        if how == "lost":
            for name, inode in safe.items():
                if not (folder / name).exists():
                    self._restore(folder / name, inode)

    def _restore(self, path: Path, inode: int | None) -> None:
        """Bring back what was replaced or deleted, where that was not made safe."""
        if inode in self.synced:
            path.write_bytes(self.synced[inode])

    def close(self) -> None:
        for descriptor in self._held:
            os.close(descriptor)
        self._held.clear()


def _is_ours(frame: Any) -> bool:
    for _ in range(6):
        if frame is None:
            return False
        if "/dse/store/" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False
