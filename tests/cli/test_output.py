"""What leaves `dse`: no text of others steers a terminal, a spreadsheet or a reader, and output that nobody takes ends without a trace."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import Dse

from dse.commands.output import console
from dse.store.journal import read_events
from dse.text import csv_text, json_text, one_line, printable

HOSTILE = "\x1b[2J\x9b31m\u202eevil\u2066\u200f\x07\ud800"
STEERS = set("\x1b\x9b\x07\u202e\u2066\u200f\ud800\u2028\x00\r")
WORDS = st.text(st.sampled_from("ab=+-@,\"'\n\t " + "".join(STEERS)))


@pytest.fixture
def poisoned(world: Path, dse_here: Dse) -> Path:
    """A campaign whose journal was written by somebody who means no good."""
    assert dse_here("run", world).returncode == 0
    journal = world.parent / world.stem / "journal.jsonl"
    events, _ = read_events(journal)
    for event in events:
        for trial in event.get("trials", ()):
            trial["reason"] = HOSTILE + trial["reason"]
            trial["proposed_by"] = "=1+1" + HOSTILE
        if event["event"] == "stopped":
            event["reason"] = HOSTILE
    events[0]["schema"] = "dse.journal/1"  # no line says what it follows
    journal.write_text("".join(json.dumps(event) + "\n" for event in events))
    return world


def test_nothing_in_a_journal_steers_a_terminal(poisoned: Path, dse_here: Dse) -> None:
    for words in ("status", "status --json", "front", "front --json", "front --csv", "export", "plan", "compare"):
        name, *options = words.split()
        shown = dse_here(name, poisoned, *options)
        assert shown.returncode == 0, shown.stderr
        assert not STEERS & set(shown.stdout + shown.stderr), words
        if "--json" in options:
            assert json.dumps(HOSTILE)[1:-1] in json.dumps(json.loads(shown.stdout)), "JSON loses nothing"
        if name == "export":
            assert "'=1+1" in shown.stdout


def test_a_terminal_with_colors_keeps_its_own_sequences_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    console().print(f"plain {HOSTILE} :warning: [red]", style="bold red")
    assert stream.getvalue().count("\x1b[") == 2, "the style's begin and end"
    assert not (STEERS - {"\x1b"}) & set(stream.getvalue())
    assert ":warning: [red]" in stream.getvalue(), "text of others is neither markup nor an emoji"


@given(st.text())
def test_printable_text_is_printable_twice(text: str) -> None:
    once = printable(text)
    assert printable(once) == once
    assert len(once) == len(text)
    once.encode()  # nothing that no encoding knows
    assert "\n" not in one_line(text)


@given(WORDS)
def test_json_that_may_be_shown_reads_back_as_it_was(text: str) -> None:
    shown = json_text({"text": text})
    assert not (STEERS | {"\n"}) & set(shown)
    assert json.loads(shown) == {"text": text}


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_a_cell_is_a_cell_and_no_formula(cells: list[str]) -> None:
    text = csv_text([cells])
    assert not STEERS & set(text)
    [row] = csv.reader(io.StringIO(text)) or [[]]
    assert len(row) == len(cells) or cells == [""]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


def test_numbers_stay_numbers_in_csv() -> None:
    assert csv_text([(-1.5, 2.0, None, True, "-1")]) == "-1.5,2,,true,'-1\n"


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = f'dse() {{ {sys.executable} -m dse.cli "$@"; }}; {line}'
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=folder, check=False)


def test_output_that_cannot_be_written_is_one_sentence(world: Path, dse_here: Dse) -> None:
    dse_here("run", world)
    for line in ("dse status toy.toml", "dse status toy.toml --json", "dse export toy.toml", "dse --help", "dse --version"):
        done = shell(f"{line} > /dev/full", world.parent)
        assert done.returncode == 3, line
        assert done.stderr == "standard output cannot be written: No space left on device\n"


def test_a_reader_that_leaves_and_streams_that_are_closed_are_no_error(world: Path, dse_here: Dse) -> None:
    dse_here("run", world)
    for line in (
        "dse status toy.toml | head -1 > /dev/null; exit ${PIPESTATUS[0]}",
        "dse status toy.toml --json >&-",
        "dse status toy.toml 2>&- >/dev/null",
        "dse run toy.toml <&- >&- 2>&-",
    ):
        done = shell(line, world.parent)
        assert done.returncode == 0, line
        assert "Error" not in done.stderr, done.stderr
    done = shell("dse status nothing.toml 2> /dev/full", world.parent)
    assert done.returncode == 2, "what is wrong with the file is still the exit code"


def test_a_closed_stdout_is_not_the_journal(world: Path) -> None:
    """The first file that is opened must not get the number of standard output, or prints would land in it."""
    done = shell("dse run toy.toml --plain <&- >&- 2>&-", world.parent)
    assert done.returncode == 0
    for line in (world.parent / "toy" / "journal.jsonl").read_text().splitlines():
        assert json.loads(line)["event"]
