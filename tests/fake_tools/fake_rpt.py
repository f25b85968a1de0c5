# ruff: noqa: W291  the tools leave blanks at line ends
"""Text reports of the fake tools: C synthesis, logic synthesis, co-simulation."""

from __future__ import annotations

import time

from fake_costs import Cost, Module
from fake_stamp import Stamp, absolute, cycles_of, pipeline_type_of


def module_rpt(module: Module, name: str, project_name: str, stamp: Stamp) -> str:
    """`<module>_csynth.rpt` in the grammar of 2019.2 and later."""
    dsp = "DSP" if stamp.is_vitis else "DSP48E"
    product = "Vitis" if stamp.is_vitis else "Vivado"
    rule = "=" * 64
    instances = [(child.instance or f"grp_{child.name}_fu_{len(child.name)}", child) for child in module.children]
    timing = _box([("Clock", "Target", "Estimated", "Uncertainty")], [_timing_row(stamp)], "    ")
    spans = (("Latency (cycles)", 2), ("Latency (absolute)", 2), ("Interval", 2), ("Pipeline", 1))
    summary = _box(*_latency_rows([("", module)], stamp, is_detail=False), "    ", spans=spans)
    blank = (("", 1), ("", 1), *spans)
    detail = _box(*_latency_rows(instances, stamp, is_detail=True), "        ", spans=blank) if instances else "        N/A\n"
    areas = _box(*_instance_area_rows(instances, dsp), "    ", foot=1) if instances else "    N/A\n"
    return f"""

{rule}
== {product} HLS Report for '{name}'
{rule}
* Date:           {time.strftime("%a %b %e %H:%M:%S %Y")}

* Version:        {stamp.version} (Build {stamp.build}, FAKE)
* Project:        {project_name}_prj
* Solution:       solution1{" (Vivado IP Flow Target)" if stamp.is_vitis else ""}
* Product family: {stamp.device[0]}
* Target device:  {stamp.part}


{rule}
== Performance Estimates
{rule}
+ Timing: 
    * Summary: 
{timing}
+ Latency: 
    * Summary: 
{summary}
    + Detail: 
        * Instance: 
{detail}
        * Loop: 
        N/A



{rule}
== Utilization Estimates
{rule}
* Summary: 
{_area_summary(module, stamp, dsp)}
+ Detail: 
    * Instance: 
{areas}
    * {"DSP" if stamp.is_vitis else "DSP48E"}: 
    N/A

    * Memory: 
    N/A

"""


def _timing_row(stamp: Stamp) -> tuple[str, ...]:
    return ("ap_clk", f"{stamp.clock_period_ns:.2f} ns", f"{stamp.estimated_ns} ns", f"{stamp.uncertainty_ns} ns")


def _latency_rows(
    modules: list[tuple[str, Module]], stamp: Stamp, *, is_detail: bool
) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    head = [("min", "max", "min", "max", "min", "max", "Type")]
    rows = []
    for instance, module in modules:
        best, _, worst, low, high = (text if text.isdigit() else "?" for text in cycles_of(module.cost, stamp))
        cells = (best, worst, absolute(best, stamp), absolute(worst, stamp), low, high, pipeline_type_of(module, stamp))
        rows.append((instance, module.name, *cells) if is_detail else cells)
    return ([("Instance", "Module", *head[0])] if is_detail else head), rows


def _instance_area_rows(instances: list[tuple[str, Module]], dsp: str) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    rows = [(name, m.name, *map(str, (m.cost.bram_18k, m.cost.dsp, m.cost.ff, m.cost.lut, 0))) for name, m in instances]
    total = Cost()
    for _, module in instances:
        total.add_area(module.cost)
    rows.append(("Total", "", *map(str, (total.bram_18k, total.dsp, total.ff, total.lut, 0))))
    return [("Instance", "Module", "BRAM_18K", dsp, "FF", "LUT", "URAM")], rows


