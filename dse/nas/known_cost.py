"""A sampler that knows what networks cost: only the error is believed, every other objective is computed for each candidate.

Notation: n trained candidates, d features, m objectives (minimised). A Gaussian process is fitted to log error over features of the
architecture (parameters, and sizes that follow from them); with so few trainings its kernel is one Matern and a line, all features to
one scale, because a scale for each is fitted to noise (measured on some 35 networks of which it knew 16: a logarithmic loss of 5.0
instead of 0.1 for each of the others). Of a pool of candidates - random ones, and neighbors of the front's members - those that cannot
keep the limits are dropped, and the one with the largest expected hypervolume improvement is proposed:

    EHVI(x) = E over e ~ p(error | x) of  HV(front and (e, c(x))) - HV(front),      c(x) exact

(Emmerich, Giannakoglou and Naujoks, IEEE Transactions on Evolutionary Computation 10(4), 2006, for the criterion), the expectation by
equally likely quantiles of the predicted log-normal. Objectives are scaled to the references, or to the worst seen.
The first candidates are spread instead: each is the one of its pool that is farthest from all before it, in features and costs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import SpaceError
from dse.nas.records import Candidate, Outcome, front_of
from dse.nas.space import Choice, SearchSpace
from dse.nas.spec import Goal
from dse.networks.architecture import Architecture, workload
from dse.pareto import hypervolume

Floats = NDArray[np.float64]
Values = dict[str, Any]
Weigh = Callable[[Architecture], tuple[float, ...] | None]  # the objectives that are not learned; None: cannot keep the limits

_RANDOM, _NEIGHBORS = 64, 48
_QUANTILES = tuple(NormalDist().inv_cdf((i + 0.5) / 9) for i in range(9))
_MUTATED = 0.35  # chance that a neighbor has another value of a parameter
_STEP = 0.15  # of a range, deviation of the new value
_NO_ERROR = 0.5  # what no error counts as, of the least there is


def propose(
    space: SearchSpace,
    goals: Sequence[Goal],
    candidates: Sequence[Candidate],
    weigh: Weigh,
    *,
    n_channels: int,
    startup: int,
    seed: tuple[int, ...],
) -> Values:
    """Return the parameters to try next; far from all others until `startup` candidates are trained.

    Args:
        weigh: costs of an architecture, in the order of the goals that are not learned.
    """
    rng = np.random.default_rng(seed)
    ended = (Outcome.TRAINED, Outcome.HOPELESS)
    trained = [c for c in candidates if c.outcome in ended and c.architecture and c.error is not None]
    is_new = len(trained) < startup
    known = {c.architecture.key for c in candidates if c.architecture}
    pool = _pool(space, () if is_new else front_of(candidates, goals), known, n_channels, rng)
    weighed = [(values, network, costs) for values, network in pool if (costs := weigh(network)) is not None]
    if not weighed:
        return dict(space.sample(rng))
    if is_new:
        return weighed[_farthest([(network, costs) for _, network, costs in weighed], candidates, goals)][0]
    trained += _believed(trained, [c for c in candidates if c.outcome is Outcome.RUNNING and c.architecture])
    mean, deviation = _predict(trained, [network for _, network, _ in weighed])
    scores = _improvements(goals, trained, [costs for *_, costs in weighed], mean, deviation)
    return weighed[int(np.argmax(scores))][0]


def features(network: Architecture) -> tuple[float, ...]:
    """Return what an error may depend on, in numbers of similar size."""
    filters = [block.filters for block in network.conv]
    units = [layer.units for layer in network.recurrent]
    width = (units or filters or [network.n_channels])[-1]
    reach, scale = 1.0, 1.0
    for block in network.conv:
        reach += (block.kernel - 1) * scale
        scale *= block.pool
        reach += (block.pool - 1) * scale / max(block.pool, 1)
    return (
        np.log2(network.input_length),
        float(len(network.conv)),
        np.log2(1 + float(np.mean(filters or [0]))),
        np.log2(reach),
        np.log2(1 + network.sequence_length),
        float(len(network.recurrent)),
        np.log2(1 + float(np.mean(units or [0]))),
        float(len(network.dense)),
        np.log2(1 + float(np.mean(network.dense or [0]))),
        np.log2(1 + float(min(network.dense, default=0))),
        np.log2(1 + float(sum(filters))),
        np.log2(network.sequence_length * width),
        np.log2(workload(network.network())),
    )


def _pool(
    space: SearchSpace, front: Sequence[Candidate], known: set[str], n_channels: int, rng: np.random.Generator
) -> list[tuple[Values, Architecture]]:
    parents = [parameters_of(space, member.architecture) for member in front if member.architecture]
    drawn = [dict(space.sample(rng)) for _ in range(_RANDOM)]
    drawn += [_neighbor(space, parents[int(rng.integers(len(parents)))], rng) for _ in range(_NEIGHBORS if parents else 0)]
    found, seen = [], set(known)
    for values in drawn:
        try:
            network = space.architecture(values, n_channels)
        except SpaceError:
            continue
        if network.key not in seen:
            seen.add(network.key)
            found.append((values, network))
    return found


def parameters_of(space: SearchSpace, network: Architecture) -> Values:
    """Return parameters that make an architecture of the space; those that it does not tell take the first of their values."""
    told: Values = {
        "input_length": network.input_length,
        "conv_blocks": len(network.conv),
        "recurrent_layers": len(network.recurrent),
        "dense_layers": len(network.dense),
    }
    for i, block in enumerate(network.conv, 1):
        told |= {f"conv_{i}_filters": block.filters, f"conv_{i}_kernel": block.kernel, f"conv_{i}_pool": block.pool}
    for i, layer in enumerate(network.recurrent, 1):
        told |= {f"recurrent_{i}_units": layer.units}
    if network.recurrent:
        last = network.recurrent[-1]
        told |= {"recurrent_kind": last.kind, "recurrent_returns": "all" if last.return_sequences else "last"}
    told |= {f"dense_{i}_units": units for i, units in enumerate(network.dense, 1)}
    return {p.name: told.get(p.name, p.options[0] if isinstance(p, Choice) else p.low) for p in space.parameters}


def _neighbor(space: SearchSpace, parent: Mapping[str, Any], rng: np.random.Generator) -> Values:
    values = dict(parent)
    for p in space.parameters:
        if rng.random() > _MUTATED:
            continue
        if isinstance(p, Choice):
            values[p.name] = p.options[int(rng.integers(len(p.options)))]
            continue
        now, ends = float(values[p.name]), (float(p.low), float(p.high))
        if p.is_logarithmic:
            moved = float(np.exp(np.log(now) + _STEP * np.log(ends[1] / ends[0]) * rng.standard_normal()))
        else:
            moved = now + max(_STEP * (ends[1] - ends[0]), p.step) * rng.standard_normal()
        steps = round((float(np.clip(moved, *ends)) - p.low) / p.step)
        values[p.name] = min(p.low + p.step * steps, p.high)
    return values


def _farthest(
    pool: Sequence[tuple[Architecture, tuple[float, ...]]], candidates: Sequence[Candidate], goals: Sequence[Goal]
) -> int:
    """Return which of a pool is farthest from all candidates asked before; of the first, the one in the middle of its pool."""

    def place(network: Architecture, costs: Sequence[float]) -> tuple[float, ...]:
        return (*features(network), *(float(np.log(max(cost, 1e-9))) for cost in costs))

    known = [goal.metric for goal in goals if not goal.is_learned]
    asked = [(c.architecture, [c.value(metric) for metric in known]) for c in candidates if c.outcome is not Outcome.REFUSED]
    new = np.array([place(network, costs) for network, costs in pool])
    center, width = new.mean(axis=0), np.maximum(new.std(axis=0), 1e-9)
    old = [place(network, [cost or 0.0 for cost in costs]) for network, costs in asked if network]
    distances = ((new[:, None] - np.array(old or [center])[None]) / width) ** 2
    nearest = distances.sum(axis=2).min(axis=1)
    return int(np.argmax(nearest) if old else np.argmin(nearest))


def _believed(trained: Sequence[Candidate], running: Sequence[Candidate]) -> list[Candidate]:
    """Return what is in training as if it ended as predicted, so that nobody asks for its like meanwhile."""
    if not running:
        return []
    mean, _ = _predict(trained, [c.architecture for c in running if c.architecture])
    return [replace(c, outcome=Outcome.TRAINED, error=float(np.exp(m))) for c, m in zip(running, mean, strict=True)]


def _predict(trained: Sequence[Candidate], asked: Sequence[Architecture]) -> tuple[Floats, Floats]:
    """Return mean and deviation of log error of the asked networks."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern, WhiteKernel

    x = np.array([features(c.architecture) for c in trained if c.architecture])  # all have one
    errors = np.array([c.error for c in trained], dtype=np.float64)
    y = np.log(np.maximum(errors, _NO_ERROR * errors[errors > 0].min(initial=1.0)))  # a classifier may err never
    new = np.array([features(network) for network in asked])
    center, width = x.mean(axis=0), np.maximum(x.std(axis=0), 0.3)
    x, new = (x - center) / width, (new - center) / width
    smooth = ConstantKernel(1.0, (0.05, 20.0)) * Matern(3.0, (0.5, 50.0), nu=2.5)
    line = ConstantKernel(0.1, (1e-3, 10.0)) * DotProduct(1.0, (0.1, 10.0))
    kernel = smooth + line + WhiteKernel(0.05, (1e-3, 0.5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # parameters at their bounds
        process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0).fit(x, y)
        mean, deviation = process.predict(new, return_std=True)
    return np.asarray(mean), np.asarray(deviation)


def _improvements(
    goals: Sequence[Goal], trained: Sequence[Candidate], costs: Sequence[tuple[float, ...]], mean: Floats, deviation: Floats
) -> Floats:
    """Return the expected hypervolume improvement of every candidate."""
    points = np.array([values for c in trained if (values := c.values(goals)) is not None]).reshape(-1, len(goals))
    corner = np.array([_corner(goal, points[:, i], costs, i, goals) for i, goal in enumerate(goals)])
    scaled = points / corner
    before = hypervolume(scaled, np.ones(len(goals)))
    found = np.zeros(len(costs))
    for index, known in enumerate(costs):
        others = iter(known)
        place = [0.0 if goal.is_learned else next(others) for goal in goals]
        for quantile in _QUANTILES:
            error = float(np.exp(mean[index] + quantile * deviation[index]))
            at = np.array([error if goal.is_learned else value for goal, value in zip(goals, place, strict=True)]) / corner
            if (at < 1).all():
                found[index] += hypervolume(np.vstack([scaled, at]), np.ones(len(goals))) - before
    return found


def _corner(goal: Goal, seen: Floats, costs: Sequence[tuple[float, ...]], index: int, goals: Sequence[Goal]) -> float:
    """Return the reference in one objective: the asked one, or a little beyond the worst seen."""
    if goal.reference is not None and goal.reference > 0:
        return goal.reference
    worst = float(seen.max()) if len(seen) else 1.0
    if not goal.is_learned:
        place = sum(not other.is_learned for other in goals[:index])
        worst = max(worst, float(np.median([known[place] for known in costs])))
    return 1.1 * worst or 1.0
