"""The live view: every window size, a pipe instead of a terminal, keys on a real pseudo-terminal that is given back as it was."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import view_kit
from rich.console import Console

from dse.execution.jobdir import JobFolder
from dse.search.base import Advice, Trial, TrialStatus
from dse.study import fold as events
from dse.study.assemble import Question
from dse.study.evaluate import Answer
from dse.study.fold import CampaignState
from dse.study.loop import Signals
from dse.synth_backends import local
from dse.synth_backends.base import Progress, Site
from dse.view.board import Board, lines
from dse.view.live import Live

SIZES = [(20, 5), (24, 6), (40, 8), (60, 12), (80, 24), (100, 30), (200, 60)]


@pytest.fixture(scope="module")
def compact(tmp_path_factory: pytest.TempPathFactory) -> Question:
    return view_kit.question(tmp_path_factory.mktemp("compact"), "compact")


def running(trial: Trial, **changes: object) -> Progress:
    progress = Progress(trial.key, "running", None, "lab3", "scheduling dense_1", 372.0, (300.0, 540.0), 4_509_715_661, "")
    return replace(progress, **changes)  # type: ignore[arg-type]


def board(of: Question, n_done: int = 12, n_pending: int = 3, **changes: object) -> Board:
    story = view_kit.story(of, n_done, n_pending=n_pending, is_over=False)
    states = (running, lambda t: running(t, state="waiting", message=view_kit.HOSTILE), lambda t: None)
    jobs = tuple((trial, states[i % 3](trial)) for i, trial in enumerate(story.state.pending))
    return Board(story, jobs, seconds=3720.0, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("n_done", [0, 1, 12])
@pytest.mark.parametrize("n_pending", [0, 1, 3, 40])
def test_every_window_is_filled_and_never_overfilled(
    compact: Question, width: int, height: int, n_done: int, n_pending: int
) -> None:
    for changes in ({}, {"has_help": True}, {"question": "cancel #3 on lab3? y/n"}, {"log": ("#1", (view_kit.HOSTILE,) * 50)}):
        shown = lines(board(compact, n_done, n_pending, **changes), width, height)
        assert 2 <= len(shown) <= height
        assert all(line.cell_len <= width for line in shown)
        assert f"{n_done} done" in shown[0].plain
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for line in shown for c in line.plain)
        if "question" in changes:
            assert shown[-1].plain.startswith("cancel #3")


def test_a_wide_window_shows_all_there_is(compact: Question) -> None:
    text = "\n".join(line.plain for line in lines(board(compact), 120, 40))
    for expected in (
        "toy compact",
        "lab3",
        "scheduling dense_1",
        "06:12",
        "~5-9 m",
        "4.2G",
        "1 h 02 m",
        "reuse factors",
        "gap ",
        "d detach",
    ):
        assert expected in text
    assert "█" in text
    assert all(name in text for name in ("conv_1", "output"))


def test_a_small_window_keeps_jobs_and_layers(compact: Question) -> None:
    shown = [line.plain for line in lines(board(compact, n_pending=1), 20, 5)]
    assert shown[1].startswith("#13")
    assert shown[2].startswith("II ")


def test_layers_without_known_cycles_are_a_question_mark(compact: Question) -> None:
    story = view_kit.story(compact, 1)
    trial = story.state.trials[0]
    assert trial.qor is not None
    blind = replace(trial, outcome=replace(trial.qor, layers=()))
    story = replace(story, state=replace(story.state, trials=(blind,)))
    text = "\n".join(line.plain for line in lines(Board(story), 100, 30))
    assert "?" in text


def plain_live(of: Question) -> tuple[Live, io.StringIO]:
    out = io.StringIO()
    return Live(of, Console(file=out, markup=False, highlight=False, width=160)), out


def test_a_pipe_gets_one_line_per_change_and_none_per_tick(compact: Question) -> None:
    pen = view_kit.journal(compact, 2, n_pending=1, is_over=False, hostile=True)
    live, out = plain_live(compact)
    state = CampaignState()
    with live:
        for event in pen.events:
            state = events.apply(state, event)
            live.event(event, state)
        trial = state.pending[0]
        for progress in (
            running(trial),
            running(trial, elapsed_seconds=373.0, phase="generating RTL"),
            running(trial, state="waiting", message="licence"),
            running(trial, state="waiting", message="licence"),
        ):
            live.tick((Answer(progress, False),), state)
    shown = out.getvalue().splitlines()
    assert len(shown) == 3 + 2 + 2
    assert shown[-2].endswith("#3 running on lab3")
    assert shown[-1].endswith("#3 waiting: licence")
    assert "\x1b" not in out.getvalue()


def test_a_failure_and_the_stop_are_told(compact: Question) -> None:
    pen = view_kit.journal(compact, 7)
    live, out = plain_live(compact)
    for event in pen.events:
        live.event(event, pen.state)
    assert "#7 failed: timeout: killed at 31.2 GB" in out.getvalue()
    assert "stopped: certificate reached" in out.getvalue()


def test_a_dumb_terminal_gets_the_plain_log_and_no_color_takes_only_the_color(
    compact: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Console(file=io.StringIO(), force_terminal=True, width=80)
    assert not Live(compact, terminal).is_plain
    assert Live(compact, terminal, plain=True).is_plain
    monkeypatch.setenv("TERM", "dumb")
    assert Live(compact, terminal).is_plain


def pressed(of: Question, pending: int, keys: str, *, has_jobs: bool = False) -> Live:
    live, _ = plain_live(of)
    if has_jobs:
        spec = of.spec
        site = Site(spec.network, spec.target, spec.source, spec.state.absolute() / "work", spec.name, spec.slots)
        live.backend = local.create(local.Options(), site)
    state = view_kit.journal(of, 1, n_pending=pending, is_over=False).state
    live.tick(tuple(Answer(running(trial), False) for trial in state.pending), state)
    for key in keys:
        live.press(key)
    return live


def test_keys_ask_before_they_cancel(compact: Question) -> None:
    trial = pressed(compact, 1, "").board().jobs[0][0]
    folder = JobFolder.of(compact.spec.state.absolute() / "work", trial.key)
    assert "has no job of its own" in pressed(compact, 1, "ky").board().question
    assert pressed(compact, 1, "k", has_jobs=True).board().question == "cancel #2 on lab3? y/n"
    assert pressed(compact, 1, "kn", has_jobs=True).board().question == ""
    assert not folder.cancel_mark.exists()
    assert pressed(compact, 1, "ky", has_jobs=True).board().question == ""
    assert folder.cancel_mark.exists()
    assert pressed(compact, 2, "k", has_jobs=True).board().question.startswith("cancel which? 1: #2, 2: #3")
    assert pressed(compact, 2, "k2", has_jobs=True).board().question == "cancel #3 on lab3? y/n"
    assert pressed(compact, 2, "kx", has_jobs=True).board().question == ""
    assert pressed(compact, 0, "k", has_jobs=True).board().question.startswith("no job")


def test_keys_show_logs_in_turn_then_none(compact: Question) -> None:
    trial = pressed(compact, 2, "").board().jobs[0][0]
    attempt = JobFolder.of(compact.spec.state.absolute() / "work", trial.key).attempt(1)
    attempt.mkdir(parents=True, exist_ok=True)
    folder = JobFolder(attempt.parent, trial.key)
    folder.save(folder.load().opened("local", "t"))
    (attempt / "log").write_bytes(b"x" * 30_000 + b"\nINFO: [HLS 200-10] \x1b[31mred\xff\n")
    shown = pressed(compact, 2, "l", has_jobs=True).board()
    assert shown.log is not None
    assert shown.log[0] == "#2"
    assert shown.log[1][-1].startswith("INFO: [HLS 200-10]")
    assert not any("\x1b" in line.plain for line in lines(shown, 100, 30))
    assert pressed(compact, 2, "ll", has_jobs=True).board().log == ("#3", ("no log here yet",))
    assert pressed(compact, 2, "lll", has_jobs=True).board().log is None


def test_fewer_jobs_at_once_and_more_again_up_to_what_the_file_allows(compact: Question) -> None:
    assert compact.spec.slots == 2
    assert pressed(compact, 2, ">").signals.slots is None
    fewer = pressed(compact, 2, "<")
    assert fewer.signals.slots == 1
    text = "\n".join(line.plain for line in lines(fewer.board(), 120, 30))
    assert "1 of 2 jobs at once" in text
    assert pressed(compact, 2, "<<<").signals.slots == 1
    again = pressed(compact, 2, "<>>>")
    assert again.signals.slots == 2
    assert "jobs at once" not in "\n".join(line.plain for line in lines(again.board(), 120, 30))
    shown = lines(replace(again.board(), has_keys=True), 120, 30)[-1].plain
    assert "< > jobs at once" in shown


def test_detach_and_help(compact: Question) -> None:
    live = pressed(compact, 1, "d?")
    assert live.signals == Signals(detach=True)
    assert live.board().has_help
    assert live.board().signal == "leaving; the jobs go on"


def test_a_board_that_cannot_be_drawn_says_so(compact: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    from dse.view import live as module

    out = io.StringIO()
    live = Live(compact, Console(file=out, width=80))
    monkeypatch.setattr(module, "lines", lambda *_: 1 / 0)
    live.console.print(live.draw())
    assert "the board is broken: ZeroDivisionError" in out.getvalue()


TERMINAL = """
import sys, time
from pathlib import Path
import view_kit
from dse.commands.output import console
from dse.view.live import Live
of = view_kit.question(Path(sys.argv[1]), "compact")
pen = view_kit.journal(of, 3, n_pending=1, is_over=False)
pen.save()
live = Live(of, console())
with live:
    live.tick((), pen.state)
    for _ in range(100):
        time.sleep(0.1)
        if live.signals.detach:
            break
    if sys.argv[2] == "raise":
        raise RuntimeError("in the middle")
