"""XML reports of the fake tools, in the grammar of Vivado HLS (to 2020.1) and Vitis HLS (from 2020.2), and who writes what."""

from __future__ import annotations

from pathlib import Path

from fake_costs import Cost, Module
from fake_project import Project
from fake_rpt import module_rpt
from fake_stamp import Stamp, absolute, cycles_of, pipeline_type_of


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


def _latency_xml(module: Module, stamp: Stamp) -> str:
    best, average, worst, low, high = cycles_of(module.cost, stamp)
    lines = [f"<Best-caseLatency>{best}</Best-caseLatency>", f"<Average-caseLatency>{average}</Average-caseLatency>"]
    lines.append(f"<Worst-caseLatency>{worst}</Worst-caseLatency>")
    for word, cycles in (("Best", best), ("Average", average), ("Worst", worst)):
        lines.append(f"<{word}-caseRealTimeLatency>{absolute(cycles, stamp)}</{word}-caseRealTimeLatency>")
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
<PipelineType>{pipeline_type_of(module, stamp)}</PipelineType>
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
    best, average, worst, _, high = cycles_of(module.cost, stamp)
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
<PipelineType>{pipeline_type_of(module, stamp)}</PipelineType>
</SummaryOfOverallLatency>
</PerformanceEstimates>
<AreaEstimates>
<Resources>
{area}</Resources>
</AreaEstimates>
</Module>
"""
