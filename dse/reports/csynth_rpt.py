"""`<module>_csynth.rpt` of Vivado HLS 2016.4 to Vitis 2025.1: one module as text, and its instances.

The old grammar (to 2018.3) puts the units into the titles, the new one into the cells:

    + Timing (ns):                      + Timing:
    |ap_clk  |   5.00|     4.350|...    |ap_clk  | 5.00 ns | 4.049 ns |...
    + Latency (clock cycles):           + Latency:
    |      Latency      | Interval ...  |  Latency (cycles) |   Latency (absolute)  |  Interval | ...

The areas stand in a table whose rows are kinds of hardware; `Total` and `Available` are read, `Available SLR` is not the device.
For Vivado HLS the `Instance` tables are the only place that says which module stands where.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dse.design import Fidelity
from dse.reports.interface_rpt import ports_of
from dse.reports.records import Instance, Loop, Module, Span, ToolReport, Usage
from dse.reports.tables import Table, is_border, read_table
from dse.reports.text import Where, count, cycles, is_unknown, lines_of, nanoseconds, span, version_in

_TITLE = re.compile(r"==\s+(\S.{0,40}?)\s*Report for '([^']{1,300})'\s*$")
_FIELD = re.compile(r"\s*\*\s+(Date|Version|Target device|Report date)\s*:\s*(.*?)\s*$")
_LATENCY = ("latency", "latency (cycles)", "latency(cycles)")
_DSP = ("DSP", "DSP48E", "DSP48")

# Rows of the two Instance tables, by name and how often that name stood above.
_Timed = dict[tuple[str, int], Instance]
_Areas = dict[tuple[str, int], tuple[str, Usage]]


def parse_csynth_rpt(text: str, file: str = "csynth.rpt") -> ToolReport:
    """Read a module's C synthesis report in text.

    Raises:
        ReportError: if it is no such report, cut off, or holds an impossible number.
    """
    where = Where(file)
    lines = lines_of(text, file)
    titles = [(index, match) for index, line in enumerate(lines) if line.startswith("==") and (match := _TITLE.match(line))]
    if len(titles) != 1:
        raise where.error(f"{len(titles)} titles like \"== Vivado HLS Report for 'top'\", expected one. Not a synthesis report.")
    start, title = titles[0]
    top = title[2]
    performance = _heading(lines, start, "== Performance Estimates", where)
    areas = _heading(lines, performance, "== Utilization Estimates", where)
    end = next((index for index in range(areas + 1, len(lines)) if lines[index].startswith("== ")), len(lines))
    fields = {match[1]: match[2] for line in lines[start:performance] if (match := _FIELD.match(line))}
    total, instances = _performance(lines[:areas], performance, top, where)
    used, available, instance_areas = _areas(lines[:end], areas, where)
    return ToolReport(
        grammar="csynth_rpt",
        fidelity=Fidelity.CSYNTH,
        top=top,
        total=replace(total, used=used, available=available),
        tool="vitis_hls" if "vitis" in title[1].lower() else "vivado_hls" if "vivado" in title[1].lower() else "",
        version=version_in(fields.get("Version", "")),
        part_as_written=fields.get("Target device", ""),
        date=fields.get("Date", "") or fields.get("Report date", ""),
        instances=_joined(instances, instance_areas),
        ports=ports_of(lines, end, where),
    )


def _heading(lines: Sequence[str], start: int, heading: str, where: Where) -> int:
    for index in range(start, len(lines)):
        if lines[index].startswith(heading):
            return index
    raise where.error(f'no section "{heading}": truncated?')


def _find(lines: Sequence[str], start: int, *prefixes: str) -> int | None:
    for index in range(start, len(lines)):
        if lines[index].strip().startswith(prefixes):
            return index
    return None


def _performance(lines: Sequence[str], start: int, top: str, where: Where) -> tuple[Module, _Timed]:
    timing_at, latency_at = _find(lines, start, "+ Timing"), _find(lines, start, "+ Latency")
    if timing_at is None or latency_at is None or latency_at < timing_at:
        raise where.at("Performance Estimates").error("no timing or no latency: truncated?")
    target, uncertainty, estimated = _timing(lines[:latency_at], timing_at, where.at("Timing"))
    table, after = read_table(lines, latency_at, where.at("Latency"))
    latency, ii, pipeline_type = _latency(table, where.at("Latency", table.line))
    module = Module(
        name=top,
        latency_cycles=latency,
        ii_cycles=ii,
        pipeline_type=pipeline_type,
        clock_target_ns=target,
        clock_uncertainty_ns=uncertainty,
        clock_estimated_ns=estimated,
        loops=_loops(_detail(lines, after, "* Loop", where), where),
    )
    return module, _instances(_detail(lines, after, "* Instance", where), where)


def _timing(lines: Sequence[str], start: int, where: Where) -> tuple[float | None, float | None, float | None]:
    table, _ = read_table(lines, start, where)
    if len(table.rows) != 1:
        return None, None, None  # several clocks (SystemC): none of them is the target clock for sure
    at = where.at("Timing", table.row_lines[0])
    indices = [table.find(name) for name in ("Target", "Uncertainty", "Estimated")]
    found = [None if index is None else nanoseconds(table.rows[0][index], at) for index in indices]
    return found[0], found[1], found[2]


def _latency(table: Table, where: Where) -> tuple[Span, Span, str]:
    if len(table.rows) != 1:
        raise where.error(f"{len(table.rows)} rows, expected one")
    at = where.at("Latency", table.row_lines[0])
    return _latency_row(table, table.rows[0], at)


def _latency_row(table: Table, row: Sequence[str], where: Where) -> tuple[Span, Span, str]:
    latency = _min_max(table, row, _LATENCY, where)
    ii = _min_max(table, row, ("interval",), where)
    if latency.maximum is None:
        ii = Span(ii.minimum or None, ii.maximum or None)  # a 0 beside an undefined latency is unknown too
    kind = table.find("Type")
    return latency, ii, row[kind].strip() if kind is not None else ""


def _min_max(table: Table, row: Sequence[str], groups: Sequence[str], where: Where) -> Span:
    low, high = table.find("min", groups), table.find("max", groups)
    if low is None or high is None:
        raise where.error(f"no columns min and max below {groups[-1]!r}")
    return Span(cycles(row[low], where), cycles(row[high], where))


def _detail(lines: Sequence[str], start: int, title: str, where: Where) -> Table | None:
    """Return the table below a title of the details, None where the tool wrote N/A."""
    index = _find(lines, start, title)
    if index is None:
        return None
    for following in range(index + 1, len(lines)):
        line = lines[following].strip()
        if is_border(line):
            return read_table(lines, following, where.at(title.strip("* ")))[0]
        if line:
            return None  # N/A, or the next title
    return None


def _columns_of_names(table: Table, where: Where) -> tuple[int, int]:
    name_at, module_at = table.find("Instance"), table.find("Module")
    if name_at is None or module_at is None:
        raise where.at("Instance", table.line).error("no columns Instance and Module")
    return name_at, module_at


def _instances(table: Table | None, where: Where) -> _Timed:
    if table is None:
        return {}
    name_at, module_at = _columns_of_names(table, where)
    found: _Timed = {}
    for row, line in zip(table.rows, table.row_lines, strict=True):
        name, module = row[name_at].strip(), row[module_at].strip()
        latency, ii, kind = _latency_row(table, row, where.at("Instance", line))
        found[_key(found, name)] = Instance(name, module, (name,), latency_cycles=latency, ii_cycles=ii, pipeline_type=kind)
    return found


def _key(found: Mapping[tuple[str, int], object], name: str) -> tuple[str, int]:
    n_before = 0
    while (name, n_before) in found:
        n_before += 1
    return name, n_before


def _loops(table: Table | None, where: Where) -> tuple[Loop, ...]:
    if table is None:
        return ()
    return tuple(_loop(table, row, where.at("Loop", line)) for row, line in zip(table.rows, table.row_lines, strict=True))


def _loop(table: Table, row: Sequence[str], where: Where) -> Loop:
    def cell(name: str, *groups: str) -> str:
        index = table.find(name, groups)
        return "" if index is None else row[index]

    marks, _, name = row[0].strip().partition(" ")
    pipelined = cell("Pipelined").strip()
    return Loop(
        name=name.strip() or marks,
        depth=len(marks) if "+" in marks else 0,
        trip_count=span(cell("Count") or cell("Trip Count"), where),
        latency_cycles=Span(cycles(cell("min", *_LATENCY), where), cycles(cell("max", *_LATENCY), where)),
        iteration_cycles=span(cell("Latency", "iteration"), where),
        ii_cycles=span(cell("achieved"), where),
        ii_target_cycles=cycles(cell("target"), where),
        is_pipelined=None if is_unknown(pipelined) else pipelined == "yes",
    )


def _areas(lines: Sequence[str], start: int, where: Where) -> tuple[Usage, Usage, _Areas]:
    table, after = read_table(lines, start, where.at("Utilization Estimates"))
    rows: dict[str, Usage] = {}
    for row, line in zip(table.rows, table.row_lines, strict=True):
        rows.setdefault(row[0].strip(), usage_of_row(table, row, where.at("Utilization Estimates", line)))
    used = rows.get("Total")
    if used is None or used.lut is None or used.ff is None:
        raise where.at("Utilization Estimates", table.line).error("no row Total with LUT and FF: incomplete")
    return used, rows.get("Available", Usage()), _instance_areas(_detail(lines, after, "* Instance", where), where)


def usage_of_row(table: Table, row: Sequence[str], where: Where) -> Usage:
    """Read the columns of resources of one row; a column that the table does not have is None."""

    def cell(*names: str) -> float | None:
        index = next((found for name in names if (found := table.find(name)) is not None), None)
        return None if index is None or not row[index].strip() else count(_share_is_unknown(row[index]), where)

    return Usage(lut=cell("LUT"), ff=cell("FF"), dsp=cell(*_DSP), bram_18k=cell("BRAM_18K", "BRAM"), uram=cell("URAM"))


def _share_is_unknown(cell: str) -> str:
    return "?" if cell.strip().startswith("~") else cell


def _instance_areas(table: Table | None, where: Where) -> _Areas:
    if table is None:
        return {}
    name_at, module_at = _columns_of_names(table, where)
    found: _Areas = {}
    for row, line in zip(table.rows, table.row_lines, strict=True):
        name, module = row[name_at].strip(), row[module_at].strip()
        if module:  # the row Total has none
            found[_key(found, name)] = (module, usage_of_row(table, row, where.at("Instance", line)))
    return found


def _joined(timed: _Timed, areas: _Areas) -> tuple[Instance, ...]:
    joined = []
    for key in [*timed, *(key for key in areas if key not in timed)]:
        module, used = areas.get(key, ("", Usage()))
        base = timed.get(key) or Instance(key[0], module, (key[0],))
        joined.append(replace(base, used=used))
    return tuple(joined)
