"""Warm worker processes that write projects, and the queue in front of them.

Models are code, so they are loaded in a worker (`dse.workers`) only. Nothing here blocks but `Generation.result` and
`ProjectGenerator.close`: all progress is made inside `poll`, which `done` calls. `start` is the worker's side.
"""

from __future__ import annotations

import errno
import secrets
import shutil
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from dse.design import Job
from dse.errors import ConversionError, DiskFull, DseError, NetworkError
from dse.parts import vendor_part
from dse.project.plan import ProjectPlan, load_plan
from dse.project.request import ERRORS, encode_request
from dse.workers import DIED, Limits, Program, Worker

_ATTEMPTS = 2  # a worker that dies is most often the machine's doing (memory); one more try, then it is the network's
_NAME = "project generator"


class Generation:
    """One project on its way; a small future that is polled."""

    def __init__(self, request: dict[str, Any], advance: Callable[[], None]):
        self.request = request
        self.destination = Path(request["destination"])
        self.staging = Path(request["staging"])
        self.attempts = 0
        self._advance = advance
        self._plan: ProjectPlan | None = None
        self._error: DseError | None = None

    @property
    def is_settled(self) -> bool:
        """Whether there is a plan or an error, without making progress."""
        return self._plan is not None or self._error is not None

    def done(self) -> bool:
        """Make progress without blocking, and say whether there is a plan or an error."""
        if not self.is_settled:
            self._advance()
        return self.is_settled

    def result(self, timeout_seconds: float | None = None) -> ProjectPlan:
        """Return the plan, waiting for it if need be.

        Raises:
            ConversionError: hls4ml refused the network, built something else than was asked, or took too long; names the layer.
            NetworkError: the network file cannot be loaded.
            DiskFull: there was no room for it.
            TimeoutError: there is no result after `timeout_seconds`.
        """
        give_up = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while not self.done():
            if give_up is not None and time.monotonic() > give_up:
                raise TimeoutError(f"{self.destination}: no project after {timeout_seconds} s")
            time.sleep(0.01)
        if self._error is not None:
            raise self._error
        assert self._plan is not None
        return self._plan

    def settle(self, outcome: ProjectPlan | DseError) -> None:
        """Record the outcome; what a failed attempt wrote is removed."""
        if isinstance(outcome, DseError):
            self._error = outcome
            shutil.rmtree(self.staging, ignore_errors=True)
        else:
            self._plan = outcome


