"""`report_accelerator_utilization` of Vivado (`impl_1_kernel_util_routed.rpt` of a Vitis link): what each kernel takes on the card.

    | Name                | LUT               | LUTAsMem         | REG               | BRAM           | URAM          | DSP            |
    | User Budget         | 1176075 [100.00%] | ...
    | kernel_wrapper      |   76870 [  6.54%] |   1948 [  0.33%] |   59342 [  2.44%] |  700 [ 38.55%] |   0 [  0.00%] |  100 [  1.11%] |
    |    kernel_wrapper_1 |   19247 [  1.64%] | ...                 its compute units, indented

BRAM counts tiles of 36 Kb here. What is available is the budget that the platform leaves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dse.reports.records import Instance, Module, ToolReport, Usage
from dse.reports.tables import Table, read_table
from dse.reports.text import Where, count, lines_of, version_in
from dse.reports.utilization_rpt import fidelity_of

_FIELD = re.compile(r"\|\s*(Tool Version|Date|Design|Device|Design State)\s*:\s*(.*?)\s*\|?\s*$")
_SHARE = re.compile(r"\s*\[[ 0-9.<~]*%\s*\]\s*$")
_BUDGET = ("Platform", "User Budget", "Used Resources", "Unused Resources")


def is_accelerator(text: str) -> bool:
    """Whether a text calls itself a utilisation report of an accelerator."""
    return "Accelerator Utilization Design Information" in text[:65536]


def parse_accelerator_rpt(text: str, file: str = "kernel_util.rpt") -> ToolReport:
    """Read what the kernels take: `modules` are the kernels (all compute units together), `instances` their compute units.

    With one kernel alone its numbers are the total, and `top` is its name; with several, `top` is "" and the total is unknown.

    Raises:
        ReportError: if it is no such report or cut off.
    """
    where = Where(file)
    lines = lines_of(text, file)
    start = next((index for index, line in enumerate(lines) if line.startswith("Accelerator Utilization Design Information")), None)
    if start is None:
        raise where.error('no title "Accelerator Utilization Design Information". Not a report of kernels.')
    fields = {match[1]: match[2] for line in lines[:start] if (match := _FIELD.match(line.strip()))}
    table, _ = read_table(lines, start, where.at("System Utilization"))
    available = Usage()
    kernels: list[Module] = []
    units: list[Instance] = []
    for row, line in zip(table.rows, table.row_lines, strict=True):
        name, used = row[0].strip(), _usage(table, row, where.at("System Utilization", line))
        if name == "User Budget":
            available = used
        elif name not in _BUDGET and row[0].startswith("  ") and kernels:
            units.append(Instance(name, kernels[-1].name, (name,), used))
        elif name not in _BUDGET:
            kernels.append(Module(name, used))
    only = kernels[0] if len(kernels) == 1 else Module("")
    state = fields.get("Design State", "")
    return ToolReport(
        grammar="accelerator_rpt",
        fidelity=fidelity_of(state),
        top=only.name,
        total=Module(only.name, only.used, available),
        tool="vivado",
        version=version_in(fields.get("Tool Version", "")),
        part_as_written=fields.get("Device", ""),
        date=fields.get("Date", ""),
        state=state,
        modules=tuple(kernels),
        instances=tuple(units),
    )


def _usage(table: Table, row: Sequence[str], where: Where) -> Usage:
    def cell(name: str) -> float | None:
        index = table.find(name)
        return None if index is None else count(_SHARE.sub("", row[index]), where, dash=None)

    tiles = cell("BRAM")
    return Usage(cell("LUT"), cell("REG"), cell("DSP"), None if tiles is None else int(2 * tiles), cell("URAM"))
