"""Explore: optima found and proven on toys smooth and rugged, failures learned from, glue understood, batches without duplicates."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import fakes
import numpy as np
import pytest

from dse.composition import compose
from dse.design import Layer, LayerChoice
from dse.errors import SpecError
from dse.goal import Goal, Limit, Objective
from dse.pareto import hypervolume, non_dominated
from dse.qor import Qor
from dse.search import explore

NETWORK = fakes.network(
    fakes.conv1d("conv_1", 12, 8, 20),
    fakes.conv1d("conv_2", 24, 8, 10),
    fakes.dense("dense_1", 80, 16),
    fakes.dense("dense_2", 16, 5),
)
SPACE = fakes.space(
    NETWORK, {"conv_1": [1, 2, 4, 12], "conv_2": [1, 3, 8, 24], "dense_1": [1, 4, 10, 40, 80], "dense_2": [1, 4, 16, 80]}
)
PLAIN = explore.Options(surrogate="gp", surrogate_options=(("start", "plain"),))


def points(space=SPACE):
    return [space.point(tuple(choices)) for choices in product(*(option.choices for option in space.options))]


def best_value(toy, objective, limits, space=SPACE, network=NETWORK):
    """Brute force over the whole space."""
    goal = Goal((Objective(objective),), limits, fakes.PART, 5.0)
    found = [goal.values(fakes.evaluate(toy, network, point)) for point in points(space)]
    return min(values[0] for values in found if values is not None)


def run(toy, objective="device_cost", limits=(), options=PLAIN, network=NETWORK, space=SPACE, **keys):
    start = fakes.view(network, space, objectives=(Objective(objective),), limits=limits)
    driven = fakes.drive(explore.create(options), start, toy, max_trials=60, **keys)
    found = [start.goal.values(trial.outcome) for trial in driven.trials]
    return driven, [values[0] for values in found if values is not None]


def rugged(seed):
    """A toy without any order: every layer and choice drawn anew, over a factor of 30."""

    def toy(layer: Layer, choice: LayerChoice) -> Qor:
        rng = np.random.default_rng([seed, choice.reuse_factor, *layer.name.encode()])
        lut, ff, dsp, bram, cycles = np.exp(rng.uniform(0, 3.4, 5)) * np.array([300, 300, 4, 4, 30])
        return Qor(lut=lut, ff=ff, dsp=dsp, bram_18k=bram, uram=0, latency_cycles_min=cycles, latency_cycles_max=cycles)

    return toy


@pytest.mark.parametrize("factor", [1.3, 4.0])
def test_finds_and_certifies_the_optimum_of_a_smooth_toy(factor):
    least = best_value(fakes.toy_qor, "latency_cycles_max", ())
    limits = (Limit("latency_cycles_max", factor * least),)
    driven, values = run(fakes.toy_qor, limits=limits)
    assert min(values) <= 1.01 * best_value(fakes.toy_qor, "device_cost", limits)
    assert driven.last.certificate is not None
    assert driven.last.certificate.reached
    assert "certificate" in driven.last.stop
    assert len(driven.trials) <= 10


def test_certificates_are_honest_where_nothing_is_smooth():
    """No belief about a rugged truth is right, so only measuring can certify; the widest layer has 5 choices."""
    true, n_trials = [], []
    for seed in range(8):
        least = best_value(rugged(seed), "latency_cycles_max", ())
        limits = (Limit("latency_cycles_max", 2.0 * least),)
        driven, values = run(rugged(seed), limits=limits)
        assert driven.last.stop
        true.append(min(values, default=np.inf) <= 1.01 * best_value(rugged(seed), "device_cost", limits))
        n_trials.append(len(driven.trials))
    assert sum(true) >= 7
    assert max(n_trials) <= 14
    assert SPACE.size == 320


def test_a_batch_holds_different_designs_and_learns_from_pending_ones():
    start = fakes.view(NETWORK, SPACE, objectives=(Objective("dsp"),), limits=(Limit("latency_cycles_max", 400),))
    searcher = explore.create(PLAIN)
    advice = searcher.propose(start, 4)
    assert len({proposal.point for proposal in advice.proposals}) == 4
    assert "thompson" in {proposal.proposed_by for proposal in advice.proposals}
    waiting = tuple(fakes.pending_trial(NETWORK, n, proposal) for n, proposal in enumerate(advice.proposals, 1))
    more = searcher.propose(replace(start, pending=waiting), 2)
    assert {proposal.point for proposal in more.proposals}.isdisjoint(proposal.point for proposal in advice.proposals)


def test_parallel_slots_reach_the_same_optimum():
    limits = (Limit("latency_cycles_max", 500),)
    _, values = run(fakes.toy_qor, limits=limits, slots=4)
    assert min(values) <= 1.01 * best_value(fakes.toy_qor, "device_cost", limits)


def test_a_choice_that_fails_is_found_out_and_avoided():
    def toy(layer, choice):
        return fakes.fails() if layer.name == "dense_1" and choice.reuse_factor <= 4 else fakes.toy_qor(layer, choice)

    driven, values = run(toy, objective="latency_cycles_max")
    assert min(values) == best_value(toy, "latency_cycles_max", ())
    assert sum(trial.qor is None for trial in driven.trials) <= 6


def test_totals_that_are_not_sums_are_understood():
    def whole(point):
        total = fakes.evaluate(fakes.toy_qor, NETWORK, point)
        return replace(total, lut=total.lut + 4000, latency_cycles_max=0.8 * total.latency_cycles_max + 3)

    limit = Limit("latency_cycles_max", 300.0)
    now = fakes.view(NETWORK, SPACE, objectives=(Objective("lut"),), limits=(limit,))
    searcher = explore.create(PLAIN)
    for number in range(1, 40):
        advice = searcher.propose(now, 1)
        if not advice.proposals:
            break
        trial = fakes.finish(fakes.pending_trial(NETWORK, number, advice.proposals[0]), whole(advice.proposals[0].point))
        now = replace(now, finished=(*now.finished, trial))
    kept = [trial.qor.lut for trial in now.finished if trial.qor.latency_cycles_max <= limit.maximum]
    truth = [qor.lut for point in points() if (qor := whole(point)).latency_cycles_max <= limit.maximum]
    assert advice.stop
    assert min(kept) <= 1.01 * min(truth)


def test_a_limit_that_nothing_keeps_is_named_after_measuring():
    driven, values = run(fakes.toy_qor, limits=(Limit("latency_cycles_max", 20), Limit("dsp", 10_000)))
    assert not values
    assert driven.trials
    assert "latency_cycles_max" in driven.last.stop
    assert "dsp" not in driven.last.stop


def test_minimizes_the_slowest_interval_within_the_device():
    limits = (Limit("dsp", 150), Limit("lut", 20_000))
    _, values = run(fakes.toy_qor, objective="ii_cycles_max", limits=limits)
    assert min(values) == best_value(fakes.toy_qor, "ii_cycles_max", limits)


def test_two_objectives_uncover_the_front():
    start = fakes.view(NETWORK, SPACE, objectives=(Objective("dsp"), Objective("latency_cycles_max")))
    driven = fakes.drive(explore.create(PLAIN), start, max_trials=14)
    everything = np.array([[q.dsp, q.latency_cycles_max] for q in (fakes.evaluate(fakes.toy_qor, NETWORK, p) for p in points())])
    front = everything[non_dominated(everything)]
    corner = 1.1 * front.max(axis=0)
    found = np.array([[trial.qor.dsp, trial.qor.latency_cycles_max] for trial in driven.trials])
    assert hypervolume(found, corner) >= 0.97 * hypervolume(front, corner)


@pytest.mark.parametrize("toy", [fakes.toy_qor, rugged(1)], ids=["smooth", "rugged"])
def test_a_front_is_called_complete_when_it_is_and_after_measuring(toy):
    everything = np.array([[q.dsp, q.latency_cycles_max] for q in (fakes.evaluate(toy, NETWORK, p) for p in points())])
    corner = 1.1 * everything[non_dominated(everything)].max(axis=0)
    wanted = tuple(Objective(name, float(end)) for name, end in zip(("dsp", "latency_cycles_max"), corner, strict=True))
    driven = fakes.drive(explore.create(PLAIN), fakes.view(NETWORK, SPACE, objectives=wanted), toy, max_trials=60)
    assert "certificate" in driven.last.stop
    assert len(driven.trials) < 30
    found = np.array([[trial.qor.dsp, trial.qor.latency_cycles_max] for trial in driven.trials])
    assert hypervolume(found, corner) >= 0.99 * hypervolume(everything, corner)
    rules = [trial.proposed_by for trial in driven.trials]
    assert rules[0] == "hypervolume"
    claims = [advice.certificate.reached for _, _, advice in driven.turns if advice.proposals and advice.certificate]
    assert not any(claims), "claims to be done and goes on"


def test_what_failed_is_not_swept_again():
    def toy(layer, choice):
        return fakes.fails() if layer.name == "dense_1" and choice.reuse_factor <= 4 else fakes.toy_qor(layer, choice)

    start = fakes.view(NETWORK, SPACE, objectives=(Objective("dsp"), Objective("latency_cycles_max")))
    driven = fakes.drive(explore.create(PLAIN), start, toy, max_trials=60)
    assert driven.last.stop
    assert sum(trial.qor is None for trial in driven.trials) <= 8


def test_layers_of_one_shape_share_what_is_measured():
    twins = fakes.network(*(fakes.dense(f"dense_{n}", 16, 16) for n in range(4)), name="twins")
    within = fakes.space(twins, [1, 2, 4, 8, 16, 64])
    limits = (Limit("latency_cycles_max", 60),)
    driven, values = run(rugged(3), limits=(), network=twins, space=within)
    assert values
    driven, _ = run(fakes.toy_qor, limits=limits, network=twins, space=within)
    sweeps = [trial.point for trial in driven.trials if trial.proposed_by == "sweep"]
    assert all(len(set(point.reuse_factors)) > 1 for point in sweeps), "a sweep measures one circuit twice"


def test_noise_is_not_mistaken_for_progress():
    def noisy(point, number):
        rng = np.random.default_rng(number)
        parts = []
        for (name, choice), option in zip(point.choices, SPACE.options, strict=True):
            qor = fakes.toy_qor(option.layer, choice)
            parts.append((name, replace(qor, lut=qor.lut * rng.normal(1, 0.02))))
        return compose(parts)

    now = fakes.view(NETWORK, SPACE, objectives=(Objective("lut"),), limits=(Limit("latency_cycles_max", 400.0),))
    searcher = explore.create(PLAIN)
    for number in range(1, 30):
        advice = searcher.propose(now, 1)
        if not advice.proposals:
            break
        proposal = advice.proposals[0]
        now = replace(
            now,
            finished=(*now.finished, fakes.finish(fakes.pending_trial(NETWORK, number, proposal), noisy(proposal.point, number))),
        )
    kept = [t.point for t in now.finished if t.qor.latency_cycles_max <= 400]
    best = min(fakes.evaluate(fakes.toy_qor, NETWORK, point).lut for point in kept)
    assert best <= 1.05 * best_value(fakes.toy_qor, "lut", (Limit("latency_cycles_max", 400.0),))


def test_staggered_probes_mirror_each_other():
    options = replace(PLAIN, probes="staggered")
    start = fakes.view(NETWORK, SPACE, objectives=(Objective("lut"),))
    first, second = explore.create(options).propose(start, 2).proposals
    for option, a, b in zip(SPACE.options, first.point.choices, second.point.choices, strict=True):
        assert option.choices.index(a[1]) + option.choices.index(b[1]) == len(option.choices) - 1
    assert len(set(first.point.reuse_factors)) > 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"surrogate": "oracle"}, "oracle"),
        ({"confidence": 1.0}, "confidence"),
        ({"tolerance": -0.1}, "tolerance"),
        ({"probes": "many"}, "probes"),
    ],
)
def test_wrong_options_are_refused(wrong, message):
    with pytest.raises(SpecError, match=message):
        explore.Options(**wrong)


@pytest.mark.parametrize("pair", [("colour", 1), ("start", "warm")])
def test_wrong_surrogate_options_are_refused(pair):
    with pytest.raises(SpecError, match=pair[0]):
        explore.create(explore.Options(surrogate="gp", surrogate_options=(pair,)))


def test_what_nobody_measures_ends_the_search():
    driven, values = run(lambda layer, choice: Qor(dsp=1.0), objective="lut")
    assert values == []
    assert len(driven.trials) <= 4
    assert "lut" in driven.last.stop
