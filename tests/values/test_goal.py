"""What judges a result: every answer is checked against its definition."""

from __future__ import annotations

from math import inf, nan

import pytest
from fakes import PART, fails
from hypothesis import given
from hypothesis import strategies as st

from dse.errors import SpecError
from dse.goal import Goal, Limit, Objective
from dse.pareto import hypervolume
from dse.qor import Qor

GOAL = Goal((Objective("dsp", 200.0), Objective("lut", 10_000.0)), (Limit("latency_cycles_max", 100.0),), PART, 5.0)
sizes = st.one_of(st.none(), st.integers(0, 300).map(float))
designs = st.builds(Qor, dsp=sizes, lut=sizes, latency_cycles_max=sizes)
results = st.lists(st.one_of(designs, st.none(), st.just(fails())), max_size=12)


@pytest.mark.parametrize(("latency", "kept"), [(99.0, True), (100.0, True), (100.5, False), (None, False)])
def test_a_limit_is_kept_up_to_its_maximum(latency, kept):
    assert GOAL.keeps(Qor(dsp=1, lut=1, latency_cycles_max=latency)) is kept


def test_a_violation_says_by_what_factor():
    (one,) = GOAL.violations(Qor(latency_cycles_max=250))
    assert (one.metric, one.value, one.maximum, one.factor) == ("latency_cycles_max", 250, 100, 2.5)
    (unknown,) = GOAL.violations(Qor())
    assert (unknown.value, unknown.factor) == (None, None)
    (none_allowed,) = Goal((), (Limit("uram", 0.0),), PART, 5.0).violations(Qor(uram=2))
    assert none_allowed.factor == inf
    assert GOAL.slack(Qor(latency_cycles_max=250)) == (-1.5,)
    assert GOAL.slack(Qor()) == (None,)


def test_a_failure_keeps_nothing_and_has_no_values():
    bare = Goal((Objective("dsp"),), (), PART, 5.0)
    for outcome in (None, fails(), {"vsynth": fails()}, {}):
        assert not bare.keeps(outcome)
        assert bare.values(outcome) is None
        assert bare.value(outcome, "dsp") is None


def test_nanoseconds_take_the_slower_clock():
    for reached, period in ((None, 5.0), (4.2, 5.0), (9.5, 9.5)):
        assert GOAL.value(Qor(latency_cycles_max=57, clock_period_ns=reached), "latency_ns_max") == 57 * period


def test_device_cost_is_unknown_without_one_of_its_resources():
    whole = Qor(lut=PART.lut / 2, ff=PART.ff / 4, dsp=0, bram_18k=0)
    assert GOAL.value(whole, "device_cost") == pytest.approx(0.75)
    assert GOAL.value(Qor(lut=1, ff=1, dsp=1), "device_cost") is None


def test_each_wish_is_met_by_the_evidence_of_its_own_step():
    goal = Goal(
        (Objective("lut", step="vsynth"),), (Limit("lut", 100.0, "vsynth"), Limit("latency_cycles_max", 9.0, "csynth")), PART, 5.0
    )
    csynth = Qor(lut=300, latency_cycles_max=8)
    assert goal.values({"csynth": csynth, "vsynth": Qor(lut=90)}) == (90.0,)
    assert goal.values({"csynth": csynth}) is None
    assert goal.values(csynth) is None


@given(results)
def test_front_best_and_volume_agree_with_their_definitions(outcomes):
    rows = {place: values for place, outcome in enumerate(outcomes) if (values := GOAL.values(outcome)) is not None}
    front = GOAL.front(outcomes)
    assert list(front) == sorted(front, key=lambda place: rows[place])
    for place, values in rows.items():
        beaten = any(all(a <= b for a, b in zip(rows[other], values, strict=True)) and rows[other] != values for other in rows)
        first = min(other for other in rows if rows[other] == values)
        assert (place in front) is (not beaten and place == first)
    assert GOAL.best(outcomes) == (min(rows, key=lambda place: (rows[place], place)) if rows else None)
    assert GOAL.knee(outcomes) in ((*front,) if front else (None,))
    volume = GOAL.volume(outcomes)
    if rows:
        assert volume == pytest.approx(hypervolume([(a / 200, b / 10_000) for a, b in rows.values()], (1, 1)))
    else:
        assert volume is None
    for outcome in outcomes:
        assert GOAL.keeps(outcome) is (isinstance(outcome, Qor) and not GOAL.violations(outcome))
        assert (GOAL.values(outcome) is not None) <= GOAL.keeps(outcome)


def test_the_knee_is_where_the_front_bends():
    rows = [Qor(dsp=d, lut=n, latency_cycles_max=1) for d, n in ((0, 100), (10, 20), (50, 15), (100, 0))]
    assert GOAL.knee(rows) == 1


@pytest.mark.parametrize("number", [nan, inf, -inf, -1.0, 10**400], ids=str)
def test_numbers_that_bound_nothing_are_refused(number):
    with pytest.raises(SpecError, match=r"dsp: got .{1,50}, expected a finite number"):
        Limit("dsp", number)
    with pytest.raises(SpecError, match=r"dsp: got .{1,50}, expected a finite number"):
        Objective("dsp", number)


def test_a_reference_of_nothing_is_refused():
    with pytest.raises(SpecError, match="above 0"):
        Objective("dsp", 0.0)
    assert Limit("uram", 0.0).maximum == 0
