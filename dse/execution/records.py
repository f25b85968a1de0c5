"""What the engine leaves on disk of a finished job, and what it reads back of it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dse.errors import DseError
from dse.execution import policy
from dse.execution.harvest import Judgement
from dse.execution.jobdir import PROJECT, JobFolder, Ticket, job_folders, read_json, read_log
from dse.execution.phases import printable
from dse.execution.settings import GIB, ToolOptions
from dse.qor import Evaluation, Failure, FailureKind, Provenance, Qor
from dse.store.codec import read_evaluation
from dse.store.fsops import write_atomically
from dse.wire import to_json

if TYPE_CHECKING:
    from dse.execution.work import Work

EVALUATION = "evaluation.json"
TAIL_CHARACTERS = 4000


def save_evaluation(folder: JobFolder, attempt: int, evaluation: Evaluation) -> None:
    """Remember a result until the cache has it; written before the ticket says that the attempt ended."""
    document = {"schema": "dse.outcome/1", "attempt": attempt, "evaluation": to_json(evaluation)}
    write_atomically(folder.path / EVALUATION, json.dumps(document).encode())


def load_evaluation(folder: JobFolder, attempt: int) -> Evaluation | None:
    """Return the result of the last attempt, None if there is none or it cannot be read (then the attempt is judged again)."""
    document = read_json(folder.path / EVALUATION)
    if document is None or document.get("attempt") != attempt:
        return None
    try:
        return read_evaluation(document["evaluation"])  # type: ignore[arg-type]
    except (DseError, KeyError, TypeError, ValueError):
        return None


def failed(work: Work, judgement: Judgement, cause: str, kind: str, options: ToolOptions) -> Evaluation:
    """Return the evaluation of a job that gave no result."""
    rule = policy.RULES[cause]
    last = work.ticket.last
    limits = {
        # a hang is no matter of the time allowed
        FailureKind.TIMEOUT: None if cause == policy.HANG else 60.0 * options.timeout_minutes,
        FailureKind.OUT_OF_MEMORY: None if last is None or (limit := options.memory_bytes(last)) is None else limit / GIB,
    }
    tail = read_log(work.folder.attempt(last.number))[-TAIL_CHARACTERS:] if last is not None else ""
    n = work.ticket.count(cause)
    again = f" (tried {n} times)" if n > 1 else ""
    where = f" `dse logs` shows the log of job {work.key[:6]}." if last is not None else ""
    message = f"{judgement.message}{again} Next: {rule.next_step}{where}"
    provenance = replace(
        judgement.provenance or Provenance(kind), backend=kind, finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        plan_digest=work.plan.digest if work.plan else "",
    )  # fmt: skip
    failure = Failure(rule.kind, printable(message), printable(judgement.log_tail or tail), limits.get(rule.kind))
    return Evaluation(work.key, work.job.fidelity, failure, provenance)


def pardon(ticket: Ticket) -> Ticket:
    """Return the ticket with a fresh allowance of retries."""
    return replace(ticket, pardoned=len(ticket.attempts))


def past_seconds(work: Path) -> list[float]:
    """Return how long the measured jobs of a campaign took."""
    found = []
    for folder in job_folders(work):
        document = read_json(folder.path / EVALUATION) or {}
        evaluation = load_evaluation(folder, int(str(document.get("attempt", 0))))
        if evaluation is not None and isinstance(evaluation.outcome, Qor) and evaluation.provenance.tool_seconds:
            found.append(evaluation.provenance.tool_seconds)
    return found


def prune(folder: JobFolder) -> None:
    """Delete of a finished job what can be made again; tickets, logs and reports stay."""
    folder.forget_project()
    for attempt in folder.path.glob("attempt-*"):
        prune_attempt(attempt)


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
