"""From what a shim left to what it means: a result, or the cause of there being none.

A result needs all of: the shim says done, every stage ended with status 0, and a complete report, written during this very run, of the
right top, part, clock and tool. Neither an exit status nor a report is trusted alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dse.design import Fidelity, Job
from dse.errors import ReportError
from dse.execution import retry
from dse.execution.events import Judgement
from dse.execution.jobdir import ENDING, IDENTITY, PROJECT, Attempt, JobFolder, read_json, read_log
from dse.execution.places import Sighting
from dse.execution.reading import Reading, optimised_away, read_reports
from dse.execution.record import Record
from dse.execution.settings import GIB, ToolOptions
from dse.execution.toolchain import Tool
from dse.project.plan import ProjectPlan
from dse.qor import Evaluation, Failure, FailureKind, Provenance
from dse.reports.failure import classify

TAIL_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class JobContext:
    """What is known of a job beside its record and its files."""

    job: Job
    options: ToolOptions
    backend: str
    tool: Tool | None = None
    plan: ProjectPlan | None = None
    is_proven: bool = True  # whether a job of this campaign ever gave a result


def judge(local: Path, attempt: Attempt, of: JobContext) -> Judgement:
    """Say what the files of an ended attempt mean."""
    ending = read_json(local / ENDING) or {}
    log = read_log(local)
    provenance = _provenance(ending, of)
    verdict = str(ending.get("verdict", ""))
    cut_short = _cut_short(verdict, ending, of.options.memory_bytes(attempt), of, log)
    if cut_short is not None:
        return Judgement(*cut_short, log_tail=_tail(log), provenance=provenance)
    reading, problem = _read(local, of)
    failed = _failed_stage(ending)
    if failed is None and reading is not None:
        return _measured(reading, of, provenance)
    status, stage = failed if failed is not None else (0, "csynth")
    found = classify(status, log, reading is not None and stage == "csynth")
    lines = "\n".join(found.decisive_lines)
    if failed is None:
        kind = found.kind if found.kind in (FailureKind.LICENCE, FailureKind.DISK_FULL) else FailureKind.NO_REPORT
        return Judgement(str(kind), problem, _tail(log), provenance=provenance)
    if found.kind is FailureKind.OUT_OF_MEMORY and not found.decisive_lines:
        message = "the tool was killed (SIGKILL): memory ran out, or somebody ended it."
        return Judgement(retry.KILLED, message, _tail(log), provenance=provenance)
    if found.kind is FailureKind.LICENCE and not of.is_proven and "license was not found" in lines:
        return Judgement(retry.NO_LICENCE, f"{found.message}. {lines}", _tail(log), provenance=provenance)
    where = "" if stage == "csynth" else f" (in {stage}; C synthesis had succeeded)"
    return Judgement(str(found.kind), f"{found.message}{where}. {lines}".strip(), _tail(log), provenance=provenance)


def lost(local: Path, sighting: Sighting) -> Judgement:
    """An attempt whose shim is gone: the host restarted, or somebody killed it, or its directory was deleted."""
    identity = read_json(local / IDENTITY) or {}
    host = str(identity.get("host", sighting.host))[:80]
    what = "its directory is gone" if sighting.state == "absent" else "its shim is gone and left no word"
    hint = f" The scheduler says: {sighting.hint}." if sighting.hint else ""
    cause = str(FailureKind.LOST)
    if sighting.hint == "OUT_OF_MEMORY":
        cause = str(FailureKind.OUT_OF_MEMORY)
    return Judgement(cause, f"{host or 'host'}: {what}.{hint}", _tail(read_log(local)))


def _cut_short(verdict: str, ending: dict[str, object], limit: int | None, of: JobContext, log: str) -> tuple[str, str] | None:
    """Return (cause, message) where the shim itself put an end to the run."""
    seconds = _number(ending.get("seconds"))
    peak = _number(ending.get("peak_memory_bytes")) / GIB
    kind = FailureKind
    match verdict:
        case "done":
            return None
        case "timeout":
            return str(kind.TIMEOUT), f"still running after {seconds / 60:.1f} min (limit {of.options.timeout_minutes:g} min)."
        case "hang":
            return (
                retry.HANG,
                f"no output and no CPU for {of.options.hang_minutes:g} min; it was ended after {seconds / 60:.1f} min.",
            )
        case "memory":
            return str(kind.OUT_OF_MEMORY), f"ended at {peak:.2f} GiB (limit {(limit or 0) / GIB:.2f} GiB)."
        case "disk":
            return str(kind.DISK_FULL), "the disk of the job's directory is full."
        case "missing":
            return str(kind.TOOL_MISSING), log.strip().splitlines()[-1] if log.strip() else "the tool cannot be started."
        case "cancelled":
            return str(kind.CANCELLED), "cancelled."
        case "terminated":
            return str(kind.LOST), "somebody else ended it (SIGTERM)."
    return str(kind.UNKNOWN), f"the shim ended with {verdict[:40]!r}, which is not known here."


def _failed_stage(ending: dict[str, object]) -> tuple[int | None, str] | None:
    """Return (exit status, name) of the first stage that failed, None if all went well."""
    stages = ending.get("stages")
    for stage in stages if isinstance(stages, list) else []:
        if isinstance(stage, dict) and stage.get("rc") != 0:
            status = stage.get("rc")
            return status if isinstance(status, int) else None, str(stage.get("name", ""))
    return None


def _read(local: Path, of: JobContext) -> tuple[Reading | None, str]:
    """Read the reports; the second value says what is wrong with them."""
    started_at = (local / IDENTITY).stat().st_mtime if (local / IDENTITY).exists() else 0.0
    try:
        reading = read_reports(local / PROJECT, of.plan, of.job, started_at)
    except ReportError as error:
        return None, f"no report to be trusted: {error.message}"
    return reading, ""


def _measured(reading: Reading, of: JobContext, provenance: Provenance) -> Judgement:
    qor = reading.qor
    if qor.latency_cycles_max is None or qor.ii_cycles_max is None:
        message = "synthesised, but the tool gave no latency or no interval (it depends on the data)."
        return Judgement(str(FailureKind.UNDEFINED_RESULT), message, provenance=replace(provenance, reports=reading.digests))
    if lost := optimised_away(qor, of.job):
        return Judgement(str(FailureKind.OPTIMISED_AWAY), lost, provenance=replace(provenance, reports=reading.digests))
    provenance = replace(provenance, reports=reading.digests, notes=(*provenance.notes, *reading.notes))
    return Judgement(retry.MEASURED, evaluation=Evaluation(of.job.key, of.job.fidelity, qor, provenance))


def _provenance(ending: dict[str, object], of: JobContext) -> Provenance:
    notes = list(of.plan.notes) if of.plan is not None else []
    leftovers = int(_number(ending.get("leftovers")))
    if leftovers:
        notes.append(f"the tool left {leftovers} processes behind; they were ended")
    stages: Any = ending.get("stages")
    spent = [f"{stage.get('name')} {_number(stage.get('seconds')):.0f} s" for stage in stages or [] if isinstance(stage, dict)]
    if of.job.fidelity is not Fidelity.CSYNTH and spent:
        notes.append(", ".join(spent))
    return Provenance(
        backend=of.backend,
        tool=of.tool.banner if of.tool else "",
        tool_seconds=_number(ending.get("seconds")) or None,
        host=str(ending.get("host", ""))[:80],
        finished_at=_now(),
        plan_digest=of.plan.digest if of.plan is not None else "",
        notes=tuple(notes),
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < 2**50 else 0.0


def _tail(log: str) -> str:
    return log[-TAIL_CHARACTERS:]


def failed(record: Record, judgement: Judgement, cause: str, of: JobContext, folder: JobFolder) -> Evaluation:
    """Return the evaluation of a job that gave no result."""
    rule, last = retry.RULES[cause], record.ticket.last
    limits = {
        # a hang is no matter of the time allowed
        FailureKind.TIMEOUT: None if cause == retry.HANG else 60.0 * of.options.timeout_minutes,
        FailureKind.OUT_OF_MEMORY: None if last is None or (limit := of.options.memory_bytes(last)) is None else limit / GIB,
    }
    tail = judgement.log_tail or (_tail(read_log(folder.attempt(last.number))) if last is not None else "")
    n = record.ticket.count(cause)
    again = f" (tried {n} times)" if n > 1 else ""
    where = f" `dse logs` shows the log of job {record.key[:6]}." if last is not None else ""
    message = f"{judgement.message}{again} Next: {rule.next_step}{where}"
    provenance = replace(
        judgement.provenance or Provenance(of.backend), backend=of.backend, finished_at=_now(),
        plan_digest=record.project.digest if record.project else "",
    )  # fmt: skip
    failure = Failure(rule.kind, message, tail, limits.get(rule.kind))
    return Evaluation(record.key, of.job.fidelity, failure, provenance)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
