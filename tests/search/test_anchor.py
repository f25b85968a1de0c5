"""The anchor heuristic: golden traces of the paper's run, its stopping rules, and what it does where the paper is silent."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import fakes
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dse.balance import estimate, find_anchor, suggest
from dse.composition import compose
from dse.design import LayerChoice
from dse.errors import SpecError
from dse.goal import Limit
from dse.qor import FailureKind, Qor
from dse.search import anchor
from dse.search.anchor import Options
from dse.search.base import Proposal
from dse.space import DesignSpace, LayerOptions

# Three convolutions and three dense layers with the properties of the paper's run.
# The shapes are made up; CORNERS are II by reuse factor, interpolated between.
NETWORK = fakes.network(
    fakes.conv1d("conv1", 3, 16, 16),
    fakes.conv1d("conv2", 48, 16, 14),
    fakes.conv1d("conv3", 48, 16, 12),
    fakes.dense("dense1", 192, 64),
    fakes.dense("dense2", 64, 32),
    fakes.dense("dense3", 32, 5),
    name="jet",
)
CORNERS = {
    "conv1": {1: 20, 2: 36, 4: 67, 10: 163, 64: 1027},
    "conv2": {1: 6, 64: 384},
    "conv3": {1: 2, 8: 19, 10: 24, 15: 36, 64: 154},
    "dense1": {1: 2, 10: 20, 18: 33, 20: 34, 21: 35, 22: 35, 24: 40, 64: 120},
    "dense2": {1: 6, 10: 11, 64: 132.5},  # nearly flat up to 10: extrapolated far too fast
    "dense3": {1: 9, 27: 35, 40: 35, 41: 24, 64: 24},  # not monotone
}
SPACE = fakes.space(NETWORK, range(1, 65))


def paper(layer, choice):
    corners = CORNERS[layer.name]
    ii = round(float(np.interp(choice.reuse_factor, list(corners), list(corners.values()))))
    cycles = {"ii_cycles_min": ii, "ii_cycles_max": ii, "latency_cycles_min": ii + 7, "latency_cycles_max": ii + 7}
    return replace(fakes.toy_qor(layer, choice), **cycles)


def run(options, toy=paper, network=NETWORK, space=SPACE, **keys):
    return fakes.drive(anchor.create(options), fakes.view(network, space), toy, **keys)


def iis(trial):
    return [qor.ii_cycles_max for _, qor in trial.qor.layers]


def flat(**cycles):
    """A toy of which only the II per reuse factor matters."""
    return lambda layer, choice: Qor(dsp=1.0, ii_cycles_max=cycles[layer.name][choice.reuse_factor])


def test_performance_mode_takes_two_probes_and_two_suggestions():
    driven = run(Options(anchor_reuse_max=1))
    assert driven.trace == [[1] * 6, [10] * 6, [1, 3, 8, 10, 26, 12], [1, 3, 8, 10, 14, 12]]
    assert [iis(t) for t in driven.trials] == [
        [20, 6, 2, 2, 6, 9],
        [163, 60, 24, 20, 11, 18],
        [20, 18, 19, 20, 47, 20],
        [20, 18, 19, 20, 20, 20],
    ]
    assert driven.last.stop == "repeated configuration [1, 3, 8, 10, 14, 12]: trial 4 already is it"
    assert [t.proposed_by for t in driven.trials] == ["probe", "probe", "anchor", "anchor"]


def test_a_layer_extrapolated_from_the_probe_at_10_is_corrected_by_one_synthesis():
    driven = run(Options(anchor_reuse_max=1))
    extrapolated, corrected = (trial.point["dense2"].reuse_factor for trial in driven.trials[2:])
    assert (extrapolated, corrected) == (26, 14)
    assert "dense2" in driven.trials[2].notes[0]
    assert driven.trials[3].notes == ()
    assert abs(iis(driven.trials[2])[4] - 20) > 20 > abs(iis(driven.trials[3])[4] - 20)


def test_compact_mode_takes_two_probes_and_five_suggestions():
    driven = run(Options(anchor_reuse_max=2))
    assert driven.trace == [
        [1] * 6,
        [10] * 6,
        [2, 6, 15, 18, 55, 28],
        [2, 6, 15, 20, 21, 29],
        [2, 6, 15, 24, 21, 54],
        [2, 6, 15, 21, 21, 28],
        [2, 6, 15, 22, 21, 28],
    ]
    assert iis(driven.trials[-1]) == iis(driven.trials[-2]) == [36, 36, 36, 35, 36, 35]
    assert driven.last.stop == "identical IIs: trial 7 measured the same as trial 6"


def test_a_plateau_and_a_drop_are_learned():
    driven = run(Options(anchor_reuse_max=2))
    dense3 = [(t.point["dense3"].reuse_factor, iis(t)[5]) for t in driven.trials[2:]]
    assert dense3 == [(28, 35), (29, 35), (54, 24), (28, 35), (28, 35)]
    assert [paper(NETWORK.layer("dense3"), LayerChoice(r)).ii_cycles_max for r in (27, 40, 41)] == [35, 35, 24]


def test_the_estimated_error_is_the_sum_of_relative_deviations_below_the_highest():
    (option, other) = fakes.space(fakes.network(fakes.dense("a", 4, 4), fakes.dense("b", 4, 4)), [1, 2, 4]).options
    measured = {"a": {1: 20.0, 4: 80.0}, "b": {1: 5.0, 2: 10.0, 4: 15.0}}
    got = suggest((option, other), measured, "a", 1)
    assert got.point.reuse_factors == (1, 4)
    assert (got.target_cycles, got.error) == (20.0, (20 - 15) / 20)
    over = suggest((option, other), {**measured, "b": {1: 5.0, 2: 10.0, 4: 25.0}}, "a", 1)
    assert over.error == (25 - 20) / 25  # the anchor counts too, where another layer is the highest


def test_of_equally_near_estimates_the_one_with_fewest_multipliers_wins():
    options = fakes.space(fakes.network(fakes.dense("a", 8, 8), fakes.dense("b", 8, 8)), [1, 2, 4, 8]).options
    assert suggest(options, {"a": {1: 10.0, 8: 80.0}, "b": {1: 12.0, 8: 12.0}}, "a", 1).point.reuse_factors == (1, 8)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [((5, 5), (9, 8), "a"), ((5, 6), (9, 10), "b"), ((5, 5), (9, 9), "a"), ((5, 5), (5, 4), None), ((None, 5), (9, 6), "b")],
)
def test_the_anchor_is_the_largest_rise_then_the_slowest_then_the_first(low, high, expected):
    assert find_anchor(("a", "b"), low, high) == expected


def test_interpolation_extrapolates_the_last_segment_and_never_below_one_cycle():
    measured = {2: 10.0, 4: 20.0, 8: 12.0}
    assert [estimate(measured, r, 1) for r in (1, 2, 3, 4, 6, 8, 10, 30)] == [5.0, 10.0, 15.0, 20.0, 16.0, 12.0, 8.0, 1.0]
    assert [estimate({4: 9.0}, r, 3) for r in (1, 4, 6)] == [1.0, 9.0, 15.0]


def test_max_iterations_stops_and_says_so():
    driven = run(Options(anchor_reuse_max=2, max_iterations=3))
    assert len(driven.trials) == 5
    assert driven.last.stop == "maximum of 3 iterations reached"


def test_probes_take_the_smallest_and_the_nearest_legal_choices():
    space = fakes.space(NETWORK, {layer.name: [4, 8, 12, 64] for layer in NETWORK.layers})
    assert run(Options(), space=space).trace[:2] == [[4] * 6, [8] * 6]


def test_an_anchor_that_cannot_take_1_to_M_takes_its_smallest():
    space = fakes.space(
        NETWORK, {layer.name: [4, 8, 12, 64] if layer.name == "conv1" else range(1, 65) for layer in NETWORK.layers}
    )
    trace = run(Options(anchor_reuse_max=2), space=space).trace
    assert {point[0] for point in trace[2:]} == {4}


def test_both_probes_are_proposed_at_once_and_everything_else_waits():
    now = fakes.view(NETWORK, SPACE)
    searcher = anchor.create(Options())
    both = searcher.propose(now, 4)
    assert [p.point.reuse_factors for p in both.proposals] == [(1,) * 6, (10,) * 6]
    low, high = (fakes.pending_trial(NETWORK, n, p) for n, p in enumerate(both.proposals, 1))
    assert searcher.propose(replace(now, pending=(low,)), 1).proposals == both.proposals[1:]
    waiting = searcher.propose(replace(now, pending=(low, high)), 4)
    assert (waiting.proposals, waiting.stop) == ((), None)
    done = tuple(fakes.finish(t, fakes.evaluate(paper, NETWORK, t.point)) for t in (high, low))
    first = searcher.propose(replace(now, finished=done), 4)
    assert [p.point.reuse_factors for p in first.proposals] == [(1, 3, 8, 10, 26, 12)]
    suggested = fakes.pending_trial(NETWORK, 3, first.proposals[0])
    waiting = searcher.propose(replace(now, finished=done, pending=(suggested,)), 4)
    assert (waiting.proposals, waiting.stop) == ((), None)
    assert searcher.propose(now, 0).proposals == ()


@pytest.mark.parametrize("slots", [1, 2, 5])
@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("reuse_max", [1, 2])
def test_slots_and_order_of_arrival_do_not_change_the_trace(slots, newest_first, reuse_max):
    options = Options(anchor_reuse_max=reuse_max)
    other = run(options, slots=slots, newest_first=newest_first)
    assert (other.trace, other.last.stop) == (run(options).trace, run(options).last.stop)


def test_a_single_layer_has_nothing_to_balance():
    network = fakes.network(fakes.dense("only", 16, 16))
    driven = run(Options(anchor_reuse_max=4), fakes.toy_qor, network, fakes.space(network, [1, 2, 4, 8, 16]))
    assert driven.trace == [[1], [8], [4]]
    assert driven.last.stop == "repeated configuration [4]: trial 3 already is it"


def test_of_equal_errors_the_largest_m_is_taken_for_it_takes_least_area():
    network = fakes.network(*(fakes.dense(name, 8, 8) for name in "abc"))
    driven = run(Options(anchor_reuse_max=3), fakes.toy_qor, network, fakes.space(network, [1, 2, 4, 8]))
    assert driven.trace == [[1] * 3, [8] * 3, [2] * 3]
    assert run(Options(), fakes.toy_qor, network, fakes.space(network, [1, 2, 4, 8])).trace == [[1] * 3, [8] * 3]


def test_a_space_of_one_point_is_probed_once():
    driven = run(Options(), space=fakes.space(NETWORK, [4]))
    assert driven.trace == [[4] * 6]
    assert driven.last.stop.startswith("no anchor: no layer's II rises from [4, 4, 4, 4, 4, 4] to [4, 4, 4, 4, 4, 4]")


def test_no_rise_no_anchor():
    network = fakes.network(fakes.dense("a", 4, 4), fakes.dense("b", 4, 4))
    toy = flat(a={1: 7, 8: 7}, b={1: 9, 8: 3})
    driven = run(Options(), toy, network, fakes.space(network, [1, 8]))
    assert driven.last.stop == "no anchor: no layer's II rises from [1, 1] to [8, 8]"


def test_a_layer_measured_at_one_reuse_factor_takes_one_cycle_per_reuse_and_position():
    network = fakes.network(fakes.dense("a", 16, 4), fakes.conv1d("b", 8, 8, 4))
    space = fakes.space(network, {"a": [1, 2, 8], "b": [1, 4, 5, 64]})
    toy = flat(a={1: 20, 2: 40, 8: 160}, b={1: 8, 4: 20, 5: 24, 64: 260})
    assert run(Options(probe_reuse_factor=2), toy, network, space).trace == [[1, 1], [2, 1], [1, 4]]


def test_unknown_ii_stops_and_suggests_latency():
    def no_ii(layer, choice):
        return replace(paper(layer, choice), ii_cycles_min=None, ii_cycles_max=None)

    stopped = run(Options(), no_ii)
    assert stopped.last.stop == (
        'unknown II: trial 1 has no ii_cycles_max of layer conv1. Balance latency instead: [search].balance = "latency_cycles_max".'
    )
    latency = run(Options(balance="latency_cycles_max"), no_ii)
    assert len(latency.trials) > 2
    assert latency.last.stop.startswith(("repeated configuration", "identical latencies"))


def test_unknown_latency_stops_too():
    stopped = run(Options(balance="latency_cycles_max"), lambda layer, choice: Qor(dsp=1.0))
    assert "has no latency_cycles_max of layer conv1. The heuristic needs the cycles of each layer." in stopped.last.stop


def test_a_failed_probe_is_tried_one_choice_larger():
    def too_big(layer, choice):
        return fakes.fails(FailureKind.OUT_OF_MEMORY) if choice.reuse_factor < 3 else paper(layer, choice)

    driven = run(Options(), too_big)
    assert driven.trace[:4] == [[1] * 6, [2] * 6, [3] * 6, [10] * 6]
    assert [t.status for t in driven.trials[:4]] == ["failed", "failed", "done", "done"]


def test_a_probe_that_fails_up_to_the_largest_choice_stops():
    space = fakes.space(NETWORK, [1, 2, 16])
    driven = run(Options(), lambda layer, choice: fakes.fails(), space=space)
    assert driven.trace == [[1] * 6, [2] * 6, [16] * 6]
    assert driven.last.stop == (
        "the probes failed at every step up to the largest reuse factors: trial 1 (timeout), trial 2 (timeout), trial 3 (timeout)"
    )


def test_failed_probes_count_as_iterations():
    driven = run(Options(max_iterations=4), lambda layer, choice: fakes.fails(), slots=2)
    assert len(driven.trials) <= 6
    assert driven.last.stop.startswith("maximum of 4 iterations reached: trial 1 (timeout)")


def test_a_suggestion_that_fails_gives_way_to_the_next_best_m_and_then_stops():
    def fragile(layer, choice):
        return fakes.fails(FailureKind.TOOL_CRASH) if layer.name == "dense1" and choice.reuse_factor == 18 else paper(layer, choice)

    driven = run(Options(anchor_reuse_max=2), fragile)
    assert driven.trace[2] == [2, 6, 15, 18, 55, 28]
    assert driven.trace[3] == [1, 3, 8, 10, 26, 12]
    only = run(Options(), lambda la, c: fakes.fails() if la.name == "dense2" and c.reuse_factor == 26 else paper(la, c))
    assert only.last.stop == "repeated configuration [1, 3, 8, 10, 26, 12]: it failed, trial 3 (timeout)"


def test_of_several_strategies_it_keeps_one_and_says_so():
    both = [LayerOptions(o.layer, tuple(sorted((*o.choices, LayerChoice(1, "latency"))))) for o in SPACE.options[:1]]
    driven = run(Options(), space=DesignSpace((*both, *SPACE.options[1:])))
    assert driven.trace == run(Options()).trace
    assert {t.point["conv1"].strategy for t in driven.trials} == {"resource"}
    assert driven.last.notes == ("conv1: of several strategies on offer the heuristic keeps to resource",)


def test_trials_of_another_search_do_not_wake_it_up_again():
    driven = run(Options())
    point = SPACE.point(tuple(LayerChoice(r) for r in (1, 5, 5, 5, 5, 5)))
    other = fakes.pending_trial(NETWORK, 5, Proposal(point, "thompson", "a test"))
    now = fakes.view(NETWORK, SPACE, (*driven.trials, fakes.finish(other, fakes.evaluate(paper, NETWORK, point))))
    assert anchor.create(Options()).propose(now, 2).stop == driven.last.stop


def test_a_probe_measured_for_another_reason_counts():
    first = run(Options()).trials[0]
    now = fakes.view(NETWORK, SPACE, (replace(first, proposed_by="user"),))
    assert [p.point.reuse_factors for p in anchor.create(Options()).propose(now, 2).proposals] == [(10,) * 6]


def view_of(points, network=NETWORK, space=SPACE, **keys):
    """A view whose trials hold (reuse factors, II per layer, DSP, LUT, FF)."""
    trials = []
    for number, (factors, cycles, dsp, lut, ff) in enumerate(points, 1):
        point = space.point(tuple(LayerChoice(r) for r in factors))
        layers = [(n, Qor(ii_cycles_max=c)) for (n, _), c in zip(point.choices, cycles, strict=True)]
        qor = replace(compose(layers), dsp=dsp, lut=lut, ff=ff, bram_18k=10, latency_cycles_max=100)
        trials.append(fakes.finish(fakes.pending_trial(network, number, Proposal(point, "anchor", "a test")), qor))
    return fakes.view(network, space, trials, **keys)


TABLE_1 = [  # II, DSP, LUT, FF of the paper's Table 1; the cycles of single layers are made up below them
    ((1,) * 6, (20, 6, 2, 2, 6, 9), 2269, 100_525, 45_954),
    ((10,) * 6, (163, 60, 24, 20, 11, 18), 295, 110_000, 50_000),
    ((1, 3, 8, 10, 14, 12), (20, 18, 19, 20, 20, 20), 642, 108_248, 51_398),
    ((2, 6, 15, 20, 29, 40), (36, 36, 36, 34, 35, 35), 308, 108_291, 52_729),
    ((4,) * 6, (67, 24, 10, 8, 8, 12), 737, 118_586, 49_387),
]


def test_best_by_the_goal_of_each_mode_on_the_figures_of_table_1():
    now = view_of(TABLE_1)
    assert anchor.create(Options(anchor_reuse_max=1)).best(now).number == 3
    assert anchor.create(Options(anchor_reuse_max=2)).best(now).number == 4
    assert anchor.create(Options(anchor_reuse_max=2)).aim(now).cycles == 36


def test_best_may_differ_from_the_last_and_keeps_the_limits():
    options = Options(anchor_reuse_max=2, max_iterations=3)
    trials = run(options).trials
    now = fakes.view(NETWORK, SPACE, trials)
    chosen = anchor.create(options).best(now)
    assert (chosen.number, max(iis(chosen)), max(iis(trials[-1]))) == (4, 36, 40)
    assert chosen.qor.dsp > trials[-1].qor.dsp
    smaller = replace(now, goal=replace(now.goal, limits=(Limit("dsp", chosen.qor.dsp - 1),)))
    assert anchor.create(options).best(smaller) == trials[-1]
    assert anchor.create(options).best(replace(now, goal=replace(now.goal, limits=(Limit("dsp", 1),)))) is None


def test_best_needs_a_measured_design_whose_layers_are_known():
    assert anchor.create(Options(anchor_reuse_max=2)).best(fakes.view(NETWORK, SPACE)) is None
    blind = view_of([((1,) * 6, (20, 6, 2, 2, 6, None), 1, 1, 1)])
    assert anchor.create(Options()).best(blind) is None
    only = view_of(TABLE_1[:1])
    assert anchor.create(Options(anchor_reuse_max=2)).best(only).number == 1


@pytest.mark.parametrize(
    "bad",
    [{"anchor_reuse_max": 0}, {"probe_reuse_factor": 1}, {"max_iterations": 0}, {"balance": "lut"}, {"compact_tolerance": -0.1}],
)
def test_bad_options_are_refused_by_name(bad):
    with pytest.raises(SpecError, match=re.escape(f"[search].{next(iter(bad))}: got")):
        Options(**bad)


@st.composite
def problems(draw):
    """A network of 1 to 4 layers with any choices and any II, some unknown, some failing."""
    factors = st.lists(st.integers(1, 70), min_size=1, max_size=6, unique=True).map(sorted)
    table = {f"l{i}": draw(factors) for i in range(draw(st.integers(1, 4)))}
    network = fakes.network(*(fakes.conv1d(name, 4, 4, draw(st.integers(1, 5))) for name in table))
    cycles = st.one_of(st.integers(0, 200), st.integers(1, 30), st.floats(0, 99), st.just("fails"))
    if draw(st.booleans()):
        cycles = st.integers(1, 200)
    ii = {name: {r: draw(cycles) for r in own} for name, own in table.items()}

    def toy(layer, choice):
        value = ii[layer.name][choice.reuse_factor]
        return fakes.fails() if value == "fails" else Qor(dsp=float(choice.reuse_factor), ii_cycles_max=value)

    options = Options(draw(st.integers(1, 4)), draw(st.integers(2, 30)), draw(st.integers(1, 8)))
    return network, fakes.space(network, table), toy, options


@settings(deadline=None, max_examples=150)
@given(problems(), st.integers(1, 3), st.booleans())
def test_any_network_ends_within_the_bound_on_legal_unseen_points(problem, slots, newest_first):
    network, space, toy, options = problem
    driven = run(options, toy, network, space, slots=slots, newest_first=newest_first)
    points = [trial.point for trial in driven.trials]
    assert len(points) <= 2 + options.max_iterations
    assert all(point in space for point in points)
    assert len(set(points)) == len(points)
    assert driven.last.stop
    for now, free, advice in driven.turns:
        assert len(advice.proposals) <= free
        assert anchor.create(options).propose(now, free) == advice
    anchor.create(options).best(driven.turns[-1][0])


@settings(deadline=None, max_examples=50)
@given(problems())
def test_every_proposal_follows_from_the_results_before_it(problem):
    network, space, toy, options = problem
    driven = run(options, toy, network, space)
    for k, (now, following) in enumerate(pairwise(driven.trials)):
        prefix = fakes.view(network, space, driven.trials[: k + 1])
        assert anchor.create(options).propose(prefix, 1).proposals[0].point == following.point, now


@given(
    st.dictionaries(st.integers(1, 100), st.floats(1, 1000), min_size=1, max_size=6),
    st.integers(1, 120),
    st.integers(1, 9),
)
@example({1: 5.0, 3: 1.0}, 9, 1)
def test_an_estimate_meets_its_corners_and_stays_between_neighbors(measured, reuse_factor, slope):
    got = estimate(measured, reuse_factor, slope)
    assert got >= 1
    below = [r for r in measured if r <= reuse_factor]
    above = [r for r in measured if r >= reuse_factor]
    if below and above:
        ends = measured[max(below)], measured[min(above)]
        assert min(ends) - 1e-9 <= got <= max(ends) + 1e-9
        assert got == pytest.approx(np.interp(reuse_factor, sorted(measured), [measured[r] for r in sorted(measured)]))
