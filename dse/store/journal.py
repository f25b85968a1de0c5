"""The campaign's truth: one JSON event a line, appended and synced before anybody acts on it.

Each line carries the digest of the one before (`follows`), so that a line that was changed, lost or doubled is noticed; a journal of 0.1
has none up to where a later `dse` went on. On opening, a torn last line (a crash in mid-write) is cut off *before* anything is appended,
so that no new event can glue itself to the rest of an old one. Any other bad line is an error with its number. One writer at a time:
kernel locks on `lock` and on the journal itself, which end with the process, whatever ends it. A journal that is removed under its
writer is put back.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from dse.errors import CampaignLocked, CorruptJournal, DiskFull, JournalError
from dse.store.fsops import make_directory, open_folder, open_plain
from dse.wire import dump_json, load_json

SCHEMA = "dse.journal/2"
READABLE = ("dse.journal/1", SCHEMA)

Event = dict[str, Any]

_NEXT = "Restore the file from a backup, or start again with --fresh; finished syntheses are in the cache and will not run again."


def read_events(path: Path) -> tuple[list[Event], int]:
    """Return all complete events and the length in bytes that they fill; what follows is a torn tail.

    A missing file has no events.

    Raises:
        CorruptJournal: a complete line is not an event or does not follow the one before, or the schema is not ours.
        JournalError: it cannot be read, or is no plain file.
    """
    try:
        descriptor = open_plain(path, os.O_RDONLY)
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}.") from error
    with os.fdopen(descriptor, "rb") as file:
        events, length, _ = _parse(file.read(), path)
    return events, length


class Journal:
    """An open journal, locked for this process until it is closed.

    Attributes:
        events: all events, those read and those appended since.
        repaired: how many bytes of a torn last line were cut off on opening.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open: list[int] = []
        make_directory(path.parent)
        try:
            self._folder = self._held(open_folder(path.parent))
            self._held(_lock(self._folder, path))
            self._file = self._held(open_plain(path.name, os.O_RDWR | os.O_CREAT, folder=self._folder))
            _lock_file(self._file, path, "another process")
            content = os.pread(self._file, os.fstat(self._file).st_size, 0)
            self.events, self._length, self._last = _parse(content, path)
            self.repaired = len(content) - self._length
            if self.repaired:
                os.ftruncate(self._file, self._length)
                os.fsync(self._file)
            os.fsync(self._folder)  # what it holds is safe only if its name is
        except BaseException as error:
            self._close()
            if isinstance(error, OSError):
                raise _explained(error, path) from error
            raise

    def append(self, event: Event) -> None:
        """Append one event; when this returns, it survives a crash and a power loss.

        Raises:
            DiskFull, JournalError: the event was not written; the journal is as before.
        """
        line = dump_json({**event, "follows": self._last} if self._last else event).encode()
        try:
            self._stay()
            _write(self._file, line + b"\n", self._length)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._length)
            raise _explained(error, self.path) from error
        self._length += len(line) + 1
        self._last = _digest(line)
        self.events.append(event)

    def close(self) -> None:
        """Give up the locks; the journal is in its place."""
        try:
            self._stay()
        except OSError as error:
            raise _explained(error, self.path) from error
        finally:
            self._close()

    def _stay(self) -> None:
        """Put the journal back if somebody removed it; refuse to go on beside another one."""
        try:
            there = os.stat(self.path.name, dir_fd=self._folder, follow_symlinks=False)
        except FileNotFoundError:
            content = os.pread(self._file, self._length, 0)
            self._file = self._held(open_plain(self.path.name, os.O_RDWR | os.O_CREAT | os.O_EXCL, folder=self._folder))
            _lock_file(self._file, self.path, "another process")
            _write(self._file, content, 0)
            os.fsync(self._folder)
            return
        if not os.path.samestat(there, os.fstat(self._file)):
            raise JournalError(
                f"{self.path}: another file was put in its place while the campaign ran; nothing more is written."
                " What was found so far is in the cache: run the campaign again."
            )

    def _held(self, descriptor: int) -> int:
        self._open.append(descriptor)
        return descriptor

    def _close(self) -> None:
        for descriptor in self._open:
            os.close(descriptor)
        self._open.clear()


def _parse(content: bytes, path: Path) -> tuple[list[Event], int, str]:
    """Return the events, the length in bytes of their lines, and the digest of the last one."""
    length = content.rfind(b"\n") + 1
    events: list[Event] = []
    last, is_chained = "", False
    for number, line in enumerate(content[:length].split(b"\n")[:-1], 1):
        event = _event(line, path, number)
        if not events and event.get("schema") not in READABLE:
            raise CorruptJournal(
                f"{path}:1: made by another version of dse (schema {event.get('schema')!r}, expected {SCHEMA!r})."
                " Use that version, or start again with --fresh; the old state is kept."
            )
        follows = event.pop("follows", None)
        is_chained = is_chained or follows is not None or (number == 2 and events[0]["schema"] == SCHEMA)
        if is_chained and follows != last:
            raise CorruptJournal(f"{path}:{number}: a line was changed, lost or doubled before it. {_NEXT}")
        last = _digest(line)
        events.append(event)
    return events, length, last


def _event(line: bytes, path: Path, number: int) -> Event:
    try:
        event = load_json(line)
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            raise ValueError("not an event")
    except ValueError as error:
        raise CorruptJournal(f"{path}:{number}: not a journal line: {error}. {_NEXT}") from error
    return event


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()[:32]


def _write(descriptor: int, content: bytes, offset: int) -> None:
    if os.pwrite(descriptor, content, offset) != len(content):
        raise OSError(errno.ENOSPC, "no space left on device")
    os.fsync(descriptor)


def _explained(error: OSError, path: Path) -> DiskFull | JournalError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"{path}: the disk is full. Make room and run the same command again; nothing was lost.")
    return JournalError(f"{path}: cannot be written: {error.strerror}. Check who owns the folder, then run the same command again.")


def _lock(folder: int, path: Path) -> int:
    descriptor = open_plain("lock", os.O_RDWR | os.O_CREAT, folder=folder)
    try:
        _lock_file(descriptor, path, os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another process")
    except BaseException:
        os.close(descriptor)
        raise
    with suppress(OSError):  # who holds it is only for the message
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"pid {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
    return descriptor


def _lock_file(descriptor: int, path: Path, holder: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CampaignLocked(
            f"{path.parent}: this campaign is already running ({holder}). Watch it with `dse status --watch`."
        ) from None
