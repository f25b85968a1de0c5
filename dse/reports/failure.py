"""Why a run failed: exit status, the end of its log, and whether it left a fresh report.

Logs accumulate, so only the last run counts. `ERROR` lines also stand in good runs, and `Finished C synthesis.` also in failed ones:
success is exit status 0 *and* a fresh complete report, and this module is asked only when that is not so.
A line that calls itself a warning or a remark decides nothing, whatever it holds: good runs have hundreds of them.
The patterns are data: `failure_patterns.toml`, one example line each.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from dse.qor import DESIGN_FACTS, FailureKind

MAX_LOG_CHARACTERS = 4 * 2**20
MAX_LINE_CHARACTERS = 2000
MAX_DECISIVE_LINES = 8

# What starts a run in the logs of the HLS tools, best evidence first: later marks are used only where earlier ones are absent.
_RUN_STARTS = (
    re.compile(r"^\*{6} (?:Vivado\(TM\) HLS|Vitis(?:\(TM\))? HLS|vitis_hls|Vitis High|Vitis Unified)"),
    re.compile(r"^INFO: \[HLS 200-10\] Running '"),
    re.compile(r"^INFO: \[HLS 200-1510\] Running: (?:open_project|open_component)"),
    re.compile(r"^INFO: \[SYN 201-201\] Setting up clock"),
)
_ERROR = re.compile(r"^(?:CRITICAL )?ERROR\b|^\s*error:|: error:|: fatal error:", re.IGNORECASE)
# What decides nothing: warnings and remarks (a clock or a tag in brackets may stand before), compiler's notes, echoes of commands.
_REMARK = re.compile(
    r"\s*(?:\[[^\]]{1,40}\]\s*|[0-9:.,TZ-]{6,30}\s+)?(?:CRITICAL[ _]WARNING|WARNING|WARN|INFO|NOTE|STATUS|DEBUG|@[IW])\b"
    r"|[^'\"]{1,400}:[0-9]{1,6}(?::[0-9]{1,6})?: (?:warning|note|remark): |\s*#|\s*(?:Execute|Command)  +",
    re.IGNORECASE,
)
# The failures that a log may decide and a cache may keep.
_BY_LOG = frozenset(
    {
        FailureKind.DESIGN_ERROR,
        FailureKind.COMPILE_ERROR,
        FailureKind.COSIM_FAILURE,
        FailureKind.TOOL_CRASH,
        FailureKind.OUT_OF_MEMORY,
    }
)


@dataclass(frozen=True, slots=True)
class FailureClass:
    """What kind of failure it was.

    Attributes:
        message: one sentence for the user.
        decisive_lines: the lines of the log that say so, control characters removed; empty if the exit status said it.
        is_design_fact: whether the same design would fail again, so that the failure may be remembered.
        stage: csim, csynth, cosim, vsynth or export; "" where the log does not say. After a failure in cosim, vsynth or export
            the numbers of C synthesis stay valid.
    """

    kind: FailureKind
    message: str
    decisive_lines: tuple[str, ...] = ()
    is_design_fact: bool = False
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One row of the data file."""

    kind: FailureKind
    stage: str
    pattern: re.Pattern[str]
    message: str
    example: str
    is_last: bool = False
    needs: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    because: str = ""


@cache
def patterns() -> tuple[tuple[Pattern, ...], tuple[tuple[re.Pattern[str], str], ...]]:
    """Return the patterns in their order, and the harmless lines with an example each."""
    import tomllib

    table = tomllib.loads(files("dse.reports").joinpath("failure_patterns.toml").read_text(encoding="utf-8"))
    rows = tuple(
        Pattern(
            kind=FailureKind(row["kind"]),
            stage=row["stage"],
            pattern=re.compile(row["pattern"]),
            message=row["message"],
            example=row["example"],
            is_last=row.get("last", False),
            needs=re.compile(row["needs"]) if "needs" in row else None,
            unless=re.compile(row["unless"]) if "unless" in row else None,
            because=row.get("because", ""),
        )
        for row in table["pattern"]
    )
    return rows, tuple((re.compile(row["pattern"]), row["example"]) for row in table["harmless"])


def last_run(log: str) -> tuple[str, ...]:
    """Return the lines of the last run that a cumulative log holds; all lines where no run is marked."""
    text = log[-MAX_LOG_CHARACTERS:].replace("\r\n", "\n").replace("\r", "\n")
    lines = [line[:MAX_LINE_CHARACTERS] for line in text.split("\n")]
    for mark in _RUN_STARTS:
        starts = [index for index, line in enumerate(lines) if mark.match(line)]
        if starts:
            return tuple(lines[starts[-1] :])
    return tuple(lines)


