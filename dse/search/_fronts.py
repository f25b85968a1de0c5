"""Several objectives: the batch that is expected to add most hypervolume, and how much an optimist could still add.

A point of a front is verified only if its own design was synthesised, so syntheses go where they add most; each tells of every layer
on the way. Only before saying that nothing is left are those choices swept that fronts may need and nobody measured.

Fronts are exact where two objectives stand alone (`dse.allocation.knapsack.whole_front`); with limits on sums, or more objectives, they
are traced by epsilon-constraint: the first objective is minimised under a ladder of bounds on the others.

Notation: m objectives, all minimised; values (n, m); hypervolumes are shares of the box between the origin and the reference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from dse.allocation.exact import Allocation, Problem, TableLimit, allocate, is_excluded, total
from dse.allocation.knapsack import whole_front
from dse.design import DesignPoint
from dse.errors import InfeasibleError
from dse.pareto import hypervolume, non_dominated
from dse.search._ask import Ask, Indices, unasked
from dse.search._tables import Floats, Glue, Tables
from dse.search.base import Advice, Certificate, Proposal

_DRAWS = 6
_LADDER = 12  # bounds per objective in an epsilon-constraint front
_KEPT = 40  # points of a front that become candidates
_MEASURED = 400  # points of the optimist's front, whose volume ends the search
_CORNER = 1.1  # the reference lies so far beyond the worst of the believed front
_NEW_SHARE = 0.25  # of the layers: so many with an unmeasured choice that a front may need are worth a sweep


@dataclass(frozen=True, slots=True, eq=False)
class _World:
    """One version of the tables: its front, and what any point would be worth."""

    ask: Ask
    tables: Sequence[Floats]
    glue: Glue
    front: tuple[Indices, ...]

    def values(self, points: Sequence[Indices]) -> Floats:
        """Return (n, m)."""
        columns = []
        for place, objective in enumerate(self.ask.objectives):
            problem = self.ask.problem(self.tables, self.glue, objective=place)
            constant = self.ask.constant(self.glue, place)
            columns.append([total(problem.objective, point, objective.combine) + constant for point in points])
        return np.array(columns, dtype=np.float64).T.reshape(len(points), len(columns))


def propose(ask: Ask, tables: Tables, n: int, tolerance: float, confidence: float) -> Advice:
    """Return up to n designs by expected hypervolume gain, or the certificate that ends the search."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    free = replace(ask, failed=())  # what failed is struck from the candidates, not from the fronts: that keeps them exact
    believed = _world(free, tables.mean, tables.glue)
    hoped = _world(free, tables.hope, tables.glue, z, _MEASURED)
    if not hoped.front:
        return Advice(stop=f"no untried design can keep the limits (confidence {confidence:.0%})", notes=tables.notes)
    verified = np.array([v for t in ask.view.finished if (v := ask.values(t)) is not None]).reshape(-1, len(ask.objectives))
    corner = _corner(ask, [believed.values(believed.front), verified])
    certificate = Certificate(_gap(verified, hoped.values(hoped.front), corner), tolerance, confidence)
    rng = np.random.default_rng((ask.view.seed, len(ask.seen)))
    drawn = [_world(free, tables.draw(ask.view, rng), tables.glue) for _ in range(_DRAWS)]
    worlds = (believed, hoped, *drawn)
    if certificate.reached:
        if (sweep := _sweep(ask, tables, worlds)) is not None:
            unsure = replace(certificate, gap=None)  # it holds as far as anybody measured, which is not far enough
            return Advice((sweep,) if n > 0 else (), certificate=unsure, notes=tables.notes)
        stop = f"certificate: untried designs add at most {certificate.gap:.2%} to the hypervolume (confidence {confidence:.0%})"
        waits = bool(ask.view.pending)
        return Advice(stop=None if waits else stop, certificate=certificate, notes=tables.notes)
    proposals = _batch(ask, tables, n, worlds, verified / corner, corner)
    if not proposals and n > 0 and not ask.view.pending:
        return Advice(stop="no untried design is left that could add to the front", certificate=certificate, notes=tables.notes)
    return Advice(tuple(proposals), certificate=certificate, notes=tables.notes)


