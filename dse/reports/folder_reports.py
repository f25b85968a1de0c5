"""The reports of one folder of C synthesis: which of several reports of a module counts, and which module is the top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dse.errors import ReportError
from dse.qor import RESOURCES
from dse.reports.csynth_rpt import parse_csynth_rpt
from dse.reports.csynth_xml import parse_csynth_xml
from dse.reports.file_sets import FileSet, read_text
from dse.reports.layer_map import index_in
from dse.reports.locate import Folder
from dse.reports.records import Module, ToolReport
from dse.reports.summary_rpt import is_summary, parse_summary_rpt

FEW, FEW_SHARE = 8, 0.001


@dataclass(slots=True)
class FolderReports:
    folder: str
    by_module_xml: dict[str, tuple[str, ToolReport]]
    by_module_rpt: dict[str, tuple[str, ToolReport]]
    all_xml: tuple[str, ToolReport] | None = None
    summary: tuple[str, ToolReport] | None = None
    warnings: list[str] = field(default_factory=list)
    contested: set[str] = field(default_factory=set)  # modules with several reports that disagree

    def drop(self, source: str) -> None:
        """Forget a file."""
        for table in (self.by_module_xml, self.by_module_rpt):
            for name in [name for name, (file, _) in table.items() if file == source]:
                del table[name]
        self.all_xml = None if self.all_xml and self.all_xml[0] == source else self.all_xml
        self.summary = None if self.summary and self.summary[0] == source else self.summary


def parse_folder(files: FileSet, folder: Folder) -> FolderReports:
    """Parse every report of the folder; one that is damaged is left out with a warning, unless it is the top's."""
    found = FolderReports(folder.path, {}, {})
    errors: list[ReportError] = []
    for name in folder.names:
        base = name.rpartition("/")[2]
        text = read_text(files, name)
        try:
            if base.endswith(".xml"):
                report = parse_csynth_xml(text, name)
                if base == "csynth.xml" or (report.modules and found.all_xml is None):
                    found.all_xml = (name, report)
                else:
                    _add(found.by_module_xml, name, report, found)
            elif is_summary(text):
                found.summary = (name, parse_summary_rpt(text, name))
            elif base != "csynth.rpt" or "HLS Report for '" in text:
                _add(found.by_module_rpt, name, parse_csynth_rpt(text, name), found)
        except ReportError as error:
            errors.append(error)
    if not (found.by_module_xml or found.by_module_rpt or found.all_xml or found.summary):
        raise next(iter(errors), ReportError("no C synthesis report", file=folder.path))
    found.warnings += [f"not read: {error}" for error in errors]
    return found


def refuse_contested(reports: FolderReports, top: str) -> None:
    if top in reports.contested:
        raise ReportError(f"several reports of the top {top!r} with different numbers. Name one of them.", file=reports.folder)
    for module in sorted(reports.contested):
        reports.warnings.append(f"several reports of {module!r} with different numbers: left out")
        reports.by_module_xml.pop(module, None)
        reports.by_module_rpt.pop(module, None)


def _add(table: dict[str, tuple[str, ToolReport]], name: str, report: ToolReport, found: FolderReports) -> None:
    """Take a module's report; of two for one module the one named after it counts; if neither is, nobody knows."""
    known = table.get(report.top)
    if known is None:
        table[report.top] = (name, report)
    elif not agree(known[1].total, report.total, is_exact=True):
        if _is_named_after(name, report.top):
            table[report.top] = (name, report)
        elif not _is_named_after(known[0], report.top):
            found.contested.add(report.top)


def _is_named_after(name: str, module: str) -> bool:
    return name.rpartition("/")[2].rpartition("_csynth.")[0] == module


def top_name_of(reports: FolderReports, app_tops: Sequence[str]) -> str:
    if reports.all_xml:
        return reports.all_xml[1].top
    if reports.summary:
        return reports.summary[1].top
    known = {**reports.by_module_rpt, **reports.by_module_xml}
    named = [top for top in app_tops if top in known]
    if len(named) == 1:
        return named[0]
    inside = {instance.module for _, report in reports.by_module_rpt.values() for instance in report.instances}
    outside = [name for name in known if name not in inside and (not inside or name in reports.by_module_rpt)]
    if len(outside) > 1:
        outside = [name for name in outside if index_in(name) is None]
    if len(outside) == 1:
        return outside[0]
    if len(known) == 1:
        return next(iter(known))
    names = ", ".join(sorted(known)[:5])
    raise ReportError(f"which of {len(known)} modules is the top ({names}, ...)? No csynth.xml says so.", file=reports.folder)


def top_report(reports: FolderReports, top: str, times: Mapping[str, float]) -> tuple[str, ToolReport, bool]:
    """Return the best report of the top (the freshest; then its own XML, the XML of all, its text, the summary), and whether others
    of its reports are of another build. Those are dropped, with all they say of what stands where.

    Raises:
        ReportError: if there is none.
    """
    candidates = (reports.by_module_xml.get(top), reports.all_xml, reports.by_module_rpt.get(top), reports.summary)
    found = [candidate for candidate in candidates if candidate is not None and candidate[1].top == top]
    if not found:
        raise ReportError(f"the report of the top {top!r} is missing or damaged", file=reports.folder)
    chosen = found[0]
    others = [other for other in found[1:] if not agree(chosen[1].total, other[1].total)]
    if others:
        chosen = max(found, key=lambda candidate: times.get(candidate[0], 0.0) // 60)  # one run writes all within a minute
        others = [other for other in found if not agree(chosen[1].total, other[1].total)]
    # The summary is a digest of the others; a stale one beside three that agree does not make the build doubtful.
    is_mixed = any(other[1].grammar != "summary_rpt" for other in others)
    for name, _ in others:
        reports.warnings.append(
            f"{name.rpartition('/')[2]}: other numbers than {chosen[0].rpartition('/')[2]}: of another build, left out"
        )
        reports.drop(name)
    return (*chosen, is_mixed)


def agree(one: Module, other: Module, *, is_exact: bool = False) -> bool:
    """Whether two reports of one module may stem from one build: no number that both know differs.

    LUTs and FFs may differ by a few, unless `is_exact`: some versions (2023.1, 2024.1) count a handful more in one report of a run
    than in another one of another kind.
    """

    def close(name: str) -> bool:
        left, right = getattr(one.used, name), getattr(other.used, name)
        slack = max(FEW, FEW_SHARE * max(left or 0, right or 0)) if name in ("lut", "ff") and not is_exact else 0
        return left is None or right is None or abs(left - right) <= slack

    left, right = one.latency_cycles.maximum, other.latency_cycles.maximum
    return all(close(name) for name in RESOURCES) and (left is None or right is None or left == right)
