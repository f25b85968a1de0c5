"""A training process: `python -m dse.nas.worker`, asked and answering by JSON lines; it ends when its input ends.

First line: {"path": file, "document": the file's tables}. Then one training a line: {"number", "architecture", "seed", "network":
where to write the trained network}; a line {"give_up": number} ends a training early. Answers: {"ready": true}, {"number", "error"} after
each epoch, {"number", "done": {...}} or {"number", "failed": text}.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import IO, Any

from dse.errors import DseError
from dse.nas.data.sources import read_runs
from dse.nas.data.windows import Cutter
from dse.nas.spec import NasSpec, build_spec
from dse.nas.training import Trained, TrainFunction
from dse.networks.architecture import Architecture
from dse.store.fsops import write_atomically


def main() -> int:
    """Serve trainings until the input ends."""
    os.nice(5)
    requests: queue.Queue[dict[str, Any]] = queue.Queue()
    given_up: set[int] = set()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)  # whatever libraries print stays out of the answers
        threading.Thread(target=_read, args=(requests, given_up), daemon=True).start()
        first = requests.get()
        try:
            spec = build_spec(Path(first["path"]), first["document"])
            windows = cutter_of(spec)
            from dse.nas import keras_training

            keras_training.prepare()
        except DseError as error:
            _say(answers, {"broken": str(error), "exit_code": error.exit_code})
            return 3
        _say(answers, {"ready": True})
        while True:
            request = requests.get()
            _say(answers, _serve(request, spec, windows, answers, given_up, keras_training.train))


def cutter_of(spec: NasSpec) -> Cutter:
    """Read a search's data."""
    runs = read_runs(spec.source, spec.path.parent)
    return Cutter(runs, spec.cutting, is_classes=spec.space.head.kind == "classes")


def _read(requests: queue.Queue[dict[str, Any]], given_up: set[int]) -> None:
    for line in sys.stdin:
        document = json.loads(line)
        if "give_up" in document:
            given_up.add(document["give_up"])
        else:
            requests.put(document)
    os._exit(0)  # the parent is gone, or done: nobody waits for an answer


def _serve(
    request: dict[str, Any], spec: NasSpec, windows: Cutter, answers: IO[str], given_up: set[int], train: TrainFunction
) -> dict[str, Any]:
    number = request["number"]

    def report(error: float) -> bool:
        _say(answers, {"number": number, "error": error})
        return number not in given_up

    try:
        return {"number": number, "done": run_one(request, spec, windows, train, report)}
    except (MemoryError, DseError, ArithmeticError) as error:
        return {"number": number, "failed": f"{type(error).__name__}: {error}"}
    except Exception as error:
        # The libraries raise bare exceptions of all kinds; the trace goes to the log, the search goes on.
        traceback.print_exc()
        return {"number": number, "failed": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}


def run_one(request: dict[str, Any], spec: NasSpec, windows: Cutter, train: TrainFunction, report: Any) -> dict[str, Any]:
    """Do one training and write its network; return the answer's facts."""
    start = time.monotonic()
    architecture = Architecture.from_json(request["architecture"])
    trained: Trained = train(architecture, windows(architecture.input_length), spec.training, int(request["seed"]), report)
    is_kept = trained.network is not None and trained.ended != "hopeless"
    if is_kept and trained.network is not None:
        write_atomically(Path(request["network"]), trained.network)
    return {
        "error": trained.error,
        "test_error": trained.test_error,
        "ended": trained.ended,
        "has_network": is_kept,
        "seconds": round(time.monotonic() - start, 3),
    }


def _say(answers: IO[str], document: dict[str, Any]) -> None:
    try:
        answers.write(json.dumps(document) + "\n")
        answers.flush()
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