def _batch(ask: Ask, tables: Tables, n: int, worlds: tuple[_World, ...], verified: Floats, corner: Floats) -> list[Proposal]:
    believed, hoped, *drawn = worlds
    spent = ask.problem(tables.mean, tables.glue, excluded=ask.seen)
    step = max(1, len(hoped.front) // _KEPT)
    fronts = [hoped.front[::step], *(world.front for world in (believed, *drawn))]
    candidates = [p for p in dict.fromkeys(p for front in fronts for p in front) if not is_excluded(spent, p)]
    if not candidates and (other := _allocate(spent)) is not None:
        candidates = [other.choices]
    pending = list(ask.seen[len(ask.view.finished) :])
    judges = [believed, *drawn]
    worth = [world.values(candidates) / corner for world in judges]
    held = [np.vstack([verified, world.values(pending) / corner]) if pending else verified for world in judges]
    proposals: list[Proposal] = []
    while len(proposals) < n and candidates:
        gains = np.mean([_gains(have, value) for have, value in zip(held, worth, strict=True)], axis=0)
        best = int(np.argmax(gains))
        point = candidates[best]
        reason = f"expected to add {gains[best]:.2%} of the reference box to the front"
        proposals.append(Proposal(_design(ask, point), "hypervolume", reason))
        held = [np.vstack([have, world.values([point]) / corner]) for have, world in zip(held, judges, strict=True)]
        kept = [place for place, candidate in enumerate(candidates) if candidate != point]
        candidates, worth = [candidates[place] for place in kept], [value[kept] for value in worth]
    return proposals


def _sweep(ask: Ask, tables: Tables, worlds: Sequence[_World]) -> Proposal | None:
    """Return the design that measures of every layer the unmeasured choice that most fronts use; None if few layers have one."""
    new = unasked(tables, ask.seen[len(ask.view.finished) :])
    votes = Counter((layer, index) for world in worlds for p in world.front for layer, index in enumerate(p))
    point, used, n_worth = [], set(), 0
    for layer, fresh in enumerate(new):
        wanted = sorted((int(i) for i in np.flatnonzero(fresh)), key=lambda i: (-votes[layer, i], i))
        free = [i for i in wanted if votes[layer, i] and tables.circuits[layer][i] not in used]
        n_worth += bool(free)
        index = free[0] if free else max(range(len(fresh)), key=lambda i: votes[layer, i])
        used.add(tables.circuits[layer][index])
        point.append(index)
    if n_worth < _NEW_SHARE * len(new) or is_excluded(ask.problem(tables.mean, tables.glue, excluded=ask.seen), tuple(point)):
        return None
    reason = f"measures a choice of every layer that a front may need; {n_worth} layers have one"
    return Proposal(_design(ask, point), "sweep", reason)


def _design(ask: Ask, point: Sequence[int]) -> DesignPoint:
    options = ask.view.space.options
    return ask.view.space.point(tuple(option.choices[i] for option, i in zip(options, point, strict=True)))


def _world(ask: Ask, tables: Sequence[Floats], glue: Glue, optimism: float = 0.0, kept: int = _KEPT) -> _World:
    front = _exact_front(ask, tables, glue, optimism, kept) or _ladder_front(ask, tables, glue, optimism)
    return _World(ask, tables, glue, tuple(front))


def _exact_front(ask: Ask, tables: Sequence[Floats], glue: Glue, optimism: float, kept_points: int) -> list[Indices]:
    """Return some points of the whole front, evenly spread; [] where it is not two objectives alone."""
    if len(ask.objectives) != 2 or any(limited.combine == "sum" for limited, _ in ask.limits):
        return []
    first, second = (ask.problem(tables, glue, objective=place, optimism=optimism) for place in (0, 1))
    kept = []
    for layer in range(len(first.objective)):
        allowed = np.ones(len(first.objective[layer]), dtype=bool)
        for limit in first.limits:
            allowed &= limit.table[layer] <= limit.maximum
        kept.append(np.flatnonzero(allowed))
    if any(len(indices) == 0 for indices in kept):
        return []
    cut = [[column[i] for column, i in zip(p.objective, kept, strict=True)] for p in (first, second)]
    found = whole_front(cut[0], cut[1], (first.combine, second.combine)).choices
    picked = np.unique(np.linspace(0, len(found) - 1, min(kept_points, len(found))).round().astype(int))
    return [tuple(int(i[place]) for i, place in zip(kept, found[row], strict=True)) for row in picked]


def _ladder_front(ask: Ask, tables: Sequence[Floats], glue: Glue, optimism: float) -> list[Indices]:
    """Minimise each objective, then the first under bounds between what the others are at best and at these extremes."""
    posed = [ask.problem(tables, glue, objective=place, optimism=optimism) for place in range(len(ask.objectives))]
    extremes = [found.choices for problem in posed if (found := _allocate(problem)) is not None]
    if not extremes:
        return []
    spans = []
    for problem in posed[1:]:
        values = [total(problem.objective, point, problem.combine) for point in extremes]
        spans.append((min(values), max(values)))
    rng = np.random.default_rng(0)
    shares = [np.linspace(0, 1, _LADDER), *(rng.permutation(np.linspace(0, 1, _LADDER)) for _ in spans[1:])]
    found_points = list(extremes)
    for rung in zip(*shares, strict=True):
        bounds = tuple(
            TableLimit("front", problem.objective, low + share * (high - low), problem.combine)
            for problem, (low, high), share in zip(posed[1:], spans, rung, strict=True)
        )
        if (found := _allocate(replace(posed[0], limits=(*posed[0].limits, *bounds)))) is not None:
            found_points.append(found.choices)
    return list(dict.fromkeys(found_points))


def _corner(ask: Ask, values: Sequence[Floats]) -> Floats:
    """Return the reference: as the campaign fixed it, else a little beyond the believed front and what was verified of it."""
    front = np.vstack([v for v in values if len(v)])
    front = front[non_dominated(front)]
    worst = np.maximum(front.max(axis=0) * _CORNER, 1e-12)
    return np.array(
        [w if o.reference is None else o.reference for o, w in zip(ask.view.goal.objectives, worst, strict=True)], dtype=np.float64
    )


def _gap(verified: Floats, hoped: Floats, corner: Floats) -> float | None:
    """Return the share of the optimist's hypervolume that is not verified; None while nothing is."""
    if not len(verified):
        return None
    one = np.ones(len(corner))
    most = hypervolume(np.vstack([verified, hoped]) / corner, one)
    return float(1 - hypervolume(verified / corner, one) / most) if most > 0 else 0.0


def _gains(have: Floats, values: Floats) -> Floats:
    """Return (n,) how much hypervolume each candidate adds to what there is."""
    one = np.ones(values.shape[1])
    front = have[non_dominated(have)] if len(have) else have
    base = hypervolume(front, one)
    return np.array([hypervolume(np.vstack([front, value]), one) - base for value in values])


def _allocate(problem: Problem) -> Allocation | None:
    try:
        return allocate(problem)
    except InfeasibleError:
        return None
