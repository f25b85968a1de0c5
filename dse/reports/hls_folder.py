"""One folder of C synthesis reports: which module is the top, and what stands inside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dse.errors import ReportError
from dse.qor import RESOURCES
from dse.reports.csynth_rpt import parse_csynth_rpt
from dse.reports.csynth_xml import parse_csynth_xml
from dse.reports.file_sets import FileSet, read_text
from dse.reports.layer_map import Node, forest_of_paths, forest_of_tables, index_in
from dse.reports.locate import Folder
from dse.reports.records import Instance, Module, Ports, ToolReport
from dse.reports.summary_rpt import is_summary, parse_summary_rpt
from dse.reports.text import date_of

FEW, FEW_SHARE = 8, 0.001
SECONDS_A_RUN = 3 * 86_400  # no synthesis of C takes longer


@dataclass(frozen=True, slots=True)
class HlsFolder:
    """What a folder says.

    Attributes:
        top: the top's report.
        modules: every module that has numbers, by name.
        ports: the interface of every module whose report in text was read, by name.
        roots: the instances directly below the top; empty where no file tells the hierarchy.
        sources: names of the files that were used.
        is_mixed: whether some of the top's reports are of another build.
    """

    top: ToolReport
    modules: Mapping[str, Module]
    ports: Mapping[str, Ports]
    roots: tuple[Node, ...]
    sources: tuple[str, ...]
    warnings: tuple[str, ...]
    is_mixed: bool = False


@dataclass(slots=True)
class _Reports:
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


def read_hls_folder(files: FileSet, folder: Folder, app_tops: Sequence[str]) -> HlsFolder:
    """Read a folder of reports.

    Raises:
        ReportError: if the top's report is missing or damaged, or nobody can say which module is the top.
    """
    reports = _parse_all(files, folder)
    top_name = _top_name(reports, app_tops)
    _refuse_contested(reports, top_name)
    times = {entry.name: entry.changed_at or 0.0 for entry in files.entries()}
    top_source, top, is_mixed = _top_report(reports, top_name, times)
    warnings = list(reports.warnings)
    sources = [top_source]
    modules = _modules(reports, top, warnings)
    warnings += _other_days(reports, top_name)
    roots, more = _roots(reports, top, warnings)
    sources += more
    roots = [_with_numbers(node, modules) for node in roots]
    ports = {name: report.ports for name, (_, report) in reports.by_module_rpt.items()}
    top = _completed(top, reports)
    return HlsFolder(top, modules, ports, tuple(roots), tuple(dict.fromkeys(sources)), tuple(warnings), is_mixed)


def _parse_all(files: FileSet, folder: Folder) -> _Reports:
    """Parse every report of the folder; one that is damaged is left out with a warning, unless it is the top's."""
    found = _Reports(folder.path, {}, {})
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


def _refuse_contested(reports: _Reports, top: str) -> None:
    if top in reports.contested:
        raise ReportError(f"several reports of the top {top!r} with different numbers. Name one of them.", file=reports.folder)
    for module in sorted(reports.contested):
        reports.warnings.append(f"several reports of {module!r} with different numbers: left out")
        reports.by_module_xml.pop(module, None)
        reports.by_module_rpt.pop(module, None)


def _add(table: dict[str, tuple[str, ToolReport]], name: str, report: ToolReport, found: _Reports) -> None:
    """Take a module's report; of two for one module the one named after it counts; if neither is, nobody knows."""
    known = table.get(report.top)
    if known is None:
        table[report.top] = (name, report)
    elif not _agree(known[1].total, report.total, is_exact=True):
        if _is_named_after(name, report.top):
            table[report.top] = (name, report)
        elif not _is_named_after(known[0], report.top):
            found.contested.add(report.top)


def _is_named_after(name: str, module: str) -> bool:
    return name.rpartition("/")[2].rpartition("_csynth.")[0] == module


def _top_name(reports: _Reports, app_tops: Sequence[str]) -> str:
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


