"""What follows from a failure: one table, from how an attempt ended to what is done about it.

| column | meaning |
|---|---|
| retries | how often the job is tried again; None means as often as it takes |
| is_cached | whether the failure is a fact about the design (at the limit it was found under) |
| then | next: the job ends, the campaign goes on; wait: nothing is charged, the job waits; stop: the campaign stops |
| is_host_fault | whether it speaks against the host: three in a row and the host gets no more jobs |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from dse.errors import BackendError, DiskFull, LicenceUnavailable, PartMissing, ToolNotFound
from dse.qor import FailureKind

# Causes beyond the kinds of failures.
MEASURED = "measured"
HANG = "hang"
KILLED = "killed"  # by SIGKILL, and nobody knows by whom
UNFETCHED = "unfetched"
NO_LICENCE = "no_licence"  # where none ever was there

# A licence is asked for again after one minute, then ever more rarely; a full disk is looked at every tick.
LICENCE_WAIT_SECONDS = (60.0, 900.0)
NO_LICENCE_WAIT_SECONDS = (5.0, 60.0)
STALLED_SECONDS = 1800.0
BREAKER_COUNT = 3
EARLY_COUNT = 2


@dataclass(frozen=True, slots=True)
class Rule:
    """One row; see the columns above. `kind` is what the search and the user see, `next_step` what the user may do.

    Attributes:
        elsewhere: the next try goes to another host, if there is one.
        alone: the next try has its host for itself, and twice the memory limit.
        error: what a campaign that stops raises.
    """

    kind: FailureKind
    next_step: str
    retries: int | None = 0
    is_cached: bool = False
    then: Literal["next", "wait", "stop"] = "next"
    is_host_fault: bool = False
    elsewhere: bool = False
    alone: bool = False
    error: type[BackendError] = BackendError


_K = FailureKind
_FACTS = (
    Rule(_K.DESIGN_ERROR, "Exclude the choice that the log names (larger reuse factor, or another strategy)."),
    Rule(_K.COMPILE_ERROR, "Compare hls4ml's version with the tool's; the log names the line."),
    Rule(
        _K.OUT_OF_MEMORY, "Raise backend.memory_gb, or exclude small reuse factors of the largest layer.", retries=1, alone=True
    ),
    Rule(_K.TIMEOUT, "Raise backend.timeout_minutes, or exclude small reuse factors."),
    Rule(
        _K.TOOL_CRASH, "Try another version of the tool, or report the log to its vendor.", retries=1, elsewhere=True,
        is_host_fault=True,
    ),
    Rule(_K.COSIM_FAILURE, "Compare the C and RTL outputs that the log names."),
    Rule(_K.DOES_NOT_FIT, "Choose larger reuse factors, or a larger part."),
    Rule(_K.OPTIMISED_AWAY, "Look for weights that are all zero, and for results that nothing reads or that no type can hold."),
    Rule(_K.UNDEFINED_RESULT, "The tool gave no latency or interval for this design; choose another io_type or strategy."),
)  # fmt: skip
_HANG = Rule(_K.TIMEOUT, "Look at the log's end; raise backend.hang_minutes if the tool is only quiet.", retries=1)
_MORE = {
    KILLED: Rule(
        _K.LOST, "If memory ran out, set backend.memory_gb: then the job is ended at a known limit.", retries=1, alone=True
    ),
    UNFETCHED: Rule(_K.NO_REPORT, "Look at its files there; the log and the reports have to come to less than 1 GiB."),
    NO_LICENCE: Rule(
        _K.LICENCE, "Install a licence for this device, or set LM_LICENSE_FILE in backend.setup.", retries=2, then="wait",
        error=LicenceUnavailable,
    ),
}  # fmt: skip
_MACHINE = (
    Rule(_K.NO_REPORT, "Look at the log's end; `dse doctor --probe` runs the tool.", retries=1, is_host_fault=True),
    Rule(
        _K.LICENCE, "Free a licence, or set backend.licences to what you have.", retries=None, then="wait", error=LicenceUnavailable
    ),
    Rule(_K.PART_MISSING, "Install the device family, or set target.part to an installed one.", then="stop", error=PartMissing),
    Rule(_K.TOOL_MISSING, "Set backend.tool or backend.setup; `dse doctor` shows what is found.", then="stop", error=ToolNotFound),
    Rule(_K.SCRIPT_ERROR, "The tool refused the project's script; compare its version with the campaign's.", then="stop"),
    Rule(_K.DISK_FULL, "Make room on that disk; the campaign goes on by itself.", retries=None, then="wait", error=DiskFull),
    Rule(_K.LOST, "The host went away; look at it, then run the same command again.", retries=3, is_host_fault=True),
    Rule(_K.CANCELLED, "Run the same command again to start it anew."),
    Rule(_K.UNKNOWN, "Nobody knows this message yet: please report the log's end.", retries=1, is_host_fault=True),
)

RULES: Mapping[str, Rule] = MappingProxyType(
    {str(rule.kind): replace(rule, is_cached=True) for rule in _FACTS}
    | {HANG: replace(_HANG, is_cached=True)}
    | _MORE
    | {str(rule.kind): rule for rule in _MACHINE}
)


def may_retry(cause: str, n_so_far: int) -> bool:
    """Whether a job that ended `n_so_far` times for this cause, the last time included, is tried again."""
    retries = RULES[cause].retries
    return retries is None or n_so_far <= retries


def wait_seconds(n_denied: int, cause: str = "") -> float:
    """How long to wait before the next try: doubling from a minute to a quarter of an hour; from five seconds where a wait is vain.

    >>> [wait_seconds(n) for n in (1, 2, 5, 50)]
    [60.0, 120.0, 900.0, 900.0]
    """
    first, longest = NO_LICENCE_WAIT_SECONDS if cause == NO_LICENCE else LICENCE_WAIT_SECONDS
    return min(longest, first * 2.0 ** min(n_denied - 1, 10))


# What a machine may do to every design alike: no fact about a design until one has given a result.
UNPROVEN = frozenset(str(kind) for kind in (_K.COMPILE_ERROR, _K.TOOL_CRASH, _K.NO_REPORT, _K.UNKNOWN))
