"""The parent's side of a worker: started when first needed, asked by JSON lines, watched, ended with all its children."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import dse

DIED, LATE = "WorkerDied", "WorkerLate"  # the errors that a worker cannot answer itself

# All that a worker may know of its surroundings. No agent sockets, no licence servers, no tokens.
_KEEP = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "KERAS_BACKEND")
_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONUNBUFFERED": "1",
    "PYTHONNOUSERSITE": "1",
}
_LONGEST_ANSWER_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Program:
    """What a worker runs.

    Attributes:
        name: how messages call it, e.g. "project generator".
        function: `package.module:function` of `dse`, or `/path/of/script.py:function`, which has to do without `dse`; see `dse.workers.child`.
        python: the interpreter; None is the one that runs `dse`.
        environment: variables it needs beyond those that every worker gets.
        advice: what to do when it is late.
    """

    name: str
    function: str
    python: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may use.

    Attributes:
        start_seconds: wall time until it is ready.
        seconds: wall time for one request; None for no limit.
        memory_bytes: address space; generous, because TensorFlow and torch reserve much more than they use.
        file_bytes: largest file it may write.
        nice: added to its priority.
    """

    start_seconds: float = 300.0
    seconds: float | None = 1800.0
    memory_bytes: int = 24 << 30
    file_bytes: int = 2 << 30
    nice: int = 0


class Worker:
    """A process that may be alive or not; `ask` starts it if need be, `answer` never blocks.

    Args:
        log: where its standard error goes; None keeps it in its scratch directory while it lives.
        clock: seconds, monotonic.

    Attributes:
        progress: what it has told of the present request, oldest first; the caller may clear it.
    """

    def __init__(
        self,
        program: Program,
        limits: Limits = Limits(),
        *,
        log: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.progress: list[Any] = []
        self._program, self._limits, self._log_path, self._clock = program, limits, log, clock
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch: Path | None = None
        self._log: IO[bytes] | None = None
        self._request: dict[str, Any] | None = None
        self._buffer = bytearray()
        self._is_ready = False
        self._deadline: float | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None if it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def ask(self, request: dict[str, Any]) -> None:
        """Hand over a request, once the last one is answered; it is sent as soon as the worker is ready."""
        self._request = request
        self.progress.clear()
        if self.pid is None:
            self.kill()
            self._start()
        if self._is_ready:
            self._send(request)

    def stop(self) -> None:
        """Tell it that the present answer is no longer wanted; it still answers, and stays warm."""
        if self._is_ready:
            self._write({"stop": True})

    def answer(self) -> dict[str, Any] | None:
        """Return the answer to the last request, None if there is none yet.

        What went wrong is `{"error": class name, "message": ...}`: as the program raised it, or `DIED` or `LATE` of the worker itself.
        """
        is_dead = self.pid is None  # asked before reading, so that a last answer is not lost
        for document in self._read():
            if document.get("ready") is True and self._request is not None:
                self._is_ready = True
                self._send(self._request)
            elif "progress" in document:
                self.progress.append(document["progress"])
            elif "ready" not in document:
                return document
        if is_dead or self._process is None:
            return {"error": DIED, "message": self._obituary()}
        if self._deadline is not None and self._clock() > self._deadline:
            limit, what = (self._limits.seconds, "no answer") if self._is_ready else (self._limits.start_seconds, "not ready")
            self.kill()
            return {"error": LATE, "message": f"{self._program.name}: {what} within {limit:g} s. {self._program.advice}".rstrip()}
        return None

    def wait(self) -> dict[str, Any]:
        """Return the answer to the last request, waiting for it; a worker that is interrupted meanwhile is ended."""
        try:
            while (answer := self.answer()) is None:
                time.sleep(0.01)
        except BaseException:
            self.kill()
            raise
        return answer

    def kill(self) -> None:
        """End the worker and whatever it started, at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None
        self._buffer, self._is_ready = bytearray(), False

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when it says something, for a selector; -1 if it does not run."""
        return self._process.stdout.fileno() if self._process is not None and self._process.stdout is not None else -1

    def _start(self) -> None:
        program, limits = self._program, self._limits
        self._scratch = Path(tempfile.mkdtemp(prefix="dse-worker-"))
        log = self._log_path or self._scratch / "log"
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log.open("w+b")
        settings = {
            "program": program.function, "root": str(Path(dse.__file__).resolve().parent.parent), "is_own": program.python is None,
            "parent": os.getpid(), "memory_bytes": limits.memory_bytes, "file_bytes": limits.file_bytes, "seconds": limits.seconds,
            "nice": limits.nice, "scratch": str(self._scratch),
        }  # fmt: skip
        child = Path(__file__).with_name("child.py")
        self._process = subprocess.Popen(
            [*without_network(), str(program.python or sys.executable), str(child), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=self._scratch,
            env=clean_environment(self._scratch) | dict(program.environment),
            start_new_session=True,
        )
        os.set_blocking(self.fileno(), False)
        self._deadline = self._clock() + limits.start_seconds

    def _send(self, request: dict[str, Any]) -> None:
        self._deadline = None if self._limits.seconds is None else self._clock() + self._limits.seconds
        self._write(request)

    def _write(self, document: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # a worker that is already dead is noticed by the next `answer`
            self._process.stdin.write(json.dumps(document).encode() + b"\n")
            self._process.stdin.flush()

    def _read(self) -> list[dict[str, Any]]:
        if self._process is None:
            return []
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self.fileno(), 1 << 16):
                self._buffer += part
                if len(self._buffer) > _LONGEST_ANSWER_BYTES:
                    self.kill()
                    return []
        *lines, self._buffer = self._buffer.split(b"\n")
        documents = []
        for line in lines:
            with contextlib.suppress(ValueError):
                document = json.loads(line)
                if isinstance(document, dict):
                    documents.append(document)
        return documents

    def _obituary(self) -> str:
        code = None if self._process is None else self._process.returncode
        how = "with an overlong answer" if code is None else f"by signal {-code}" if code < 0 else f"with status {code}"
        last = ""
        if self._log is not None:
            self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - 4096))
            lines = self._log.read().decode(errors="replace").strip().splitlines()
            last = f" Its last words: {lines[-1][:300]!r}." if lines else ""
        return f"{self._program.name}: the worker process ended {how}.{last} Check free memory and `dse doctor`."


def ask_once(program: Program, request: dict[str, Any], limits: Limits = Limits()) -> dict[str, Any]:
    """Return the answer of a worker that lives for one request; see `Worker.answer`."""
    worker = Worker(program, limits)
    try:
        worker.ask(request)
        return worker.wait()
    finally:
        worker.kill()


def clean_environment(scratch: Path) -> dict[str, str]:
    """Return the environment of a worker: an allow-list, quiet libraries, and a home of its own (Keras reads a file there)."""
    kept = {name: os.environ[name] for name in _KEEP if name in os.environ}
    return {**kept, **_QUIET, "HOME": str(scratch), "KERAS_HOME": str(scratch), "TMPDIR": str(scratch)}


@functools.cache
def without_network() -> tuple[str, ...]:
    """Return the command that takes the network away from its child, () where the system does not allow it."""
    tool = shutil.which("unshare")
    for flags in (("-n",), ("-rn",)) if tool else ():
        assert tool is not None
        probe = subprocess.run([tool, *flags, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if probe.returncode == 0:
            return (tool, *flags, "--")
    return ()
