"""`dse report`: what the tools said of a design, in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from dse.commands.options import AsJson
from dse.commands.output import console, number, print_json
from dse.commands.report_document import file_document, tree_document
from dse.design import Fidelity
from dse.qor import RESOURCES
from dse.reports.archives import open_files
from dse.reports.file_sets import FileSet, read_text
from dse.reports.kinds import parse_report
from dse.reports.layer_map import is_glue
from dse.reports.layer_rows import LayerReport
from dse.reports.records import CosimReport, Span, ToolReport
from dse.reports.surroundings import with_surroundings
from dse.reports.tree import TreeReport, read_files
from dse.view.text import time_of

NAMES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram_18k": "BRAM 18K", "uram": "URAM"}
_CSYNTH = ("csynth_xml", "csynth_rpt", "summary_rpt")


def report(
    path: Annotated[Path, typer.Argument(help="a report, a folder or archive of one build: hls4ml project, solution, component")],
    *,
    as_json: AsJson = False,
) -> int:
    """Print totals, layers, HLS estimate beside logic synthesis, and what does not fit together; never a guess.

    Returns:
        0.

    Raises:
        ReportError: for what is not a report (exit code 2).
    """
    files = open_files(path)
    single = _single(files, path)
    if single is not None:
        if as_json:
            print_json("report", file_document(single, path.name))
        else:
            _print_file(single)
        return 0
    tree = read_files(with_surroundings(path, files))
    if as_json:
        print_json("report", tree_document(tree))
    else:
        _print_tree(tree)
    return 0


def _single(files: FileSet, path: Path) -> ToolReport | CosimReport | None:
    """Return the report of one file that is not about C synthesis; those are shown as a tree of one."""
    entries = files.entries()
    if len(entries) != 1 or entries[0].name != path.name or not path.is_file():
        return None
    found = parse_report(read_text(files, path.name), path.name)
    is_csynth = isinstance(found, ToolReport) and found.grammar in _CSYNTH
    is_named_so = path.name.endswith(("csynth.xml", "csynth.rpt"))
    return None if is_csynth and is_named_so else found


def _print_tree(tree: TreeReport) -> None:
    from rich.table import Table

    out = console()
    total = tree.csynth.total
    out.print(_headline(tree.csynth))
    out.print(
        f"latency {_span(total.latency_cycles)} cycles{_time(total.latency_cycles, total.clock_target_ns)} · "
        f"II {_span(total.ii_cycles)} cycles · {total.pipeline_type or 'pipelining not said'} · "
        f"clock {_ns(total.clock_target_ns)} asked, {_ns(total.clock_estimated_ns)} estimated"
    )
    table = Table(title="Totals", title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("")
    for title in ("HLS estimate", "of device", *_vivado_titles(tree), "available"):
        table.add_column(title, justify="right")
    for name in RESOURCES:
        table.add_row(NAMES[name], *_total_cells(tree, name))
    out.print()
    out.print(table)
    if tree.layers or tree.groups or tree.glue:
        out.print()
        out.print(_layer_table(tree))
    out.print()
    if tree.inlined:
        out.print(f"{_why_unknown(tree)}: {', '.join(tree.inlined)}")
    if tree.cosim is not None:
        out.print(_cosim_line(tree.cosim))
    if tree.timing is not None and tree.timing.total.slack_ns is not None:
        out.print(f"timing after {tree.timing.step}: worst slack {tree.timing.total.slack_ns:g} ns")
    for warning in tree.warnings:
        out.print(f"warning: {warning}", style="yellow")
    out.print(f"read from {len(tree.sources)} {'file' if len(tree.sources) == 1 else 'files'}")


def _why_unknown(tree: TreeReport) -> str:
    others = [row.name for row in tree.glue if not is_glue(row.name)]
    if not others:
        return "inlined, so nothing is known of"
    return f"inlined, or one of the modules that no layer is known for ({', '.join(others[:5])}), so nothing is known of"


def _vivado(tree: TreeReport) -> list[ToolReport]:
    return [found for found in (tree.vsynth, tree.impl) if found is not None]


def _vivado_titles(tree: TreeReport) -> list[str]:
    names = {Fidelity.VSYNTH: "logic synthesis", Fidelity.IMPL: "placed and routed"}
    return [title for found in _vivado(tree) if found.fidelity for title in (names[found.fidelity], "HLS / Vivado")]


def _total_cells(tree: TreeReport, name: str) -> list[str]:
    used, available = getattr(tree.csynth.total.used, name), _available(tree, name)
    cells = [number(used), _percent(used, available)]
    for found in _vivado(tree):
        real = getattr(found.total.used, name)
        cells += [number(real), f"{used / real:.2f}" if used is not None and real else "-"]
    return [*cells, number(available)]


def _available(tree: TreeReport, name: str) -> float | None:
    for found in (tree.csynth, tree.vsynth, tree.impl):
        if found is not None and (value := getattr(found.total.available, name)) is not None:
            return float(value)
    return None


def _layer_table(tree: TreeReport) -> Any:
    from rich.table import Table

    slowest = max((row.qor.ii_cycles_max or 0 for row in (*tree.layers, *tree.groups, *tree.glue)), default=0)
    title = "Layers" if tree.layers else "Modules, because no name carries a layer's index"
    table = Table(
        title=f"{title} (HLS estimate; % of the design's total)", title_justify="left", title_style="bold", box=None, pad_edge=False
    )
    names = [len(row.name) + 3 for row in (*tree.layers, *tree.groups, *tree.glue)]
    least = min(24, max(names, default=0))
    table.add_column("layer" if tree.layers else "module", overflow="fold", min_width=least, max_width=36)
    if tree.parameters:
        table.add_column("RF", justify="right")
        table.add_column("strategy")
    resources = [name for name in RESOURCES if getattr(tree.csynth.total.used, name)]
    for name in resources:
        table.add_column(NAMES[name], justify="right")
    table.add_column("II", justify="right")
    table.add_column("latency", justify="right")
    table.add_column("what bounds the II")
    for row in (*tree.layers, *tree.groups, *tree.glue):
        table.add_row(*_layer_cells(row, tree, slowest, resources), style=None if row.index is not None else "dim")
    rest = tree.remainder
    if rest.is_known:
        cells = [_with_share(getattr(rest, name), getattr(tree.csynth.total.used, name)) for name in resources]
        built = ["", ""] if tree.parameters else []
        table.add_row("FIFOs, memories, control", *built, *cells, "", "", "", style="dim")
    return table


def _layer_cells(row: LayerReport, tree: TreeReport, slowest: float, resources: Sequence[str]) -> list[str]:
    config, qor, total = row.config, row.qor, tree.csynth.total.used
    factor = "" if config is None or config.reuse_factor is None else str(config.reuse_factor)
    if config is not None and config.reuse_factor_recurrent not in (None, config.reuse_factor):
        factor += f"/{config.reuse_factor_recurrent}"
    is_slowest = bool(slowest) and qor.ii_cycles_max == slowest
    return [
        row.name + (f" x{row.n_instances}" if row.n_instances > 1 else ""),
        *([factor, config.strategy if config is not None else ""] if tree.parameters else []),
        *(_with_share(getattr(qor, name), getattr(total, name)) for name in resources),
        _range(qor.ii_cycles_min, qor.ii_cycles_max),
        _range(qor.latency_cycles_min, qor.latency_cycles_max),
        ("slowest: " if is_slowest else "") + (row.bound or ("not said" if is_slowest else "")),
    ]


def _print_file(found: ToolReport | CosimReport) -> None:
    out = console()
    if isinstance(found, CosimReport):
        out.print(_cosim_line(found))
        return
    out.print(_headline(found))
    total = found.total
    for name in RESOURCES:
        used, available = getattr(total.used, name), getattr(total.available, name)
        if used is not None:
            out.print(f"{NAMES[name]:>9} {number(used):>12} {_percent(used, available):>8}")
    if total.clock_target_ns is not None or total.clock_estimated_ns is not None:
        out.print(f"clock {_ns(total.clock_target_ns)} asked, {_ns(total.clock_estimated_ns)} achieved")
    if total.slack_ns is not None:
        out.print(f"worst slack {total.slack_ns:g} ns")


def _headline(found: ToolReport) -> str:
    words = (found.top or "top not said", f"{found.tool} {found.version}".strip(), found.part_as_written, found.state, found.date)
    return " · ".join(word for word in words if word)


def _cosim_line(cosim: CosimReport) -> str:
    if cosim.status.upper() == "NA":
        return "co-simulation: none was run"
    return (
        f"co-simulation ({cosim.language}): {cosim.status} · latency {_span(cosim.latency_cycles)} cycles · "
        f"II {_span(cosim.ii_cycles)} cycles"
    )


def _span(span: Span) -> str:
    return _range(span.minimum, span.maximum)


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "-"
    if high is None:
        return f"from {number(low)}"
    return number(low) if low == high else f"{number(low)} to {number(high)}"


def _time(span: Span, clock_ns: float | None) -> str:
    return "" if span.maximum is None or clock_ns is None else f" (at most {time_of(span.maximum * clock_ns)})"


def _ns(value: float | None) -> str:
    return "-" if value is None else f"{value:g} ns"


def _percent(used: float | None, available: float | None) -> str:
    return "-" if used is None or not available else f"{100 * used / available:.1f} %"


def _with_share(used: float | None, total: float | None) -> str:
    return number(used) + (f" ({100 * used / total:.0f} %)" if used and total else "")