class ProjectGenerator:
    """A few warm workers that turn jobs into projects.

    Args:
        n_workers: processes; each needs about 1 GB and one core.
        python: interpreter that has hls4ml and Keras; None means this one.
        limits: time and memory of a worker.
        allow_code: as in `dse.networks.read_network`; Keras's own safe mode stays on all the same.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        n_workers: int = 1,
        *,
        python: Path | None = None,
        limits: Limits = Limits(),  # noqa: B008  frozen
        allow_code: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._allow_code = allow_code
        advice = "Try a smaller network, or raise the time limit."
        program = Program(_NAME, f"{__name__}:start", python, advice=advice)
        self._workers = [Worker(program, limits, clock=clock) for _ in range(n_workers)]
        self._queue: deque[Generation] = deque()
        self._active: dict[int, Generation] = {}  # index of the worker
        self._checked: dict[tuple[Path, int, int], str] = {}  # (file, mtime, size) -> digest of the network read from it

    def __enter__(self) -> ProjectGenerator:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def submit(self, job: Job, source: Path, destination: Path, *, part: str | None = None, keep_model: bool = False) -> Generation:
        """Ask for a job's project; returns at once.

        Args:
            job: network, point and target.
            source: the network's file.
            destination: directory to make; it appears only when the project is complete.
            part: the device as the vendor spells it; None derives it from the normalised `job.target.part`.
            keep_model: leave the Keras model and hls4ml's configuration beside the project (`MODEL_FILE`, `CONFIGURATION_FILE`).

        Raises:
            NetworkError: the file holds a layer that is not on the allow-list, or no longer the network of the job.
            SpecError: the part has no package or speed grade.
            ConversionError: the destination exists.
        """
        source, destination = source.absolute(), destination.absolute()
        if destination.exists():
            raise ConversionError(f"{destination}: exists already; got a used directory, expected a fresh one per job.")
        self._check_network(job, source)
        staging = destination.with_name(f"{destination.name}.tmp-{secrets.token_hex(4)}")
        part = vendor_part(job.target.part) if part is None else part
        request = {**encode_request(job, source, destination, staging, part), "keep_model": keep_model}
        generation = Generation(request, self.poll)
        self._queue.append(generation)
        self.poll()
        return generation

    def poll(self) -> None:
        """Take answers, notice dead and late workers, hand out waiting requests. Never blocks for long."""
        for index, worker in enumerate(self._workers):
            generation = self._active.get(index)
            if generation is not None:
                self._look_after(index, worker, generation)
            if index not in self._active and self._queue:
                self._hand_out(index, worker, self._queue.popleft())

    def cancel(self, generation: Generation) -> None:
        """Give a request up; if it is being worked on, its worker is ended."""
        for index, active in tuple(self._active.items()):
            if active is generation:
                self._workers[index].kill()
                del self._active[index]
        if generation in self._queue:
            self._queue.remove(generation)
        if not generation.is_settled:
            generation.settle(ConversionError(f"{generation.destination}: generation was cancelled."))

    def close(self) -> None:
        """End all workers; requests without a result are cancelled."""
        for generation in (*self._active.values(), *self._queue):
            self.cancel(generation)
        for worker in self._workers:
            worker.kill()

    def _hand_out(self, index: int, worker: Worker, generation: Generation) -> None:
        generation.attempts += 1
        self._active[index] = generation
        worker.ask(generation.request)

    def _look_after(self, index: int, worker: Worker, generation: Generation) -> None:
        answer = worker.answer()
        if answer is None:
            return
        del self._active[index]
        if answer.get("error") == DIED and generation.attempts < _ATTEMPTS:
            shutil.rmtree(generation.staging, ignore_errors=True)
            self._queue.appendleft(generation)
            return
        generation.settle(self._outcome(answer, generation))

    def _outcome(self, answer: dict[str, Any], generation: Generation) -> ProjectPlan | DseError:
        if "error" in answer:
            kind = ERRORS.get(str(answer["error"]), ConversionError)
            return kind(str(answer.get("message", "no message")))
        try:
            return load_plan(generation.destination, check_content=False)
        except ConversionError as error:
            return error

    def _check_network(self, job: Job, source: Path) -> None:
        """Read the file without Keras, behind the allow-list of layers, before any worker sees it."""
        try:
            status = source.stat()
        except OSError as error:
            raise NetworkError(f"{source}: cannot be read; got {error.strerror}. Check [network] source.") from error
        stamp = (source, status.st_mtime_ns, status.st_size)
        if stamp not in self._checked:
            from dse.networks import read_network

            self._checked[stamp] = read_network(source, allow_code=self._allow_code).digest
        if self._checked[stamp] != job.network.digest:
            raise NetworkError(
                f"{source}: changed since the campaign read it; got digest {self._checked[stamp][:12]}, "
                f"expected {job.network.digest[:12]}. Start a new campaign for the new network."
            )


def start() -> Callable[[dict[str, Any], object], dict[str, Any]]:
    """Load hls4ml and Keras, in a worker; returns what serves one request.

    Raises:
        ConversionError: they cannot be loaded.
    """
    from dse.project import generate

    try:
        generate.load_libraries()
    except DseError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise ConversionError(f"{_NAME}: hls4ml or Keras cannot be loaded; got {reason}. Run `dse doctor`.") from error
    return _serve


def _serve(request: dict[str, Any], _: object) -> dict[str, Any]:
    from dse.project import generate

    try:
        generate.write_project(request)
    except DseError:
        raise
    except MemoryError as error:
        raise ConversionError(f"{_NAME}: the worker's memory limit was reached.") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"the project could not be written: {error.filename or 'its disk'}: {error.strerror}") from error
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"
        raise ConversionError(f"hls4ml cannot build this network: {reason}. Simplify the layer named, or report it.") from error
    return {"done": True}
