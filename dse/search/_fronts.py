"""Several objectives: the batch that is expected to add most hypervolume, and how much an optimist could still add.

A point of a front is verified only if its own design was synthesised, so syntheses go where they add most; each tells of every layer
on the way. Only before saying that nothing is left are those choices swept that fronts may need and nobody measured.

Fronts are exact where two objectives stand alone (`dse.allocation.knapsack.whole_front`); with limits on sums, or more objectives,
candidates come from labels (`dse.allocation.cover`), and the certificate from bounds that leave no gap between traced points.

Notation: m objectives, all minimised; values (n, m); hypervolumes are shares of the box between the origin and the reference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from dse.allocation.cover import cover
from dse.allocation.exact import Allocation, Problem, TableLimit, allocate, ceiling, is_excluded, keeps, total
from dse.allocation.knapsack import whole_front
from dse.composition import Composition
from dse.errors import InfeasibleError
from dse.pareto import hypervolume, non_dominated
from dse.search._ask import Ask, Indices, unasked, unmeasured
from dse.search._miss import without_hope
from dse.search._single import rests_on
from dse.search._tables import Floats, Tables
from dse.search.base import Advice, Certificate, Proposal

_DRAWS = 6
_KEPT = 40  # points of a front that become candidates
_CARRIED = 300  # labels, where fronts are traced for candidates
_CORNER = 1.1  # the reference lies so far beyond the worst of the believed front
_NEW_SHARE = 0.25  # of the layers: so many with an unmeasured choice that a front may need are worth a sweep


@dataclass(frozen=True, slots=True, eq=False)
class _World:
    """One version of the tables: its front, and what any point would be worth."""

    ask: Ask
    tables: Sequence[Floats]
    glue: Composition
    optimism: float
    front: tuple[Indices, ...]

    def values(self, points: Sequence[Indices]) -> Floats:
        """Return (n, m)."""
        columns = []
        for place in range(len(self.ask.objectives)):
            problem = self.ask.problem(self.tables, self.glue, objective=place, optimism=self.optimism)
            constant = self.ask.constant(self.glue, place, self.optimism)
            columns.append([total(problem.objective, point, problem.combine) + constant for point in points])
        return np.array(columns, dtype=np.float64).T.reshape(len(points), len(columns))


def propose(ask: Ask, tables: Tables, n: int, tolerance: float, confidence: float) -> Advice:
    """Return up to n designs by expected hypervolume gain, or the certificate that ends the search."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    free = replace(ask, failed=())  # what failed is struck from the candidates, not from the fronts: that keeps them exact
    believed = _world(free, tables.mean, tables.glue)
    hoped = _world(free, tables.hope, tables.glue, z)
    if not hoped.front:
        return without_hope(ask, tables, n, tolerance, confidence)
    verified = np.array([v for t in ask.view.finished if (v := ask.values(t)) is not None]).reshape(-1, len(ask.objectives))
    corner = _corner(ask, [believed.values(believed.front), verified], hoped.values(hoped.front))
    gap = None if tables.unseen else _gap(hoped, verified, corner, tolerance)
    certificate = Certificate(gap, tolerance, confidence)
    rng = np.random.default_rng((ask.view.seed, len(ask.seen)))
    drawn = [_world(free, tables.draw(ask.view, rng), tables.glue) for _ in range(_DRAWS)]
    worlds = (believed, hoped, *drawn)
    if certificate.reached:
        if (sweep := _sweep(ask, tables, worlds)) is not None:
            unsure = replace(certificate, gap=None)  # it holds as far as anybody measured, which is not far enough
            return Advice((sweep,) if n > 0 else (), certificate=unsure, notes=tables.notes)
        certificate = replace(certificate, unmeasured=unmeasured(ask.view, tables))
        sure = f"confidence {confidence:.0%}{rests_on(certificate)}"
        stop = f"certificate: untried designs add at most {certificate.gap:.2%} to the hypervolume ({sure})"
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
        proposals.append(Proposal(ask.design(point), "hypervolume", reason))
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
    return Proposal(ask.design(tuple(point)), "sweep", reason)


