# ruff: noqa: W291  the tools leave blanks at line ends
"""Write reports of the fake tools in the grammar of Vivado HLS (to 2020.1) and Vitis HLS (from 2020.2)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from fake_costs import Cost, Module
from fake_project import Project

# device prefix: (product family, BRAM_18K, DSP, FF, LUT, URAM); capacities from the vendor's public tables
_DEVICES = {
    "xc7a35t": ("artix7", 100, 90, 41600, 20800, 0),
    "xc7a200t": ("artix7", 730, 740, 269200, 134600, 0),
    "xc7z007s": ("zynq", 100, 66, 28800, 14400, 0),
    "xc7z020": ("zynq", 280, 220, 106400, 53200, 0),
    "xczu7": ("zynquplus", 624, 1728, 460800, 230400, 96),
    "xczu9": ("zynquplus", 1824, 2520, 548160, 274080, 0),
    "xcku115": ("kintexu", 4320, 5520, 1326720, 663360, 0),
    "xcvu9p": ("virtexuplus", 4320, 6840, 2364480, 1182240, 960),
    "xcvu13p": ("virtexuplus", 5376, 12288, 3456000, 1728000, 1280),
    "xcu250": ("virtexuplus", 5376, 12288, 3456000, 1728000, 1280),
}
_UNKNOWN_DEVICE = ("virtexuplus", 4000, 9000, 2000000, 1000000, 0)
_BUILDS = {"2019.1": "2552052", "2019.2": "2704478", "2020.1": "2897737", "2021.1": "3247384", "2023.2": "4023990"}


@dataclass
class Stamp:
    """What a report says of its run."""

    version: str
    top: str
    part: str
    clock_period_ns: float
    uncertainty_percent: float
    is_undefined: bool = False

    @property
    def is_vitis(self) -> bool:
        return self.version >= "2020.2"

    @property
    def uncertainty_ns(self) -> str:
        return f"{self.clock_period_ns * self.uncertainty_percent / 100:.2f}"

    @property
    def estimated_ns(self) -> str:
        return f"{self.clock_period_ns * (1 - self.uncertainty_percent / 100) - 0.1:.3f}"

    @property
    def device(self) -> tuple[str, int, int, int, int, int]:
        plain = self.part.lower().replace("-", "")
        fits = [name for name in _DEVICES if plain.startswith(name)]
        return _DEVICES[max(fits, key=len)] if fits else _UNKNOWN_DEVICE

    @property
    def build(self) -> str:
        return _BUILDS.get(self.version, "2700000")


def write_reports(project: Project, top: Module, stamp: Stamp, folder: Path) -> list[Path]:
    """Write the reports of all modules, the top's last; return the files in the order written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for module in [*_descendants(top), top]:
        is_top = module is top
        name = stamp.top if is_top else module.name
        for suffix, text in (("xml", module_xml(module, name, stamp)), ("rpt", module_rpt(module, name, project.name, stamp))):
            path = folder / f"{name}_csynth.{suffix}"
            path.write_text(text)
            written.append(path)
    path = folder / "csynth.xml"
    path.write_text(aggregate_xml(top, stamp) if stamp.is_vitis else module_xml(top, stamp.top, stamp))
    return [*written, path]


def _descendants(module: Module) -> list[Module]:
    found = []
    for child in module.children:
        found += [*_descendants(child), child]
    return found


def _cycles(cost: Cost, stamp: Stamp) -> tuple[str, str, str, str, str]:
    """Best, average and worst latency, smallest and largest interval."""
    if stamp.is_undefined:
        return "undef", "undef", "undef", "undef", "undef"
    average = (cost.latency_min + cost.latency_max) // 2
    return str(cost.latency_min), str(average), str(cost.latency_max), str(cost.interval), str(cost.interval)


