"""Training as a backend: told what is wanted, it starts, looks after and drops trainings, which outlive `dse` as syntheses do.

A worker (`dse.nas.worker`) is a process of its own session that serves one folder, so Keras is loaded once for many trainings:

    work/worker_1/    request.json   the training it is asked for; it takes the file away when the answer is written
                      lock           held by the kernel while the worker lives
    work/jobs/<key>/  started.json, curve.jsonl (one error an epoch), answer.json, log; `drop` there: nobody wants it any longer

All truth is in these files: after a crash of `dse` the same call finds what still trains, and what was answered meanwhile.
"""

from __future__ import annotations

import fcntl
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dse.canonical import digest
from dse.design import Fidelity
from dse.errors import BackendError, DseError
from dse.nas.data.windows import Cutter
from dse.nas.records import network_file
from dse.nas.spec import NasSpec
from dse.nas.tables import Training
from dse.nas.training import Trained, TrainFunction
from dse.networks.architecture import Architecture
from dse.qor import Evaluation, Failure, FailureKind, Learned, Provenance
from dse.store.fsops import write_atomically
from dse.synth_backends.base import Progress
from dse.wire import dump_json

NETWORK = "network.keras"  # beside a training in the cache
_START_SECONDS, _GRACE_SECONDS = 300.0, 60.0
_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One training. `data` is the digest of what is trained on: samples, split and cutting."""

    architecture: Architecture
    data: str
    training: Training
    seed: int

    @property
    def key(self) -> str:
        """64 hex digits over what changes the answer; limits that only cut a training short do not, and what they cut is not kept."""
        told = self.training
        learning = (told.epochs, told.batch_size, float(told.learning_rate), told.patience)
        return digest(("training", self.data, learning, self.seed, self.architecture.key))

    @property
    def drawn(self) -> int:
        """The seed of its own weights and batches: another one for every architecture."""
        return int(digest(("weights", self.seed, self.architecture.key))[:8], 16) % 2**31


def evaluation_of(key: str, outcome: Learned | Failure, seconds: float | None, host: str = "") -> Evaluation:
    """Return what is known of a training."""
    return Evaluation(key, Fidelity.TRAIN, outcome, Provenance("training", tool="keras", tool_seconds=seconds, host=host))


def answer_to(job: TrainingJob, answer: dict[str, Any], curve: Sequence[float]) -> Evaluation:
    """Return the evaluation that a worker's answer means."""
    if "failed" in answer:
        return evaluation_of(job.key, Failure(FailureKind.DESIGN_ERROR, answer["failed"]), answer.get("seconds"))
    outcome = Learned(
        float(answer["error"]),
        answer["test_error"],
        tuple(round(e, 9) for e in curve),
        answer["ended"],
        bool(answer["has_network"]),
    )
    return evaluation_of(job.key, outcome, float(answer["seconds"]))


class Trainer:
    """Trains with Keras in at most so many workers."""

    fidelity = Fidelity.TRAIN
    basis = ""

    def __init__(self, spec: NasSpec) -> None:
        self._spec = spec
        self._jobs = spec.state.absolute() / "work" / "jobs"
        work = spec.state.absolute() / "work"
        # what an earlier session with more workers left may still train; the loop never wants more jobs than there are slots
        n = max(spec.search.workers, len(list(work.glob("worker_*"))))
        self._workers = [_Worker(spec, work / f"worker_{i + 1}") for i in range(n)]
        for mark in self._jobs.glob("*/cancel"):
            mark.unlink(missing_ok=True)  # of an earlier session
        self._seen: set[str] = set()  # trainings that this process saw alive: one of them that dies has failed, it was no power cut

    def advance(self, wanted: Sequence[TrainingJob]) -> tuple[Progress, ...]:
        """See `SynthBackend.advance`.

        Raises:
            BackendError: no worker can work at all, e.g. its data is missing.
        """
        keys = {job.key for job in wanted}
        for worker in self._workers:
            if worker.key is not None and worker.key not in keys:
                worker.drop(self._jobs / worker.key, at_once=not wanted)
        for folder in self._jobs.glob("*") if self._jobs.is_dir() else ():
            if folder.name not in keys and not any(worker.key == folder.name for worker in self._workers):
                shutil.rmtree(folder, ignore_errors=True)
        return tuple(self._look(job) for job in wanted)

    def end(self, key: str) -> None:
        """End one training whoever asked for it."""
        for worker in self._workers:
            if worker.key == key:
                worker.kill()
        shutil.rmtree(self._jobs / key, ignore_errors=True)

    def close(self) -> None:
        """Let idle workers go; what is in training goes on."""
        for worker in self._workers:
            worker.dismiss()

    def _look(self, job: TrainingJob) -> Progress:
        folder = self._jobs / job.key
        answer, curve = read_json(folder / "answer.json"), read_curve(folder)
        worker = next((worker for worker in self._workers if worker.key == job.key), None)
        if answer is not None:
            return Progress(job.key, "done", answer_to(job, answer, curve), curve=curve)
        if (folder / "cancel").exists():
            if worker is not None:
                worker.kill()
            return Progress(job.key, "done", evaluation_of(job.key, Failure(FailureKind.CANCELLED, "cancelled"), None))
        if worker is None:
            free = next((worker for worker in self._workers if worker.key is None), None)
            if free is None:
                return Progress(job.key, "queued")
            free.ask(job, folder, network_file(self._spec, job.key).absolute())
            return Progress(job.key, "running", host="here")
        failure = worker.watch(folder, is_known=job.key in self._seen)
        if failure is not None:
            return Progress(job.key, "done", evaluation_of(job.key, failure, None), curve=curve)
        self._seen.add(job.key)
        return Progress(job.key, "running", host="here", elapsed_seconds=elapsed(folder), curve=curve)


