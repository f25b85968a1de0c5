"""`<top>_export.rpt`: what `export_design -flow syn|impl` found, as a list. BRAM counts 18 Kb halves here.

Implementation tool: Xilinx Vivado v.2018.2
Device target:       xcvu9p-flgb2104-2-i
#=== Post-Synthesis Resource usage ===
LUT:         130031
#=== Final timing ===
CP required:    5.000
CP achieved post-synthesis:    3.907
"""

from __future__ import annotations

import re

from dse.design import Fidelity
from dse.reports.records import Module, ToolReport, Usage
from dse.reports.text import Where, count, lines_of, nanoseconds, printable, version_in

_BLOCK = re.compile(r"#=== Post-(Synthesis|Implementation) Resource usage ===\s*$")
_LINE = re.compile(r"(LUT|FF|DSP|BRAM|URAM|SLICE|CLB|SRL|LATCH):\s*(\S*)\s*$")
_FIELD = re.compile(r"(Implementation tool|Project|Device target|Report date):\s*(.*?)\s*$")
_TIMING = re.compile(r"CP (required|achieved post-synth\w*|achieved post-impl\w*|achieved):\s*(\S*)\s*$")


def is_export(text: str) -> bool:
    """Whether a text looks like an export report."""
    return "Resource usage ===" in text[:65536]


def parse_export_rpt(text: str, file: str = "export.rpt") -> ToolReport:
    """Read an export report. The name of the top does not stand in it: `top` is "".

    Raises:
        ReportError: if it is no such report or cut off.
    """
    where = Where(file)
    lines = lines_of(text, file)
    # A last line without its end may have lost digits.
    complete = lines[:-1]
    blocks = [(index, match) for index, line in enumerate(complete) if (match := _BLOCK.match(line.strip()))]
    if len(blocks) != 1:
        raise where.error(f'{len(blocks)} blocks "#=== Post-... Resource usage ===", expected one. Not an export report.')
    start, block = blocks[0]
    fields = {match[1]: match[2] for line in complete[:start] if (match := _FIELD.match(line.strip()))}
    used: dict[str, float | None] = {}
    periods: dict[str, float | None] = {}
    for index, line in enumerate(complete[start + 1 :], start + 2):
        if match := _LINE.match(line.strip()):
            if match[1] in used:
                raise where.at(match[1], index).error("given twice")
            used[match[1]] = count(match[2], where.at(match[1], index), dash=None)
        elif match := _TIMING.match(line.strip()):
            periods[match[1]] = nanoseconds(match[2], where.at("Final timing", index))
    missing = [name for name in ("LUT", "FF", "DSP", "BRAM") if used.get(name) is None]
    if missing:
        raise where.at("Resource usage").error(f"no number for {', '.join(missing)}: truncated?")
    is_routed = block[1] == "Implementation"
    wanted = ("achieved post-impl", "achieved") if is_routed else ("achieved post-synth", "achieved")
    estimated = next((value for prefix in wanted[:1] for key, value in periods.items() if key.startswith(prefix)), None)
    return ToolReport(
        grammar="export_rpt",
        fidelity=Fidelity.IMPL if is_routed else Fidelity.VSYNTH,
        top="",
        total=Module(
            name="",
            used=Usage(used["LUT"], used["FF"], used["DSP"], used["BRAM"], used.get("URAM")),
            clock_target_ns=periods.get("required"),
            clock_estimated_ns=estimated if estimated is not None else periods.get("achieved"),
        ),
        tool="vivado",
        version=version_in(fields.get("Implementation tool", "")),
        part_as_written=printable(fields.get("Device target", "")),
        date=printable(fields.get("Report date", "")),
        state=f"post-{block[1].lower()}",
    )
