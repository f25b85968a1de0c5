"""Looking on: the board of a campaign that somebody else runs, read from files; it changes nothing and leaves on q."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import Path

import pytest
import view_kit
from rich.console import Console
from terminal import play

from dse.execution.inspection import glance
from dse.execution.jobdir import JobFolder, Ticket
from dse.study.assemble import Question
from dse.study.loop import Signals
from dse.view.board import lines
from dse.view.watch import Watch


@pytest.fixture(scope="module")
def explore(tmp_path_factory: pytest.TempPathFactory) -> Question:
    return view_kit.question(tmp_path_factory.mktemp("explore"))


def hand_over(folder: JobFolder, *, beat: dict[str, object] | None = None, age: float = 0.0) -> None:
    folder.path.mkdir(parents=True)
    folder.save(Ticket(folder.key).opened("lab3", "t"))
    attempt = folder.attempt(1)
    attempt.mkdir()
    if beat is not None:
        path = attempt / "beat.json"
        path.write_text(json.dumps(beat))
        (attempt / "log").write_text("INFO: [HLS 200-10] -- Generating RTL for module 'dense_1'\n")
        if age:
            os.utime(path, (time.time() - age,) * 2)


def test_a_job_is_what_its_files_say(tmp_path: Path) -> None:
    beat: dict[str, object] = {"stage": "hls", "seconds": 100.0, "memory_bytes": 2**30}
    nothing, far, alive, silent = (JobFolder.of(tmp_path, name) for name in ("a", "b", "c", "d"))
    hand_over(far)
    hand_over(alive, beat=beat)
    hand_over(silent, beat=beat, age=600.0)
    past = [150.0, 300.0, 400.0, 500.0]
    assert glance(nothing, past).state == "queued"
    assert (glance(far, past).host, glance(far, past).elapsed_seconds) == ("lab3", None)
    told = glance(alive, past)
    assert (told.state, told.memory_bytes, told.phase) == ("running", 2**30, "generating RTL dense_1")
    assert told.elapsed_seconds is not None
    assert told.elapsed_seconds >= 100.0
    assert told.eta_seconds is not None
    assert told.eta_seconds[0] > 0
    assert glance(silent, past).message == "silent for 10 m"
    (alive.attempt(1) / "beat.json").write_text("{torn")
    assert glance(alive, past).elapsed_seconds is None


def test_keys_that_would_change_something_do_nothing(explore: Question) -> None:
    view_kit.journal(explore, 4, n_pending=2, is_over=False).save()
    before = {path: path.read_bytes() for path in explore.spec.state.rglob("*") if path.is_file()}
    watch = Watch(explore, Console(file=io.StringIO(), width=100))
    watch.look()
    for key in "dk1y<>":
        watch.press(key)
    assert watch.signals == Signals()
    watch.press("?")
    shown = "\n".join(line.plain for line in lines(watch.board(), 100, 30))
    assert "q  leave" in shown
    assert "cancel" not in shown
    assert {path: path.read_bytes() for path in explore.spec.state.rglob("*") if path.is_file()} == before


def test_new_events_are_seen(explore: Question) -> None:
    view_kit.journal(explore, 4, is_over=False).save()
    watch = Watch(explore, Console(file=io.StringIO(), width=100))
    watch.look()
    assert "4 done" in lines(watch.board(), 100, 30)[0].plain
    view_kit.journal(explore, 5, is_over=False).save()
    watch.look()
    assert "5 done" in lines(watch.board(), 100, 30)[0].plain


def test_q_leaves_and_a_finished_campaign_ends_by_itself(explore: Question) -> None:
    command = ["-m", "dse.cli", "status", str(explore.spec.path), "--watch"]
    view_kit.journal(explore, 4, n_pending=1, is_over=False).save()
    code, shown = play(command, [(b"q quit", b"q")])
    assert code == 0
    assert b"4 done" in shown
    assert b"\x1b[?25h" in shown  # the cursor is back
    view_kit.journal(explore, 4).save()
    code, shown = play(command, [])
    assert code == 0
    assert b"stopped: certificate reached" in shown
