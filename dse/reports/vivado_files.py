"""The reports of a build beside C synthesis: logic synthesis, place and route, timing, co-simulation."""

from __future__ import annotations

from dataclasses import dataclass

from dse.design import Fidelity
from dse.errors import ReportError
from dse.reports.file_sets import FileSet, read_text
from dse.reports.kinds import parse_report
from dse.reports.locate import Project
from dse.reports.records import CosimReport, ToolReport


@dataclass(frozen=True, slots=True)
class VivadoFiles:
    """What was found; None where there is no such report."""

    vsynth: ToolReport | None = None
    impl: ToolReport | None = None
    timing: ToolReport | None = None
    cosim: CosimReport | None = None
    sources: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_vivado_files(files: FileSet, project: Project, csynth: ToolReport) -> VivadoFiles:
    """Read every report of the build beside C synthesis; one that is damaged or of another part is left out with a warning."""
    best: dict[str, tuple[tuple[int, float], str, ToolReport | CosimReport]] = {}
    times = {entry.name: entry.changed_at or 0.0 for entry in files.entries()}
    warnings: list[str] = []
    for name in project.others:
        try:
            report = parse_report(read_text(files, name), name)
        except ReportError as error:
            if not _is_expected_to_fail(name):
                warnings.append(f"not read: {error}")
            continue
        kind = _kind(report)
        if kind is None or not _fits(report, csynth, name, warnings):
            continue
        rank = (_preference(report, name), times.get(name, 0.0))
        if kind not in best or rank > best[kind][0]:
            best[kind] = (rank, name, report)

    def tool(kind: str) -> ToolReport | None:
        found = best.get(kind)
        return found[2] if found and isinstance(found[2], ToolReport) else None

    cosim = best.get("cosim")
    return VivadoFiles(
        vsynth=tool("vsynth"),
        impl=tool("impl"),
        timing=tool("timing"),
        cosim=cosim[2] if cosim and isinstance(cosim[2], CosimReport) else None,
        sources=tuple(name for _, name, _ in best.values()),
        warnings=tuple(warnings),
    )


def _is_expected_to_fail(name: str) -> bool:
    base = name.rpartition("/")[2]
    return "hier" in base or ("timing" in base and "summary" not in base)


def _kind(report: ToolReport | CosimReport) -> str | None:
    if isinstance(report, CosimReport):
        return "cosim"
    if report.grammar == "timing_rpt":
        return "timing"
    return {Fidelity.VSYNTH: "vsynth", Fidelity.IMPL: "impl"}.get(report.fidelity)


def _preference(report: ToolReport | CosimReport, name: str) -> int:
    # A utilization report counts everything; the export report is a digest of it; hls4ml's own run comes first.
    if isinstance(report, CosimReport) or report.grammar != "utilization_rpt":
        return 0
    return 2 if name.rpartition("/")[2] == "vivado_synth.rpt" else 1


def _fits(report: ToolReport | CosimReport, csynth: ToolReport, name: str, warnings: list[str]) -> bool:
    if isinstance(report, CosimReport) or not report.part or not csynth.part:
        return True
    one, other = sorted((report.part, csynth.part), key=len)
    if other.startswith(one):
        return True
    base = name.rpartition("/")[2]
    warnings.append(f"{base}: of part {report.part_as_written}, C synthesis is of {csynth.part_as_written}; left out")
    return False
