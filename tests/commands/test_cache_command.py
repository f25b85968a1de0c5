"""`dse cache check`: what an older version should not have kept is found and dropped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dse.commands.cache import check
from dse.design import Fidelity
from dse.qor import Evaluation, Failure, FailureKind, Provenance
from dse.store.cache import Cache

# As 0.1 wrote it: what decided was a warning that every log of Vitis HLS holds; the run had ended with a full disk of the licence server.
BY_A_WARNING = (
    "the generated C++ does not compile. WARNING: [HLS 207-5292] unused parameter 'keep' (firmware/nnet_utils/nnet_helpers.h:285:24) "
    "Next: Compare hls4ml's version with the tool's; the log names the line. `dse logs` shows the log of job 0a1b2c."
)
BY_AN_ERROR = BY_A_WARNING.replace("WARNING: [HLS 207-5292] unused", "ERROR: [HLS 207-3776] use of undeclared")


def failed(number: int, kind: FailureKind, message: str) -> Evaluation:
    return Evaluation(f"{number:064x}", Fidelity.CSYNTH, Failure(kind, message, "tail"), Provenance("local"))


def test_failures_decided_by_a_warning_are_dropped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = Cache(tmp_path)
    wrong = failed(1, FailureKind.COMPILE_ERROR, BY_A_WARNING)
    right = failed(2, FailureKind.COMPILE_ERROR, BY_AN_ERROR)
    by_status = failed(3, FailureKind.TOOL_CRASH, "the tool crashed (signal 11). Next: Try another version of the tool.")
    for evaluation in (wrong, right, by_status):
        cache.put(evaluation)
    assert check(tmp_path, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["sound"], document["damaged"]) == (2, [])
    assert [entry["key"] for entry in document["dropped"]] == [wrong.key]
    assert Path(document["dropped"][0]["moved_to"]).is_dir()
    assert (cache.get(wrong.key), cache.get(right.key)) == (None, right)
    cache.put(replace(wrong, outcome=Failure(FailureKind.DESIGN_ERROR, "")))  # its place is free again
    assert check(tmp_path, as_json=False) == 0
    assert "3 entries are sound, 0 damaged, 0 dropped" in capsys.readouterr().out.replace("\n", " ")
