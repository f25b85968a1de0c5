"""The sampler that computes costs and believes errors only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dse.design import Precision, Target, Toolchain, normalise_part
from dse.goal import Limit
from dse.nas.cost import Device, cost_of
from dse.nas.known_cost import features, propose
from dse.nas.records import Candidate, Outcome, cost_to_json
from dse.nas.space import ConvSpace, DenseSpace, Head, RecurrentSpace, SearchSpace
from dse.nas.spec import Goal
from dse.parts import find_part

TARGET = Target(normalise_part("xczu7ev-ffvc1156-2-e"), 4.0, "io_stream", Precision(16, 6), Toolchain("vivado_hls", "2019.1"))
DEVICE = Device(TARGET, find_part(TARGET.part), limits=(Limit("latency_ns_max", 200_000.0),))
GOALS = (Goal("rmse", 10.0), Goal("device_cost", 1.0))
SPACE = SearchSpace((16, 64), ConvSpace((0, 2), (4, 32)), RecurrentSpace(0), DenseSpace((1, 2), (4, 64)), Head())


def weigh(network):
    found = cost_of(network, DEVICE)
    return None if found.device_cost is None else (found.device_cost,)


def asked(number: int, values, error: float | None = None) -> Candidate:
    network = SPACE.architecture(values)
    outcome = Outcome.RUNNING if error is None else Outcome.TRAINED
    return Candidate(number, outcome, network, error, cost=cost_to_json(cost_of(network, DEVICE)))


def next_of(candidates, *, startup: int = 4, seed: int = 1):
    return propose(SPACE, GOALS, candidates, weigh, n_channels=1, startup=startup, seed=(seed, len(candidates)))


@pytest.fixture(scope="module")
def eight() -> list[Candidate]:
    rng = np.random.default_rng(0)
    return [asked(number, SPACE.sample(rng), 5.0 + 0.01 * number) for number in range(8)]


def test_known_costs_lead_to_cheap_networks(eight):
    """With an error that all networks share, only cost is left to gain, and that is known: the proposal must be among the cheapest."""
    values = next_of(eight)
    proposed = cost_of(SPACE.architecture(values), DEVICE).device_cost
    assert proposed < min(candidate.value("device_cost") for candidate in eight)
    assert values == next_of(eight)


def test_the_first_candidates_are_spread():
    def least_distance(candidates) -> float:
        places = np.array([features(candidate.architecture) for candidate in candidates])
        apart = np.abs(places[:, None] - places[None]).sum(axis=2)
        return float(apart[np.triu_indices(len(places), 1)].min())

    spread, drawn = [], []
    for seed in range(3):
        found: list[Candidate] = []
        for number in range(4):
            found.append(asked(number, next_of(found, seed=seed), 1.0))
        rng = np.random.default_rng(seed)
        spread.append(least_distance(found))
        drawn.append(least_distance([asked(number, SPACE.sample(rng), 1.0) for number in range(4)]))
    assert np.median(spread) > np.median(drawn)


def test_what_is_in_training_is_not_asked_for_again(eight):
    first = next_of(eight)
    running = replace(asked(8, first), number=8)
    second = propose(SPACE, GOALS, [*eight, running], weigh, n_channels=1, startup=4, seed=(1, 8))
    assert SPACE.architecture(second).key != SPACE.architecture(first).key
    ended = replace(running, outcome=Outcome.TRAINED, error=5.0)
    assert second == propose(SPACE, GOALS, [*eight, running], weigh, n_channels=1, startup=4, seed=(1, 8))
    assert (
        SPACE.architecture(propose(SPACE, GOALS, [*eight, ended], weigh, n_channels=1, startup=4, seed=(1, 8))).key
        != running.architecture.key
    )


def test_nothing_that_cannot_keep_the_limits_is_proposed_while_anything_can(eight):
    def picky(network):
        return weigh(network) if network.input_length < 24 else None

    for candidates in ([], eight):
        values = propose(SPACE, GOALS, candidates, picky, n_channels=1, startup=4, seed=(3,))
        assert values["input_length"] < 24


def test_a_classifier_that_never_errs_is_learned_from(eight):
    """And leaves nothing to gain but cost: the proposal is cheaper than it."""
    perfect = replace(eight[0], error=0.0)
    goals = (Goal("accuracy", 1.0), Goal("device_cost", 1.0))
    others = [replace(candidate, error=0.5) for candidate in eight[1:]]
    values = propose(SPACE, goals, [perfect, *others], weigh, n_channels=1, startup=4, seed=(1, 8))
    assert cost_of(SPACE.architecture(values), DEVICE).device_cost < perfect.value("device_cost")
