"""Tables on a narrow terminal: no number is ever folded; what has no room is left out and said so."""

from __future__ import annotations

import pytest
from rich.console import Console

from dse.commands.output import print_table

HEADS = ("", "#", "by", "reuse factors", "II", "latency", "LUT", "latency_ns_max")
ROWS = [
    [">*", "1", "allocate", "[1, 12, 1024, 20480]", "1,207", "12,935", "1,234,567", "64,675"],
    [" *", "22", "anchor", "[2, 4, 8, 32] failed: out_of_memory", "-", "-", "-", "-"],
]


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("wide", [False, True])
def test_no_number_is_folded(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int, wide: bool) -> None:
    monkeypatch.setattr("dse.commands.output.console", lambda: Console(width=width, markup=False, highlight=False))
    print_table(HEADS, ROWS, texts=("", "by", "reuse factors"), given_up=("by", "LUT", "latency", "II"), wide=wide)
    shown = capsys.readouterr().out
    words = shown.split()
    left_out = shown.partition("no room for: ")[2]
    assert {"64,675", "1024,", "20480]"} <= set(words), "an objective, and every factor"
    for name, cell in (("LUT", "1,234,567"), ("latency", "12,935"), ("II", "1,207")):
        assert (cell in words) != (name in left_out.replace("\n", "").split(", "))
    if wide:
        assert not left_out
        assert max(map(len, shown.splitlines())) > 80
    else:
        assert all(len(line) <= width for line in shown.splitlines())
