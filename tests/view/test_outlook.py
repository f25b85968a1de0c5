"""The range of time that a campaign still takes: known from its own syntheses only, never negative, never without a bound."""

from __future__ import annotations

from dataclasses import replace

import pytest
import view_kit
from hypothesis import given
from hypothesis import strategies as st

from dse.goal import Budget
from dse.study.assemble import Question
from dse.study.fold import replay
from dse.view.board import Board, lines
from dse.view.outlook import seconds_left, syntheses_at_most
from dse.view.story import Story


@pytest.fixture(scope="module")
def explore(tmp_path_factory: pytest.TempPathFactory) -> Question:
    return view_kit.question(tmp_path_factory.mktemp("explore"))


def with_budget(of: Question, syntheses: int | None, hours: float | None = None) -> Question:
    return replace(of, spec=replace(of.spec, budget=Budget(syntheses, hours)))


def timed(of: Question, seconds: list[float], n_pending: int = 0) -> Story:
    """A journal in which each synthesis took what is asked for, one after the other."""
    pen = view_kit.journal(of, len(seconds), n_pending=n_pending, is_over=False)
    told = iter(seconds)
    events = []
    for event in pen.events:
        elapsed = next(told) if event["event"] == "finished" else 0.0
        cached = {"cached": False} if event["event"] == "finished" else {}
        events.append({**event, "elapsed": elapsed, **cached})
    return Story(of, replay(events), tuple(events))


def test_it_counts_rounds_of_slots_at_the_slower_quartile(explore: Question) -> None:
    story = timed(with_budget(explore, 10), [100.0, 100.0, 100.0])
    assert seconds_left(story) == (0.0, 400.0)  # seven left on two slots are four rounds; the search may also stop at once
    under_way = timed(with_budget(explore, 6), [100.0, 100.0, 100.0], n_pending=1)
    assert seconds_left(under_way) == (100.0, 200.0)  # the one under way, and one round for the two that are left
    assert seconds_left(under_way, since=500.0) == (0.0, 100.0)  # beyond all experience: it may end at any moment
    low, high = seconds_left(timed(with_budget(explore, 5), [100.0, 200.0, 300.0, 400.0], n_pending=1)) or (None, None)
    assert low is not None
    assert high is not None
    assert 100.0 < low < high < 400.0


def test_hours_bound_it_too(explore: Question) -> None:
    story = timed(with_budget(explore, 1000, hours=0.2), [100.0, 100.0, 100.0])
    assert seconds_left(story) == (0.0, pytest.approx(720.0 - 300.0 + 100.0))
    assert seconds_left(story, since=5000.0) == (0.0, 0.0)


@pytest.mark.parametrize("n_done", [0, 1, 2])
def test_fewer_than_three_syntheses_tell_nothing(explore: Question, n_done: int) -> None:
    story = timed(explore, [100.0] * n_done, n_pending=1)
    assert seconds_left(story) is None
    assert "ETA ?" in lines(Board(story), 120, 30)[0].plain


def test_what_the_cache_answered_is_no_experience(explore: Question) -> None:
    story = timed(explore, [100.0, 100.0, 100.0, 100.0])
    events = [{**event, "cached": True} if event["event"] == "finished" else event for event in story.events]
    assert seconds_left(Story(explore, replay(events), tuple(events))) is None


def test_nothing_is_left_of_a_stopped_campaign_and_nothing_bounds_one_without_a_budget(explore: Question) -> None:
    stopped = view_kit.story(explore, 5)
    assert seconds_left(stopped) is None
    assert "ETA" not in lines(Board(stopped), 120, 30)[0].plain
    assert syntheses_at_most(with_budget(explore, None)) is None
    assert seconds_left(timed(with_budget(explore, None), [100.0] * 5)) is None


@given(
    st.lists(st.floats(0.01, 1e6), min_size=3, max_size=8),
    st.integers(0, 2),
    st.integers(1, 40),
    st.none() | st.floats(0.01, 1e3),
    st.floats(0, 1e7),
)
def test_it_is_a_range_and_never_negative(
    explore: Question, seconds: list[float], n_pending: int, syntheses: int, hours: float | None, since: float
) -> None:
    left = seconds_left(timed(with_budget(explore, syntheses, hours), seconds, n_pending), since)
    assert left is not None
    assert 0 <= left[0] <= left[1]
