"""One folder of C synthesis reports: which module is the top, and what stands inside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dse.reports.file_sets import FileSet
from dse.reports.folder_reports import FolderReports, agree, parse_folder, refuse_contested, top_name_of, top_report
from dse.reports.layer_map import Node, forest_of_paths, forest_of_tables
from dse.reports.locate import Folder
from dse.reports.records import Instance, Module, Ports, ToolReport
from dse.reports.text import date_of

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


def read_hls_folder(files: FileSet, folder: Folder, app_tops: Sequence[str]) -> HlsFolder:
    """Read a folder of reports.

    Raises:
        ReportError: if the top's report is missing or damaged, or nobody can say which module is the top.
    """
    reports = parse_folder(files, folder)
    top_name = top_name_of(reports, app_tops)
    refuse_contested(reports, top_name)
    times = {entry.name: entry.changed_at or 0.0 for entry in files.entries()}
    top_source, top, is_mixed = top_report(reports, top_name, times)
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


def _other_days(reports: FolderReports, top: str) -> list[str]:
    """Name the modules whose report is of another day than the top's: one run writes all of them, the top's last."""
    of_top = date_of(reports.by_module_rpt[top][1].date) if top in reports.by_module_rpt else None
    if of_top is None:
        return []
    dates = {name: date_of(report.date) for name, (_, report) in reports.by_module_rpt.items()}
    others = [name for name, when in dates.items() if when is not None and abs((of_top - when).total_seconds()) > SECONDS_A_RUN]
    if not others:
        return []
    return [f"reports of another day than the top's: {', '.join(sorted(others)[:5])}; of an earlier build?"]


def _modules(reports: FolderReports, top: ToolReport, warnings: list[str]) -> dict[str, Module]:
    """Return each module from the best of its reports; a report that does not agree with the whole is dropped."""
    modules: dict[str, Module] = {}
    if reports.summary:
        modules.update((module.name, module) for module in reports.summary[1].modules)
    modules.update((name, report.total) for name, (_, report) in reports.by_module_rpt.items())
    in_all = {module.name: module for module in reports.all_xml[1].modules} if reports.all_xml else {}
    for name, module in in_all.items():
        known = modules.get(name)
        modules[name] = _merged(module, known) if known and agree(module, known) else module
    for name, (source, report) in reports.by_module_xml.items():
        reference = in_all.get(name) or modules.get(name)
        if reference is not None and not agree(report.total, reference):
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


def _roots(reports: FolderReports, top: ToolReport, warnings: list[str]) -> tuple[list[Node], list[str]]:
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
    same = agree(
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


def _completed(top: ToolReport, reports: FolderReports) -> ToolReport:
    """Add what only a report in text says: the date, and tool and version where the XML leaves them out."""
    text = reports.by_module_rpt.get(top.top) or reports.summary
    if text is None:
        return top
    other = text[1]
    return replace(top, date=top.date or other.date, tool=top.tool or other.tool, version=top.version or other.version)
