"""What people see of an architecture search: the board at every size, lines on a pipe, and the figures of the page."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

pytest.importorskip("optuna")

from nas.nas_cases import arithmetic, small_search
from rich.console import Console

from dse.commands.nas_report import print_candidates
from dse.nas.records import SPENT, Candidate, Outcome, front_of
from dse.nas.session import open_search, run_search
from dse.nas.spec import Goal
from dse.networks.architecture import Architecture
from dse.study.loop import Signals, propose
from dse.study.session import session
from dse.view.figures.drawing import Group, Line
from dse.view.nas_board import NasBoard, lines
from dse.view.nas_chart import sparkline
from dse.view.nas_figures import draw_nas_curves, draw_nas_front
from dse.view.nas_live import NasLive, NasWatch
from dse.view.nas_outlook import Flight, rest_of, seconds_left
from dse.view.nas_page import nas_page
from dse.view.nas_story import NasStory

SIZES = [(20, 5), (24, 6), (40, 10), (60, 12), (80, 24), (100, 30), (160, 45)]
HOSTILE = "\x1b]52;c;x\x07<script>alert(1)</script>\u202e"


def trained(number: int, error: float, cost: float, **changes) -> Candidate:
    made = Candidate(
        number,
        Outcome.TRAINED,
        Architecture(32, dense=(8,)),
        error,
        error + 1,
        tuple(error * (1 + 2.0**-epoch) for epoch in range(6)),
        "epochs",
        cost={"workload": 1000, "device_cost": cost, "latency_ns": 5000.0},
        seconds=10.0,
    )
    return replace(made, **changes)


def many(n: int = 12) -> tuple[Candidate, ...]:
    """A front of the even numbers; of the odd ones the first failed and the third was hopeless."""
    found = [trained(i, 20.0 - i + 9 * (i % 2), 0.01 * (i + 1)) for i in range(n)]
    for i in range(n):
        if i == 1:
            found[i] = replace(found[i], outcome=Outcome.FAILED, error=None, curve=(), reason=HOSTILE, seconds=None)
        elif i == 3:
            found[i] = replace(found[i], outcome=Outcome.HOPELESS, reason="hopeless")
    return (*found, Candidate(n, Outcome.REFUSED, reason="the same as trial 0"))


def flights(n: int) -> tuple[Flight, ...]:
    network = trained(0, 1.0, 0.1).architecture
    running = [Candidate(100 + i, Outcome.RUNNING, network) for i in range(n)]
    return tuple(Flight(candidate, (9.0, 7.0, 8.0)[: i % 4], 5.0, 0.5, (1.0, 1.5)) for i, candidate in enumerate(running))


@pytest.fixture
def spec(tmp_path):
    return small_search(tmp_path)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("n_candidates", [0, 1, 12])
@pytest.mark.parametrize("n_flights", [0, 1, 2, 30])
def test_every_window_is_filled_and_never_overfilled(spec, width, height, n_candidates, n_flights):
    known = many(n_candidates)
    for changes in ({}, {"has_help": True}, {"signal": "stopping"}, {"is_over": True}, {"has_keys": False}, {"is_watching": True}):
        shown = lines(NasBoard(NasStory(spec, known), flights(n_flights), 3720.0, (300.0, 540.0), **changes), width, height)
        assert 2 <= len(shown) <= height
        assert all(line.cell_len <= width for line in shown)
        assert f"{n_candidates}" in shown[0].plain
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or ord(c) == 0x202E for line in shown for c in line.plain)
        if n_flights:
            assert "#100" in "\n".join(line.plain for line in shown)
        if "signal" in changes:
            assert shown[-1].plain == "stopping"


def test_a_wide_window_shows_all_there_is(spec):
    shown = [line.plain for line in lines(NasBoard(NasStory(spec, many()), flights(2), 3720.0, (300.0, 540.0)), 120, 40)]
    text = "\n".join(shown)
    for expected in ("small", "12 of 8 trainings", "best RMSE 10", "1 h 02 m", "ETA ~5-9 m", "1 failed", "hypervolume", "32-d8-1"):
        assert expected in text
    assert "RMSE against device cost" in text
    assert sum(line.count("*") for line in shown if "│" in line) == 6  # the front's marks, each in a place of its own
    assert sum(line.count("·") for line in shown if "│" in line) == 4  # trained to its end, not on the front
    assert "#10*" in text
    assert "hopeless" not in text  # too long ago for the list of the last


def test_the_front_of_one_network_is_drawn(spec):
    shown = [line.plain for line in lines(NasBoard(NasStory(spec, (trained(0, 5.0, 0.1),))), 80, 24)]
    assert sum(line.count("*") for line in shown if "│" in line) == 1


def test_sparklines_show_whole_curves():
    assert sparkline(()) == ""
    assert sparkline((3.0, 3.0)) == "▁▁"
    assert len(sparkline(tuple(range(1000, 0, -1)))) == 16
    assert sparkline(tuple(range(1000, 0, -1)))[0] == "█"


def test_a_training_ends_where_earlier_ones_did(spec):
    spec = replace(spec, training=replace(spec.training, epochs=20))
    past = tuple(trained(i, 5.0, 0.1, curve=(5.0,) * n) for i, n in enumerate((8, 8, 10, 12)))
    flight = Flight(trained(9, 1, 1), (1.0,) * 4, seconds=8.0, since=0.5, paces=(2.0, 3.0, 2.0))
    low, high = rest_of(flight, NasStory(spec, past))
    assert low == pytest.approx(2.0 * 4 - 0.5)
    assert high == pytest.approx(3.0 * 7.5 - 0.5)
    assert rest_of(flight, NasStory(spec, past[:2])) is None
    assert rest_of(replace(flight, paces=(2.0,)), NasStory(spec, past)) is None
    longer = replace(flight, curve=(1.0,) * 15)
    assert rest_of(longer, NasStory(spec, past)) == (0.0, 3.0 * 5 - 0.5)  # only the last epoch is known
    bounded = replace(spec, training=replace(spec.training, seconds=10))
    assert rest_of(flight, NasStory(bounded, past)) == (1.5, 1.5)


def test_what_is_left_of_a_search_needs_three_trainings_and_a_budget(spec):
    spec = replace(spec, budget=replace(spec.budget, trials=10, hours=None), search=replace(spec.search, workers=2))
    known = tuple(trained(i, 5.0, 0.1, seconds=s) for i, s in enumerate((10.0, 20.0, 30.0)))
    assert seconds_left(NasStory(spec, known[:2]), (), 60.0) is None
    assert seconds_left(NasStory(spec, known), (), 60.0) == (4 * 10.0, 4 * 30.0)  # seven on two workers
    running = (Flight(known[0], (), seconds=15.0),)
    low, high = seconds_left(NasStory(spec, known), running, 60.0)
    assert (low, high) == pytest.approx((3 * 10.0 + 2.5, 3 * 30.0 + 17.5), abs=10)
    stopping = seconds_left(NasStory(spec, known), running, 60.0, is_stopping=True)
    assert stopping[1] < 30.0
    free = replace(spec, budget=replace(spec.budget, trials=None))
    assert seconds_left(NasStory(free, known), (), 60.0) is None
    timed = replace(spec, budget=replace(spec.budget, trials=None, hours=1))
    assert seconds_left(NasStory(timed, known), (), 3000.0) == (600.0, 630.0)


def live(spec, **given) -> tuple[NasLive, io.StringIO, list[int]]:
    out, pages = io.StringIO(), []
    console = Console(file=out, markup=False, highlight=False, width=100, height=30, **given)
    return NasLive(spec, console, lambda candidates: pages.append(len(candidates))), out, pages


def test_a_pipe_gets_a_line_for_every_change_and_none_for_an_epoch(spec):
    view, out, pages = live(spec)
    with view:
        view.opened((), 0.0)
        candidates = run_search(spec, train=arithmetic, watchers=(view,))
    told = out.getvalue().splitlines()
    spent = [candidate for candidate in candidates if candidate.outcome in SPENT]
    assert len(told) == 2 * len(spent) + 1
    assert "stopped: the budget is spent" in told[-1]
    assert "\x1b" not in out.getvalue()
    assert len(pages) == 1  # the first at once, the next not before some time
    assert not view.warnings


def test_on_a_terminal_the_board_is_drawn_and_taken_away(spec, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    view, out, _ = live(spec, force_terminal=True)
    with view:
        view.opened(many(), 60.0)
        view.asked(flights(1)[0].candidate)
        view.epoch(100, (9.0, 8.0))
        drawn = view.draw().plain
    assert "small · 12 of 8 trainings" in drawn
    assert "#100" in drawn
    assert "2/4" in drawn
    assert "small · 12 of 8 trainings" in out.getvalue()
    assert out.getvalue().rstrip().endswith("\x1b[2K")  # the board's lines were cleared


def test_a_broken_view_stops_nothing(spec, monkeypatch):
    view, _, _ = live(spec)

    def broken(*_: object, **__: object) -> None:
        raise ValueError("no ink")

    monkeypatch.setattr(view.console, "print", broken)
    view._page = broken
    with view:
        view.opened((), 0.0)
        candidates = run_search(spec, train=arithmetic, watchers=(view,))
    assert sum(candidate.outcome in SPENT for candidate in candidates) == 8
    assert view.warnings == ["the view is broken: ValueError: no ink"]
    monkeypatch.setattr("dse.view.nas_live.lines", broken)
    assert view.draw().plain == "the board is broken: ValueError"


def test_keys_leave_and_explain(spec):
    signals = Signals()
    view = NasLive(spec, Console(file=io.StringIO()), lambda candidates: None, signals=signals)
    view.press("?")
    assert view.board().has_help
    view.press("?")
    view.press("x")
    assert not view.board().has_help
    assert not signals.detach
    view.press("d")
    assert signals.detach
    assert "leaving" in view.board().signal


def test_watching_reads_files_only(tmp_path):
    spec = small_search(tmp_path, trials=3)
    run_search(spec, train=arithmetic)
    files = {path: path.read_bytes() for path in spec.state.rglob("*") if path.is_file()}
    out = io.StringIO()
    view = NasWatch(spec, Console(file=out, width=100, height=30))
    view.follow()  # it has stopped: nothing to wait for
    told = view.board()
    assert (told.is_over, told.is_watching, len(told.story.ended), told.flights) == (True, True, 3, ())
    assert {path: path.read_bytes() for path in spec.state.rglob("*") if path.is_file()} == files
    with session(open_search(small_search(tmp_path, trials=5), train=arithmetic)) as campaign:
        propose(campaign, campaign.searcher.propose(campaign.state, 1))
    (trial,) = campaign.state.pending
    number, folder = trial.number, spec.state / "work" / "jobs" / trial.key
    folder.mkdir(parents=True)
    (folder / "curve.jsonl").write_text("9.0\n7.5\n6.")
    view.look()
    assert not view.board().is_over
    assert [flight.candidate.number for flight in view.board().flights] == [number]
    assert view.board().flights[0].curve == (9.0, 7.5)
    assert any(f"#{number} " in line.plain for line in lines(view.board(), 100, 30))
    view.press("d")  # the search is somebody else's
    assert not view.signals.detach
    view.press("q")
    view.follow()


@pytest.mark.parametrize("width", [50, 60, 80, 100, 160])
def test_tables_fit_the_window_and_break_no_number(spec, monkeypatch, capsys, width):
    monkeypatch.setattr("dse.commands.output.console", lambda: Console(width=width, markup=False, highlight=False))
    known = [c for c in many() if c.outcome is Outcome.TRAINED]
    long = replace(known[0], architecture=Architecture(750, dense=(512,) * 6))
    print_candidates(spec, (long, *known[1:]))
    shown = capsys.readouterr().out
    assert all(len(line) <= width for line in shown.splitlines())
    for candidate in known:
        assert f" {candidate.error:.4f} " in shown
    assert (" latency" in shown) == (width >= 60)


def test_the_curves_of_the_front_stand_out(spec):
    known = many()
    best = {candidate.number for candidate in front_of(known, spec.goals)}
    groups = {mark.trial: mark for mark in draw_nas_curves(spec, known).marks if isinstance(mark, Group)}
    assert set(groups) == {candidate.number for candidate in known if candidate.curve}
    for number, group in groups.items():
        line = next(mark for mark in group.marks if isinstance(mark, Line))
        assert line.style == ("front-line" if number in best else "axis")
        assert len(line.points) == 6
        xs = [x for x, _ in line.points]
        assert xs == sorted(xs)
    assert draw_nas_curves(spec, ()).marks
    assert draw_nas_front(spec, ()).marks


def test_with_a_third_objective_the_front_is_drawn_as_far_as_two_show_it(spec):
    spec = replace(spec, goals=(*spec.goals, Goal("latency_ns")))
    found = ((5.0, 0.1, 900.0), (9.0, 0.2, 10.0), (3.0, 0.3, 10.0))
    costs = [{"device_cost": cost, "least_latency_ns": latency} for _, cost, latency in found]
    known = tuple(replace(trained(i, found[i][0], 0.0), cost=costs[i]) for i in range(3))
    assert {candidate.number for candidate in front_of(known, spec.goals)} == {0, 1, 2}
    (line,) = (mark for mark in draw_nas_front(spec, known).marks if isinstance(mark, Line) and mark.style == "front-line")
    ys = [y for _, y in line.points]
    assert len(ys) == 3  # down from trial 0 to trial 2, past trial 1
    assert ys == sorted(ys)


def test_an_error_of_zero_and_one_epoch_can_be_drawn(spec):
    known = (trained(0, 0.0, 0.1, curve=(0.5, 0.0)), trained(1, 0.2, 0.05, curve=(0.2,)))
    assert len([mark for mark in draw_nas_curves(spec, known).marks if isinstance(mark, Group)]) == 2
    assert len([mark for mark in draw_nas_front(spec, known).marks if isinstance(mark, Group)]) == 2
    assert lines(NasBoard(NasStory(spec, known)), 80, 24)


def test_the_page_escapes_what_others_wrote_and_follows_only_what_runs(spec):
    page = nas_page(spec, many(), (), is_running=True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert 'id="follow"' in page
    assert 'id="follow"' not in nas_page(spec, many(), ())
    assert "1 more were refused" in page
    assert "No network has been trained yet." in nas_page(spec, (), ())
