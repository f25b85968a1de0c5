"""What a candidate costs: the least device cost that keeps the limits, against brute force and against a campaign's own numbers."""

from __future__ import annotations

from itertools import product

import pytest

from dse.design import DesignPoint, LayerChoice, Precision, Target, Toolchain, normalise_part
from dse.estimation import estimate_design
from dse.goal import Limit
from dse.nas.cost import Device, cost_of, cost_of_network
from dse.nas.records import Candidate, Outcome, front_of, is_hopeless, volume_of
from dse.nas.spec import Goal
from dse.networks.architecture import Architecture, ConvBlock, Recurrent
from dse.parts import find_part
from dse.registry import layer_kind

TARGET = Target(normalise_part("xczu7ev-ffvc1156-2-e"), 4.0, "io_stream", Precision(16, 6), Toolchain("vivado_hls", "2019.1"))
PART = find_part(TARGET.part)
GOALS = (Goal("rmse", 10.0), Goal("device_cost", 1.0))


def device(nanoseconds: float = 200_000.0, *more: Limit) -> Device:
    return Device(TARGET, PART, limits=(Limit("latency_ns_max", nanoseconds), *more))


def designs(network):
    """All designs of a network, estimated as a campaign would."""
    names, menus = [], []
    for layer in network.layers:
        kind = layer_kind(layer.kind)
        if kind.matrices(layer):
            names.append(layer.name)
            menus.append([LayerChoice(factor) for factor in kind.legal(layer, TARGET, "resource").reuse_factors])
    for chosen in product(*menus):
        point = DesignPoint(tuple(zip(names, chosen, strict=True)))
        yield point, estimate_design(network, point, TARGET)


@pytest.mark.parametrize("nanoseconds", [200_000.0, 3_000.0, 1_200.0])
@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(16, conv=(ConvBlock(4, 3, 2),), dense=(6,)),
        Architecture(12, recurrent=(Recurrent("lstm", 3),), dense=()),
        Architecture(24, dense=(8, 4)),
    ],
    ids=str,
)
def test_no_design_is_cheaper(architecture, nanoseconds):
    network = architecture.network()
    goal = device(nanoseconds).goal
    found = cost_of(architecture, device(nanoseconds))
    costs = [goal.value(qor, "device_cost") for _, qor in designs(network) if goal.keeps(qor)]
    if not costs:
        assert found.point is None
        assert found.reason
        return
    assert found.device_cost == pytest.approx(min(costs))
    assert found.latency_ns <= nanoseconds
    own = estimate_design(network, found.point, TARGET)
    assert goal.value(own, "device_cost") == pytest.approx(found.device_cost)
    assert goal.value(own, "latency_ns_max") == pytest.approx(found.latency_ns)


def test_a_tighter_deadline_never_costs_less():
    network = Architecture(32, conv=(ConvBlock(8, 3, 2),), dense=(16,))
    costs = [cost_of(network, device(limit)).device_cost for limit in (200_000, 20_000, 5_000, 2_000)]
    known = [cost for cost in costs if cost is not None]
    assert known == sorted(known)
    assert len(known) >= 2


def test_what_cannot_be_kept_is_said_not_guessed():
    found = cost_of(Architecture(64, conv=(ConvBlock(16, 3),) * 2), device(100.0))
    assert (found.point, found.device_cost, found.latency_ns) == (None, None, None)
    assert "latency_ns_max" in found.reason
    small = cost_of(Architecture(16, dense=(4,)), device(200_000, Limit("lut", 10.0)))
    assert "lut" in small.reason


def test_the_least_latency_is_no_more_than_that_of_the_cheapest():
    found = cost_of(Architecture(32, conv=(ConvBlock(4, 3, 2),), dense=(8,)), device(), with_least_latency=True)
    assert found.least_latency_ns < found.latency_ns


def test_tables_of_ones_own_are_used():
    from dse.nas.cost import estimated

    def doubled(layer, choices, around):
        rows = estimated(layer, choices, around)
        return tuple(
            type(row)(**{n: 2 * getattr(row, n) for n in ("lut", "ff", "dsp", "bram_18k", "latency_cycles_max")}) for row in rows
        )

    network = Architecture(16, dense=(4,)).network()
    plain = cost_of_network(network, device())
    twice = cost_of_network(network, Device(TARGET, PART, limits=(Limit("latency_ns_max", 400_000.0),), table=doubled))
    assert twice.device_cost > 1.5 * plain.device_cost


def trained(number: int, error: float, cost: float, curve=()) -> Candidate:
    return Candidate(number, Outcome.TRAINED, Architecture(16 + number, dense=(8,)), error, curve=curve, cost={"device_cost": cost})


def test_the_front_and_its_volume():
    found = (
        trained(0, 5, 0.5),
        trained(1, 6, 0.6),
        trained(2, 8, 0.1),
        Candidate(3, Outcome.HOPELESS, None, 1.0, cost={"device_cost": 0.01}),
    )
    assert [candidate.number for candidate in front_of(found, GOALS)] == [0, 2]
    assert volume_of(found, GOALS) == pytest.approx(0.5 * 0.5 + 0.2 * 0.4)
    assert volume_of(found, (Goal("rmse"), Goal("device_cost"))) is None
    assert front_of((), GOALS) == ()


def test_only_rivals_that_cost_no_more_make_a_training_hopeless():
    rivals = [((0.2,), (9.0, 4.0, 3.0))] * 4
    assert is_hopeless((9.0, 5.0), (0.3,), rivals)
    assert not is_hopeless((9.0, 4.0), (0.3,), rivals)
    assert not is_hopeless((9.0, 5.0), (0.1,), rivals)
    assert not is_hopeless((9.0, 5.0), (0.3,), rivals[:3])


@pytest.mark.slow
def test_a_surrogate_fitted_to_recordings_agrees_with_the_estimate_fitted_to_the_same(shared):
    from dse.corpus import read_corpus
    from dse.nas.cost import believed
    from dse.registry import load

    corpus = read_corpus(shared / "data" / "ntorc")
    table = believed("forest", load("surrogates", "forest").Options(), corpus.layers, corpus.target, 1)
    network = Architecture(128, conv=(ConvBlock(16, 3, 2),) * 5, dense=(18,) * 3)  # all its convolutions are recorded
    limits = (Limit("latency_ns_max", 200_000.0),)
    both = [cost_of(network, Device(corpus.target, PART, limits=limits, table=made)) for made in (None, table)]
    assert both[0].device_cost == pytest.approx(both[1].device_cost, rel=0.25)
    assert both[1].latency_ns <= 200_000
