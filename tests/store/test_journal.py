"""The journal loses nothing that was acknowledged and invents nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.errors import CampaignLocked, CorruptJournal, JournalError
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
        before, _ = path.read_bytes()[:-1].rsplit(b"\n", 1) if kept else (b"", b"")
        assert whole.startswith(before)


@pytest.mark.parametrize("line", ["{", "[]", '{"event": 3}', "nonsense", '{"number": 1}'])
def test_a_bad_line_is_an_error_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "j"
    path.write_text(json.dumps(FIRST) + "\n" + line + "\n" + json.dumps(FIRST) + "\n")
    with pytest.raises(CorruptJournal, match=":2: "):
        Journal(path)


@pytest.mark.parametrize("damage", ["changed", "lost", "doubled", "swapped", "unchained"])
def test_a_line_that_was_changed_lost_or_doubled_is_noticed(tmp_path: Path, damage: str) -> None:
    write(tmp_path / "j", 4)
    lines = (tmp_path / "j").read_text().splitlines()
    match damage:
        case "changed":
            lines[2] = lines[2].replace('"number":1', '"number":7')
        case "lost":
            del lines[2]
        case "doubled":
            lines.insert(2, lines[2])
        case "swapped":
            lines[2], lines[3] = lines[3], lines[2]
        case "unchained":
            event = json.loads(lines[3])
            del event["follows"]
            lines[3] = json.dumps(event)
    (tmp_path / "j").write_text("\n".join(lines) + "\n")
    with pytest.raises(CorruptJournal, match=r":[34]: a line was changed, lost or doubled"):
        Journal(tmp_path / "j")


def test_a_journal_of_0_1_has_no_chain_until_it_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_text('{"event":"opened","schema":"dse.journal/1"}\n{"event":"finished","number":0}\n')
    journal = Journal(path)
    journal.append({"event": "finished", "number": 1})
    journal.close()
    assert [event.get("number") for event in read_events(path)[0]] == [None, 0, 1]
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[2]]) + "\n")
    with pytest.raises(CorruptJournal, match=r":2: a line was changed, lost"):
        read_events(path)


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


def test_an_event_is_synced_before_it_is_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, str]] = []

    def watch(name: str) -> None:
        real = getattr(os, name)

        def call(descriptor: int, *rest: object) -> object:
            calls.append((name, Path(f"/proc/self/fd/{descriptor}").readlink().name))
            return real(descriptor, *rest)

        monkeypatch.setattr(os, name, call)

    watch("pwrite")
    watch("fsync")
    (tmp_path / "state").mkdir()
    journal = Journal(tmp_path / "state" / "j")
    assert ("fsync", "state") in calls, "the journal's name"
    calls.clear()
    journal.append(FIRST)
    assert calls == [("pwrite", "j"), ("fsync", "j")]
    journal.close()


@pytest.mark.parametrize("name", ["j", "lock"])
@pytest.mark.parametrize("kind", ["link", "dangling link", "fifo", "folder"])
def test_nothing_but_plain_files_is_opened(tmp_path: Path, name: str, kind: str) -> None:
    state, precious = tmp_path / "state", tmp_path / "precious"
    state.mkdir()
    precious.write_text("precious")
    match kind:
        case "link":
            (state / name).symlink_to(precious)
        case "dangling link":
            (state / name).symlink_to(tmp_path / "made")
        case "fifo":
            os.mkfifo(state / name)
        case "folder":
            (state / name).mkdir()
    with pytest.raises(JournalError, match="cannot be written"):
        Journal(state / "j")
    assert precious.read_text() == "precious"
    assert not (tmp_path / "made").exists()
    if name == "j":
        with pytest.raises(JournalError, match="cannot be read"):
            read_events(state / "j")


def test_a_state_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError, match="symbolic link"):
        Journal(tmp_path / "state" / "j")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_belongs_to_another_user_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "j", 1)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(JournalError, match="belongs to another user"):
        Journal(tmp_path / "j")
    assert len(read_events(tmp_path / "j")[0]) == 2, "but it may be read"


def test_a_mark_of_byte_order_is_no_journal(tmp_path: Path) -> None:
    write(tmp_path / "j", 1)
    (tmp_path / "j").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "j").read_bytes())
    with pytest.raises(CorruptJournal, match=":1: not a journal line"):
        read_events(tmp_path / "j")


def test_a_lock_that_is_removed_still_holds(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.append(FIRST)
    (tmp_path / "lock").unlink()
    with pytest.raises(CampaignLocked):
        Journal(tmp_path / "j")
    journal.append({"event": "after"})
    journal.close()
    assert len(read_events(tmp_path / "j")[0]) == 2


@pytest.mark.parametrize("again", [True, False])
def test_a_journal_that_is_removed_under_its_writer_comes_back(tmp_path: Path, again: bool) -> None:
    journal = Journal(tmp_path / "j")
    journal.append(FIRST)
    (tmp_path / "j").unlink()
    (tmp_path / "lock").unlink()
    if again:
        journal.append({"event": "after"})
        with pytest.raises(CampaignLocked):
            Journal(tmp_path / "j")
    journal.close()
    assert len(read_events(tmp_path / "j")[0]) == 1 + again


def test_beside_another_journal_nothing_more_is_written(tmp_path: Path) -> None:
    first = Journal(tmp_path / "j")
    first.append(FIRST)
    (tmp_path / "j").unlink()
    (tmp_path / "lock").unlink()
    second = Journal(tmp_path / "j")
    second.append(FIRST)
    with pytest.raises(JournalError, match="another file was put in its place"):
        first.append({"event": "after"})
    second.close()
    assert len(read_events(tmp_path / "j")[0]) == 1
    with pytest.raises(JournalError):
        first.close()
