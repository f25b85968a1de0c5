"""A job's folder: all file names of it, and its ticket, which remembers every attempt across crashes.

<work>/<key>/ticket.json          attempts, where they run, how they ended
             evaluation.json      the result of the last attempt, until the cache has it
             cancel.json          somebody (`dse cancel`) wants this job to end
             project/             what the tool reads, as generated; never run in
             attempt-1/           a copy of it that a shim owns (on another host: its log and reports, once fetched)
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from dse.errors import BackendError, DseError
from dse.qor import Evaluation, Qor
from dse.store.codec import read_evaluation
from dse.store.fsops import make_directory, write_atomically
from dse.wire import to_json

LOG, LOG_PREVIOUS, LOG_NEWEST = "log", "log.1", "log.2"
LOGS = (LOG, LOG_PREVIOUS, LOG_NEWEST)
IDENTITY, BEAT, ENDING, JOB, PROJECT = "identity.json", "beat.json", "rc.json", "job.json", "project"
TICKET, EVALUATION = "ticket.json", "evaluation.json"
SCHEMA = "dse.ticket/1"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a job.

    Attributes:
        number: from 1.
        place: name of the place that it was given to.
        token: what marks its processes.
        seen: whether a shim was ever seen to own it; before that, handing it over again is harmless.
        cause: how it ended, a row of the policy table or "measured"; "" while it is open.
        memory_factor: times the configured memory limit.
    """

    number: int
    place: str
    token: str
    seen: bool = False
    cause: str = ""
    message: str = ""
    memory_factor: float = 1.0

    @property
    def is_open(self) -> bool:
        return not self.cause


