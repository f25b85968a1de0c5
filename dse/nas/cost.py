"""What a candidate costs on the device, before it is trained: the exact allocation of reuse factors over tables per layer.

For every layer with weights a table of its legal reuse factors is filled from the analytic estimate (or from surrogates fitted to a
corpus); the multiple-choice problem "least device cost that keeps the latency limit and fits the device" is then solved exactly
(`dse.allocation`). Milliseconds a candidate, so the search can ask the real question instead of a proxy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.allocation.exact import Problem, Table, TableLimit, allocate, total
from dse.allocation.knapsack import one_limit
from dse.allocation.prices import priced
from dse.composition import combine_of, compose
from dse.design import DesignPoint, Fidelity, Layer, LayerChoice, Network, Strategy, Target
from dse.errors import InfeasibleError, SpaceError
from dse.estimation import context_of, estimate_layer, fixed_parts
from dse.goal import DEVICE_COST_RESOURCES, Goal, Limit
from dse.networks.architecture import Architecture, workload
from dse.parts import Part
from dse.qor import CYCLES, RESOURCES, Qor
from dse.registry import layer_kind

Floats = NDArray[np.float64]
MakeTable = Callable[[Layer, Sequence[LayerChoice], "Surroundings"], tuple[Qor, ...]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The design around a layer, for what depends on it (how its input arrives, how the top is pipelined)."""

    network: Network
    strategy: Strategy
    target: Target


@dataclass(frozen=True, slots=True)
class Device:
    """What candidates are weighed against.

    Attributes:
        limits: hard bounds on every design; the part's own capacities always hold besides.
        table: fills a layer's table; its numbers are of fidelity `fidelity`.
    """

    target: Target
    part: Part
    strategy: Strategy = "resource"
    limits: tuple[Limit, ...] = ()
    table: MakeTable | None = None
    fidelity: Fidelity = Fidelity.ESTIMATE

    @property
    def all_limits(self) -> tuple[Limit, ...]:
        """The asked limits, and the capacities where no tighter one was asked."""
        named = {limit.metric for limit in self.limits}
        own = (Limit(name, float(self.part.capacity(name))) for name in DEVICE_COST_RESOURCES if name not in named)
        return (*self.limits, *own)

    @property
    def goal(self) -> Goal:
        """What judges a candidate's design."""
        return Goal((), self.all_limits, self.part, self.target.clock_period_ns)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a candidate costs.

    Attributes:
        workload: multiplications per inference.
        point: the reuse factors with the least device cost that keep all limits; None if none do.
        qor: that design's numbers, as the tables have them.
        device_cost: sum of LUT, FF, DSP and BRAM, each as a share of the device.
        latency_ns: of that design.
        least_latency_ns: of the fastest design that keeps all limits; only where asked for.
        reason: why there is no design, "" if there is one.
        seconds: time spent.
    """

    workload: int
    point: DesignPoint | None = None
    qor: Qor | None = None
    device_cost: float | None = None
    latency_ns: float | None = None
    least_latency_ns: float | None = None
    reason: str = ""
    seconds: float = 0.0


def cost_of(architecture: Architecture, device: Device, *, with_least_latency: bool = False) -> Cost:
    """Return what an architecture costs; one that cannot be built or cannot keep the limits has no point but a reason."""
    return cost_of_network(architecture.network(), device, with_least_latency=with_least_latency)


def cost_of_network(network: Network, device: Device, *, with_least_latency: bool = False) -> Cost:
    """Return what a network costs."""
    start = perf_counter()
    load = workload(network)
    try:
        menu = _menu(network, device)
        point = _solve(device, menu, "device_cost")
        fastest = _solve(device, menu, "latency_ns_max") if with_least_latency else None
    except (InfeasibleError, SpaceError) as error:
        return Cost(load, reason=str(error), seconds=perf_counter() - start)
    qor = _design(menu, point)
    least = device.goal.value(_design(menu, fastest), "latency_ns_max") if fastest else None
    cost, latency = (device.goal.value(qor, name) for name in ("device_cost", "latency_ns_max"))
    return Cost(load, point, qor, cost, latency, least, seconds=perf_counter() - start)


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """A layer (or another part of the design), its choices (none without weights) and their numbers."""

    name: str
    choices: tuple[LayerChoice, ...]
    numbers: tuple[Qor, ...]


def estimated(layer: Layer, choices: Sequence[LayerChoice], around: Surroundings) -> tuple[Qor, ...]:
    """Fill a layer's table from the analytic estimate."""
    point = DesignPoint(tuple((other.name, LayerChoice(1, around.strategy)) for other in around.network.layers if _weighs(other)))
    context = context_of(around.network, point, around.target)[layer.name]
    return tuple(estimate_layer(layer, choice, around.target, context) for choice in choices)


