"""`<top>_cosim.rpt`: what the simulated RTL took.

    |   Verilog|      Pass|           2423|           3177|           3555|           2354|           2354|           2354|   7131|

Seven numbers' worth of columns since Vitis HLS 2020.2, six before (no total). The VHDL row is usually NA; a failed run has NA
everywhere; an interval is NA where the test bench sent one transaction only.
"""

from __future__ import annotations

import re

from dse.reports.records import CosimReport, Span
from dse.reports.text import Where, cycles, lines_of

_ROW = re.compile(r"\|\s*(VHDL|Verilog|SystemC)\s*\|\s*([A-Za-z][A-Za-z /]{0,19}?)\s*\|(.*)\|$")
_HEADER = re.compile(r"Latency\s*\(Clock Cycles\)|\bmin\s*\|\s*avg\s*\|\s*max\b", re.IGNORECASE)


def parse_cosim_rpt(text: str, file: str = "cosim.rpt") -> CosimReport:
    """Read a co-simulation report; of several languages the one that was run.

    Raises:
        ReportError: if it is no such report, cut off, or two languages were run and disagree.
    """
    where = Where(file)
    lines = [line.strip() for line in lines_of(text, file)]
    rows = [(index, match) for index, line in enumerate(lines) if (match := _ROW.match(line))]
    if not rows or not any(_HEADER.search(line) for line in lines[: rows[0][0]]):
        raise where.error("no table with rows VHDL and Verilog. Not a co-simulation report.")
    if not lines[rows[-1][0] + 1 :] or not lines[rows[-1][0] + 1].startswith("+-"):
        raise where.at("", rows[-1][0] + 2).error("the table is cut off")
    reports = [_row(match, where.at(match[1], index + 1)) for index, match in rows]
    run = [report for report in reports if report.status.upper() != "NA"]
    if not run:
        return CosimReport(language="", status="NA", warnings=("no language was simulated",))
    if len(run) == 1 or {_numbers(report) for report in run} == {_numbers(run[0])}:
        return run[0]
    failed = [report for report in run if report.status.lower() != "pass"]
    if failed:
        return failed[0]
    raise where.error("the VHDL and the Verilog row disagree")


def _numbers(report: CosimReport) -> tuple[object, ...]:
    return (report.status, report.latency_cycles, report.ii_cycles, report.total_cycles)


def _row(match: re.Match[str], where: Where) -> CosimReport:
    cells = match[3].split("|")
    if len(cells) not in (6, 7):
        raise where.error(f"{len(cells)} numbers, expected 6 or 7")
    found = [cycles(cell, where) for cell in cells]
    return CosimReport(
        language=match[1],
        status=match[2],
        latency_cycles=Span(found[0], found[2]),
        latency_average_cycles=found[1],
        ii_cycles=Span(found[3], found[5]),
        ii_average_cycles=found[4],
        total_cycles=found[6] if len(found) == 7 else None,
    )
