"""Read every build below a folder of report trees, and compare with the files' own text by means that share nothing with the readers.

    python -m benchmarks.report_trees FOLDER        each entry of FOLDER is one source, e.g. a checkout of a repository

For each build: totals, latency, interval, clock and capacity of the top, area and latency of each layer with one module, logic synthesis and
implementation, all found again by plain expressions; and the warnings that a number proves (capacity, clock, undefined, co-simulation).
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dse.errors import ReportError
from dse.reports.archives import open_files
from dse.reports.locate import Project, find_projects
from dse.reports.records import ToolReport
from dse.reports.tree import TreeReport, read_files

TAGS = (("LUT", "lut"), ("FF", "ff"), ("DSP48E", "dsp"), ("DSP", "dsp"), ("BRAM_18K", "bram_18k"), ("URAM", "uram"))
Pair = tuple[str, float | None, float | None]  # what, read, in the text


def _block(text: str, tag: str) -> str:
    match = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    return match[1] if match else ""


def _number(text: str, tag: str) -> float | None:
    match = re.search(rf"<{tag}>\s*([0-9.]+)\s*<", text)
    return float(match[1]) if match else None


def top_pairs(tree: TreeReport, folder: Path) -> Iterator[Pair]:
    """Compare the top with its own XML, else with the XML of all modules without the part that lists these."""
    places = (folder / f"{tree.csynth.top}_csynth.xml", folder / "csynth.xml")
    path = next((place for place in places if place.exists()), None)
    if path is None:
        return
    text = re.sub(r"<ModuleInformation>.*?</ModuleInformation>", "", path.read_text(errors="replace"), flags=re.DOTALL)
    total, area, cycles = tree.csynth.total, _block(text, "AreaEstimates"), _block(text, "SummaryOfOverallLatency")
    for tag, name in TAGS:
        for what, usage, block in (("", total.used, "Resources"), ("available ", total.available, "AvailableResources")):
            written = _number(_block(area, block), tag)
            if written is not None:
                yield what + name, getattr(usage, name), written
    for tag, read in (
        ("Best-caseLatency", total.latency_cycles.minimum),
        ("Worst-caseLatency", total.latency_cycles.maximum),
        ("Interval-min", total.ii_cycles.minimum),
        ("Interval-max", total.ii_cycles.maximum),
    ):
        written = _number(cycles, tag)
        is_said_by_0 = written == 0 and total.latency_cycles.maximum is None
        yield tag, read, None if is_said_by_0 else written
    yield "clock", total.clock_estimated_ns, _number(text, "EstimatedClockPeriod")


def layer_pairs(tree: TreeReport, folder: Path) -> Iterator[Pair]:
    """Compare each layer that is one module once with that module's own XML."""
    for row in tree.layers:
        path = folder / f"{row.modules[0]}_csynth.xml"
        if row.n_instances != 1 or not path.exists():
            continue
        text = path.read_text(errors="replace")
        for tag, name in TAGS:
            written = _number(_block(_block(text, "AreaEstimates"), "Resources"), tag)
            if written is not None:
                yield f"{row.name} {name}", getattr(row.qor, name), written
        yield f"{row.name} latency", row.qor.latency_cycles_max, _number(text, "Worst-caseLatency")


def vivado_pairs(tree: TreeReport, root: Path) -> Iterator[Pair]:
    """Find the numbers of logic synthesis and implementation again in one of the files that the tree says it was read from."""
    texts = [
        (root / name).read_text(errors="replace") for name, _ in tree.sources if name.endswith(".rpt") and "csynth" not in name
    ]
    for report in (tree.vsynth, tree.impl):
        if report is not None and report.grammar in ("utilization_rpt", "export_rpt"):
            yield (
                report.step,
                report.total.used.lut,
                next((lut for text in texts if (lut := _lut(text)) == report.total.used.lut), None),
            )
            yield f"{report.step}: design of the top", 1.0, float(_names_top(report, tree.csynth.top))


def _lut(text: str) -> float | None:
    match = re.search(r"^(?:\| *(?:Slice|CLB) LUTs\*? *\| *|LUT: +)([0-9.]+)", text, re.MULTILINE)
    return float(match[1]) if match else None


def _names_top(report: ToolReport, top: str) -> bool:
    return (
        report.top in ("", top, "bd_0_wrapper", "bd_0_hls_inst_0") or re.search(rf"(?:^|_){top}_[0-9_]+$", report.top) is not None
    )


def warning_pairs(tree: TreeReport) -> Iterator[Pair]:
    """Compare how many warnings there are of each kind that numbers prove with how many the numbers ask for."""
    total = tree.csynth.total
    over = sum((getattr(total.used, name) or 0) > (getattr(total.available, name) or 1e18) for _, name in TAGS[:3] + TAGS[4:])
    yield "over capacity", float(sum("does not fit the device" in line for line in tree.warnings)), float(over)
    slow = (total.clock_estimated_ns or 0) > (total.clock_target_ns or 1e18)
    yield "slow", float(any(line.startswith("estimated clock") for line in tree.warnings)), float(slow)
    yield "undefined", float(any("no latency or no interval" in line for line in tree.warnings)), float(not tree.is_defined)
    failed = tree.cosim is not None and tree.cosim.status.lower() == "fail"
    yield "co-simulation", float("co-simulation failed" in tree.warnings), float(failed)


def check(root: Path, project: Project, tree: TreeReport) -> list[Pair]:
    """Return every pair of one build; the top's LUT and FF of two reports of one run may differ by 0.1 % or 8."""
    folder = root / project.folder.path
    return [*top_pairs(tree, folder), *layer_pairs(tree, folder), *vivado_pairs(tree, root), *warning_pairs(tree)]


def _is_wrong(pair: Pair) -> bool:
    what, read, written = pair
    if read is None or written is None:
        return read is not written
    return abs(read - written) > (max(8.0, 0.001 * written) if what in ("lut", "ff") else 1e-6)


def main(folder: Path) -> int:
    """Print one row per source, and every number that differs."""
    total: Counter[str] = Counter()
    for root in sorted(folder.iterdir()):
        files = open_files(root)
        counts: Counter[str] = Counter()
        versions: Counter[str] = Counter()
        for project in find_projects(files):
            counts["builds"] += 1
            try:
                tree = read_files(files, project)
            except ReportError as error:
                counts["refused"] += 1
                print(f"refused: {root.name}/{project.name}: {error}")
                continue
            versions[tree.csynth.toolchain] += 1
            counts["read"] += 1
            counts["warnings"] += len(tree.warnings)
            pairs = check(root, project, tree)
            counts["values"] += len(pairs)
            wrong = [pair for pair in pairs if _is_wrong(pair)]
            counts["wrong"] += len(wrong)
            for what, read, written in wrong:
                print(f"wrong: {root.name}/{project.name}: {what}: read {read}, the text has {written}")
        if counts:
            names = ", ".join(f"{version} ({n})" if n > 1 else version for version, n in sorted(versions.items()))
            cells = " | ".join(str(counts[name]) for name in ("builds", "read", "refused", "values", "wrong", "warnings"))
            print(f"| {root.name.replace('+', '/', 1)} | {names} | {cells} |")
            total.update(counts)
    print(dict(total))
    return 1 if total["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
