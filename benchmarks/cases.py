"""Design problems whose true optimum is known: recorded layers composed to networks, each with a latency limit.

Notation: L layers, C_l choices of layer l, M columns (`dse.surrogates.base.METRICS`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.networks import make_network
from dse.allocation.exact import Problem, TableLimit, allocate, total
from dse.composition import compose
from dse.corpus.base import Corpus, circuit
from dse.design import DesignPoint, Job, LayerChoice, Network, Target
from dse.errors import CorpusError
from dse.goal import DEVICE_COST_RESOURCES
from dse.parts import Part
from dse.qor import LayerRecord, Qor
from dse.space import DesignSpace, LayerOptions
from dse.surrogates.base import METRICS
from dse.synth_backends.replay import Replay, Replicates
from dse_ntorc.table4 import RecordedLayer, read_table4

Floats = NDArray[np.float64]
Table = tuple[Floats, ...]

LATENCY = "latency_cycles_max"
TOLERANCE = 0.01  # a design within this share of the optimum counts as found
_NOISE_WIDTH = 2.0  # deviations of the latency that a design should keep clear of its limit where replicates differ


@dataclass(frozen=True, slots=True, eq=False)
class RecordedSpace:
    """A network whose every layer and choice is recorded.

    Attributes:
        truth: per layer (C_l, M), the median of the replicates; NaN where a metric was not recorded.
        latency_deviation: per layer (C_l,) of one replicate, in cycles; 0 where replicates are not sampled.
        evaluate: what a synthesis of a point would say.
    """

    network: Network
    target: Target
    part: Part
    space: DesignSpace
    truth: Table
    latency_deviation: Table
    evaluate: Callable[[DesignPoint], Qor]

    def column(self, name: str) -> Table:
        """Return per layer (C_l,) one metric of the truth."""
        return tuple(table[:, METRICS.index(name)] for table in self.truth)

    @property
    def cost(self) -> Table:
        """Per layer (C_l,) the share of the device that a choice takes (LUT, FF, DSP and BRAM shares added)."""
        columns = {name: self.column(name) for name in DEVICE_COST_RESOURCES}
        return tuple(
            np.sum([columns[name][layer] / self.part.capacity(name) for name in DEVICE_COST_RESOURCES], axis=0)
            for layer in range(len(self.truth))
        )

    def indices(self, point: DesignPoint) -> tuple[int, ...]:
        """Return a point as one index per layer."""
        return tuple(o.choices.index(choice) for o, (_, choice) in zip(self.space.options, point.choices, strict=True))

    def point(self, indices: Sequence[int]) -> DesignPoint:
        """Return the point of one index per layer."""
        return self.space.point(tuple(o.choices[i] for o, i in zip(self.space.options, indices, strict=True)))


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A space, a latency limit, and the true optimum under it.

    Attributes:
        limit_cycles: `limit_factor` times the least possible latency.
        best_cost: of the optimum; where replicates are sampled, of the best design that keeps the limit clear of its noise.
    """

    recorded: RecordedSpace
    limit_factor: float
    limit_cycles: float
    best_cost: float

    def true_cost(self, point: DesignPoint) -> float:
        """Return the median cost of a point."""
        return total(self.recorded.cost, self.recorded.indices(point))

    def is_optimal(self, point: DesignPoint) -> bool:
        """Whether a verified design is as good as the optimum, within the tolerance."""
        return self.true_cost(point) <= self.best_cost * (1 + TOLERANCE) * (1 + 1e-9)


def make_case(recorded: RecordedSpace, limit_factor: float) -> Case:
    """Return the problem of least cost within `limit_factor` times the least possible latency."""
    latency = recorded.column(LATENCY)
    limit = limit_factor * sum(float(column.min()) for column in latency)
    best = allocate(Problem(recorded.cost, (TableLimit("latency", latency, limit),)))
    noise = np.sqrt(sum(float(d[i]) ** 2 for d, i in zip(recorded.latency_deviation, best.choices, strict=True)))
    if noise > 0:
        clear = max(limit - _NOISE_WIDTH * float(noise), sum(float(column.min()) for column in latency))
        best = allocate(Problem(recorded.cost, (TableLimit("latency", latency, clear),)))
    return Case(recorded, limit_factor, limit, best.objective)


def random_chance(case: Case, samples: int = 200_000, seed: int = 0) -> float:
    """Return the share of designs that keep the limit and are optimal within the tolerance, from random designs; 0 if none was."""
    rng = np.random.default_rng(seed)
    latency, cost = case.recorded.column(LATENCY), case.recorded.cost
    picks = [rng.integers(0, len(column), samples) for column in cost]
    value = np.sum([column[i] for column, i in zip(cost, picks, strict=True)], axis=0)
    cycles = np.sum([column[i] for column, i in zip(latency, picks, strict=True)], axis=0)
    return float(np.mean((value <= case.best_cost * (1 + TOLERANCE)) & (cycles <= case.limit_cycles)))