_left: list[subprocess.Popen[bytes]] = []  # workers that outlive this process: held, for nobody waits for them


class _Worker:
    """A worker's folder, seen from `dse`."""

    def __init__(self, spec: NasSpec, folder: Path) -> None:
        self._spec, self._folder = spec, folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def key(self) -> str | None:
        """What it is asked for, None if it is free."""
        request = read_json(self._folder / "request.json")
        return None if request is None else str(request["key"])

    @property
    def is_alive(self) -> bool:
        if self._process is not None and self._process.poll() is None:
            return True
        try:
            descriptor = os.open(self._folder / "lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def ask(self, job: TrainingJob, folder: Path, network: Path) -> None:
        """Hand over a training to a free worker; start it if it does not live."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        network.parent.mkdir(parents=True, exist_ok=True)
        request = {"key": job.key, "folder": str(folder), "network": str(network), "seed": job.drawn}
        request |= {"architecture": job.architecture.to_json(), "training": asdict(job.training)}
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._folder / "request.json", dump_json(request).encode())
        if not self.is_alive:
            self._start()

    def watch(self, folder: Path, *, is_known: bool) -> Failure | None:
        """Start a worker that has a request and does not live; return why its training has failed, None while it has not."""
        broken = read_json(self._folder / "broken.json")
        if broken is not None:
            (self._folder / "broken.json").unlink()
            (self._folder / "request.json").unlink(missing_ok=True)
            raise _Broken(broken["message"], broken["exit_code"])
        if self.is_alive:
            limit, seconds = self._spec.training.seconds, elapsed(folder)
            if limit is not None and seconds is not None and seconds > 2 * float(limit) + _GRACE_SECONDS:
                self.kill()
                return Failure(FailureKind.LOST, "took too long and was ended")
        elif read_json(folder / "answer.json") is None and self.key is not None:
            if is_known:
                self.kill()
                return Failure(FailureKind.LOST, f"the training process ended ({last_line(folder)})")
            self._start()
        return None

    def drop(self, folder: Path, *, at_once: bool) -> None:
        """Nobody wants its training any longer: it ends after the epoch, so that Keras stays loaded, or with its process."""
        if at_once:
            self.kill()
        elif folder.is_dir():
            (folder / "drop").touch()

    def kill(self) -> None:
        known = read_json(self._folder / "alive.json")
        if self.is_alive and known is not None:
            with suppress(ProcessLookupError):
                os.killpg(int(known["pid"]), signal.SIGKILL)
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        (self._folder / "request.json").unlink(missing_ok=True)

    def dismiss(self) -> None:
        if self.key is None:
            self.kill()
        elif self._process is not None:
            _left.append(self._process)

    def _start(self) -> None:
        setup = {"path": str(self._spec.path.absolute()), "document": self._spec.document}
        write_atomically(self._folder / "setup.json", dump_json(setup).encode())
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dse.nas.worker", str(self._folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **_QUIET},
                start_new_session=True,
            )


class _Broken(BackendError):
    """A worker cannot work at all, e.g. its data is missing; carries the exit code of the reason."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Inline:
    """Trains in this process with a function of the caller's, one at a time, one epoch an `advance`.

    The function runs in a thread that is handed the turn and hands it back, so nothing runs at the same time.
    """

    fidelity = Fidelity.TRAIN
    basis = ""

    def __init__(self, spec: NasSpec, train: TrainFunction, windows: Cutter) -> None:
        self._spec, self._train, self._windows = spec, train, windows
        self._running: _Turn | None = None

    def advance(self, wanted: Sequence[TrainingJob]) -> tuple[Progress, ...]:
        """See `SynthBackend.advance`."""
        if self._running is not None and self._running.job.key not in {job.key for job in wanted}:
            self.close()
        if self._running is None and wanted:
            self._running = _Turn(wanted[0], self._spec, self._windows, self._train)
        return tuple(self._step(job) for job in wanted)

    def close(self) -> None:
        """End what is in training."""
        if self._running is not None:
            self._running.end()
            self._running = None

    def _step(self, job: TrainingJob) -> Progress:
        turn = self._running
        if turn is None or turn.job.key != job.key:
            return Progress(job.key, "queued")
        answer = turn.step()
        if answer is None:
            return Progress(job.key, "running", curve=tuple(turn.curve), elapsed_seconds=time.monotonic() - turn.began)
        self._running = None
        return Progress(job.key, "done", answer_to(job, answer, turn.curve), curve=tuple(turn.curve))


class _Turn:
    """One training in a thread of its own that goes on for an epoch whenever it is told to."""

    def __init__(self, job: TrainingJob, spec: NasSpec, windows: Cutter, train: TrainFunction) -> None:
        self.job, self.curve, self.began = job, list[float](), time.monotonic()
        self._go: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._said: queue.SimpleQueue[float | dict[str, Any] | BaseException] = queue.SimpleQueue()
        request = {"architecture": job.architecture.to_json(), "seed": job.drawn, "network": str(network_file(spec, job.key))}
        self._thread = threading.Thread(target=self._work, args=(request, spec.training, windows, train), daemon=True)
        self._thread.start()

    def step(self) -> dict[str, Any] | None:
        """Go on until the next epoch's end; return the answer, None if there is none yet."""
        self._go.put(True)
        said = self._said.get()
        if isinstance(said, BaseException):
            raise said
        if isinstance(said, dict):
            return said
        self.curve.append(said)
        return None

    def end(self) -> None:
        """Tell the training that nobody wants it; it ends at its next epoch."""
        self._go.put(False)
        self._thread.join(5)

    def _work(self, request: dict[str, Any], training: Training, windows: Cutter, train: TrainFunction) -> None:
        def report(error: float) -> bool:
            self._said.put(float(error))
            return self._go.get()

        if not self._go.get():
            return
        try:
            self._said.put(run_one(request, training, windows, train, report))
        except (ArithmeticError, MemoryError, DseError) as error:
            self._said.put({"failed": f"{type(error).__name__}: {error}"})
        except BaseException as error:
            self._said.put(error)


def run_one(request: dict[str, Any], training: Training, windows: Cutter, train: TrainFunction, report: Any) -> dict[str, Any]:
    """Do one training and write its network; return the answer's facts."""
    start = time.monotonic()
    architecture = Architecture.from_json(request["architecture"])
    trained: Trained = train(architecture, windows(architecture.input_length), training, int(request["seed"]), report)
    is_kept = trained.network is not None and trained.ended != "hopeless"
    if is_kept and trained.network is not None:
        Path(request["network"]).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(Path(request["network"]), trained.network)
    return {
        "error": trained.error,
        "test_error": trained.test_error,
        "ended": trained.ended,
        "has_network": is_kept,
        "seconds": round(time.monotonic() - start, 3),
    }


def read_json(path: Path) -> dict[str, Any] | None:
    """Return a small JSON file, None if it is not there (yet)."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def read_curve(folder: Path) -> tuple[float, ...]:
    """Return the errors that a training has told so far."""
    try:
        text = (folder / "curve.jsonl").read_text()
    except OSError:
        return ()
    return tuple(float(line) for line in text[: text.rfind("\n") + 1].split())


def elapsed(folder: Path) -> float | None:
    """Return for how many seconds a training runs, None before it was taken up."""
    started = read_json(folder / "started.json")
    return None if started is None else max(0.0, time.time() - float(started["at"]))


def last_line(folder: Path) -> str:
    """Return the end of a training's log."""
    with suppress(OSError):
        lines = (folder / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else "nothing said"
    return "no log"