def _absolute(cycles: str, stamp: Stamp) -> str:
    if not cycles.isdigit():
        return cycles
    nanoseconds = int(cycles) * stamp.clock_period_ns
    for limit, factor, unit in ((1e3, 1.0, "ns"), (1e6, 1e3, "us"), (1e9, 1e6, "ms")):
        if nanoseconds < limit:
            return f"{nanoseconds / factor:.3f} {unit}"
    return f"{nanoseconds / 1e9:.3f} sec"


def _pipeline_type(module: Module, stamp: Stamp) -> str:
    return (
        {"function": "yes", "none": "no"}.get(module.pipeline_type, module.pipeline_type)
        if stamp.is_vitis
        else module.pipeline_type
    )


def _latency_xml(module: Module, stamp: Stamp) -> str:
    best, average, worst, low, high = _cycles(module.cost, stamp)
    lines = [f"<Best-caseLatency>{best}</Best-caseLatency>", f"<Average-caseLatency>{average}</Average-caseLatency>"]
    lines.append(f"<Worst-caseLatency>{worst}</Worst-caseLatency>")
    for word, cycles in (("Best", best), ("Average", average), ("Worst", worst)):
        lines.append(f"<{word}-caseRealTimeLatency>{_absolute(cycles, stamp)}</{word}-caseRealTimeLatency>")
    if module.pipeline_type == "dataflow":
        lines.append(f"<DataflowPipelineThroughput>{high}</DataflowPipelineThroughput>")
    if module.pipeline_type == "function":
        lines.append(f"<PipelineInitiationInterval>{high}</PipelineInitiationInterval>")
        lines.append(f"<PipelineDepth>{module.cost.latency_max + 1}</PipelineDepth>")
    return "\n".join(
        ["<unit>clock cycles</unit>", *lines, f"<Interval-min>{low}</Interval-min>", f"<Interval-max>{high}</Interval-max>"]
    )


def _area_xml(cost: Cost, stamp: Stamp) -> tuple[str, str]:
    dsp = "DSP" if stamp.is_vitis else "DSP48E"
    _, bram, dsps, ff, lut, uram = stamp.device

    def block(values: tuple[int, int, int, int, int]) -> str:
        names = ("BRAM_18K", dsp, "FF", "LUT", "URAM")
        return "\n".join(f"<{name}>{value}</{name}>" for name, value in zip(names, values, strict=True))

    return block((cost.bram_18k, cost.dsp, cost.ff, cost.lut, 0)), block((bram, dsps, ff, lut, uram))


def _head_xml(module: Module, name: str, stamp: Stamp) -> str:
    requested = f"<TargetInitiationInterval>{module.requested_interval}</TargetInitiationInterval>\n"
    flow = "<FlowTarget>vivado</FlowTarget>\n" if stamp.is_vitis else ""
    return f"""<ReportVersion>
<Version>{stamp.version}</Version>
</ReportVersion>

<UserAssignments>
<unit>ns</unit>
<ProductFamily>{stamp.device[0]}</ProductFamily>
<Part>{stamp.part}</Part>
<TopModelName>{name}</TopModelName>
<TargetClockPeriod>{stamp.clock_period_ns:.2f}</TargetClockPeriod>
<ClockUncertainty>{stamp.uncertainty_ns}</ClockUncertainty>
{flow}{requested if module.pipeline_type == "function" else ""}</UserAssignments>
"""


def _estimates_xml(module: Module, stamp: Stamp) -> str:
    used, available = _area_xml(module.cost, stamp)
    return f"""<PerformanceEstimates>
<PipelineType>{_pipeline_type(module, stamp)}</PipelineType>
<SummaryOfTimingAnalysis>
<unit>ns</unit>
<EstimatedClockPeriod>{stamp.estimated_ns}</EstimatedClockPeriod>
</SummaryOfTimingAnalysis>
<SummaryOfOverallLatency>
{_latency_xml(module, stamp)}
</SummaryOfOverallLatency>
</PerformanceEstimates>

<AreaEstimates>
<Resources>
{used}
</Resources>
<AvailableResources>
{available}
</AvailableResources>
</AreaEstimates>
"""


