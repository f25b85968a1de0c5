"""What follows from a failure: one table, from how an attempt ended to what is done about it.

| column | meaning |
|---|---|
| retries | how often the job is tried again; None means as often as it takes |
| is_cached | whether the failure is a fact about the design (at the limit it was found under) |
| search | what the search is told of the design: infeasible, censored (at least the limit), failed, or nothing |
| then | next: the job ends, the campaign goes on; wait: nothing is charged, the job waits; stop: the campaign stops |
| is_host_fault | whether it speaks against the host: three in a row and the host gets no more jobs |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from dse.errors import BackendError, DiskFull, LicenceUnavailable, PartMissing, ToolNotFound
from dse.qor import FailureKind

HANG = "hang"
MEASURED = "measured"

# A licence is asked for again after one minute, then ever more rarely; a full disk is looked at every tick.
LICENCE_WAIT_SECONDS = (60.0, 900.0)
STALLED_SECONDS = 1800.0
BREAKER_COUNT = 3
EARLY_COUNT = 2


@dataclass(frozen=True, slots=True)
class Rule:
    """One row; see the columns above. `kind` is what the search and the user see."""

    kind: FailureKind
    retries: int | None
    is_cached: bool
    search: Literal["infeasible", "censored", "failed", "nothing"]
    next_step: str
    then: Literal["next", "wait", "stop"] = "next"
    is_host_fault: bool = False
    elsewhere: bool = False
    alone: bool = False
    error: type[BackendError] = BackendError


def _facts() -> dict[str, Rule]:
    kind = FailureKind
    return {
        kind.DESIGN_ERROR: Rule(
            kind.DESIGN_ERROR,
            0,
            True,
            "infeasible",
            "Exclude the choice that the log names (larger reuse factor, or another strategy).",
        ),
        kind.COMPILE_ERROR: Rule(
            kind.COMPILE_ERROR, 0, True, "infeasible", "Compare hls4ml's version with the tool's; the log names the line."
        ),
        kind.OUT_OF_MEMORY: Rule(
            kind.OUT_OF_MEMORY,
            1,
            True,
            "infeasible",
            "Raise backend.memory_gb, or exclude small reuse factors of the largest layer.",
            alone=True,
        ),
        kind.TIMEOUT: Rule(kind.TIMEOUT, 0, True, "censored", "Raise backend.timeout_minutes, or exclude small reuse factors."),
        HANG: Rule(
            kind.TIMEOUT, 1, True, "censored", "Look at the log's end; raise backend.hang_minutes if the tool is only quiet."
        ),
        kind.TOOL_CRASH: Rule(
            kind.TOOL_CRASH,
            1,
            True,
            "failed",
            "Try another version of the tool, or report the log to its vendor.",
            elsewhere=True,
            is_host_fault=True,
        ),
        kind.COSIM_FAILURE: Rule(kind.COSIM_FAILURE, 0, True, "failed", "Compare the C and RTL outputs that the log names."),
        kind.DOES_NOT_FIT: Rule(kind.DOES_NOT_FIT, 0, True, "infeasible", "Choose larger reuse factors, or a larger part."),
        kind.UNDEFINED_RESULT: Rule(
            kind.UNDEFINED_RESULT,
            0,
            True,
            "failed",
            "The tool gave no latency or interval for this design; choose another io_type or strategy.",
        ),
    }


def _machine() -> dict[str, Rule]:
    kind = FailureKind
    return {
        kind.NO_REPORT: Rule(
            kind.NO_REPORT, 1, False, "nothing", "Look at the log's end; `dse doctor --probe` runs the tool.", is_host_fault=True
        ),
        kind.LICENCE: Rule(
            kind.LICENCE,
            None,
            False,
            "nothing",
            "Free a licence, or set backend.licences to what you have.",
            then="wait",
            error=LicenceUnavailable,
        ),
        kind.PART_MISSING: Rule(
            kind.PART_MISSING,
            0,
            False,
            "nothing",
            "Install the device family, or set target.part to an installed one.",
            then="stop",
            error=PartMissing,
        ),
        kind.TOOL_MISSING: Rule(
            kind.TOOL_MISSING,
            0,
            False,
            "nothing",
            "Set backend.tool or backend.setup; `dse doctor` shows what is found.",
            then="stop",
            error=ToolNotFound,
        ),
        kind.SCRIPT_ERROR: Rule(
            kind.SCRIPT_ERROR,
            0,
            False,
            "nothing",
            "The tool refused the project's script; compare its version with the campaign's.",
            then="stop",
        ),
        kind.DISK_FULL: Rule(
            kind.DISK_FULL,
            None,
            False,
            "nothing",
            "Make room on that disk; the campaign goes on by itself.",
            then="wait",
            error=DiskFull,
        ),
        kind.LOST: Rule(
            kind.LOST, 3, False, "nothing", "The host went away; look at it, then run the same command again.", is_host_fault=True
        ),
        kind.CANCELLED: Rule(kind.CANCELLED, 0, False, "nothing", "Run the same command again to start it anew."),
        kind.UNKNOWN: Rule(
            kind.UNKNOWN, 1, False, "failed", "Nobody knows this message yet: please report the log's end.", is_host_fault=True
        ),
    }


RULES: Mapping[str, Rule] = MappingProxyType({str(cause): rule for cause, rule in {**_facts(), **_machine()}.items()})


def may_retry(cause: str, n_so_far: int) -> bool:
    """Whether a job that ended `n_so_far` times for this cause, the last time included, is tried again."""
    retries = RULES[cause].retries
    return retries is None or n_so_far <= retries


def licence_wait_seconds(n_denied: int) -> float:
    """How long to wait before the next try: doubling from a minute to a quarter of an hour.

    >>> [licence_wait_seconds(n) for n in (1, 2, 5, 50)]
    [60.0, 120.0, 900.0, 900.0]
    """
    first, longest = LICENCE_WAIT_SECONDS
    return min(longest, first * 2.0 ** min(n_denied - 1, 10))
