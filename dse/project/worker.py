"""The worker process: `python -m dse.project.worker PARENT_PID MEMORY_BYTES FILE_BYTES PROJECT_SECONDS`.

Reads one JSON request a line, writes one JSON answer a line, and ends when its input ends. Whatever the libraries print on standard
output goes to standard error, so that answers stay clean.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import shutil
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import IO, Any

from dse.errors import ConversionError, DiskFull, DseError


def main(arguments: list[str]) -> int:
    """Serve requests until the input ends."""
    parent, memory_bytes, file_bytes, project_seconds = *map(int, arguments[:3]), float(arguments[3])
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_FSIZE, file_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        from dse.project import generate

        try:
            generate.load_libraries()
        except DseError as error:
            _answer(answers, {"error": type(error).__name__, "message": str(error)})
            return 3
        except Exception as error:
            traceback.print_exc()
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            message = f"project generator: hls4ml or Keras cannot be loaded; got {reason}. Run `dse doctor`."
            _answer(answers, {"error": ConversionError.__name__, "message": message})
            return 3
        _answer(answers, {"ready": True})
        for line in sys.stdin:
            with _time_limit(project_seconds):
                document = _serve(line)
            _answer(answers, document)
    _remove_scratch()
    return 0


def _serve(line: str) -> dict[str, Any]:
    from dse.project import generate

    try:
        generate.write_project(json.loads(line))
    except DseError as error:
        return {"error": type(error).__name__, "message": str(error)}
    except MemoryError:
        return {"error": ConversionError.__name__, "message": "project generator: the worker's memory limit was reached."}
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return _unbuildable(error)
        return {
            "error": DiskFull.__name__,
            "message": f"the project could not be written: {error.filename or 'its disk'}: {error.strerror}",
        }
    except Exception as error:
        return _unbuildable(error)
    return {"done": True}


def _unbuildable(error: Exception) -> dict[str, Any]:
    # The libraries raise bare exceptions of all kinds; the trace goes to the log, the user gets a sentence.
    traceback.print_exc()
    reason = " ".join(str(error).split())[:400]
    message = f"hls4ml cannot build this network: {type(error).__name__}: {reason}. Simplify the layer named, or report it."
    return {"error": ConversionError.__name__, "message": message}


@contextlib.contextmanager
def _time_limit(seconds: float) -> Any:
    """End this process if a request takes too long, even when nobody is left to notice.

    The parent ends a late worker first; this is for the case that the parent was killed while a library held the interpreter. The
    processor-time limit holds where a signal would be ignored.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + 4 * seconds) + 10, soft_only=True)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 1.5 * seconds + 10)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _end_with(parent: int) -> None:
    """End this process soon after its parent, even in the middle of a project."""
    while os.getppid() == parent:
        time.sleep(1)
    _remove_scratch()
    os._exit(0)


def _limit(what: int, value: int, *, soft_only: bool = False) -> None:
    _, hard = resource.getrlimit(what)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(what, (value, hard if soft_only else value))


def _answer(answers: IO[str], document: dict[str, Any]) -> None:
    try:
        answers.write(json.dumps(document) + "\n")
        answers.flush()
    except BrokenPipeError:  # the parent is gone; a finished project stays for whoever comes next
        _remove_scratch()
        os._exit(0)


def _remove_scratch() -> None:
    """Remove this worker's own scratch directory, in case the parent was killed and cannot."""
    scratch = Path(os.environ.get("HOME", ""))
    if scratch.name.startswith("dse-generator-"):
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
