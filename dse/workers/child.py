"""The worker's side: `python child.py JSON`, started by `dse.workers.process` under whatever interpreter the user named.

Standard input carries one JSON request a line, or `{"stop": true}` for the one that is being worked on; standard output carries
`{"ready": true}`, then for each request any number of `{"progress": ...}` and one answer. What libraries print goes to standard error.

The program is a function `start() -> serve`, named as `package.module:start` or `/path/of/script.py:start`. It is called once and loads
what it needs; `serve(request, tell) -> answer` is called for each request, and `tell(value)` reports progress: it returns False when the parent no
longer wants the answer. What either raises is answered as `{"error": class, "message": text}`.

Runs without `dse`: standard library only, and no syntax newer than Python 3.8.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import resource
import runpy
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

Serve = Callable[[dict, Callable[[Any], bool]], dict]  # type: ignore[type-arg]  # Python 3.8


def main(settings: dict[str, Any]) -> int:
    """Serve requests until the input ends.

    Args:
        settings: `program`, `root` (folder of the `dse` package), `is_own` (whether the interpreter is that of the parent), `parent` (its
            pid), `memory_bytes`, `file_bytes`, `seconds` (of one request; None for no limit), `nice`, `scratch`.
    """
    threading.Thread(target=_end_with, args=(settings["parent"], settings["scratch"]), daemon=True).start()
    os.nice(settings["nice"])
    _limit(resource.RLIMIT_AS, settings["memory_bytes"])
    _limit(resource.RLIMIT_FSIZE, settings["file_bytes"])
    _limit(resource.RLIMIT_CORE, 0)
    requests: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    stop = threading.Event()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        outlet = Outlet(answers, stop, settings["scratch"])
        try:
            serve = _function(settings)()
        except Exception as error:
            outlet.write(_error(error))
            return 3
        outlet.write({"ready": True})
        threading.Thread(target=_read, args=(requests, stop), daemon=True).start()
        while True:
            request = requests.get()
            if request is None:
                break
            with _time_limit(settings["seconds"]):
                outlet.write(_answer(serve, request, outlet.tell))
    _remove(settings["scratch"])
    return 0


class Outlet:
    """The line to the parent; when nobody reads it any longer, the worker ends."""

    def __init__(self, answers: TextIO, stop: threading.Event, scratch: str) -> None:
        self.answers, self.stop, self.scratch = answers, stop, scratch

    def tell(self, value: Any) -> bool:
        """Report progress; returns whether the answer is still wanted."""
        self.write({"progress": value})
        return not self.stop.is_set()

    def write(self, document: dict[str, Any]) -> None:
        """Write one line."""
        try:
            self.answers.write(json.dumps(document) + "\n")
            self.answers.flush()
        except BrokenPipeError:
            _remove(self.scratch)
            os._exit(0)


def _function(settings: dict[str, Any]) -> Callable[[], Serve]:
    place, _, name = settings["program"].rpartition(":")
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]  # this folder's files are nobody's modules
    if place.endswith(".py"):
        found = runpy.run_path(place)
    else:
        # An interpreter that is not the parent's must not take the parent's packages for its own.
        sys.path.insert(0 if settings["is_own"] else len(sys.path), settings["root"])
        found = vars(importlib.import_module(place))
    start: Callable[[], Serve] = found[name]
    return start


def _read(requests: queue.SimpleQueue[dict[str, Any] | None], stop: threading.Event) -> None:
    for line in sys.stdin:
        document = json.loads(line)
        if document.get("stop") is True:
            stop.set()
        else:
            stop.clear()
            requests.put(document)
    stop.set()
    requests.put(None)


def _answer(serve: Serve, request: dict[str, Any], tell: Callable[[Any], bool]) -> dict[str, Any]:
    try:
        return dict(serve(request, tell))
    except Exception as error:  # libraries raise bare exceptions of all kinds
        return _error(error)


def _error(error: Exception) -> dict[str, Any]:
    traceback.print_exc()  # to the log; the user gets a sentence
    message = " ".join(str(error).split())[:2000]
    return {"error": type(error).__name__, "message": message}


@contextlib.contextmanager
def _time_limit(seconds: float | None) -> Iterator[None]:
    """End this process if a request takes too long, even when nobody is left to notice.

    The parent ends a late worker first; this is for the case that the parent was killed while a library held the interpreter. The
    processor-time limit holds where a signal would be ignored.
    """
    if seconds is None:
        yield
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + 4 * seconds) + 10, soft_only=True)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 1.5 * seconds + 10)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _end_with(parent: int, scratch: str) -> None:
    """End this process and its children soon after its parent, even in the middle of a request."""
    while os.getppid() == parent:
        time.sleep(1)
    _remove(scratch)
    os.killpg(0, signal.SIGKILL)  # it leads a group of its own


def _limit(what: int, value: int, *, soft_only: bool = False) -> None:
    _, hard = resource.getrlimit(what)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(what, (value, hard if soft_only else value))


def _remove(scratch: str) -> None:
    """Remove the worker's scratch directory, in case the parent was killed and cannot."""
    if Path(scratch).name.startswith("dse-worker-"):
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