def _weighs(layer: Layer) -> bool:
    return bool(layer_kind(layer.kind).matrices(layer))


def _menu(network: Network, device: Device) -> tuple[_Row, ...]:
    around = Surroundings(network, device.strategy, device.target)
    fill = device.table or estimated
    rows = []
    for layer in network.layers:
        if not _weighs(layer):
            rows.append(_Row(layer.name, (), estimated(layer, (LayerChoice(1, "latency"),), around)))
            continue
        factors = layer_kind(layer.kind).legal(layer, device.target, device.strategy).reuse_factors
        choices = tuple(LayerChoice(factor, device.strategy) for factor in factors)
        if not choices:
            raise SpaceError(f"layer {layer.name}: no legal reuse factor with strategy {device.strategy}")
        rows.append(_Row(layer.name, choices, fill(layer, choices, around)))
    rows += [_Row(name, (), (qor,)) for name, qor in fixed_parts(network, device.target)]
    return tuple(rows)


def _solve(device: Device, menu: tuple[_Row, ...], objective: str) -> DesignPoint:
    limits = []
    for limit in device.all_limits:
        limits.append(TableLimit(limit.metric, _column(menu, limit.metric, device), limit.maximum, combine_of(limit.metric)))
    problem = Problem(_column(menu, objective, device), tuple(limits))
    _refuse_hopeless(problem)
    found = allocate(problem)
    chosen = ((row.name, row.choices[index]) for row, index in zip(menu, found.choices, strict=True) if row.choices)
    return DesignPoint(tuple(chosen))


def _refuse_hopeless(problem: Problem) -> None:
    """Refuse what no design can keep by two quick tests, because the solver's own proof with its reasons takes a second."""
    for limit in problem.limits:
        least = total(tuple(np.array([column.min()]) for column in limit.table), (0,) * len(limit.table), limit.combine)
        if least > limit.maximum * (1 + 1e-9):
            raise InfeasibleError(f"{limit.name}: at least {least:,.0f}, limit {limit.maximum:,.0f}")
    tightest = one_limit(problem.objective, problem.limits[0].table, problem.limits[0].maximum)
    keeps = tightest is not None and all(total(limit.table, tightest, limit.combine) <= limit.maximum for limit in problem.limits)
    if not keeps and priced(problem) is None:
        names = " and ".join(limit.name for limit in problem.limits)
        raise InfeasibleError(f"no design keeps all of {names}")


def _column(menu: tuple[_Row, ...], metric: str, device: Device) -> Table:
    columns = []
    for row in menu:
        values = [device.goal.value(qor, metric) for qor in row.numbers]
        if None in values:
            raise SpaceError(f"layer {row.name}: nothing tells its {metric}, so the design cannot be weighed")
        columns.append(np.array(values, dtype=np.float64))
    return tuple(columns)


def _design(menu: tuple[_Row, ...], point: DesignPoint) -> Qor:
    chosen = dict(point.choices)
    pairs = []
    for row in menu:
        index = row.choices.index(chosen[row.name]) if row.choices else 0
        pairs.append((row.name, row.numbers[index]))
    return compose(pairs)


def believed(surrogate: str, options: Any, records: Sequence[Any], target: Target, seed: int) -> MakeTable:
    """Return a table maker that asks a surrogate fitted to recorded layers; what it does not know stays with the estimate.

    Args:
        surrogate: kind of surrogate; `options` its frozen `Options`.
        records: `LayerRecord`s of a corpus.
    """
    from dse import registry
    from dse.surrogates.base import METRICS

    belief = registry.load("surrogates", surrogate).create(options).fit(records, target, seed=seed)
    known: dict[tuple[Any, ...], tuple[Qor, ...]] = {}

    def fill(layer: Layer, choices: Sequence[LayerChoice], around: Surroundings) -> tuple[Qor, ...]:
        key = (layer.shape, tuple(choices))
        if key not in known:
            means = belief.predict(layer, choices).mean
            rows = []
            for mean, qor in zip(means, estimated(layer, choices, around), strict=True):
                own = {name: getattr(qor, name) for name in RESOURCES + CYCLES}
                own |= {name: max(0.0, float(v)) for name, v in zip(METRICS, mean, strict=True) if np.isfinite(v)}
                rows.append(Qor(**own))
            known[key] = tuple(rows)
        return known[key]

    return fill
