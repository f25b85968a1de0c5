"""Which grammar a file is in: by what it says, not by its name."""

from __future__ import annotations

from dse.errors import ReportError
from dse.reports import accelerator_rpt, cosim_rpt, csynth_rpt, csynth_xml, export_rpt, summary_rpt, timing_rpt, utilization_rpt
from dse.reports.records import CosimReport, ToolReport

_OTHERS = {
    "Clock Utilization": "a clock utilization report, which counts buffers, not resources",
    "== Design Size Report": "a design size report, which holds no results",
    "Hierarchical RAM": "a hierarchical utilization report; give the flat one (report_utilization without -hierarchical)",
    "Utilization by Hierarchy": "a hierarchical utilization report; give the flat one (report_utilization without -hierarchical)",
    "= Verbose": "an internal listing of the scheduler or binder, not a report",
    "Routing Status": "a routing status, not a report of results",
}


def parse_report(text: str, file: str) -> ToolReport | CosimReport:
    """Read one report of any kind.

    Raises:
        ReportError: if it is no report that is known here, or damaged.
    """
    head = text[:65536].removeprefix("\ufeff").lstrip()
    if head.startswith("<"):
        return csynth_xml.parse_csynth_xml(text, file)
    if summary_rpt.is_summary(text):
        return summary_rpt.parse_summary_rpt(text, file)
    if "HLS Report for '" in head:
        return csynth_rpt.parse_csynth_rpt(text, file)
    if accelerator_rpt.is_accelerator(text):
        return accelerator_rpt.parse_accelerator_rpt(text, file)
    if utilization_rpt.is_utilization(text) and "Utilization by Hierarchy" not in head:
        return utilization_rpt.parse_utilization_rpt(text, file)
    if export_rpt.is_export(text):
        return export_rpt.parse_export_rpt(text, file)
    if timing_rpt.is_timing(text):
        return timing_rpt.parse_timing_rpt(text, file)
    if ("Verilog" in head and "Pass" in head) or "Latency(Clock Cycles)" in head or "|   RTL" in head or "+   RTL" in head:
        return cosim_rpt.parse_cosim_rpt(text, file)
    for mark, what in _OTHERS.items():
        if mark in head:
            raise ReportError(f"{what}. Give a csynth, cosim, utilization or export report.", file=file)
    start = head[:60].split("\n")[0]
    raise ReportError(f"starts with {start!r}, which is no report of Vivado HLS, Vitis HLS or Vivado", file=file)