def module_xml(module: Module, name: str, stamp: Stamp) -> str:
    """`<module>_csynth.xml`."""
    port = "<RtlPorts>\n<name>ap_clk</name>\n<Object>{}</Object>\n<Type>return value</Type>\n<Dir>in</Dir>\n<Bits>1</Bits>\n</RtlPorts>"
    ports = f"<InterfaceSummary>\n{port.format(name)}\n</InterfaceSummary>\n"
    return f"<profile>\n\n{_head_xml(module, name, stamp)}\n{_estimates_xml(module, stamp)}\n{ports}\n</profile>\n"


def aggregate_xml(top: Module, stamp: Stamp) -> str:
    """Vitis' `csynth.xml`: the top, the hierarchy and every module, the top last."""
    hierarchy = "".join(_hierarchy_xml(child) for child in top.children)
    modules = "".join(_information_xml(module, module.name, stamp) for module in _descendants(top))
    modules += _information_xml(top, stamp.top, stamp)
    return f"""<profile>

{_head_xml(top, stamp.top, stamp)}
{_estimates_xml(top, stamp)}
<RTLDesignHierarchy>
<TopModule>
<ModuleName>{stamp.top}</ModuleName>
<InstancesList>
{hierarchy}</InstancesList>
</TopModule>
</RTLDesignHierarchy>

<ModuleInformation>
{modules}</ModuleInformation>

</profile>
"""


def _hierarchy_xml(module: Module) -> str:
    inner = "".join(_hierarchy_xml(child) for child in module.children)
    nested = f"<InstancesList>\n{inner}</InstancesList>\n" if inner else ""
    instance = module.instance or f"grp_{module.name}_fu_{len(module.name)}"
    return f"<Instance>\n<InstName>{instance}</InstName>\n<ModuleName>{module.name}</ModuleName>\n<ID>1</ID>\n{nested}</Instance>\n"


def _information_xml(module: Module, name: str, stamp: Stamp) -> str:
    best, average, worst, _, high = _cycles(module.cost, stamp)
    _, bram, dsps, ff, lut, uram = stamp.device
    cost = module.cost
    area = ""
    for tag, short, used, available in (
        ("BRAM_18K", "BRAM", cost.bram_18k, bram),
        ("DSP", "DSP", cost.dsp, dsps),
        ("FF", "FF", cost.ff, ff),
        ("LUT", "LUT", cost.lut, lut),
        ("URAM", "URAM", 0, uram),
    ):
        percent = 0 if available == 0 else 100 * used // available
        share = "~0" if used and not percent else str(percent)
        area += f"<{tag}>{used}</{tag}>\n<AVAIL_{short}>{available}</AVAIL_{short}>\n<UTIL_{short}>{share}</UTIL_{short}>\n"
    return f"""<Module>
<Name>{name}</Name>
<Loops/>
<PerformanceEstimates>
<SummaryOfTimingAnalysis>
<Target>{stamp.clock_period_ns:.2f}</Target>
<Uncertainty>{stamp.uncertainty_ns}</Uncertainty>
<Estimate>{stamp.estimated_ns}</Estimate>
</SummaryOfTimingAnalysis>
<SummaryOfOverallLatency>
<BestLatency>{best}</BestLatency>
<AverageLatency>{average}</AverageLatency>
<WorstLatency>{worst}</WorstLatency>
<PipelineInitiationInterval>{high}</PipelineInitiationInterval>
<PipelineType>{_pipeline_type(module, stamp)}</PipelineType>
</SummaryOfOverallLatency>
</PerformanceEstimates>
<AreaEstimates>
<Resources>
{area}</Resources>
</AreaEstimates>
</Module>
"""


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
        best, _, worst, low, high = (text if text.isdigit() else "?" for text in _cycles(module.cost, stamp))
        cells = (best, worst, _absolute(best, stamp), _absolute(worst, stamp), low, high, _pipeline_type(module, stamp))
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