def record_network(corpus: Corpus, network: Network, part: Part, replicates: Replicates = "median", salt: int = 0) -> RecordedSpace:
    """Compose a network of a corpus's layers; `salt` draws other replicates.

    Raises:
        CorpusError: a layer's shape is not recorded, or lacks a metric that the cost needs.
    """
    if corpus.target is None:
        raise CorpusError(f"corpus {corpus.name}: records of several targets; expected one")
    network = make_network(network.name, network.layers, salt)
    median, served = Replay(corpus, "median", corpus.target), Replay(corpus, replicates, corpus.target)
    options = []
    for layer in network.layers:
        choices = median.recorded(layer)
        if not choices:
            size = f"{layer.kind} {layer.n_in} x {layer.n_out}, {layer.n_positions} positions"
            raise CorpusError(f"corpus {corpus.name}: network {network.name}, layer {layer.name}: {size} is not recorded")
        options.append(LayerOptions(layer, choices))
    space = DesignSpace(tuple(options))
    truth = tuple(_truth(median, network, option, corpus.target) for option in options)
    needed = [METRICS.index(name) for name in (*DEVICE_COST_RESOURCES, LATENCY)]
    usable: list[NDArray[np.bool_]] = [np.asarray(np.isfinite(table[:, needed]).all(axis=1)) for table in truth]
    options = [
        LayerOptions(o.layer, tuple(c for c, fine in zip(o.choices, known, strict=True) if fine))
        for o, known in zip(options, usable, strict=True)
    ]
    space, truth = DesignSpace(tuple(options)), tuple(table[known] for table, known in zip(truth, usable, strict=True))
    deviation = tuple(np.zeros(len(table)) for table in truth)
    if replicates == "sample":
        deviation = tuple(_deviation(corpus, option) for option in options)
    target = corpus.target

    def evaluate(point: DesignPoint) -> Qor:
        progress = served.advance([Job(network, point, target, served.fidelity, served.basis)])[0]
        outcome = progress.evaluation.outcome if progress.evaluation else None
        if not isinstance(outcome, Qor):
            raise CorpusError(f"corpus {corpus.name}: point {point} has no recorded result")
        return outcome

    return RecordedSpace(network, target, part, space, truth, deviation, evaluate)


def record_table4(folder: Path, part: Part, target: Target) -> tuple[RecordedSpace, ...]:
    """Return models 1 and 2 of N-TORC's Table IV as if what their forests predict had been measured.

    Raises:
        CorpusError: the tables are not there.
    """
    return tuple(_table4_space(name, layers, part, target) for name, layers in read_table4(folder).items())


def transfer_records(corpus: Corpus, network: Network) -> tuple[LayerRecord, ...]:
    """Return the corpus's records of shapes that the network does not have: what a warm start may honestly know."""
    own = {layer.shape for layer in network.layers}
    return tuple(record for record in corpus.layers if record.layer.shape not in own)


def _table4_space(name: str, layers: tuple[RecordedLayer, ...], part: Part, target: Target) -> RecordedSpace:
    network = make_network(f"table4_{name}", tuple(layer for layer, _, _ in layers))
    space = DesignSpace(tuple(LayerOptions(layer, choices) for layer, choices, _ in layers))
    known = {(layer.name, c): qor for layer, choices, qors in layers for c, qor in zip(choices, qors, strict=True)}
    truth = tuple(np.array([_row(qor) for qor in qors]) for _, _, qors in layers)

    def evaluate(point: DesignPoint) -> Qor:
        return compose((layer, known[layer, choice]) for layer, choice in point.choices)

    deviation = tuple(np.zeros(len(table)) for table in truth)
    return RecordedSpace(network, target, part, space, truth, deviation, evaluate)


def _truth(median: Replay, network: Network, option: LayerOptions, target: Target) -> Floats:
    alone = replace(network, layers=(option.layer,))
    jobs = [Job(alone, DesignPoint(((option.layer.name, c),)), target, median.fidelity, median.basis) for c in option.choices]
    outcomes = [progress.evaluation.outcome for progress in median.advance(jobs) if progress.evaluation]
    return np.array([_row(outcome) for outcome in outcomes if isinstance(outcome, Qor)])


def _row(qor: Qor) -> Floats:
    return np.array([np.nan if (value := getattr(qor, name)) is None else value for name in METRICS], dtype=np.float64)


def _deviation(corpus: Corpus, option: LayerOptions) -> Floats:
    """Return (C_l,) the standard deviation of the replicates' latency, 0 where there is one."""

    def spread(choice: LayerChoice) -> float:
        own = circuit(option.layer, choice)
        records = (r.qor.latency_cycles_max for r in corpus.layers if r.layer.shape == option.layer.shape)
        same = (circuit(r.layer, r.choice) == own for r in corpus.layers if r.layer.shape == option.layer.shape)
        values = [value for value, fits in zip(records, same, strict=True) if fits and value is not None]
        return float(np.std(values)) if len(values) > 1 else 0.0

    return np.array([spread(choice) for choice in option.choices])