@dataclass(frozen=True, slots=True)
class Ticket:
    """What happened to a job so far. `pardoned` counts the attempts that no longer weigh on the number of retries."""

    key: str
    attempts: tuple[Attempt, ...] = ()
    pardoned: int = 0

    @property
    def last(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None

    def opened(self, place: str, token: str, memory_factor: float = 1.0) -> Ticket:
        """Return the ticket with one more, open, attempt."""
        attempt = Attempt(len(self.attempts) + 1, place, token, memory_factor=memory_factor)
        return replace(self, attempts=(*self.attempts, attempt))

    def amended(self, **changes: object) -> Ticket:
        """Return the ticket with its last attempt changed."""
        return replace(self, attempts=(*self.attempts[:-1], replace(self.attempts[-1], **changes)))  # type: ignore[arg-type]

    def with_fresh_allowance(self) -> Ticket:
        """Return the ticket with no attempt that weighs on the number of retries."""
        return replace(self, pardoned=len(self.attempts))

    def count(self, cause: str) -> int:
        """How many attempts that still weigh ended for this cause."""
        return sum(1 for attempt in self.attempts[self.pardoned :] if attempt.cause == cause)


@dataclass(frozen=True, slots=True)
class JobFolder:
    """The folder of one job below a campaign's work directory."""

    path: Path
    key: str = field(default="")

    @classmethod
    def of(cls, work: Path, key: str) -> JobFolder:
        return cls(work / key, key)

    @property
    def project(self) -> Path:
        return self.path / PROJECT

    @property
    def cancel_mark(self) -> Path:
        return self.path / "cancel.json"

    def attempt(self, number: int) -> Path:
        """Return the local directory of an attempt."""
        return self.path / f"attempt-{number}"

    def make(self) -> None:
        """Make the folder, so that a ticket in it is found again after a power loss.

        Raises:
            DiskFull, CacheError: it cannot be made.
        """
        make_directory(self.path)

    def load(self) -> Ticket:
        """Read the ticket; a new one if there is none.

        Raises:
            BackendError: it cannot be understood, so that nobody knows whether the job runs.
        """
        path = self.path / TICKET
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if document["schema"] != SCHEMA:
                raise KeyError(document["schema"])
            attempts = tuple(Attempt(**attempt) for attempt in document["attempts"])
            return Ticket(self.key, attempts, int(document["pardoned"]))
        except FileNotFoundError:
            return Ticket(self.key)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BackendError(
                f"{path}: cannot be read ({error!r}), so whether this job runs is unknown. "
                "Look for it with `dse doctor`, then delete its folder and run the same command again."
            ) from error

    def save(self, ticket: Ticket) -> None:
        """Make the ticket durable."""
        document = {"schema": SCHEMA, "pardoned": ticket.pardoned, "attempts": [asdict(attempt) for attempt in ticket.attempts]}
        write_atomically(self.path / TICKET, json.dumps(document, indent=1).encode())

    def save_evaluation(self, attempt: int, evaluation: Evaluation) -> None:
        """Remember the result of an attempt until the cache has it; written before the ticket says that the attempt ended."""
        document = {"schema": "dse.outcome/1", "attempt": attempt, "evaluation": to_json(evaluation)}
        write_atomically(self.path / EVALUATION, json.dumps(document).encode())

    def load_evaluation(self, attempt: int | None = None) -> Evaluation | None:
        """Return the result of an attempt (of any, if None); None if there is none or it cannot be read: then it is judged again."""
        document = read_json(self.path / EVALUATION)
        if document is None or (attempt is not None and document.get("attempt") != attempt):
            return None
        try:
            return read_evaluation(document["evaluation"])  # type: ignore[arg-type]
        except (DseError, KeyError, TypeError, ValueError):
            return None

    def prune(self) -> None:
        """Delete of a finished job what can be made again; tickets, logs and reports stay."""
        self.forget_project()
        for attempt in self.path.glob("attempt-*"):
            prune_attempt(attempt)

    def forget_project(self) -> None:
        """Delete what can be generated again, and what a killed generator left; tickets, logs and reports stay."""
        for path in self.path.glob(f"{PROJECT}*"):
            shutil.rmtree(path, ignore_errors=True)


def job_folders(work: Path) -> Iterator[JobFolder]:
    """Yield the folders of all jobs that have a ticket."""
    if work.is_dir():
        for path in sorted(work.iterdir()):
            if (path / TICKET).exists():
                yield JobFolder(path, path.name)


def past_seconds(work: Path) -> list[float]:
    """Return how long the measured jobs of a campaign took."""
    evaluations = (folder.load_evaluation() for folder in job_folders(work))
    measured = [one.provenance.tool_seconds for one in evaluations if one is not None and isinstance(one.outcome, Qor)]
    return [seconds for seconds in measured if seconds]


def prune_attempt(attempt: Path) -> None:
    """Delete all of an attempt's project but reports and the plan."""
    for place, _, names in os.walk(attempt / PROJECT, topdown=False):
        is_report = Path(place).name == "report"
        for name in names:
            keep = (
                (is_report and name.endswith((".xml", ".rpt")))
                or name in ("vivado_synth.rpt", "dse_plan.json", "parameters.h")
                or name.endswith(".app")
            )
            if not keep:
                with suppress(OSError):
                    Path(place, name).unlink()
        with suppress(OSError):  # not empty
            Path(place).rmdir()


def read_json(path: Path) -> dict[str, object] | None:
    """Return the document in a file, None if there is none or it is broken."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def read_log(attempt: Path, limit_bytes: int = 4 << 20) -> str:
    """Return an attempt's log as text: its head, a mark where something was dropped, and its newest part."""
    parts = []
    for name in LOGS:
        path = attempt / name
        if path.exists():
            with path.open("rb") as file:
                size = path.stat().st_size
                if size > limit_bytes:
                    parts.append(file.read(limit_bytes // 2))
                    file.seek(size - limit_bytes // 2)
                    parts.append(b"\n[... dropped ...]\n")
                parts.append(file.read(limit_bytes))
                if name == LOG and (attempt / LOG_NEWEST).exists():
                    parts.append(b"\n[... dropped ...]\n")
    return b"".join(parts).decode("utf-8", "replace")
