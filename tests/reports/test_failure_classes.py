"""Why a run failed. The lines are of the tools' own form; each pattern of the data file brings its own example."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.qor import FailureKind
from dse.reports.failure import DESIGN_FACTS, MAX_DECISIVE_LINES, Pattern, classify, last_run, patterns

ROWS, HARMLESS = patterns()
BANNER = "****** Vivado(TM) HLS - High-Level Synthesis from C, C++ and SystemC v2019.2 (64-bit)\n"
GOOD = "INFO: [HLS 200-111] Finished generating all RTL models\n***** C/RTL SYNTHESIS COMPLETED IN 0h5m57s *****\n"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.kind}-{row.stage}")
def test_each_pattern_knows_its_example(row: Pattern) -> None:
    log = row.example + "\n" + ("ERROR: [Common 17-69] Command failed: synth_design failed\n" if row.needs else "")
    found = classify(1, BANNER + log, False)
    assert (found.kind, found.stage) == (row.kind, row.stage)
    assert found.decisive_lines[0] == row.example
    assert found.is_design_fact == (row.kind in DESIGN_FACTS)


@pytest.mark.parametrize(("pattern", "example"), HARMLESS)
def test_harmless_lines_are_known(pattern: object, example: str) -> None:
    assert classify(0, BANNER + example + "\n" + GOOD, False).kind is FailureKind.NO_REPORT
    assert classify(1, BANNER + example + "\nERROR: [HLS 200-70] Pre-synthesis failed.\n", False).kind is FailureKind.DESIGN_ERROR


@pytest.mark.parametrize(
    ("status", "log", "has_report", "kind"),
    [
        (0, GOOD, False, FailureKind.NO_REPORT),
        (0, GOOD, True, FailureKind.UNKNOWN),
        (None, "", False, FailureKind.LOST),
        (137, GOOD, False, FailureKind.OUT_OF_MEMORY),
        (-9, "", False, FailureKind.OUT_OF_MEMORY),
        (139, "", False, FailureKind.TOOL_CRASH),
        (-11, "", False, FailureKind.TOOL_CRASH),
        (127, "", False, FailureKind.TOOL_MISSING),
        (143, "", False, FailureKind.LOST),
        (1, "ERROR: [ABC 1-2] something new\n", False, FailureKind.UNKNOWN),
        (1, "", False, FailureKind.NO_REPORT),
        (1, "Finished Command csynth_design\nERROR: [HLS 200-70] Pre-synthesis failed.\n", False, FailureKind.DESIGN_ERROR),
        (1, "INFO: Attempting to get a license\nINFO: Got license\nERROR: [XFORM 203-504] Stop unrolling\n", False, FailureKind.DESIGN_ERROR),
        (1, "WARNING: [Common 17-348] Failed to get the license\nERROR: [XFORM 203-504] Stop unrolling loop\n", False, FailureKind.DESIGN_ERROR),
    ],
)  # fmt: skip
def test_status_log_and_report_together(status: int | None, log: str, has_report: bool, kind: FailureKind) -> None:
    assert classify(status, log, has_report).kind is kind


def test_a_killed_helper_counts_only_as_the_last_word() -> None:
    killed = '/opt/Xilinx/Vivado/2020.1/bin/rdiArgs.sh: line 286: 4711 Killed  "$RDI_PROG" "$@"\n'
    assert classify(1, BANNER + killed, False).kind is FailureKind.OUT_OF_MEMORY
    assert classify(0, BANNER + killed + GOOD, False).kind is FailureKind.NO_REPORT


def test_only_the_last_run_counts() -> None:
    failed = BANNER + "ERROR: [XFORM 203-504] Stop unrolling loop 'Product1'\nERROR: [HLS 200-70] Pre-synthesis failed.\n"
    assert classify(0, failed + BANNER + GOOD, False).kind is FailureKind.NO_REPORT
    assert classify(1, BANNER + GOOD + failed, False).kind is FailureKind.DESIGN_ERROR
    solution_log = (
        "INFO: [SYN 201-201] Setting up clock 'default' with a period of 5ns.\nERROR: [HLS 200-70] Pre-synthesis failed.\n"
    )
    again = "INFO: [SYN 201-201] Setting up clock 'default' with a period of 5ns.\nINFO: done\n"
    assert classify(0, solution_log + again, False).kind is FailureKind.NO_REPORT
    assert last_run("a\nb") == ("a", "b")


def test_stages_behind_c_synthesis_are_told_apart() -> None:
    cosim = classify(1, BANNER + GOOD + "ERROR: [COSIM 212-4] *** C/RTL co-simulation finished: FAIL ***\n", True)
    assert (cosim.kind, cosim.stage) == (FailureKind.COSIM_FAILURE, "cosim")
    vsynth = classify(1, BANNER + GOOD + "ERROR: [Common 17-69] Command failed: Synthesis failed\n", True)
    assert (vsynth.stage, vsynth.is_design_fact) == ("vsynth", False)


def test_lines_for_the_user_are_printable_and_few() -> None:
    found = classify(1, "\n".join(f"ERROR: [XFORM 203-504] Stop unrolling loop \x1b]52;c;{n}\x07" for n in range(100)), False)
    assert len(found.decisive_lines) == MAX_DECISIVE_LINES
    assert all(line.isprintable() for line in found.decisive_lines)


@given(status=st.one_of(st.none(), st.integers(-64, 255)), log=st.text(), has_report=st.booleans())
def test_any_log_has_a_class(status: int | None, log: str, has_report: bool) -> None:
    found = classify(status, log, has_report)
    assert found.message
    assert found.is_design_fact == (found.kind in DESIGN_FACTS)


def test_machine_failures_are_never_facts_about_a_design() -> None:
    for kind in (
        FailureKind.LICENCE,
        FailureKind.DISK_FULL,
        FailureKind.NO_REPORT,
        FailureKind.LOST,
        FailureKind.UNKNOWN,
        FailureKind.PART_MISSING,
    ):
        assert kind not in DESIGN_FACTS


def test_the_log_of_a_good_run_names_no_failure(shared: object) -> None:
    from pathlib import Path

    assert isinstance(shared, Path)
    log = shared / "data/reports/filipemlins+nas-hls4ml/model_multistart/0/hls4ml_prj/vivado_hls.log"
    found = classify(0, log.read_text(encoding="utf-8"), False)
    assert (found.kind, found.decisive_lines) == (FailureKind.NO_REPORT, ())
