"""Allocation at N-TORC's Table IV: exact, random and annealed, on the tables that their forests predict; and what others say of it.

N-TORC minimises LUT + FF + BRAM + DSP, unweighted, subject to the sum of the longest latencies <= 50,000 cycles (FPGA 2025, Table IV).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import LATENCY, RecordedSpace, record_table4
from dse import registry
from dse.allocation.exact import Problem, TableLimit, allocate, total
from dse.corpus import read_corpus
from dse.errors import InfeasibleError
from dse.parts import find_part
from dse.surrogates.base import METRICS
from dse_ntorc.tables import TARGET

Floats = NDArray[np.float64]

CYCLES_LIMIT = 50_000.0
_SUMMED = ("lut", "ff", "bram_18k", "dsp")
_CHUNK = 100_000
_COLD = 0.01  # temperature at which a chain has settled
_RESTARTS = 8  # random designs looked at for one that keeps the limit
PUBLISHED = {
    "model_1": {"lut": 94_960, "dsp": 78, "latency_us": 193, "random_1m": (95_537, 79, 192), "annealing_1m": (93_046, 136, 193)},
    "model_2": {
        "lut": 374_009,
        "dsp": 459,
        "latency_us": 199,
        "random_1m": (383_849, 474, 190),
        "annealing_1m": (376_416, 466, 196),
    },
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One way to allocate: the best design found, as the tables predict it."""

    method: str
    trials: int | None
    seconds: float
    objective: float | None
    lut: float | None
    dsp: float | None
    latency_cycles: float | None
    choices: tuple[int, ...] = ()


def compare(folder: Path, trials: Sequence[int], seed: int) -> dict[str, Any]:
    """Solve both models in every way.

    Raises:
        CorpusError: the tables are not there.
    """
    models = {}
    for space in record_table4(folder, find_part(TARGET.part), TARGET):
        name = space.network.name.removeprefix("table4_")
        problem = pose(space)
        answers = [solve_exactly(space, problem, reference=True), solve_exactly(space, problem, reference=False)]
        for count in trials:
            answers.append(_timed(space, "random", count, lambda count=count, p=problem: random_best(p, count, seed)))
            answers.append(_timed(space, "annealing", count, lambda count=count, p=problem: anneal(p, count, seed)))
        models[name] = {"space_size": space.space.size, "published": PUBLISHED[name], "answers": [_row(a) for a in answers]}
    return models


def pose(space: RecordedSpace) -> Problem:
    """Return N-TORC's problem."""
    columns = [space.column(name) for name in _SUMMED]
    objective = tuple(np.sum(parts, axis=0) for parts in zip(*columns, strict=True))
    return Problem(objective, (TableLimit("latency", space.column(LATENCY), CYCLES_LIMIT),))


def solve_exactly(space: RecordedSpace, problem: Problem, *, reference: bool) -> Answer:
    """Solve with HiGHS (the reference) or with the partial-sum solver; the first call, which loads libraries, is not timed."""
    allocate(problem, reference=reference)
    name = "HiGHS" if reference else "partial sums"
    return _timed(space, name, None, lambda: allocate(problem, reference=reference).choices)


def random_best(problem: Problem, count: int, seed: int) -> tuple[int, ...] | None:
    """Return the best of `count` random designs that keeps the limit; None if none does."""
    rng, best, chosen = np.random.default_rng(seed), np.inf, None
    limit = problem.limits[0]
    for start in range(0, count, _CHUNK):
        n = min(_CHUNK, count - start)
        picks = [rng.integers(0, len(column), n) for column in problem.objective]
        value = np.sum([column[i] for column, i in zip(problem.objective, picks, strict=True)], axis=0)
        used = np.sum([column[i] for column, i in zip(limit.table, picks, strict=True)], axis=0)
        value = np.where(used <= limit.maximum, value, np.inf)
        place = int(np.argmin(value))
        if value[place] < best:
            best, chosen = float(value[place]), tuple(int(i[place]) for i in picks)
    return chosen


def anneal(problem: Problem, count: int, seed: int, temperature: float = 100.0, cooling: float = 0.01) -> tuple[int, ...] | None:
    """Return the best design of `count` steps, one layer changed a step; a design over the limit is refused.

    A chain that is cold starts again from a random design (if one is found that keeps the limit, else from the fastest).
    """
    rng = np.random.default_rng(seed)
    limit = problem.limits[0]
    costs, loads = [column.tolist() for column in problem.objective], [column.tolist() for column in limit.table]
    fastest = [int(np.argmin(column)) for column in limit.table]
    if total(limit.table, tuple(fastest)) > limit.maximum:
        return None
    here, warm = fastest, temperature
    cost, load = (sum(t[i] for t, i in zip(table, here, strict=True)) for table in (costs, loads))
    best, chosen = cost, tuple(here)
    layers = rng.integers(0, len(costs), count).tolist()
    picks, luck = rng.random(count).tolist(), rng.random(count).tolist()
    for layer, pick, chance in zip(layers, picks, luck, strict=True):
        index = int(pick * len(costs[layer]))
        rise = costs[layer][index] - costs[layer][here[layer]]
        heavier = load + loads[layer][index] - loads[layer][here[layer]]
        if heavier <= limit.maximum and (rise <= 0 or chance < exp(-rise / temperature)):
            here[layer], cost, load = index, cost + rise, heavier
            if cost < best:
                best, chosen = cost, tuple(here)
        temperature *= 1.0 - cooling
        if temperature < _COLD:
            temperature = warm
            drawn = [[int(i) for i in rng.integers(0, [len(c) for c in costs])] for _ in range(_RESTARTS)]
            here = next((d for d in drawn if total(limit.table, tuple(d)) <= limit.maximum), list(fastest))
            cost, load = (sum(t[i] for t, i in zip(table, here, strict=True)) for table in (costs, loads))
    return chosen


