"""One worker process: started when first needed, asked by JSON lines, watched, ended with all its children."""

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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import dse

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
}
_LONGEST_ANSWER_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may use.

    Attributes:
        start_seconds: until it has loaded hls4ml and Keras.
        project_seconds: wall time for one project; most take well under a second, distributed arithmetic on wide layers minutes.
        memory_bytes: address space; generous, because TensorFlow and torch reserve much more than they use.
        file_bytes: largest file it may write.
    """

    start_seconds: float = 300.0
    project_seconds: float = 1800.0
    memory_bytes: int = 24 << 30
    file_bytes: int = 2 << 30


class WorkerProcess:
    """A worker that may be alive or not; `ask` starts it if need be, `answer` never blocks."""

    def __init__(self, python: Path | None, limits: Limits, clock: Callable[[], float]):
        self._python, self._limits, self._clock = python, limits, clock
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch: Path | None = None
        self._log: IO[bytes] | None = None
        self._request: dict[str, Any] | None = None
        self._buffer = b""
        self._is_ready = False
        self._deadline = 0.0

    @property
    def pid(self) -> int | None:
        """The process id, None if it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def ask(self, request: dict[str, Any]) -> None:
        """Hand over a request; it is sent as soon as the worker is ready."""
        self._request = request
        if self.pid is None:
            self.kill()
            self._start()
        if self._is_ready:
            self._send()

    def answer(self) -> dict[str, Any] | None:
        """Return the answer to the last request, None if there is none yet.

        A worker that died answers `{"died": true, "error": ..., "message": ...}`; one that is late is ended and answers an error.
        """
        is_dead = self.pid is None  # asked before reading, so that a last answer is not lost
        for document in self._read():
            if document.get("ready") and self._request is not None:
                self._is_ready = True
                self._send()
            elif not document.get("ready"):
                return document
        if is_dead or self._process is None:
            return {"died": True, "error": "ConversionError", "message": self._obituary()}
        if self._clock() > self._deadline:
            step = "write a project" if self._is_ready else "load hls4ml"
            self.kill()
            limit = self._limits.project_seconds if self._is_ready else self._limits.start_seconds
            message = f"project generator: did not {step} within {limit:g} s. Try a smaller network, or raise the time limit."
            self._is_ready = False
            return {"error": "ConversionError", "message": message}
        return None

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
        self._buffer = b""

    def close(self) -> None:
        """End the worker for good."""
        self.kill()
        self._is_ready = False

    def _start(self) -> None:
        self._is_ready = False
        self._scratch = Path(tempfile.mkdtemp(prefix="dse-generator-"))
        self._log = (self._scratch / "log").open("w+b")
        limits = [os.getpid(), self._limits.memory_bytes, self._limits.file_bytes, self._limits.project_seconds]
        python = str(self._python or sys.executable)
        self._process = subprocess.Popen(
            [*without_network(), python, "-m", "dse.project.worker", *map(str, limits)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=self._scratch,
            env=clean_environment(self._scratch),
            start_new_session=True,
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._deadline = self._clock() + self._limits.start_seconds

    def _send(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._deadline = self._clock() + self._limits.project_seconds
        line = json.dumps(self._request).encode() + b"\n"
        # A worker that is already dead is noticed by the next `answer`.
        with contextlib.suppress(OSError):
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def _read(self) -> list[dict[str, Any]]:
        if self._process is None or self._process.stdout is None:
            return []
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self._process.stdout.fileno(), 1 << 16):
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
        return f"project generator: the worker process ended {how}.{last} Check free memory and `dse doctor`."


def clean_environment(scratch: Path) -> dict[str, str]:
    """Return the environment of a worker: an allow-list, quiet libraries, and a home of its own (Keras reads a file there)."""
    kept = {name: os.environ[name] for name in _KEEP if name in os.environ}
    package_root = str(Path(dse.__file__).resolve().parent.parent)
    return {**kept, **_QUIET, "HOME": str(scratch), "KERAS_HOME": str(scratch), "TMPDIR": str(scratch), "PYTHONPATH": package_root}


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
