"""The reports of a build beside C synthesis: logic synthesis, place and route, timing, co-simulation.

A block design leaves a report of every part of it: converters, clock adapters, the processing system, a wrapper around all of them. Only one
that names the top, or the instance of the top in a block design (`design_1_<top>_0_0`), is of this design; all others are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from dse.design import Fidelity
from dse.errors import ReportError
from dse.reports.file_sets import FileSet, read_text
from dse.reports.kinds import parse_report
from dse.reports.locate import Project
from dse.reports.records import CosimReport, ToolReport

# What `export_design` calls a solution's top in its own block design, and the wrapper around it.
_EXPORTED = ("bd_0_hls_inst_0", "bd_0_wrapper")
_MANY = 3

_Found = dict[tuple[str, Fidelity | None], tuple[tuple[int, float], str, ToolReport | CosimReport]]


@dataclass(frozen=True, slots=True)
class VivadoFiles:
    """What was found; None where there is no such report. `timing` is of the furthest step that has one."""

    vsynth: ToolReport | None = None
    impl: ToolReport | None = None
    timing: ToolReport | None = None
    cosim: CosimReport | None = None
    sources: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_vivado_files(files: FileSet, project: Project, csynth: ToolReport) -> VivadoFiles:
    """Read every report of the build beside C synthesis; one that is damaged, or of another design or part, is left out with a warning."""
    best: _Found = {}
    left_out: dict[str, list[str]] = {}
    times = {entry.name: entry.changed_at or 0.0 for entry in files.entries()}
    for name in (*project.others, *project.shared):
        try:
            report = parse_report(read_text(files, name), name)
        except ReportError as error:
            if not _is_expected_to_fail(name):
                left_out.setdefault("not read", []).append(str(error))
            continue
        reason = _why_not(report, name, project, csynth)
        if reason:
            left_out.setdefault(reason, []).append(_label(report, name))
            continue
        kind = _kind(report)
        rank = (_preference(report, name, csynth.top), times.get(name, 0.0))
        if kind not in best or rank > best[kind][0]:
            best[kind] = (rank, name, report)
    cosim = best.get(("cosim", None))
    timings = [found for fidelity in (Fidelity.IMPL, Fidelity.VSYNTH, None) if (found := _tool(best, "timing", fidelity))]
    return VivadoFiles(
        vsynth=_with_clock(best, Fidelity.VSYNTH),
        impl=_with_clock(best, Fidelity.IMPL),
        timing=timings[0] if timings else None,
        cosim=cosim[2] if cosim and isinstance(cosim[2], CosimReport) else None,
        sources=tuple(name for _, name, _ in best.values()),
        warnings=tuple(_warnings(left_out, project)),
    )


def _tool(best: _Found, kind: str, fidelity: Fidelity | None) -> ToolReport | None:
    found = best.get((kind, fidelity))
    return found[2] if found and isinstance(found[2], ToolReport) else None


def _with_clock(best: _Found, fidelity: Fidelity) -> ToolReport | None:
    """Return the resources of one step with its clock: a utilisation report has none, a timing report of the same step does."""
    report, timing = _tool(best, "resources", fidelity), _tool(best, "timing", fidelity)
    if report is None or timing is None or report.total.clock_estimated_ns is not None:
        return report
    total, clock = report.total, timing.total
    target, estimated = clock.clock_target_ns, clock.clock_estimated_ns
    return replace(report, total=replace(total, clock_target_ns=target, clock_estimated_ns=estimated, slack_ns=clock.slack_ns))


def _is_expected_to_fail(name: str) -> bool:
    base = name.rpartition("/")[2]
    return "hier" in base or "status" in base or ("timing" in base and "summary" not in base)


def _kind(report: ToolReport | CosimReport) -> tuple[str, Fidelity | None]:
    if isinstance(report, CosimReport):
        return ("cosim", None)
    return ("timing" if report.grammar == "timing_rpt" else "resources", report.fidelity)


def _label(report: ToolReport | CosimReport, name: str) -> str:
    """What to call a report that is left out."""
    base = name.rpartition("/")[2]
    return base if isinstance(report, CosimReport) else report.top or base


def _why_not(report: ToolReport | CosimReport, name: str, project: Project, csynth: ToolReport) -> str:
    """Say why a report tells nothing of this design; "" if it does."""
    if not _is_of(report, name, project, csynth.top):
        return f"of other designs than {csynth.top}"
    if isinstance(report, ToolReport) and report.grammar == "accelerator_rpt" and len(report.instances) > 1:
        return f"of {len(report.instances)} compute units together"
    if isinstance(report, CosimReport):
        return ""
    if report.part and csynth.part and not _is_one_part(report.part, csynth.part):
        return f"of part {report.part_as_written}, C synthesis is of {csynth.part_as_written}"
    if report.grammar == "timing_rpt":
        return ""
    if report.fidelity is None:
        return f"of a design in state {report.state or 'not said'}, neither synthesised nor placed"
    if report.warnings:
        return "with black boxes in place of their content"
    used = report.total.used
    return "with 0 LUT and 0 FF, which is no result" if not used.lut and not used.ff else ""


def _is_one_part(left: str, right: str) -> bool:
    one, other = sorted((left, right), key=len)
    return other.startswith(one)


def _is_of(report: ToolReport | CosimReport, name: str, project: Project, top: str) -> bool:
    base = name.rpartition("/")[2]
    if isinstance(report, CosimReport):
        return base in (f"{top}_cosim.rpt", "hls_cosim.rpt")
    if report.grammar == "export_rpt":
        return base == f"{top}_export.rpt" or base.startswith(("export_", "hls_impl_", "export."))
    is_instance = re.fullmatch(rf"(?:\w+_)?{re.escape(top)}(?:_[0-9]+)+", report.top) is not None
    return report.top == top or is_instance or (report.top in _EXPORTED and name in project.others)


def _preference(report: ToolReport | CosimReport, name: str, top: str) -> int:
    # A utilization report counts everything; the export report is a digest of it; hls4ml's own run comes first, the top before an instance.
    if isinstance(report, CosimReport):
        return 0
    if report.grammar == "timing_rpt":
        return int(report.total.clock_target_ns is not None)
    if report.grammar != "utilization_rpt":
        return 0
    return 3 if name.rpartition("/")[2] == "vivado_synth.rpt" else 2 if report.top == top else 1


def _warnings(left_out: Mapping[str, list[str]], project: Project) -> Iterator[str]:
    for reason, labels in left_out.items():
        if reason == "not read":
            yield from (f"not read: {label}" for label in labels[:_MANY])
            if len(labels) > _MANY:
                yield f"not read: {len(labels) - _MANY} more reports"
            continue
        names = ", ".join(list(dict.fromkeys(labels))[:_MANY]) + (", ..." if len(set(labels)) > _MANY else "")
        yield f"{len(labels)} {'report' if len(labels) == 1 else 'reports'} {reason}: {names}; left out"
    if project.n_unassigned:
        yield f"{project.n_unassigned} reports beside the solutions: nobody says of which solution they are; left out"