def second_opinion(folder: Path, corpus: Path, surrogate: str) -> dict[str, Any]:
    """Ask a surrogate trained on the recorded corpus about the published optima, and for the optimum it can vouch for.

    Forests answer the same for every reuse factor beyond their data, so the published optimum is one of many that tie; the same totals are
    predicted for the tie of largest reuse factors, which is nearer what was published (they sum to 37,772 in model 1).
    The optimum inside what was measured allocates on the surrogate's own means, over reuse factors that were measured of that kind.
    """
    recorded = read_corpus(corpus)
    module = registry.load("surrogates", surrogate)
    belief = module.create(module.Options()).fit(recorded.layers, TARGET, seed=0)
    found = {}
    most: dict[str, int] = {}
    for record in recorded.layers:
        most[record.layer.kind] = max(most.get(record.layer.kind, 0), record.choice.reuse_factor)
    for space in record_table4(folder, find_part(TARGET.part), TARGET):
        published = allocate(pose(space)).choices
        beliefs = [belief.predict(option.layer, option.choices) for option in space.space.options]
        latency = METRICS.index(LATENCY)
        outside = [bool(b.extrapolates[i]) for b, i in zip(beliefs, published, strict=True)]
        summed = [METRICS.index(name) for name in _SUMMED]
        inside = [
            np.flatnonzero([choice.reuse_factor <= most[option.layer.kind] for choice in option.choices])
            for option in space.space.options
        ]
        slowest = _largest_tie(space, published)
        mean_cycles = tuple(b.mean[:, latency] for b in beliefs)
        found[space.network.name.removeprefix("table4_")] = {
            "published_reuse_factors": list(space.point(published).reuse_factors),
            "published_predicted_cycles": total(space.column(LATENCY), published),
            "surrogate_cycles": total(mean_cycles, published),
            "largest_tie_reuse_factors": list(space.point(slowest).reuse_factors),
            "largest_tie_surrogate_cycles": total(mean_cycles, slowest),
            "largest_tie_beyond_measured": sum(
                choice.reuse_factor > most[option.layer.kind]
                for option, (_, choice) in zip(space.space.options, space.point(slowest).choices, strict=True)
            ),
            "surrogate_cycles_lower": total(tuple(b.lower[:, latency] for b in beliefs), published),
            "surrogate_cycles_upper": total(tuple(b.upper[:, latency] for b in beliefs), published),
            "extrapolated_layers": sum(outside),
            "limit_cycles": CYCLES_LIMIT,
            "optimum_everywhere": _own_optimum(space, beliefs, [np.arange(len(b.mean)) for b in beliefs], summed, latency),
            "optimum_inside": _own_optimum(space, beliefs, inside, summed, latency),
        }
    return found


def _largest_tie(space: RecordedSpace, choices: tuple[int, ...]) -> tuple[int, ...]:
    """Return the choices of largest reuse factors that the tables cannot tell from the given ones."""
    columns = [METRICS.index(name) for name in (*_SUMMED, LATENCY)]
    return tuple(
        int(np.flatnonzero(np.isclose(table[:, columns], table[index, columns], rtol=1e-9).all(axis=1))[-1])
        for table, index in zip(space.truth, choices, strict=True)
    )


def _own_optimum(
    space: RecordedSpace, beliefs: Sequence[Any], allowed: Sequence[Any], summed: list[int], latency: int
) -> dict[str, Any] | None:
    """Return the surrogate's own optimum over the allowed choices; None where a layer has none or nothing keeps the limit."""
    if any(len(indices) == 0 for indices in allowed):
        return None
    objective = tuple(b.mean[i][:, summed].sum(axis=1) for b, i in zip(beliefs, allowed, strict=True))
    cycles = tuple(b.mean[i][:, latency] for b, i in zip(beliefs, allowed, strict=True))
    try:
        answer = allocate(Problem(objective, (TableLimit("latency", cycles, CYCLES_LIMIT),)))
    except InfeasibleError:
        return None
    choices = tuple(int(i[c]) for i, c in zip(allowed, answer.choices, strict=True))
    lut = total(tuple(b.mean[:, METRICS.index("lut")] for b in beliefs), choices)
    dsp = total(tuple(b.mean[:, METRICS.index("dsp")] for b in beliefs), choices)
    return {"reuse_factors": list(space.point(choices).reuse_factors), "lut": lut, "dsp": dsp, "latency_cycles": answer.used[0]}


def _timed(space: RecordedSpace, method: str, trials: int | None, solve: Any) -> Answer:
    began = time.perf_counter()
    choices = solve()
    seconds = time.perf_counter() - began
    if choices is None:
        return Answer(method, trials, seconds, None, None, None, None)
    lut, dsp, cycles = (total(space.column(name), choices) for name in ("lut", "dsp", LATENCY))
    return Answer(method, trials, seconds, total(pose(space).objective, choices), lut, dsp, cycles, choices)


def _row(answer: Answer) -> dict[str, Any]:
    return {name: getattr(answer, name) for name in Answer.__slots__ if name != "choices"}