def _top_report(reports: _Reports, top: str, times: Mapping[str, float]) -> tuple[str, ToolReport, bool]:
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
    others = [other for other in found[1:] if not _agree(chosen[1].total, other[1].total)]
    if others:
        chosen = max(found, key=lambda candidate: times.get(candidate[0], 0.0) // 60)  # one run writes all within a minute
        others = [other for other in found if not _agree(chosen[1].total, other[1].total)]
    # The summary is a digest of the others; a stale one beside three that agree does not make the build doubtful.
    is_mixed = any(other[1].grammar != "summary_rpt" for other in others)
    for name, _ in others:
        reports.warnings.append(
            f"{name.rpartition('/')[2]}: other numbers than {chosen[0].rpartition('/')[2]}: of another build, left out"
        )
        reports.drop(name)
    return (*chosen, is_mixed)


def _agree(one: Module, other: Module, *, is_exact: bool = False) -> bool:
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


def _other_days(reports: _Reports, top: str) -> list[str]:
    """Name the modules whose report is of another day than the top's: one run writes all of them, the top's last."""
    of_top = date_of(reports.by_module_rpt[top][1].date) if top in reports.by_module_rpt else None
    if of_top is None:
        return []
    dates = {name: date_of(report.date) for name, (_, report) in reports.by_module_rpt.items()}
    others = [name for name, when in dates.items() if when is not None and abs((of_top - when).total_seconds()) > SECONDS_A_RUN]
    if not others:
        return []
    return [f"reports of another day than the top's: {', '.join(sorted(others)[:5])}; of an earlier build?"]


def _modules(reports: _Reports, top: ToolReport, warnings: list[str]) -> dict[str, Module]:
    """Return each module from the best of its reports; a report that does not agree with the whole is dropped."""
    modules: dict[str, Module] = {}
    if reports.summary:
        modules.update((module.name, module) for module in reports.summary[1].modules)
    modules.update((name, report.total) for name, (_, report) in reports.by_module_rpt.items())
    in_all = {module.name: module for module in reports.all_xml[1].modules} if reports.all_xml else {}
    for name, module in in_all.items():
        known = modules.get(name)
        modules[name] = _merged(module, known) if known and _agree(module, known) else module
    for name, (source, report) in reports.by_module_xml.items():
        reference = in_all.get(name) or modules.get(name)
        if reference is not None and not _agree(report.total, reference):
            warnings.append(
                f"{source.rpartition('/')[2]}: not of this build (other numbers than in the report of all modules); left out"
            )
            continue
        modules[name] = _merged(report.total, reference) if reference else report.total
    modules[top.top] = _merged(top.total, modules.get(top.top) or top.total)
    return modules


def _merged(module: Module, other: Module) -> Module:
    return replace(
        module,
        slack_ns=module.slack_ns if module.slack_ns is not None else other.slack_ns,
        issue=module.issue or other.issue,
        loops=module.loops or other.loops,
        ii_target_cycles=module.ii_target_cycles if module.ii_target_cycles is not None else other.ii_target_cycles,
    )


def _roots(reports: _Reports, top: ToolReport, warnings: list[str]) -> tuple[list[Node], list[str]]:
    if reports.all_xml and reports.all_xml[1].instances:
        sources = [reports.all_xml[0], *(name for name, _ in reports.by_module_xml.values())]
        return forest_of_paths(reports.all_xml[1].instances), sources
    text = reports.by_module_rpt.get(top.top)
    if text is not None:
        tables = {name: report.instances for name, (_, report) in reports.by_module_rpt.items()}
        sources = [name for name, _ in (*reports.by_module_rpt.values(), *reports.by_module_xml.values())]
        return forest_of_tables(top.top, tables), sources
    if reports.summary and reports.summary[1].instances:
        return forest_of_paths(reports.summary[1].instances), [reports.summary[0]]
    if len(reports.by_module_xml) > 1:
        warnings.append("no report tells which module stands where (the .rpt files are missing), so nothing is known per layer")
    return [], []


def _with_numbers(node: Node, modules: Mapping[str, Module]) -> Node:
    """Fill in from the module's own report what the parent's table does not say; the parent's table is of the top's build for sure."""
    instance, module = node.instance, modules.get(node.instance.module)
    if module is not None:
        instance = _filled(instance, module)
    return Node(instance, [_with_numbers(child, modules) for child in node.children])


def _filled(instance: Instance, module: Module) -> Instance:
    same = _agree(
        Module(instance.module, used=instance.used, latency_cycles=instance.latency_cycles),
        module,
    )
    return replace(
        instance,
        used=instance.used if instance.used.is_known else module.used,
        latency_cycles=instance.latency_cycles if instance.latency_cycles.maximum is not None else module.latency_cycles,
        ii_cycles=module.ii_cycles if same and module.ii_cycles.maximum is not None else instance.ii_cycles,
        pipeline_type=instance.pipeline_type or module.pipeline_type,
    )


def _completed(top: ToolReport, reports: _Reports) -> ToolReport:
    """Add what only a report in text says: the date, and tool and version where the XML leaves them out."""
    text = reports.by_module_rpt.get(top.top) or reports.summary
    if text is None:
        return top
    other = text[1]
    return replace(top, date=top.date or other.date, tool=top.tool or other.tool, version=top.version or other.version)
