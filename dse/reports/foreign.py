"""Reports of other tools that hls4ml drives: they are named, not read, and what can be read of them is said."""

from __future__ import annotations

import re

from dse.reports.file_sets import FileSet, read_text

_READ = "dse reads C synthesis of Vivado HLS and Vitis HLS, and the utilization, timing and export reports of Vivado"
# A file that only this tool writes -> the tool and what can be read instead.
_MARKS = (
    (re.compile(r"(?:summary|quartus|loop_attr)\.ndjson"), "Intel oneAPI", "nothing of oneAPI's reports"),
    (
        re.compile(r"(?:report_data|quartus_data)\.js|acl_quartus_report\.txt"),
        "the Intel HLS compiler (Quartus)",
        "nothing of Quartus's reports",
    ),
    (
        re.compile(r"catapult\.log|cycle\.rpt|rtl\.rpt"),
        "Catapult",
        "vivado_concat_v/utilization_synth.rpt and timing_summary_synth.rpt, where Catapult ran Vivado: give one of these files",
    ),
    (re.compile(r"summary\.results\.rpt"), "SmartHLS (Libero)", "nothing of SmartHLS's reports"),
    (re.compile(r"bambu_results[^/]*\.xml"), "Bambu", "the utilization reports, where Bambu ran Vivado: give one of these files"),
)
_BACKEND = re.compile(r"^[ \t]{0,20}Backend:[ \t]{0,9}['\"]?([A-Za-z_]{2,40})", re.MULTILINE)
_OURS = ("vivado", "vitis")


def other_tools(files: FileSet) -> str:
    """Return sentences on reports of other tools among the files, to follow a message; "" where there are none."""
    entries = files.entries()
    said = []
    for mark, tool, instead in _MARKS:
        found = [entry.name for entry in entries if mark.fullmatch(entry.base)]
        if found:
            said.append(f"{found[0]} is of {tool}. Can be read: {instead}.")
    for entry in entries:
        match = _BACKEND.search(read_text(files, entry.name)[: 2**16]) if entry.base.startswith("hls4ml_config.") else None
        if match and not match[1].lower().startswith(_OURS):
            said.append(f"{entry.name} says that the project is for hls4ml's backend {match[1]}.")
    return ". " + " ".join(said[:3]) + f" {_READ}." if said else ""
