"""The campaign's truth: one JSON event a line, appended and synced before anybody acts on it.

On opening, a torn last line (a crash in mid-write) is cut off *before* anything is appended, so that no new event can glue itself to
the rest of an old one. Any other bad line is an error with its number. One writer at a time: a kernel lock on `lock`, which ends
with the process, whatever ends it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from dse.errors import CampaignLocked, CorruptJournal, DiskFull, JournalError
from dse.store.fsops import make_directory, sync_directory
from dse.wire import dump_json, load_json

SCHEMA = "dse.journal/1"

Event = dict[str, Any]


def read_events(path: Path) -> tuple[list[Event], int]:
    """Return all complete events and the length in bytes that they fill; what follows is a torn tail.

    A missing file has no events.

    Raises:
        CorruptJournal: a complete line is not an event, or the schema is not ours.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}.") from error
    whole = content[: content.rfind(b"\n") + 1]
    events = [_parse(line, path, number) for number, line in enumerate(whole.split(b"\n")[:-1], 1)]
    if events and events[0].get("schema") != SCHEMA:
        raise CorruptJournal(
            f"{path}:1: made by another version of dse (schema {events[0].get('schema')!r}, expected {SCHEMA!r})."
            " Use that version, or start again with --fresh; the old state is kept."
        )
    return events, len(whole)


class Journal:
    """An open journal, locked for this process until it is closed.

    Attributes:
        events: all events, those read and those appended since.
        repaired: how many bytes of a torn last line were cut off on opening.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        make_directory(path.parent)
        try:
            self._lock = _lock(path.parent / "lock")
        except OSError as error:
            raise _explained(error, path) from error
        try:
            self.events, self._length = read_events(path)
            self._file, self.repaired = _open(path, self._length)
        except BaseException as error:
            os.close(self._lock)
            if isinstance(error, OSError):
                raise _explained(error, path) from error
            raise

    def append(self, event: Event) -> None:
        """Append one event; when this returns, it survives a crash and a power loss.

        Raises:
            DiskFull, JournalError: the event was not written; the journal is as before.
        """
        line = dump_json(event).encode() + b"\n"
        try:
            written = os.pwrite(self._file, line, self._length)
            if written != len(line):
                raise OSError(errno.ENOSPC, "no space left on device")
            os.fsync(self._file)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._length)
            raise _explained(error, self.path) from error
        self._length += len(line)
        self.events.append(event)

    def close(self) -> None:
        """Give up the lock."""
        os.close(self._file)
        os.close(self._lock)


def _parse(line: bytes, path: Path, number: int) -> Event:
    try:
        event = load_json(line)
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            raise ValueError("not an event")
    except ValueError as error:
        raise CorruptJournal(
            f"{path}:{number}: not a journal line: {error}. Restore the file from a backup, or start again with --fresh;"
            " finished syntheses are in the cache and will not run again."
        ) from error
    return event


def _open(path: Path, length: int) -> tuple[int, int]:
    """Open a journal for writing, cut what follows its complete events, and return (descriptor, bytes cut off)."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        torn = os.fstat(descriptor).st_size - length
        if torn:
            os.ftruncate(descriptor, length)
            os.fsync(descriptor)
        sync_directory(path.parent)  # what it holds is safe only if its name is
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, torn


def _explained(error: OSError, path: Path) -> DiskFull | JournalError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"{path}: the disk is full. Make room and run the same command again; nothing was lost.")
    return JournalError(f"{path}: cannot be written: {error.strerror}. Check who owns the folder, then run the same command again.")


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
        os.close(descriptor)
        raise CampaignLocked(
            f"{path.parent}: this campaign is already running ({holder}). Watch it with `dse status --watch`."
        ) from None
    with suppress(OSError):  # who holds it is only for the message
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"pid {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
    return descriptor
