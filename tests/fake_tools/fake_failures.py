"""The decisive lines of the tools' ways to fail, as they stand in public logs; the status they end with is 1 unless said."""

from __future__ import annotations

FAILURES: dict[str, tuple[tuple[str, ...], int]] = {
    "licence": (
        (
            "Attempting to get a license: VIVADO_HLS",
            "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis' and/or device '{part}'. "
            "Please run the Vivado License Manager for assistance in determining",
            "which features and devices are licensed for your system.",
        ),
        1,
    ),
    "out_of_memory": (('/opt/fake/bin/loader: line 312: {pid} Killed                  "$RDI_PROG" "$@"',), 137),
    "crash": (
        (
            "Abnormal program termination (11)",
            "Please check '{directory}/hs_err_pid{pid}.log' for details",
        ),
        1,
    ),
    "design_error": (
        (
            "ERROR: [XFORM 203-504] Stop unrolling loop 'Product1' (firmware/nnet_utils/nnet_dense_latency.h:37) in function "
            "'nnet::dense_latency' because it may cause large runtime and excessive memory usage due to increase in code size. "
            "Please avoid unrolling the loop or form sub-functions for code in the loop body.",
            "ERROR: [HLS 200-70] Pre-synthesis failed.",
            "command 'ap_source' returned error code",
        ),
        1,
    ),
    "partition_limit": (
        (
            "ERROR: [XFORM 203-103] Array 'mult.V' (firmware/nnet_utils/nnet_dense_latency.h:17): partitioned elements number (8192) "
            "has exeeded the threshold (4096), which may cause long run-time.",
            "ERROR: [HLS 200-70] Pre-synthesis failed.",
        ),
        1,
    ),
    "reshape_limit": (
        (
            "ERROR: [XFORM 203-133] Bitwidth of reshaped elements (73728 bits) exceeds the maximum bitwidth (65536 bits) for array 'w2.V'.",
            "ERROR: [HLS 200-70] Pre-synthesis failed.",
        ),
        1,
    ),
    "front_end": (
        (
            "ERROR: [HLS 207-3776] use of undeclared identifier 'nnet' (firmware/myproject.cpp:41:5)",
            "ERROR: [HLS 200-1715] Encountered problem during source synthesis",
        ),
        1,
    ),
    "compile_error": (("ERROR: [HLS 200-70] Compilation errors found: firmware/myproject.cpp:12: error: expected ';'",), 1),
    "part_missing": (("ERROR: [HLS 200-1023] Part '{part}' is not installed.",), 1),
    "disk_full": (
        (
            "ERROR: [Common 17-49] Internal Data Exception: write failed: No space left on device",
            "unknown exception in database saving",
            "Synthesis failed.",
        ),
        1,
    ),
    "cosim_mismatch": (("ERROR: [COSIM 212-4] *** C/RTL co-simulation finished: FAIL ***",), 1),
    "vsynth_error": (
        ("ERROR: [Common 17-69] Command failed: Synthesis failed - please see the console or run log file for details",),
        1,
    ),
    "script_error": (("ERROR [AP-1] Could not read script '{directory}/build_prj.tcl'",), 1),
}
