"""What a run left behind, read strictly: a fresh and complete report of the right design, top, part and clock, or none."""

from __future__ import annotations

from pathlib import Path

from dse.design import Fidelity, normalise_part
from dse.errors import ReportError
from dse.reports.checks import impossible, of_another_build
from dse.reports.file_sets import DirectoryFiles, FileSet
from dse.reports.tree import TreeReport, read_files

CLOCK_TOLERANCE_NS = 0.006  # reports print two decimals


def read_result(
    project_dir: Path,
    *,
    expected_top: str,
    expected_part: str,
    expected_clock_ns: float,
    newer_than: float | None,
    fidelity: Fidelity = Fidelity.CSYNTH,
) -> TreeReport:
    """Read what a run left behind, and insist that it is the result of this run.

    Args:
        expected_top: name of the top function.
        expected_part: any spelling.
        expected_clock_ns: the target period.
        newer_than: seconds since 1970 before which a report is stale; None to skip that test.
        fidelity: CSYNTH, or VSYNTH if the run was to go through logic synthesis.

    Raises:
        ReportError: if the report is missing, stale, incomplete, impossible, or of another design, top, part or clock.
    """
    files = DirectoryFiles(project_dir)
    tree = read_files(files)
    csynth = tree.csynth
    at = str(project_dir)
    if csynth.top != expected_top:
        raise ReportError(f"the report is of top {csynth.top!r}, expected {expected_top!r}", file=at)
    if csynth.part and not is_same_part(csynth.part, expected_part):
        raise ReportError(f"the report is of part {csynth.part_as_written!r}, expected {expected_part!r}", file=at)
    clock = csynth.total.clock_target_ns
    if clock is None or abs(clock - expected_clock_ns) > CLOCK_TOLERANCE_NS:
        raise ReportError(f"the report is for a clock of {clock} ns, expected {expected_clock_ns} ns", file=at)
    if tree.is_mixed:
        raise ReportError("reports of two builds in one folder", file=at)
    reason = next(impossible(tree), "") or next(of_another_build(tree), "")
    if reason:
        raise ReportError(f"no result: {reason}", file=at)
    if fidelity is Fidelity.VSYNTH and tree.vsynth is None:
        raise ReportError("no logic synthesis report (vivado_synth.rpt)", file=at)
    if newer_than is not None:
        _insist_on_fresh(files, tree, newer_than, fidelity)
    return tree


def _insist_on_fresh(files: FileSet, tree: TreeReport, newer_than: float, fidelity: Fidelity) -> None:
    changed_at = {entry.name: entry.changed_at for entry in files.entries()}
    used = [name for name, _ in tree.sources]
    relevant = [name for name in used if "csynth" in name.rpartition("/")[2]]
    if fidelity is Fidelity.VSYNTH:
        relevant += [name for name in used if "synth.rpt" in name and "csynth" not in name]
    for name in relevant:
        when = changed_at.get(name)
        if when is None or when < newer_than:
            raise ReportError("older than the start of this run: a stale report", file=name)


def is_same_part(left: str, right: str) -> bool:
    """Whether two spellings mean one part; the temperature grade at the end may be missing.

    >>> is_same_part("xcu250-figd2104-2L-e", "xcu250figd2104-2L"), is_same_part("xc7z020clg400-1", "xc7z020clg400-2")
    (True, False)
    """
    one, other = sorted((normalise_part(left), normalise_part(right)), key=len)
    return one == other or (len(other) == len(one) + 1 and other.startswith(one) and other[-1] in "eicqm")
