"""`report_timing_summary` of Vivado: the worst slack and the clock's period.

        WNS(ns)      TNS(ns)  TNS Failing Endpoints ...
        -------      -------  ---------------------
          1.093        0.000                      0 ...

    Clock   Waveform(ns)       Period(ns)      Frequency(MHz)
    -----   ------------       ----------      --------------
    ap_clk  {0.000 2.500}      5.000           200.000

Achieved period = period - worst slack (a negative slack makes it longer). `report_timing` lists the worst paths instead, each with

    Slack (VIOLATED) :        -0.412ns  (required time - arrival time)
      Path Type:              Setup (Max at Slow Process Corner)
      Requirement:            5.000ns  (ap_clk rise@5.000ns - ap_clk rise@0.000ns)
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dse.design import Fidelity
from dse.reports.records import Module, ToolReport
from dse.reports.text import Where, lines_of, nanoseconds, signed_nanoseconds, version_in
from dse.reports.utilization_rpt import fidelity_of

_FIELD = re.compile(r"\|\s*(Tool Version|Date|Design|Device|Speed File|Design State)\s*:\s*(.*?)\s*\|?\s*$")
_PATH = re.compile(r"Slack(?: \((?:MET|VIOLATED)\))? ?:\s*(\S+)")
_PATH_FIELD = re.compile(r"(Path Type|Requirement):\s*(\S+)")
_CLOCK = re.compile(r"\s*(\S+)\s+\{[0-9. ]+\}\s+([0-9.]+)\s+([0-9.]+)\s*$")


def is_timing(text: str) -> bool:
    """Whether a text looks like a timing summary, or a list of paths."""
    return "Timing Summary Report" in text[:65536] or "| Design Timing Summary" in text or _is_paths(text)


def _is_paths(text: str) -> bool:
    return re.search(r"^Timing Report\s*$", text[:4096], re.MULTILINE) is not None


def parse_timing_rpt(text: str, file: str = "timing.rpt") -> ToolReport:
    """Read a timing summary or a list of paths. With several clocks, or none, period and estimate are unknown.

    Raises:
        ReportError: if it is no such report or cut off before the slack.
    """
    where = Where(file)
    lines = lines_of(text, file)
    fields = {match[1]: match[2] for line in lines[:40] if (match := _FIELD.match(line.strip()))}
    if _is_paths(text):
        slack, period = _worst_path(lines[:-1], where)
    else:
        slack, period = _summary(lines, where)
    top, state, device = fields.get("Design", ""), fields.get("Design State", ""), fields.get("Device", "")
    speed = fields.get("Speed File", "").split()
    return ToolReport(
        grammar="timing_rpt",
        fidelity=fidelity_of(state) if state else _fidelity_by_name(file),
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
        date=fields.get("Date", ""),
        state=state,
    )


def _fidelity_by_name(file: str) -> Fidelity | None:
    """Up to 2020 the report does not say how far the design had gone; Vivado's own names of files do."""
    base = file.rpartition("/")[2].lower()
    if "routed" in base or "placed" in base:
        return Fidelity.IMPL
    return Fidelity.VSYNTH if "synth" in base else None


def _summary(lines: Sequence[str], where: Where) -> tuple[float | None, float | None]:
    heading = next((index for index, line in enumerate(lines) if line.startswith("| Design Timing Summary")), None)
    if heading is None:
        raise where.error('no section "Design Timing Summary": truncated, or not a timing summary')
    slack = _slack(lines[:-1], heading, where.at("Design Timing Summary"))
    periods = _periods(lines[:-1], heading, where.at("Clock Summary"))
    return slack, periods[0] if len(periods) == 1 else None


def _worst_path(lines: Sequence[str], where: Where) -> tuple[float | None, float | None]:
    """Return slack and requirement of the worst setup path; hold paths say nothing of the period."""
    paths: list[dict[str, str]] = []
    for line in lines:
        if match := _PATH.match(line):
            paths.append({"Slack": match[1]})
        elif paths and (match := _PATH_FIELD.match(line.strip())):
            paths[-1].setdefault(match[1], match[2])
    setups = [path for path in paths if path.get("Path Type") == "Setup"]
    found = [(signed_nanoseconds(path["Slack"], where), path) for path in setups]
    known = [(slack, path) for slack, path in found if slack is not None]
    if not known:
        raise where.error("no setup path with a slack: truncated, or of other paths. Give report_timing_summary.")
    slack, path = min(known, key=lambda pair: pair[0])
    periods = {path.get("Requirement", "") for path in setups}
    return slack, nanoseconds(path.get("Requirement", ""), where) if len(periods) == 1 else None


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
