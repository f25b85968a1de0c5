"""`<top>_csynth.xml`, `<module>_csynth.xml` and `csynth.xml` of Vivado HLS 2016.4 to Vitis 2025.1.

All have the root `<profile>`. From Vitis 2020.2 on, `csynth.xml` also tells the hierarchy (`RTLDesignHierarchy`) and every module
(`ModuleInformation`), in a dialect of its own: see `vitis_modules.py`. The lines that are read, in the older dialect:

    <PipelineType>dataflow</PipelineType>
    <EstimatedClockPeriod>4.350</EstimatedClockPeriod>
    <Best-caseLatency>2521531</Best-caseLatency>      a number or "undef"
    <Interval-min>949549</Interval-min>
    <DSP48E>9</DSP48E>                                <DSP> from Vitis HLS on
"""

from __future__ import annotations

from dse.design import Fidelity
from dse.reports.records import Module, Span, ToolReport, Usage
from dse.reports.text import Where, count, cycles, nanoseconds, version_in
from dse.reports.vitis_modules import hierarchy, module_information
from dse.reports.xml import Element, issue_of, need, only, or_empty, parse_xml, read_at, text_at
from dse.reports.xml_loops import loops_of

FIRST_VITIS = (2020, 2)


def parse_csynth_xml(text: str, file: str = "csynth.xml") -> ToolReport:
    """Read a C synthesis report in XML.

    Raises:
        ReportError: if it is no such report, incomplete, or holds an impossible number.
    """
    where = Where(file)
    root = parse_xml(text, "profile", file)
    assignments = need(root, "UserAssignments", where)
    top = text_at(assignments, "TopModelName", where)
    if not top:
        raise where.at("UserAssignments/TopModelName").error("missing")
    version = version_in(text_at(root, "ReportVersion/Version", where))
    modules = module_information(root, where)
    return ToolReport(
        grammar="csynth_xml",
        fidelity=Fidelity.CSYNTH,
        top=top,
        total=_total(root, assignments, top, where),
        tool=_tool(root, version),
        version=version,
        part_as_written=text_at(assignments, "Part", where),
        modules=modules,
        instances=hierarchy(root, {module.name: module for module in modules}, where),
    )


def _tool(root: Element, version: str) -> str:
    if not version:  # 2025.2 leaves it empty; only Vitis HLS has a flow target
        return "vitis_hls" if root.find("UserAssignments/FlowTarget") is not None else ""
    # Vivado HLS 2020.1 and Vitis HLS 2020.1 write the same version; only the tag of the DSPs differs.
    year, release = version.split(".")[:2]
    if (int(year), int(release)) == (2020, 1):
        return "vitis_hls" if root.find("AreaEstimates/Resources/DSP") is not None else "vivado_hls"
    return "vitis_hls" if (int(year), int(release)) >= FIRST_VITIS else "vivado_hls"


def _total(root: Element, assignments: Element, top: str, where: Where) -> Module:
    # What the tool did not write is unknown; without areas it is no report.
    estimates = or_empty(only(root, "PerformanceEstimates", where))
    latency = or_empty(only(estimates, "SummaryOfOverallLatency", where))
    area = need(root, "AreaEstimates", where)
    latency_cycles = _pair(latency, "Best-caseLatency", "Worst-caseLatency", where)
    used = usage(need(area, "Resources", where), where.at("AreaEstimates/Resources"))
    if used.lut is None or used.ff is None:
        raise where.at("AreaEstimates/Resources").error("no LUT or no FF: incomplete")
    available = only(area, "AvailableResources", where)
    return Module(
        name=top,
        used=used,
        available=usage(available, where.at("AreaEstimates/AvailableResources")) if available is not None else Usage(),
        latency_cycles=latency_cycles,
        latency_average_cycles=read_at(latency, "Average-caseLatency", cycles, where),
        ii_cycles=_interval(latency, latency_cycles, where),
        ii_target_cycles=read_at(assignments, "TargetInitiationInterval", cycles, where),
        depth_cycles=read_at(latency, "PipelineDepth", cycles, where),
        pipeline_type=text_at(estimates, "PipelineType", where),
        clock_target_ns=read_at(assignments, "TargetClockPeriod", nanoseconds, where),
        clock_uncertainty_ns=read_at(assignments, "ClockUncertainty", nanoseconds, where),
        clock_estimated_ns=read_at(estimates, "SummaryOfTimingAnalysis/EstimatedClockPeriod", nanoseconds, where),
        issue=issue_of(estimates),
        loops=loops_of(only(estimates, "SummaryOfLoopLatency", where), where),
    )


def _pair(parent: Element, low: str, high: str, where: Where) -> Span:
    return Span(read_at(parent, low, cycles, where), read_at(parent, high, cycles, where))


def _interval(latency: Element, latency_cycles: Span, where: Where) -> Span:
    """Read the interval; a 0 beside an undefined latency is the tool's way to say that it does not know."""
    found = _pair(latency, "Interval-min", "Interval-max", where)
    if latency_cycles.maximum is None:
        return Span(found.minimum or None, found.maximum or None)
    return found


def usage(resources: Element, where: Where) -> Usage:
    """Read `<LUT>`, `<FF>`, `<DSP>` or `<DSP48E>`, `<BRAM_18K>` and `<URAM>` below an element."""
    dsp = [tag for tag in ("DSP", "DSP48E", "DSP48") if resources.find(tag) is not None]
    if len(dsp) > 1:
        raise where.error(f"both <{dsp[0]}> and <{dsp[1]}>, expected one")
    return Usage(
        lut=read_at(resources, "LUT", count, where),
        ff=read_at(resources, "FF", count, where),
        dsp=read_at(resources, dsp[0], count, where) if dsp else None,
        bram_18k=read_at(resources, "BRAM_18K", count, where),
        uram=read_at(resources, "URAM", count, where),
    )
