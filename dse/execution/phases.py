"""What a tool is doing, read from the end of its growing log, and how long it may still take."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import quantiles

# In the order in which a run passes them; the last one that the text holds is where it is.
_PHASES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("starting", r"\*{3,} (Vivado|Vitis)|Running '.*(vivado_hls|vitis_hls)"),
        ("opening project", r"Opening (and resetting )?project|Creating and opening"),
        ("C simulation", r"C SIMULATION \*|Starting C simulation"),
        (
            "compiling",
            r"Analyzing design file|Validating synthesis directives|Compiling (source|one TU)|Starting (code|hardware) synthesis",
        ),
        (
            "transforming",
            r"Starting code transformations|Performing (function|loop|array)|Using interface defaults|Inlining function",
        ),
        ("scheduling", r"Starting (hardware synthesis|scheduling)|Scheduling module|-- (Implementing|Scheduling) module"),
        ("generating RTL", r"Generating (RTL|all RTL)|Creating RTL|Finished creating RTL"),
        ("co-simulation", r"C/RTL SIMULATION \*|Starting C/RTL cosimulation"),
        ("logic synthesis", r"VIVADO SYNTHESIS \*|Starting Synthesize|Command: synth_design|Starting RTL Elaboration"),
        ("optimising logic", r"Command: opt_design|Starting Logic Optimization"),
        ("reporting", r"report_utilization|Finished C synthesis"),
    )
)
_MODULE = re.compile(r"-- (?:Implementing module|Generating RTL for module|Scheduling module) '([^']{1,80})'")


def read_phase(tail: str) -> str:
    """Return the phase that the end of a log shows, "" if it shows none.

    >>> read_phase("INFO: [HLS 200-42] -- Implementing module 'dense_1'\\nINFO: ok")
    'scheduling dense_1'
    """
    best, where = "", -1
    for name, pattern in _PHASES:
        for match in pattern.finditer(tail):
            if match.start() >= where:
                best, where = name, match.start()
    modules = list(_MODULE.finditer(tail))
    if modules and best in ("scheduling", "generating RTL"):
        best = f"{best} {modules[-1].group(1)}"
    return best


def estimate_remaining(elapsed_seconds: float, past_seconds: Sequence[float]) -> tuple[float, float] | None:
    """Return the range of seconds still to go, None with fewer than three past runs.

    The range is that of the middle half of the past runs that took longer than this one has so far; (0, 0) when it is later than
    all of them.

    >>> estimate_remaining(100.0, [300.0, 400.0, 500.0, 600.0])
    (225.0, 475.0)
    """
    if len(past_seconds) < 3:
        return None
    longer = [seconds for seconds in past_seconds if seconds > elapsed_seconds]
    if not longer:
        return (0.0, 0.0)
    if len(longer) == 1:
        return (0.0, longer[0] - elapsed_seconds)
    low, _, high = quantiles(longer, n=4)
    return (max(0.0, low - elapsed_seconds), max(0.0, high - elapsed_seconds))
