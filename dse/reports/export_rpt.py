"""What `export_design -flow syn|impl` and `vitis-run --impl` found. BRAM counts 18 Kb halves here. Two grammars:

`<top>_export.rpt`, to 2020.1                      `export_syn.rpt`, `export_impl.rpt`, `hls_impl_syn.rpt`, `hls_impl_pnr.rpt`, since 2020.2
Implementation tool: Xilinx Vivado v.2018.2        == Vivado RTL Synthesis Results        (or: Vivado Place & Route Results)
Device target:       xcvu9p-flgb2104-2-i               * Target device:   xcvu9p-flgb2104-2-i
#=== Post-Synthesis Resource usage ===             == RTL Synthesis Resource Summary      (or: Place & Route ...)
LUT:         130031                                LUT:              773
#=== Final timing ===                              == RTL Synthesis Timing Summary
CP required:    5.000                              | Target     | 10.000      |
CP achieved post-synthesis:    3.907               | Post-Route | 2.503       |      after RTL synthesis, too: the tool's own label
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dse.design import Fidelity
from dse.reports.records import Module, ToolReport, Usage
from dse.reports.text import Where, count, lines_of, nanoseconds, version_in

_BLOCK = re.compile(
    r"(?:#=== Post-(Synthesis|Implementation) Resource usage ===|== (RTL Synthesis|Place & Route) Resource Summary)\s*$"
)
_LINE = re.compile(r"(LUT|FF|DSP|BRAM|URAM|SLICE|CLB|SRL|LATCH):\s*(\S*)\s*$")
_FIELD = re.compile(r"(?:\* )?(Implementation tool|Version|Project|Device target|Target device|Report date|Date):\s*(.*?)\s*$")
_PERIOD = re.compile(
    r"(?:CP (required|achieved post-synth\w*|achieved post-impl\w*|achieved):\s*(\S*)|\| (Target|Post-Synthesis|Post-Route)\s*\|\s*(\S*)\s*\|)\s*$"
)
# The achieved periods by what the report is of, the surest first.
_SYNTHESIZED = ("achieved post-synth", "Post-Route", "Post-Synthesis", "achieved")
_ROUTED = ("achieved post-impl", "Post-Route", "achieved")


def is_export(text: str) -> bool:
    """Whether a text looks like an export report."""
    head = text[:65536]
    return (
        "Resource usage ===" in head or "== RTL Synthesis Resource Summary" in head or "== Place & Route Resource Summary" in head
    )


def parse_export_rpt(text: str, file: str = "export.rpt") -> ToolReport:
    """Read an export report. The name of the top does not stand in it: `top` is "".

    Raises:
        ReportError: if it is no such report or cut off.
    """
    where = Where(file)
    # A last line without its end may have lost digits.
    complete = [line.strip() for line in lines_of(text, file)[:-1]]
    blocks = [(index, match) for index, line in enumerate(complete) if (match := _BLOCK.match(line))]
    if len(blocks) != 1:
        raise where.error(f"{len(blocks)} blocks of resources, expected one. Not an export report.")
    start, block = blocks[0]
    fields = {match[1]: match[2] for line in complete[:start] if (match := _FIELD.match(line))}
    used, periods = _numbers(complete, start, where)
    missing = [name for name in ("LUT", "FF", "DSP", "BRAM") if used.get(name) is None]
    if missing:
        raise where.at("Resource usage").error(f"no number for {', '.join(missing)}: truncated?")
    is_routed = (block[1] or block[2]) in ("Implementation", "Place & Route")
    return ToolReport(
        grammar="export_rpt",
        fidelity=Fidelity.IMPL if is_routed else Fidelity.VSYNTH,
        top="",
        total=Module(
            name="",
            used=Usage(used["LUT"], used["FF"], used["DSP"], used["BRAM"], used.get("URAM")),
            clock_target_ns=periods.get("required", periods.get("Target")),
            clock_estimated_ns=_achieved(periods, _ROUTED if is_routed else _SYNTHESIZED),
        ),
        tool="vivado",
        version=version_in(fields.get("Implementation tool", "") or fields.get("Version", "")),
        part_as_written=fields.get("Device target", "") or fields.get("Target device", ""),
        date=fields.get("Report date", "") or fields.get("Date", ""),
        state="post-implementation" if is_routed else "post-synthesis",
    )


def _numbers(lines: Sequence[str], start: int, where: Where) -> tuple[dict[str, float | None], dict[str, float | None]]:
    used: dict[str, float | None] = {}
    periods: dict[str, float | None] = {}
    for index, line in enumerate(lines[start + 1 :], start + 2):
        if match := _LINE.match(line):
            if match[1] in used:
                raise where.at(match[1], index).error("given twice")
            used[match[1]] = count(match[2], where.at(match[1], index), dash=None)
        elif match := _PERIOD.match(line):
            periods.setdefault(match[1] or match[3], nanoseconds(match[2] or match[4] or "", where.at("timing", index)))
    return used, periods


def _achieved(periods: Mapping[str, float | None], labels: Sequence[str]) -> float | None:
    for label in labels:
        for name, value in periods.items():
            if name.startswith(label) and value is not None:
                return value
    return None
