"""A training process: `python -m dse.nas.worker FOLDER`, asked and answering by files; see `dse.nas.trainer`.

It outlives who started it, ends what it is at, and leaves when nobody has asked it for anything for a while.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from dse.errors import DseError
from dse.nas.data.sources import read_runs
from dse.nas.data.windows import Cutter
from dse.nas.spec import NasSpec, build_spec
from dse.nas.tables import Training
from dse.nas.trainer import read_json, run_one
from dse.nas.training import TrainFunction
from dse.store.fsops import write_atomically
from dse.wire import dump_json

IDLE_SECONDS = 60.0
_POLL_SECONDS = 0.05


def main(folder: Path) -> int:
    """Serve trainings until nobody asks any more."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0  # another one serves this folder
    os.nice(5)
    write_atomically(folder / "alive.json", dump_json({"pid": os.getpid()}).encode())
    setup = read_json(folder / "setup.json") or {}
    try:
        spec = build_spec(Path(setup["path"]), setup["document"])
        windows = cutter_of(spec)
        from dse.nas import keras_training

        keras_training.prepare()
    except DseError as error:
        write_atomically(folder / "broken.json", dump_json({"message": str(error), "exit_code": error.exit_code}).encode())
        return 3
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < IDLE_SECONDS:
        request = read_json(folder / "request.json")
        if request is None:
            time.sleep(_POLL_SECONDS)
            continue
        serve(request, windows, keras_training.train)
        (folder / "request.json").unlink(missing_ok=True)
        idle_since = time.monotonic()
    return 0


def cutter_of(spec: NasSpec) -> Cutter:
    """Read a search's data."""
    runs = read_runs(spec.source, spec.path.parent)
    return Cutter(runs, spec.cutting, is_classes=spec.space.head.kind == "classes")


def serve(request: dict[str, Any], windows: Cutter, train: TrainFunction) -> None:
    """Do one training; its answer is the last file that is written."""
    job = Path(request["folder"])
    if not job.is_dir():
        return  # dropped before it was taken up
    log = os.open(job / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    write_atomically(job / "started.json", dump_json({"at": time.time(), "pid": os.getpid()}).encode())
    with (job / "curve.jsonl").open("a") as curve:

        def report(error: float) -> bool:
            curve.write(f"{float(error)!r}\n")
            curve.flush()
            return not (job / "drop").exists()

        try:
            answer = run_one(request, Training(**request["training"]), windows, train, report)
        except (MemoryError, DseError, ArithmeticError) as error:
            answer = {"failed": f"{type(error).__name__}: {error}"}
        except Exception as error:
            # The libraries raise bare exceptions of all kinds; the trace goes to the log, the search goes on.
            traceback.print_exc()
            answer = {"failed": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
    if job.is_dir():
        write_atomically(job / "answer.json", dump_json(answer).encode())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