print("detached" if live.signals.detach else "nothing heard")
"""


@pytest.mark.parametrize("ending", ["leave", "raise"])
def test_on_a_terminal_keys_are_heard_and_the_terminal_is_given_back(tmp_path: Path, ending: str) -> None:
    leader, follower = pty.openpty()
    before = termios.tcgetattr(follower)
    tests = str(Path(__file__).resolve().parents[1])
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {
        "TERM": "xterm",
        "PYTHONPATH": f"{tests}:{Path(tests).parent}",
    }
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import os, fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n{TERMINAL}",
            str(tmp_path),
            ending,
        ],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment,
        start_new_session=True,
    )
    shown = b""
    asked = False
    end = time.monotonic() + 60
    os.set_blocking(leader, False)
    while process.poll() is None and time.monotonic() < end:
        try:
            shown += os.read(leader, 65536)
        except BlockingIOError:
            time.sleep(0.05)
        if not asked and b"detach" in shown:
            os.write(leader, b"\x1b[A")  # an arrow is not three keys
            os.write(leader, b"d")
            asked = True
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()
    with suppress(BlockingIOError, OSError):
        shown += os.read(leader, 65536)
    assert asked, shown
    assert (b"detached" if ending == "leave" else b"in the middle") in shown
    assert b"\x1b[?25h" in shown  # the cursor is back
    assert termios.tcgetattr(follower) == before
    os.close(leader)
    os.close(follower)


def test_trials_of_a_real_advice_are_said(compact: Question) -> None:
    live, out = plain_live(compact)
    pen = view_kit.Pen(compact)
    pen.add(events.opened("toy", compact.meaning))
    point = compact.space.point(tuple(option.choices[0] for option in compact.space.options))
    trial = Trial(1, view_kit.job(compact, point).key, point, "probe", "why not\nhere", TrialStatus.PENDING)
    pen.add(events.proposed([trial], Advice()))
    live.event(pen.events[-1], pen.state)
    assert out.getvalue().rstrip().endswith("#1 probe [1, 1, 1, 1, 1]: why not here")
