"""The journal loses nothing that was acknowledged and invents nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.errors import CampaignLocked, CorruptJournal
from dse.store.journal import SCHEMA, Journal, read_events

FIRST = {"event": "opened", "schema": SCHEMA}


def write(path: Path, n: int) -> None:
    journal = Journal(path)
    journal.append(FIRST)
    for number in range(n):
        journal.append({"event": "finished", "number": number, "text": "é\n" * number})
    journal.close()


def test_events_come_back_in_order(tmp_path: Path) -> None:
    write(tmp_path / "j", 3)
    events, length = read_events(tmp_path / "j")
    assert [event.get("number") for event in events] == [None, 0, 1, 2]
    assert length == (tmp_path / "j").stat().st_size


def test_every_torn_tail_is_cut_before_the_next_event(tmp_path: Path) -> None:
    write(tmp_path / "j", 2)
    whole = (tmp_path / "j").read_bytes()
    for cut in range(len(whole)):
        path = tmp_path / f"cut{cut}"
        path.write_bytes(whole[:cut])
        journal = Journal(path)
        kept = len(journal.events)
        journal.append({"event": "after", "schema": SCHEMA})
        journal.close()
        events, _ = read_events(path)
        assert len(events) == kept + 1
        assert whole.startswith(path.read_bytes()[: -len(json.dumps(events[-1], separators=(",", ":"))) - 1])


@pytest.mark.parametrize("line", ["{", "[]", '{"event": 3}', "nonsense", '{"number": 1}'])
def test_a_bad_line_is_an_error_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "j"
    path.write_text(json.dumps(FIRST) + "\n" + line + "\n" + json.dumps(FIRST) + "\n")
    with pytest.raises(CorruptJournal, match=":2: "):
        Journal(path)


def test_another_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j").write_text('{"event":"opened","schema":"dse.journal/99"}\n')
    with pytest.raises(CorruptJournal, match="another version"):
        read_events(tmp_path / "j")


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    first = Journal(tmp_path / "j")
    with pytest.raises(CampaignLocked, match="already running"):
        Journal(tmp_path / "j")
    first.close()
    Journal(tmp_path / "j").close()


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from dse.store.journal import Journal
        journal = Journal(Path(sys.argv[1]))
        print("locked", flush=True)
        time.sleep(60)
    """)
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "j")], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "locked\n"
    with pytest.raises(CampaignLocked):
        Journal(tmp_path / "j")
    child.kill()
    child.wait()
    child.stdout.close()
    Journal(tmp_path / "j").close()


@given(st.binary(max_size=200))
def test_any_bytes_give_events_or_an_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "j"
    path.write_bytes(content)
    try:
        events, length = read_events(path)
    except CorruptJournal:
        return
    assert length <= len(content)
    assert all(isinstance(event["event"], str) for event in events)


def test_whatever_size_is_written_is_readable(tmp_path: Path) -> None:
    layers = {f"layer_{n}": {"reuse_factor": n + 1, "strategy": "resource"} for n in range(100)}
    batch = {"event": "proposed", "trials": [{"number": n, "key": "ab" * 32, "point": layers} for n in range(1000)]}
    journal = Journal(tmp_path / "j")
    journal.append(FIRST)
    journal.append(batch)
    journal.close()
    assert (tmp_path / "j").stat().st_size > 4 * 2**20
    assert read_events(tmp_path / "j")[0][1] == batch