def _world(ask: Ask, tables: Sequence[Floats], glue: Composition, optimism: float = 0.0) -> _World:
    """Trace the front of one version of the tables: whole for two objectives alone, else as finely as labels are carried."""
    posed = _posed(ask, tables, glue, optimism)
    if len(posed) == 2 and not any(limit.combine == "sum" for limit in posed[0].limits):
        found = _whole(posed)
    else:
        bounds = cover([(p.objective, p.combine) for p in posed], posed[0].limits, most=_CARRIED)
        extremes = [best.choices for problem in posed if (best := _allocate(problem)) is not None]
        near = [tuple(int(i) for i in row) for row in bounds.choices]
        found = [*extremes, *(point for point in near if keeps(posed[0], point))]
    picked = np.unique(np.linspace(0, max(len(found) - 1, 0), min(_KEPT, len(found))).round().astype(int))
    return _World(ask, tables, glue, optimism, tuple(dict.fromkeys(found[i] for i in picked)))


def _posed(ask: Ask, tables: Sequence[Floats], glue: Composition, optimism: float) -> list[Problem]:
    """Return one problem per objective, without the limits that every design keeps."""
    posed = [ask.problem(tables, glue, objective=place, optimism=optimism) for place in range(len(ask.objectives))]
    binding = tuple(limit for limit in posed[0].limits if _most(limit) > limit.maximum)
    return [replace(problem, limits=binding) for problem in posed]


def _most(limit: TableLimit) -> float:
    largest = [float(column.max()) for column in limit.table]
    return sum(largest) if limit.combine == "sum" else max(largest)


def _whole(posed: Sequence[Problem]) -> list[Indices]:
    """Return every point of the front of two objectives whose limits are on maxima."""
    first, second = posed
    kept = []
    for layer in range(len(first.objective)):
        allowed = np.ones(len(first.objective[layer]), dtype=bool)
        for limit in first.limits:
            allowed &= limit.table[layer] <= ceiling(limit)
        kept.append(np.flatnonzero(allowed))
    if any(len(indices) == 0 for indices in kept):
        return []
    cut = [[column[i] for column, i in zip(p.objective, kept, strict=True)] for p in (first, second)]
    found = whole_front(cut[0], cut[1], (first.combine, second.combine)).choices
    return [tuple(int(i[place]) for i, place in zip(kept, row, strict=True)) for row in found]


def _corner(ask: Ask, values: Sequence[Floats], hoped: Floats) -> Floats:
    """Return the reference: as the campaign fixed it, else a little beyond the believed front and what was verified of it.

    Where neither believed nor verified designs keep the limits, the optimist's front takes their place.
    """
    front = np.vstack([v for v in values if len(v)] or [hoped])
    front = front[non_dominated(front)]
    worst = np.maximum(front.max(axis=0) * _CORNER, 1e-12)
    return np.array(
        [w if o.reference is None else o.reference for o, w in zip(ask.view.goal.objectives, worst, strict=True)], dtype=np.float64
    )


def _gap(hoped: _World, verified: Floats, corner: Floats, tolerance: float) -> float | None:
    """Return the most that untried designs can add, as a share of the hypervolume with them; None while nothing is verified.

    Every optimistic design counts, also those between the points of a traced front: the volume is that of bounds which cover them all
    (`dse.allocation.cover`). Where these had to be merged, what is hardly better than verified is left out of them, and verified designs
    count as that much better: fewer labels, so sharper ones.
    """
    if not len(verified):
        return None
    gaps = []
    for share in (0.0, tolerance / 10):
        held = verified * (1 - share)
        bounds, is_exact = _bounds(hoped, held, corner)
        most = _volume(np.vstack([held, bounds]), corner)
        gaps.append(float(1 - _volume(verified, corner) / most) if most > 0 else 0.0)
        if is_exact:
            break
    return max(0.0, min(gaps))


def _bounds(hoped: _World, held: Floats, corner: Floats) -> tuple[Floats, bool]:
    """Return values that no optimistic design beats but where held ones do, and whether designs reach them."""
    ask = hoped.ask
    posed = _posed(ask, hoped.tables, hoped.glue, hoped.optimism)
    constants = np.array([ask.constant(hoped.glue, place, hoped.optimism) for place in range(len(posed))])
    if len(posed) == 2 and not any(limit.combine == "sum" for limit in posed[0].limits):
        return hoped.values(_whole(posed)), True
    found = cover([(p.objective, p.combine) for p in posed], posed[0].limits, held - constants, corner=corner - constants)
    return found.values + constants, found.is_exact


def _volume(values: Floats, corner: Floats) -> float:
    return hypervolume(values / corner, np.ones(len(corner)))


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
