"""A tree of reports, read as one: the design's totals, its layers, and what does not fit together.

`read_tree` takes an hls4ml project, a `*_prj`, a `solutionN`, a folder of reports, a unified Vitis component, or one report.
What a backend reads after a run goes through `result.read_result`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from dse.design import Fidelity, Precision
from dse.errors import ReportError
from dse.qor import RESOURCES, Qor
from dse.reports.archives import open_files
from dse.reports.checks import warnings_of
from dse.reports.config_yaml import Wanted, default_precision, parse_config_yaml
from dse.reports.defines_h import Types, parse_defines_h
from dse.reports.file_sets import FileSet, digest_of, read_text
from dse.reports.foreign import other_tools
from dse.reports.hls_folder import HlsFolder, read_hls_folder
from dse.reports.layer_rows import LayerReport, rows_of, unknown_layers
from dse.reports.locate import Project, find_projects
from dse.reports.parameters_h import LayerConfig, parse_parameters_h
from dse.reports.records import CosimReport, ToolReport, Usage
from dse.reports.surroundings import with_surroundings
from dse.reports.vivado_files import VivadoFiles, read_vivado_files

_NOTHING = Usage()
_NO_TYPES = Types()


@dataclass(frozen=True, slots=True)
class TreeReport:
    """All reports of one build.

    Attributes:
        origin: where it was read from, as given.
        csynth: the top's C synthesis.
        layers: the layers that have a module of their own, in the order of `parameters.h`.
        groups: layers whose modules no name and no size tells apart: their names joined, all their modules, and the sum of these.
        inlined: names of the layers that have no module; nothing is known of them.
        glue: modules that belong to no layer.
        remainder: what the top uses beside all of these: FIFOs, memories, control.
        vsynth, impl: logic synthesis, and place and route, where their reports are there.
        timing: the timing summary that goes with them.
        cosim: the co-simulation.
        parameters: what was built, from `parameters.h`; empty where there is none.
        types: the number formats, from `defines.h`; all unknown where there is none.
        wanted, wanted_precision: what the YAML asked for, layer by layer and for the model as a whole; empty and None where it does not say.
        warnings: sentences for the user, the gravest first.
        solution: name of the build where the project has several; "" where it has one.
        sources: (path below the origin, SHA-256) of every file that a number came from.
        unknown_layers: indices of layers in the reports that `parameters.h` does not have: it is of another build.
        is_mixed: whether reports of another build lie among these; they were left out.
    """

    origin: str
    csynth: ToolReport
    layers: tuple[LayerReport, ...] = ()
    groups: tuple[LayerReport, ...] = ()
    inlined: tuple[str, ...] = ()
    glue: tuple[LayerReport, ...] = ()
    remainder: Usage = _NOTHING
    vsynth: ToolReport | None = None
    impl: ToolReport | None = None
    timing: ToolReport | None = None
    cosim: CosimReport | None = None
    parameters: tuple[LayerConfig, ...] = ()
    types: Types = _NO_TYPES
    wanted: tuple[Wanted, ...] = ()
    wanted_precision: Precision | None = None
    warnings: tuple[str, ...] = ()
    solution: str = ""
    sources: tuple[tuple[str, str], ...] = ()
    unknown_layers: tuple[int, ...] = ()
    is_mixed: bool = False

    @property
    def is_defined(self) -> bool:
        """Whether the tool gave both a latency and an interval; without them the run is no observation."""
        total = self.csynth.total
        return total.latency_cycles.maximum is not None and total.ii_cycles.maximum is not None


def read_tree(path: Path | str) -> TreeReport:
    """Read the reports of one build: from a folder, one report, or an archive (in memory).

    Raises:
        ReportError: if there is no C synthesis report, more than one build, or the report is damaged.
    """
    return read_files(with_surroundings(Path(path), open_files(Path(path))))


def read_files(files: FileSet, project: Project | None = None) -> TreeReport:
    """Read the reports of one build out of a set of files; `project` says which, if there are several.

    Of several solutions of one project the freshest that can be read is taken, and a warning names the others.

    Raises:
        ReportError: as `read_tree`.
    """
    if project is not None:
        return _read_solution(files, project)
    projects = find_projects(files)
    if not projects:
        raise ReportError(
            f"no C synthesis report (csynth.xml, *_csynth.xml, *_csynth.rpt) here{other_tools(files)}", file=files.origin
        )
    roots = list(dict.fromkeys(found.root for found in projects))
    if len(roots) > 1:
        names = ", ".join(root or "." for root in roots[:5])
        raise ReportError(f"{len(roots)} builds here ({names}, ...). Name one of them.", file=files.origin)
    first_error: ReportError | None = None
    for found in sorted(projects, key=lambda one: (-one.changed_at, one.solution)):
        try:
            tree = _read_solution(files, found)
        except ReportError as error:
            first_error = first_error or error
            continue
        others = [other.solution for other in projects if other is not found]
        note = f"{len(projects)} solutions here: {found.solution} is read, the freshest; name another to read it: {', '.join(others[:5])}"
        return replace(tree, warnings=(note, *tree.warnings)) if others else tree
    raise first_error or ReportError("no C synthesis report", file=files.origin)


def _read_solution(files: FileSet, project: Project) -> TreeReport:
    parameters, parameters_warning = _parameters(files, project)
    types = parse_defines_h(read_text(files, project.defines)) if project.defines else Types()
    hls = read_hls_folder(files, project.folder, project.app_tops)
    vivado = read_vivado_files(files, project, hls.top)
    unknown = unknown_layers(hls, read_text(files, project.parameters)) if project.parameters and parameters else ()
    rows = rows_of(hls, () if unknown else parameters, types)
    config_yaml = read_text(files, project.config_yaml) if project.config_yaml else ""
    tree = TreeReport(
        origin=files.origin,
        csynth=hls.top,
        layers=rows.layers,
        groups=rows.groups,
        inlined=rows.inlined,
        glue=rows.glue,
        remainder=rows.remainder,
        vsynth=vivado.vsynth,
        impl=vivado.impl,
        timing=vivado.timing,
        cosim=vivado.cosim,
        parameters=parameters,
        types=types,
        wanted=parse_config_yaml(config_yaml),
        wanted_precision=default_precision(config_yaml),
        unknown_layers=unknown,
        solution=project.solution,
        sources=_sources(files, project, hls, vivado),
        is_mixed=hls.is_mixed,
    )
    return replace(tree, warnings=(*warnings_of(tree), *parameters_warning, *hls.warnings, *vivado.warnings))


def qor_of_tree(tree: TreeReport, fidelity: Fidelity = Fidelity.CSYNTH) -> Qor:
    """Return the quality of results at one fidelity.

    CSYNTH: all from C synthesis, with the layers. VSYNTH and IMPL: resources and clock as Vivado counted them, without layers; cycles
    are those of C synthesis, because logic synthesis does not change the schedule.

    Raises:
        ReportError: if the tree holds no report of that fidelity.
    """
    total = tree.csynth.total
    report = {Fidelity.CSYNTH: tree.csynth, Fidelity.VSYNTH: tree.vsynth, Fidelity.IMPL: tree.impl}.get(fidelity)
    if report is None:
        raise ReportError(f"no report of fidelity {fidelity.value}", file=tree.origin)
    return Qor(
        **{name: getattr(report.total.used, name) for name in RESOURCES},
        latency_cycles_min=total.latency_cycles.minimum,
        latency_cycles_max=total.latency_cycles.maximum,
        ii_cycles_min=total.ii_cycles.minimum,
        ii_cycles_max=total.ii_cycles.maximum,
        clock_period_ns=report.total.clock_estimated_ns,
        layers=tuple((layer.name, layer.qor) for layer in tree.layers) if fidelity is Fidelity.CSYNTH else (),
    )


def _parameters(files: FileSet, project: Project) -> tuple[tuple[LayerConfig, ...], tuple[str, ...]]:
    if project.parameters is None:
        n = project.n_parameters
        return (), (
            f"what was built is unknown: which of the {n} parameters.h here is it?",
        ) if n > 1 and not project.solution else ()
    defines = read_text(files, project.defines) if project.defines else ""
    try:
        return parse_parameters_h(read_text(files, project.parameters), project.parameters, defines), ()
    except ReportError as error:
        return (), (f"what was built is unknown: {error}",)


def _sources(files: FileSet, project: Project, hls: HlsFolder, vivado: VivadoFiles) -> tuple[tuple[str, str], ...]:
    names = [*hls.sources, *vivado.sources]
    names += [name for name in (project.parameters, project.defines, project.config_yaml) if name]
    return tuple((name, digest_of(files, name)) for name in dict.fromkeys(names))
