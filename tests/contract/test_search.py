"""What every search must keep, whatever its rule: checked for each kind in the room, and on searches that break it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import fakes
import pytest

from dse.design import DesignPoint, LayerChoice
from dse.goal import Limit, Objective
from dse.qor import FailureKind, Qor
from dse.registry import kinds, load
from dse.search.base import Advice, Proposal

KINDS = kinds("search")
NETWORK = fakes.network(fakes.conv1d("conv", 6, 4, 5), fakes.dense("hidden", 20, 8), fakes.dense("out", 8, 5))
SPACE = fakes.space(NETWORK, {"conv": [1, 2, 6], "hidden": [1, 4, 20], "out": [1, 8]})
ASKS = {
    "two objectives": {"objectives": (Objective("dsp"), Objective("latency_cycles_max"))},
    "one objective, one limit": {"objectives": (Objective("dsp"),), "limits": (Limit("latency_cycles_max", 60),)},
    "nothing keeps the limit": {"objectives": (Objective("dsp"),), "limits": (Limit("latency_cycles_max", 1),)},
}
TOYS = {
    "all succeed": fakes.toy_qor,
    "some fail": lambda layer, c: fakes.fails() if layer.name == "hidden" and c.reuse_factor == 1 else fakes.toy_qor(layer, c),
    "all fail": lambda layer, c: fakes.fails(FailureKind.OUT_OF_MEMORY),
    "no cycles known": lambda layer, c: Qor(dsp=8.0 / c.reuse_factor, lut=1.0, ff=1.0, bram_18k=0),
    "nothing known": lambda layer, c: Qor(),
    "all equal": lambda layer, c: replace(fakes.toy_qor(layer, LayerChoice(1))),
}


# BoTorch fits a model at every step: minutes in all, so it is held to the contract in the long form only.
@pytest.fixture(params=[pytest.param(kind, marks=[pytest.mark.slow] if kind == "botorch" else []) for kind in KINDS])
def kind(request):
    return request.param


@cache
def make(kind):
    module = load("search", kind)
    return lambda: module.create(module.Options())


def check(fresh, start, toy=fakes.toy_qor, **keys):
    """Drive one searcher to its end and hold each of its answers against the contract; return what it did."""
    driven = fakes.drive(fresh(), start, toy, max_trials=start.space.size + 3, **keys)
    for now, n, advice in driven.turns:
        points = [proposal.point for proposal in advice.proposals]
        assert len(points) <= max(n, 0), "more proposals than asked for"
        assert all(point in start.space for point in points), "a proposal outside the space"
        assert len(set(points)) == len(points), "one point proposed twice at once"
        assert now.seen.isdisjoint(points), "a point seen before"
        assert all(proposal.proposed_by and proposal.reason for proposal in advice.proposals), "no word on who and why"
        assert not (advice.stop and points), "stops and proposes at once"
        assert points or advice.stop or now.pending or n < 1, "neither proposes nor stops with nothing to wait for"
        assert fresh().propose(now, n) == advice, "another answer to the same view"
    assert driven.last.stop, "no reason for stopping"
    assert driven.last.stop.strip() == driven.last.stop
    return driven


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("toy", TOYS)
def test_it_keeps_the_contract_to_the_end(kind, ask, toy):
    check(make(kind), fakes.view(NETWORK, SPACE, **ASKS[ask]), TOYS[toy])


@pytest.mark.parametrize("toy", ["all succeed", "some fail", "all fail"])
@pytest.mark.parametrize(("slots", "newest_first"), [(2, False), (3, True), (40, False)])
def test_it_lives_with_pending_trials(kind, slots, newest_first, toy):
    check(make(kind), fakes.view(NETWORK, SPACE), TOYS[toy], slots=slots, newest_first=newest_first)


def test_it_asks_for_nothing_when_no_slot_is_free(kind):
    assert make(kind)().propose(fakes.view(NETWORK, SPACE), 0).proposals == ()


def test_a_space_of_one_point_ends_after_at_most_one_trial(kind):
    driven = check(make(kind), fakes.view(NETWORK, fakes.space(NETWORK, [1])))
    assert len(driven.trials) <= 1


def test_a_network_of_one_layer(kind):
    one = fakes.network(fakes.dense("only", 16, 16), name="one")
    check(make(kind), fakes.view(one, fakes.space(one, [1, 2, 4, 16, 64])))


def test_an_exhausted_space_stops_with_a_reason(kind):
    points = [SPACE.point(tuple(choices)) for choices in product(*(o.choices for o in SPACE.options))]
    pending = [fakes.pending_trial(NETWORK, i, Proposal(point, "user", "a test")) for i, point in enumerate(points, 1)]
    done = [fakes.finish(trial, fakes.evaluate(fakes.toy_qor, NETWORK, trial.point)) for trial in pending]
    advice = make(kind)().propose(fakes.view(NETWORK, SPACE, done), 2)
    assert advice.proposals == ()
    assert advice.stop


def test_a_resumed_search_goes_on_where_it_was(kind):
    driven = check(make(kind), fakes.view(NETWORK, SPACE))
    for now, n, advice in driven.turns:
        rebuilt = fakes.view(NETWORK, SPACE, now.finished, now.pending)
        assert make(kind)().propose(rebuilt, n) == advice


@dataclass
class Sweep:
    """A search that keeps the contract, but for the fault it is told to have."""

    fault: str = ""
    calls: int = 0

    def propose(self, view, n):
        self.calls += 1
        points = [view.space.point(tuple(choices)) for choices in product(*(o.choices for o in view.space.options))]
        if self.fault == "repeats" and view.finished:
            return Advice((Proposal(view.finished[0].point, "sweep", "again"),))
        if self.fault == "outside":
            name = view.network.layers[0].name
            return Advice((Proposal(DesignPoint(((name, LayerChoice(999)),)), "sweep", "out"),))
        fresh = [point for point in points if point not in view.seen]
        if self.fault == "remembers":
            fresh = fresh[self.calls % 3 :]
        if self.fault == "greedy":
            n += 1
        if not fresh or (self.fault == "shy" and view.finished):
            return Advice(stop="" if self.fault in ("mute", "shy") else "all points tried")
        return Advice(tuple(Proposal(point, "sweep", "" if self.fault == "silent" else "next in order") for point in fresh[:n]))


def test_the_contract_can_be_kept():
    driven = check(Sweep, fakes.view(NETWORK, SPACE), slots=2)
    assert len(driven.trials) == SPACE.size


@pytest.mark.parametrize(
    ("fault", "caught"),
    [
        ("repeats", "seen before"),
        ("outside", "outside the space"),
        ("remembers", "another answer"),
        ("greedy", "more proposals"),
        ("mute", "neither proposes nor stops"),
        ("shy", "neither proposes nor stops"),
        ("silent", "who and why"),
    ],
)
def test_the_contract_catches(fault, caught):
    with pytest.raises(AssertionError, match=caught):
        check(lambda: Sweep(fault), fakes.view(NETWORK, SPACE), lambda layer, choice: fakes.toy_qor(layer, LayerChoice(1)))
