"""Why a run failed. The lines are of the tools' own form; each pattern of the data file brings its own example."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.qor import FailureKind
from dse.reports.failure import DESIGN_FACTS, MAX_DECISIVE_LINES, Pattern, classify, is_doubtful, last_run, patterns

ROWS, HARMLESS = patterns()
BANNER = "****** Vivado(TM) HLS - High-Level Synthesis from C, C++ and SystemC v2019.2 (64-bit)\n"
GOOD = "INFO: [HLS 200-111] Finished generating all RTL models\n***** C/RTL SYNTHESIS COMPLETED IN 0h5m57s *****\n"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.kind}-{row.stage}")
def test_each_pattern_knows_its_example(row: Pattern) -> None:
    found = classify(1, BANNER + row.because + "\n" + row.example + "\n", False)
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
        (1, "", False, FailureKind.UNKNOWN),
        (1, "WARNING: [HLS 207-5292] unused parameter 'keep'\n", False, FailureKind.UNKNOWN),
        (1, "Finished Command csynth_design\nERROR: [HLS 200-70] Pre-synthesis failed.\n", False, FailureKind.DESIGN_ERROR),
        (1, "INFO: Attempting to get a license\nINFO: Got license\nERROR: [XFORM 203-504] Stop unrolling\n", False, FailureKind.DESIGN_ERROR),
        (1, "WARNING: [Common 17-348] Failed to get the license\nERROR: [XFORM 203-504] Stop unrolling loop\n", False, FailureKind.DESIGN_ERROR),
    ],
)  # fmt: skip
def test_status_log_and_report_together(status: int | None, log: str, has_report: bool, kind: FailureKind) -> None:
    assert classify(status, log, has_report).kind is kind


# Lines as good and failed runs have them by the hundred; each holds words that some pattern looks for.
REMARKS = (
    "WARNING: [HLS 207-5292] unused parameter 'keep' (firmware/nnet_utils/nnet_helpers.h:285:24)",
    "WARNING: [HLS 207-5301] unused parameter 'keep' (firmware/nnet_utils/nnet_helpers.h:285:24)",
    "INFO: [HLS 207-4235] 'x' file not found, will be generated (firmware/myproject.h:4:10)",
    "WARNING: [HLS 214-113] Either use an argument of the function or declare the variable inside the dataflow loop body",
    "INFO: [HLS 214-131] Inlining function 'nnet::dense<ap_fixed<16, 6, (ap_q_mode)5>>' into 'myproject'",
    "WARNING: [XFORM 203-504] Cannot stop unrolling loop 'Product1'",
    "INFO: [XFORM 203-103] Allowed max sub elements number after partition is 4096; partitioned elements number (1152)",
    "WARNING: [Common 17-345] A valid license was not found for feature 'Simulation'",
    "INFO: [Common 17-349] Got license for feature 'Implementation' and/or device 'xc7z020'",
    "INFO: [Place 30-611] Multithreading enabled for place_design using a maximum of 8 CPUs",
    "CRITICAL WARNING: [Place 30-73] Invalid constraint on register",
    "WARNING: [Synth 8-7071] port 'ap_ready' of module 'myproject' is unconnected",
    "WARNING: [COSIM 212-369] AXI_master port 'gmem' has a depth of 32. Insufficient depth may result in simulation mismatch or freeze.",
    "WARNING [HLS SIM]: hls::stream 'layer2_out' is read while empty, which may result in RTL simulation hanging (deadlock detected)",
    "WARNING: [Common 17-1222] out of memory while caching a file, going on; no space left on device /tmp",
    "INFO: [HLS 200-10] Please check '/home/u/hs_err_pid12.log'; Segmentation fault of a helper; Internal error",
    "INFO: [Common 17-69] Command failed: Synthesis failed (of an earlier run)",
    "[14:55:10] WARNING: [HLS 200-1715] Encountered problem during source synthesis",
    "firmware/nnet_utils/nnet_dense.h:12:3: warning: fatal error: 'bits/x.h' file not found [-Wpragmas]",
    '# if {[catch {synth_design -top myproject}]} { error "synth_design failed" }',
    "Execute       ap_eval exec -ignorestderr clang: Abnormal program termination",
    "@W [XFORM-503] Stop unrolling loop",
)


@pytest.mark.parametrize("remark", REMARKS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.kind}-{row.stage}")
def test_no_remark_decides(remark: str, row: Pattern) -> None:
    """Each harmless line before each failure: the failure stays what it is; alone it is no failure that is known."""
    found = classify(1, BANNER + remark + "\n" + row.because + "\n" + row.example + "\n", False)
    assert (found.kind, found.stage, found.decisive_lines) == (row.kind, row.stage, (row.example[:400],))


@pytest.mark.parametrize("remark", REMARKS)
@pytest.mark.parametrize(
    ("status", "kind"),
    [(1, FailureKind.UNKNOWN), (139, FailureKind.TOOL_CRASH), (137, FailureKind.OUT_OF_MEMORY), (0, FailureKind.NO_REPORT)],
)
def test_a_remark_alone_is_no_failure(remark: str, status: int, kind: FailureKind) -> None:
    found = classify(status, BANNER + remark + "\n" + GOOD, False)
    assert (found.kind, found.decisive_lines) == (kind, ())


@pytest.mark.parametrize(
    ("kind", "message", "doubtful"),
    [
        ("compile_error", "the generated C++ does not compile. WARNING: [HLS 207-5292] unused parameter 'keep' (a.h:2:1)", True),
        ("compile_error", "the generated C++ does not compile. WARNING: [HLS 207-1] a\nERROR: [HLS 207-3776] b", False),
        ("compile_error", "the generated C++ does not compile. x.h:4:2: fatal error: 'sys/cdefs.h' file not found", True),
        ("design_error", "the tool refused the design. INFO: [Place 30-1] a\nINFO: [Place 30-2] b", True),
        ("design_error", "the tool refused the design. ERROR: [HLS 200-70] Pre-synthesis failed.", False),
        ("tool_crash", "the tool crashed (signal 11).", False),
        ("timeout", "still running after 9.0 min (limit 9 min).", False),
        ("design_error", "imported; nobody knows more", False),
    ],
)
def test_stored_failures_that_a_remark_decided_are_doubted(kind: str, message: str, doubtful: bool) -> None:
    assert (
        is_doubtful(FailureKind(kind), f"{message} Next: Compare the versions. `dse logs` shows the log of job 12ab34.") is doubtful
    )


def test_what_the_machine_lacks_is_no_fault_of_the_design() -> None:
    log = (
        "ERROR: [HLS 200-70] Compilation errors found: In file included from firmware/myproject.cpp:1:\n"
        "/usr/include/features.h:461:12: fatal error: 'sys/cdefs.h' file not found\n"
    )
    library = (
        'couldn\'t load file "librdi_commontasks.so": libtinfo.so.5: cannot open shared object file: No such file or directory'
    )
    for text in (log, library, "ERROR: [HLS 207-812] 'gnu/stubs-32.h' file not found (/usr/include/features.h:1:2)"):
        found = classify(1, BANNER + text, False)
        assert (found.kind, found.is_design_fact) == (FailureKind.TOOL_MISSING, False)
    own = classify(1, BANNER + "firmware/myproject.cpp:3:10: fatal error: 'firmware/weights/w2.h' file not found\n", False)
    assert own.kind is FailureKind.COMPILE_ERROR


def test_a_licence_that_came_after_all_is_not_the_cause() -> None:
    log = (
        "WARNING: [Common 17-348] Failed to get the license for feature 'Synthesis'\n"
        "INFO: [Common 17-349] Got license for feature 'Synthesis' and/or device 'xc7z020'\nERROR: [Common 17-69] Command failed\n"
    )
    assert classify(1, BANNER + log, True).kind is FailureKind.UNKNOWN


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


def test_lines_for_the_user_are_few_and_as_the_tool_wrote_them() -> None:
    found = classify(1, "\n".join(f"ERROR: [XFORM 203-504] Stop unrolling loop \x1b]52;c;{n}\x07" for n in range(100)), False)
    assert len(found.decisive_lines) == MAX_DECISIVE_LINES
    assert found.decisive_lines[0].endswith("\x1b]52;c;0\x07"), (
        "what steers a terminal is stopped where text leaves, not where it is read"
    )


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
