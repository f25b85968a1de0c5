"""The part of Vitis HLS' `csynth.xml` that tells all modules and their hierarchy (2020.2 and later).

It differs from the module files: the name is `Module/Name`; availability and shares stand among the resources
(`BRAM_18K` but `AVAIL_BRAM`); there is no `Interval-min`, the interval is `PipelineInitiationInterval` and may be `2 ~ 9` or `undef`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dse.reports.records import Instance, Module, Span, Usage
from dse.reports.text import Where, count, cycles, nanoseconds, signed_nanoseconds, span
from dse.reports.xml import Element, elements, issue_of, only, or_empty, read_at, text_at
from dse.reports.xml_loops import loops_of

_RESOURCES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram_18k": "BRAM_18K", "uram": "URAM"}


def module_information(root: Element, where: Where) -> tuple[Module, ...]:
    """Return all modules that the file describes, in its order (the top is the last); empty before Vitis."""
    section = only(root, "ModuleInformation", where)
    return tuple(_module(element, where) for element in elements(section) if element.tag == "Module")


def _module(element: Element, where: Where) -> Module:
    name = text_at(element, "Name", where)
    at = where.at(f"ModuleInformation/{name[:80]}")
    if not name:
        raise at.error("a module without a name")
    # A module of which the file says nothing (a black box) has a name and no numbers.
    estimates = or_empty(only(element, "PerformanceEstimates", at))
    timing = only(estimates, "SummaryOfTimingAnalysis", at)
    latency = or_empty(only(estimates, "SummaryOfOverallLatency", at))
    resources = or_empty(only(element, "AreaEstimates/Resources", at))
    found = Span(read_at(latency, "Best-caseLatency", cycles, at), read_at(latency, "Worst-caseLatency", cycles, at))
    ii = read_at(latency, "PipelineInitiationInterval", span, at) or Span()
    if found.maximum is None:
        ii = Span(ii.minimum or None, ii.maximum or None)  # a 0 beside an undefined latency is unknown too

    def clock(tag: str) -> float | None:
        return read_at(timing, tag, nanoseconds, at) if timing is not None else None

    return Module(
        name=name,
        used=Usage(**{field: read_at(resources, tag, count, at) for field, tag in _RESOURCES.items()}),
        available=Usage(
            **{field: read_at(resources, f"AVAIL_{tag.removesuffix('_18K')}", count, at) for field, tag in _RESOURCES.items()}
        ),
        latency_cycles=found,
        latency_average_cycles=read_at(latency, "Average-caseLatency", cycles, at),
        ii_cycles=ii,
        ii_target_cycles=read_at(timing, "TargetInitiationInterval", cycles, at) if timing is not None else None,
        depth_cycles=read_at(latency, "PipelineDepth", cycles, at),
        pipeline_type=text_at(latency, "PipelineType", at) or text_at(estimates, "PipelineType", at),
        clock_target_ns=clock("TargetClockPeriod"),
        clock_uncertainty_ns=clock("ClockUncertainty"),
        clock_estimated_ns=clock("EstimatedClockPeriod"),
        slack_ns=read_at(timing, "Slack", signed_nanoseconds, at) if timing is not None else None,
        issue=issue_of(estimates),
        loops=loops_of(only(estimates, "SummaryOfLoopLatency", at), at),
    )


def hierarchy(root: Element, modules: Mapping[str, Module], where: Where) -> tuple[Instance, ...]:
    """Return every instance below the top, parents before children; empty before Vitis."""
    top = only(root, "RTLDesignHierarchy/TopModule", where)
    return tuple(_instances(top, (), modules, where)) if top is not None else ()


def _instances(parent: Element, path: tuple[str, ...], modules: Mapping[str, Module], where: Where) -> Iterator[Instance]:
    listed = only(parent, "InstancesList", where)
    for element in elements(listed):
        if element.tag != "Instance":
            continue
        name = text_at(element, "InstName", where)
        module_name = text_at(element, "ModuleName", where)
        here = (*path, name)
        known = modules.get(module_name)
        yield Instance(
            name=name,
            module=module_name,
            path=here,
            used=known.used if known else Usage(),
            latency_cycles=known.latency_cycles if known else Span(),
            ii_cycles=known.ii_cycles if known else Span(),
            pipeline_type=known.pipeline_type if known else "",
        )
        yield from _instances(element, here, modules, where)