def _area_summary(module: Module, stamp: Stamp, dsp: str) -> str:
    inner = Cost()
    for child in module.children:
        inner.add_area(child.cost)
    cost = module.cost
    own = (cost.bram_18k - inner.bram_18k, cost.dsp - inner.dsp, cost.ff - inner.ff, cost.lut - inner.lut)
    _, *available = stamp.device
    used = (cost.bram_18k, cost.dsp, cost.ff, cost.lut, 0)
    share = [
        "0" if not have else "~0" if take and 100 * take < have else str(100 * take // have)
        for take, have in zip(used, available, strict=True)
    ]
    rows = [
        ("DSP", "-", "-", "-", "-", "-"),
        ("Expression", "-", "-", "0", str(own[3]), "-"),
        ("FIFO", "-", "-", "-", "-", "-"),
        ("Instance", str(inner.bram_18k), str(inner.dsp), str(inner.ff), str(inner.lut), "0"),
        ("Memory", str(own[0]), "-", "-", "-", "-"),
        ("Multiplexer", "-", "-", "-", "-", "-"),
        ("Register", "-", str(own[1]), str(own[2]), "-", "-"),
        ("Total", *map(str, used)),
        ("Available", *map(str, available)),
        ("Utilization (%)", *share),
    ]
    return _box([("Name", "BRAM_18K", dsp, "FF", "LUT", "URAM")], rows, "", foot=3)


def _box(
    head: list[tuple[str, ...]],
    rows: list[tuple[str, ...]],
    indent: str,
    foot: int = 0,
    spans: tuple[tuple[str, int], ...] = (),
) -> str:
    """Draw a table; the last `foot` rows are ruled off one by one, `spans` are titles over one or two columns each."""
    widths = [max(len(row[column]) for row in [*head, *rows]) for column in range(len(head[0]))]
    above, column = [], 0
    for title, n_columns in spans:
        widths[column] += max(0, len(title) - sum(widths[column : column + n_columns]))
        above.append(title.center(sum(widths[column : column + n_columns]) + 3 * n_columns - 1))
        column += n_columns
    rule = indent + "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    lines = [rule, *([f"{indent}|{'|'.join(above)}|"] if above else [])]
    lines += [*(_row(row, widths, indent, is_head=True) for row in head), rule]
    for number, row in enumerate(rows):
        if number >= len(rows) - foot and number > 0:
            lines.append(rule)
        lines.append(_row(row, widths, indent, is_head=False))
    return "\n".join([*lines, rule]) + "\n"


def _row(row: tuple[str, ...], widths: list[int], indent: str, *, is_head: bool) -> str:
    cells = []
    for number, (text, width) in enumerate(zip(row, widths, strict=True)):
        is_word = not is_head and not text[:1].isdigit() and text not in ("-", "~0", "?")
        cells.append(
            text.center(width + 2) if is_head else text.ljust(width + 2) if is_word and number < 2 else text.rjust(width + 2)
        )
    return indent + "|" + "|".join(cells) + "|"


def vivado_synth_rpt(top: Module, stamp: Stamp) -> str:
    """`vivado_synth.rpt`: logic synthesis finds fewer LUTs and flip-flops than the C synthesis expected, and half the block RAM."""
    cost = top.cost
    lut, ff, bram, dsp = cost.lut * 2 // 5, cost.ff * 4 // 5, cost.bram_18k, cost.dsp
    family, brams, dsps, ffs, luts, _ = stamp.device
    is_seven = family in ("artix7", "zynq")
    lut_row, ff_row = ("Slice LUTs*", "Slice Registers") if is_seven else ("CLB LUTs*", "CLB Registers")

    def table(rows: list[tuple[str, float, float]]) -> str:
        cells = [(f" {name}", f"{used:g}", "0", f"{have:g}", f"{100 * used / max(have, 1):.2f}") for name, used, have in rows]
        return _box([("Site Type", "Used", "Fixed", "Available", "Util%")], cells, "")

    line = "-" * 80
    return f"""Copyright FAKE TOOL, for tests only.
{line}
| Tool Version : Vivado v.{stamp.version} (lin64) Build {stamp.build} FAKE
| Date         : {time.strftime("%a %b %e %H:%M:%S %Y")}
| Host         : fake running 64-bit unknown
| Command      : report_utilization -file vivado_synth.rpt
| Design       : {stamp.top}
| Device       : {stamp.part.removeprefix("xc") if is_seven else stamp.part}
| Design State : Synthesized
{line}

Utilization Design Information

1. {"Slice" if is_seven else "CLB"} Logic
--------------

{table([(lut_row, lut, luts), ("  LUT as Logic", lut, luts), (ff_row, ff, ffs)])}

2. Memory
---------

{table([("Block RAM Tile", bram / 2, brams / 2), ("  RAMB18", bram, brams)])}

3. DSP
------

{table([("DSPs", dsp, dsps)])}
"""


def cosim_rpt(top: Module, stamp: Stamp) -> str:
    """`sim/report/<top>_cosim.rpt`."""
    average = (top.cost.latency_min + top.cost.latency_max) // 2
    numbers = (top.cost.latency_min, average, top.cost.latency_max, top.cost.interval, top.cost.interval, top.cost.interval)
    rule = "+----------+----------+" + ("-" * 15 + "+") * 6
    verilog = "|".join(f"{number:>15}" for number in numbers)
    missing = "|".join(f"{'NA':>15}" for _ in numbers)
    product = "Vitis" if stamp.is_vitis else "Vivado"
    line = "=" * 64
    return f"""
{line}
== {product} HLS Cosim Report for '{stamp.top}'
{line}
Report time       : {time.strftime("%a %d %b %Y %H:%M:%S")}
Solution          : solution1
Simulation tool   : xsim (FAKE)

Result:
+----------+----------+-----------------------------------------------+-----------------------------------------------+
|          |          |                    Latency                    |                    Interval                   |
+   RTL    +  Status  +-----------------------------------------------+-----------------------------------------------+
|          |          |      min      |      avg      |      max      |      min      |      avg      |      max      |
{rule}
|      VHDL|        NA|{missing}|
|   Verilog|      Pass|{verilog}|
{rule}
"""
