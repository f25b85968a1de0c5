"""`report_utilization` of Vivado: hls4ml's `vivado_synth.rpt`, `<top>_utilization_synth.rpt`, `_routed.rpt`.

    | Slice LUTs*            | 1526 |     0 |     53200 |  2.87 |      7-series; `CLB LUTs*` on UltraScale
    | Slice Registers        | 2428 |     0 |    106400 |  2.28 |      `CLB Registers`
    | Block RAM Tile         | 60.5 |     0 |       140 | 43.21 |      36 Kb tiles: 60.5 tiles are 121 halves
    | URAM                   |    0 | ...                              only on parts that have it
    | DSPs                   |   66 | ...

Columns are found by title, because `Prohibited` came in between in 2021. The share is never read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dse.design import Fidelity
from dse.reports.records import Module, ToolReport, Usage
from dse.reports.tables import Table, is_border, read_table
from dse.reports.text import Where, count, lines_of, version_in

_FIELD = re.compile(r"\|\s*(Tool Version|Date|Design|Device|Design State|Command)\s*:\s*(.*?)\s*\|?\s*$")
_ROWS = {
    "lut": ("Slice LUTs", "CLB LUTs", "LUTs"),
    "ff": ("Slice Registers", "CLB Registers", "Registers"),
    "dsp": ("DSPs", "DSP Slices", "DSP Blocks", "DSP48 Blocks"),
    "bram_18k": ("Block RAM Tile",),
    "uram": ("URAM", "URAMs"),
}
_PLACED = ("fully placed", "routed", "fully routed", "physopt postplace", "physopt postroute")
_BLACK_BOXES = re.compile(r"[0-9]{1,2}\. Black Boxes\s*$")


def is_utilization(text: str) -> bool:
    """Whether a text calls itself a utilisation report."""
    return "Utilization Design Information" in text[:65536]


def fidelity_of(state: str) -> Fidelity | None:
    """Return how far a design of this state had gone; None for one between the steps ("Optimized").

    >>> fidelity_of("Synthesized"), fidelity_of("Fully Placed"), fidelity_of("Optimized")
    (<Fidelity.VSYNTH: 'vsynth'>, <Fidelity.IMPL: 'impl'>, None)
    """
    if state.lower() == "synthesized":
        return Fidelity.VSYNTH
    return Fidelity.IMPL if state.lower() in _PLACED else None


def parse_utilization_rpt(text: str, file: str = "vivado_synth.rpt") -> ToolReport:
    """Read a flat utilisation report of Vivado.

    Raises:
        ReportError: if it is no such report, or lacks LUTs, registers, block RAM or DSPs (a cut-off report does).
    """
    where = Where(file)
    lines = lines_of(text, file)
    starts = [index for index, line in enumerate(lines) if line.startswith("Utilization Design Information")]
    if len(starts) != 1:
        raise where.error(f'{len(starts)} titles "Utilization Design Information", expected one. Not a utilization report.')
    fields = {match[1]: match[2] for line in lines[: starts[0]] if (match := _FIELD.match(line.strip()))}
    used, available = _tables(lines, starts[0], where)
    missing = [name for name in ("lut", "ff", "dsp", "bram_18k") if used.get(name) is None]
    if missing:
        raise where.error(f"no row for {', '.join(missing)}: truncated, or not a flat utilization report")
    state = fields.get("Design State", "")
    return ToolReport(
        grammar="utilization_rpt",
        fidelity=fidelity_of(state),
        top=fields.get("Design", ""),
        total=Module(fields.get("Design", ""), Usage(**used), Usage(**available)),
        tool="vivado",
        version=version_in(fields.get("Tool Version", "")),
        part_as_written=fields.get("Device", ""),
        date=fields.get("Date", ""),
        state=state,
        warnings=_black_boxes(lines, starts[0]),
    )


def _black_boxes(lines: Sequence[str], start: int) -> tuple[str, ...]:
    """Name what is counted as nothing because its content is not there: a wrapper around a design that was synthesised by itself."""
    headings = [index for index in range(start, len(lines)) if _BLACK_BOXES.match(lines[index].strip())]
    if len(headings) < 2:  # the table of contents names it, too
        return ()
    end = next((index for index in range(headings[-1] + 2, len(lines)) if re.match(r"[0-9]{1,2}\. ", lines[index])), len(lines))
    rows = [line for line in lines[headings[-1] : end] if line.strip().startswith("|")]
    names = [row.split("|")[1].strip() for row in rows[1:] if row.count("|") > 2]
    return (f"black boxes, counted as nothing: {', '.join(names[:5])}",) if names else ()


def _tables(lines: Sequence[str], start: int, where: Where) -> tuple[dict[str, float | None], dict[str, float | None]]:
    used: dict[str, float | None] = {}
    available: dict[str, float | None] = {}
    index = start
    while index + 1 < len(lines):
        if not (is_border(lines[index]) and "Site Type" in lines[index + 1] and "Used" in lines[index + 1]):
            index += 1
            continue
        table, index = read_table(lines, index, where.at("Site Type"))
        for row, line in zip(table.rows, table.row_lines, strict=True):
            name = _resource(row[0])
            if name is not None and name not in used:
                used[name] = _cell(table, row, "Used", name, where.at(row[0].strip(), line))
                available[name] = _cell(table, row, "Available", name, where.at(row[0].strip(), line))
    return used, available


def _resource(label: str) -> str | None:
    # Children of a row are indented by two: "  LUT as Logic" below "Slice LUTs*".
    if label.startswith("   "):
        return None
    bare = label.strip().rstrip("*").strip()
    return next((name for name, labels in _ROWS.items() if bare in labels), None)


def _cell(table: Table, row: Sequence[str], column: str, name: str, where: Where) -> float | None:
    index = table.find(column)
    if index is None:
        return None
    number = count(row[index], where, dash=None)
    if number is None or name != "bram_18k":
        return number
    halves = 2 * number
    if not float(halves).is_integer():
        raise where.error(f"{number} tiles of block RAM, expected a multiple of a half")
    return int(halves)
