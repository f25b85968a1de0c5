"""Optuna's journal file as a search uses it: one writer, no lock files, synced when a trial begins or ends; readers change nothing.

The writer holds a lock of the kernel elsewhere (`dse.nas.study`): Optuna's own lock file stays behind when a process is killed, and then
everybody waits for it.
"""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend

from dse.errors import CorruptJournal

optuna.logging.set_verbosity(optuna.logging.ERROR)


class _NoLock:
    """Stands in for Optuna's lock: our own is held by the kernel for the whole session."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


class _Backend(JournalFileBackend):  # type: ignore[misc]  # Optuna is untyped to us
    """Optuna's journal file, synced when a trial begins or ends and not for every parameter: one proposal is a dozen lines."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), lock_obj=_NoLock())
        self._path = path

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with self._path.open("ab") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            if any("state" in log or "directions" in log for log in logs):
                os.fsync(file.fileno())


class _ReadOnly(BaseJournalBackend):  # type: ignore[misc]  # Optuna is untyped to us
    """Optuna's journal without its writing half, so that looking never changes what is looked at."""

    def __init__(self, path: Path) -> None:
        self._backend = JournalFileBackend(str(path), lock_obj=_NoLock())

    def read_logs(self, log_number_from: int) -> Any:
        return self._backend.read_logs(log_number_from)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        raise AssertionError("a study opened for reading was written to")


def open_study(path: Path, name: str, n_objectives: int, *, is_new: bool) -> optuna.Study:
    """Return the study of a journal, for writing and begun if need be (`is_new`), or for reading only.

    Raises:
        CorruptJournal: the file is not a journal of a study of that name.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not is_new:
                return optuna.load_study(study_name=name, storage=JournalStorage(_ReadOnly(path)))
            storage = JournalStorage(_Backend(path))
            if any(summary.study_name == name for summary in optuna.get_all_study_summaries(storage=storage)):
                return optuna.load_study(study_name=name, storage=storage)
            return optuna.create_study(study_name=name, storage=storage, directions=["minimize"] * n_objectives)
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptJournal(
            f"{path}: not a journal of this search ({type(error).__name__}: {str(error)[:100]}). Restore it, or start again with --fresh."
        ) from error


def cut_torn_line(path: Path) -> int:
    """Cut off what follows the last complete line; return how many bytes that was."""
    if not path.exists():
        return 0
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
            os.fsync(file.fileno())
    return len(content) - whole
