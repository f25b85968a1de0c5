"""Trainings side by side, each in a process of its own that knows nothing of the search; the parent only reads and writes lines."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dse.errors import BackendError, DseError
from dse.nas.data.windows import Cutter
from dse.nas.spec import NasSpec
from dse.nas.training import TrainFunction

_START_SECONDS = 600.0
_GRACE_SECONDS = 60.0  # for data, the last epoch's validation and saving


@dataclass(frozen=True, slots=True)
class Message:
    """What a training says: `kind` is `error` (after an epoch), `done` or `failed`."""

    number: int
    kind: str
    value: Any


class Trainers(Protocol):
    """Whoever trains."""

    @property
    def free(self) -> int:
        """How many trainings may be added now."""
        ...

    def submit(self, request: dict[str, Any]) -> None: ...

    def give_up(self, number: int) -> None: ...

    def wait(self, seconds: float) -> tuple[Message, ...]: ...

    def close(self) -> None: ...


class Pool:
    """So many worker processes."""

    def __init__(self, spec: NasSpec, workers: int) -> None:
        self._workers = [_Worker(spec, index) for index in range(workers)]

    @property
    def free(self) -> int:
        return sum(worker.number is None for worker in self._workers)

    def submit(self, request: dict[str, Any]) -> None:
        next(worker for worker in self._workers if worker.number is None).submit(request)

    def give_up(self, number: int) -> None:
        for worker in self._workers:
            if worker.number == number:
                worker.send({"give_up": number})

    def wait(self, seconds: float) -> tuple[Message, ...]:
        with selectors.DefaultSelector() as selector:
            for worker in self._workers:
                if worker.process is not None and worker.process.stdout is not None:
                    selector.register(worker.process.stdout, selectors.EVENT_READ, worker)
            ready = {key.data for key, _ in selector.select(seconds)} if selector.get_map() else set[_Worker]()
        if not ready and not any(worker.process for worker in self._workers):
            time.sleep(seconds)
        return tuple(message for worker in self._workers for message in worker.messages(is_ready=worker in ready))

    def close(self) -> None:
        for worker in self._workers:
            worker.kill()


class _Worker:
    def __init__(self, spec: NasSpec, index: int) -> None:
        self._spec, self._log = spec, spec.state / "work" / f"worker_{index + 1}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.number: int | None = None
        self._buffer, self._deadline = b"", 0.0
        self._is_ready, self._is_over = False, False

    def submit(self, request: dict[str, Any]) -> None:
        if self.process is None:
            self._start()
        self.number = int(request["number"])
        self._deadline = time.monotonic() + (self._allowed() if self._is_ready else _START_SECONDS + self._allowed())
        self.send(request)

    def send(self, document: dict[str, Any]) -> None:
        if self.process is not None and self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it died; `messages` says so
                self.process.stdin.write(json.dumps(document).encode() + b"\n")
                self.process.stdin.flush()

    def messages(self, *, is_ready: bool) -> tuple[Message, ...]:
        """Return what the worker said; a worker that died or is late has failed its training and is started anew when needed."""
        found = list(self._parsed()) if is_ready else []
        if self.number is None or self.process is None:
            return tuple(found)
        died = self._is_over
        if died or time.monotonic() > self._deadline:
            why = f"the training process ended ({self._tail()})" if died else "took too long and was ended"
            found.append(Message(self.number, "failed", why))
            self.kill()
        return tuple(found)

    def kill(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        self.process, self.number, self._buffer, self._is_ready = None, None, b"", False
        self._is_over = False

    def _start(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "-1", "OMP_NUM_THREADS": "1"}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dse.nas.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **quiet, "PYTHONHASHSEED": "0"},
                start_new_session=True,
            )
        self.send({"path": str(self._spec.path.absolute()), "document": self._spec.document})

    def _parsed(self) -> list[Message]:
        assert self.process is not None
        assert self.process.stdout is not None
        text = os.read(self.process.stdout.fileno(), 1 << 16)
        self._is_over = not text  # the worker closed its answers: it is dead, or will be in a moment
        self._buffer += text
        *lines, self._buffer = self._buffer.split(b"\n")
        found = []
        for line in lines:
            document = json.loads(line)
            if "broken" in document:
                raise _Broken(document["broken"], document["exit_code"])
            if document.get("ready"):
                self._is_ready, self._deadline = True, time.monotonic() + self._allowed()
                continue
            number = int(document.pop("number"))
            kind, value = next(iter(document.items()))
            if number == self.number:
                found.append(Message(number, kind, value))
                if kind != "error":
                    self.number = None
        return found

    def _allowed(self) -> float:
        limit = self._spec.training.seconds
        return float("inf") if limit is None else 2 * float(limit) + _GRACE_SECONDS

    def _tail(self) -> str:
        with contextlib.suppress(OSError):
            lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            return lines[-1][:200] if lines else f"exit status {self.process.returncode if self.process else '?'}"
        return "no log"


class _Broken(BackendError):
    """A worker cannot work at all, e.g. its data is missing; carries the exit code of the reason."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Inline:
    """Trains in this process with a function of the caller's, one at a time."""

    def __init__(self, spec: NasSpec, train: TrainFunction, windows: Cutter) -> None:
        self._spec, self._train, self._windows = spec, train, windows
        self._request: dict[str, Any] | None = None
        self.hear: Any = lambda message: True

    @property
    def free(self) -> int:
        return int(self._request is None)

    def submit(self, request: dict[str, Any]) -> None:
        self._request = request

    def give_up(self, number: int) -> None:
        """`hear` says so already."""

    def wait(self, seconds: float) -> tuple[Message, ...]:
        from dse.nas.worker import run_one

        if self._request is None:
            return ()
        request, self._request = self._request, None
        number = int(request["number"])
        try:
            facts = run_one(
                request, self._spec, self._windows, self._train, lambda error: bool(self.hear(Message(number, "error", error)))
            )
        except (ArithmeticError, MemoryError, DseError) as error:
            return (Message(number, "failed", f"{type(error).__name__}: {error}"),)
        return (Message(number, "done", facts),)

    def close(self) -> None:
        """Nothing to end."""


def network_file(spec: NasSpec, number: int) -> Path:
    """Return where a candidate's trained network lies."""
    return spec.state / "networks" / f"trial_{number:04d}.keras"
