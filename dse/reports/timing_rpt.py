"""`report_timing_summary` of Vivado: the worst slack and the clock's period.

        WNS(ns)      TNS(ns)  TNS Failing Endpoints ...
        -------      -------  ---------------------
          1.093        0.000                      0 ...

    Clock   Waveform(ns)       Period(ns)      Frequency(MHz)
    -----   ------------       ----------      --------------
    ap_clk  {0.000 2.500}      5.000           200.000

Achieved period = period - worst slack (a negative slack makes it longer).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dse.design import Fidelity
from dse.reports.records import Module, ToolReport
from dse.reports.text import Where, lines_of, nanoseconds, printable, signed_nanoseconds, version_in

_FIELD = re.compile(r"\|\s*(Tool Version|Date|Design|Device|Speed File|Design State)\s*:\s*(.*?)\s*\|?\s*$")
_CLOCK = re.compile(r"\s*(\S+)\s+\{[0-9. ]+\}\s+([0-9.]+)\s+([0-9.]+)\s*$")


def is_timing(text: str) -> bool:
    """Whether a text looks like a timing summary."""
    return "Timing Summary Report" in text[:65536] or "| Design Timing Summary" in text


def parse_timing_rpt(text: str, file: str = "timing.rpt") -> ToolReport:
    """Read a timing summary. With several clocks, or none, period and estimate are unknown.

    Raises:
        ReportError: if it is no such report or cut off before the summary.
    """
    where = Where(file)
    lines = lines_of(text, file)
    heading = next((index for index, line in enumerate(lines) if line.startswith("| Design Timing Summary")), None)
    if heading is None:
        raise where.error('no section "Design Timing Summary": truncated, or not a timing summary')
    fields = {match[1]: match[2] for line in lines[:40] if (match := _FIELD.match(line.strip()))}
    slack = _slack(lines[:-1], heading, where.at("Design Timing Summary"))
    periods = _periods(lines[:-1], heading, where.at("Clock Summary"))
    period = periods[0] if len(periods) == 1 else None
    top, speed = printable(fields.get("Design", "")), fields.get("Speed File", "").split()
    state = printable(fields.get("Design State", ""))
    device = printable(fields.get("Device", ""))
    return ToolReport(
        grammar="timing_rpt",
        fidelity=Fidelity.IMPL if state.lower() == "routed" else Fidelity.VSYNTH,
        top=top,
        total=Module(
            name=top,
            clock_target_ns=period,
            clock_estimated_ns=round(period - slack, 6) if period is not None and slack is not None and slack < period else None,
            slack_ns=slack,
        ),
        tool="vivado",
        version=version_in(fields.get("Tool Version", "")),
        part_as_written=device + speed[0] if device and speed and speed[0].startswith("-") else device,
        date=printable(fields.get("Date", "")),
        state=state,
    )


def _slack(lines: Sequence[str], start: int, where: Where) -> float | None:
    for index in range(start, min(start + 20, len(lines) - 2)):
        if lines[index].split()[:1] == ["WNS(ns)"] and set(lines[index + 1].strip()) <= {"-", " "}:
            cells = lines[index + 2].split()
            if cells:
                return signed_nanoseconds(cells[0], where.at(where.section, index + 3))
    raise where.error("no worst slack: truncated?")


def _periods(lines: Sequence[str], start: int, where: Where) -> list[float]:
    heading = next((index for index in range(start, len(lines)) if lines[index].startswith("| Clock Summary")), None)
    if heading is None:
        return []
    found = []
    for index in range(heading + 2, len(lines)):
        if lines[index].startswith("| "):
            break
        if match := _CLOCK.match(lines[index]):
            period = nanoseconds(match[2], where.at(where.section, index + 1))
            if period is not None:
                found.append(period)
    return found