def classify(exit_status: int | None, log_tail: str, has_fresh_report: bool) -> FailureClass:
    """Say why a run failed.

    Args:
        exit_status: of the tool; negative or above 128 for a signal, None where nobody saw it end.
        log_tail: the end of its log, as much as there is.
        has_fresh_report: whether a complete report newer than the run's start exists.

    A run that was stopped for taking too long, or that was cancelled, is known to who stopped it; neither is concluded here.
    """
    if exit_status == 0 and has_fresh_report:
        return FailureClass(FailureKind.UNKNOWN, "nothing failed: exit status 0 and a fresh report")
    lines = last_run(log_tail)
    found = _from_log(lines, exit_status, has_fresh_report)
    if found is not None:
        return found
    by_status = _from_status(exit_status)
    if by_status is not None:
        return by_status
    errors = _errors(lines)
    if errors:
        return _made(FailureKind.UNKNOWN, f"the tool failed in a way not known here (exit status {exit_status})", errors)
    if exit_status is None:
        return _made(FailureKind.LOST, "the run ended without an exit status")
    if exit_status == 0:
        return _made(FailureKind.NO_REPORT, "no complete report was written, although the tool ended with status 0")
    return _made(FailureKind.UNKNOWN, f"the log names no error that is known here (exit status {exit_status})")


def is_doubtful(kind: FailureKind, message: str) -> bool:
    """Whether a stored failure quotes lines of a log that would not be taken for that kind of failure today.

    Up to 0.1 a warning could decide, and what the machine lacked could count as a fault of the design. A failure that quotes no line
    was told by its exit status and is not doubted.

    Args:
        message: as stored: a sentence, the lines that decided, and what to do next.
    """
    quoted = message.partition(" Next: ")[0].partition(". ")[2]
    lines = [line for line in quoted.splitlines() if line.strip()]
    if kind not in _BY_LOG or not lines:
        return False
    found = _from_log(lines, 1, False)
    return (found is None and any(_REMARK.match(line) for line in lines)) or (found is not None and found.kind is not kind)


def _from_log(lines: Sequence[str], exit_status: int | None, has_fresh_report: bool) -> FailureClass | None:
    rows, harmless = patterns()
    said = [line for line in lines if _decides(line, harmless)]
    for row in rows:
        candidates = said[-1:] if row.is_last else said
        hits = [line for line in candidates if row.pattern.search(line)]
        if not hits or (row.needs is not None and not any(row.needs.search(line) for line in lines)):
            continue
        if row.unless is not None and any(row.unless.search(line) for line in lines):
            continue
        if row.is_last and exit_status == 0 and has_fresh_report:
            continue
        return _made(row.kind, row.message, hits, row.stage)
    return None


def _decides(line: str, harmless: Sequence[tuple[re.Pattern[str], str]]) -> bool:
    return bool(line.strip()) and _REMARK.match(line) is None and not any(pattern.search(line) for pattern, _ in harmless)


def _from_status(exit_status: int | None) -> FailureClass | None:
    if exit_status is None or exit_status == 0:
        return None
    if exit_status == 127:
        return _made(FailureKind.TOOL_MISSING, "the tool is not on this machine's PATH (exit status 127)")
    if exit_status == 126:
        return _made(FailureKind.TOOL_MISSING, "the tool may not be executed (exit status 126)")
    number = -exit_status if exit_status < 0 else exit_status - 128
    if number == signal.SIGKILL:
        return _made(FailureKind.OUT_OF_MEMORY, "the tool was killed, most likely because memory ran out")
    if number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL):
        return _made(FailureKind.TOOL_CRASH, f"the tool crashed (signal {number})")
    if number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        return _made(FailureKind.LOST, f"the tool was stopped from outside (signal {number})")
    return None


def _errors(lines: Sequence[str]) -> list[str]:
    _, harmless = patterns()
    return [line for line in lines if _ERROR.search(line) and _decides(line, harmless)]


def _made(kind: FailureKind, message: str, lines: Sequence[str] = (), stage: str = "") -> FailureClass:
    decisive = tuple(dict.fromkeys(line.strip()[:400] for line in lines))[:MAX_DECISIVE_LINES]
    return FailureClass(kind, message, decisive, kind in DESIGN_FACTS, stage)
