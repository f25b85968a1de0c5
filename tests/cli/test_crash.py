"""A bug in `dse` gives one line, a report in a file, and exit code 4."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dse import cli


def test_a_bug_is_one_line_and_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(**_: object) -> None:
        raise ZeroDivisionError("the bug")

    monkeypatch.setattr(cli, "command_line", broken)
    monkeypatch.setattr(sys, "argv", ["dse", "status"])
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SystemExit) as stop:
        cli.main()
    shown = capsys.readouterr().err
    assert stop.value.code == 4
    assert shown.count("\n") == 1
    (report,) = tmp_path.glob("dse-crash-*.txt")
    assert str(report) in shown
    assert "the bug" in report.read_text()
