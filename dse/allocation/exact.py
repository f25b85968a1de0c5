"""Exact allocation: one choice per layer, a separable objective least, all limits kept, proven optimal.

The problem is N-TORC's (Singh et al., FCCM 2025, eq. 2-5) with any objective and limits: one binary per (layer, choice), exactly
one set per layer. The reference solver is HiGHS through `scipy.optimize.milp`. The usual case, one limit on a sum, has a faster
exact solver (`dse.allocation.knapsack`), which must agree with the reference in the tests.

Notation: L layers, C_l choices of layer l; a table is one array (C_l,) per layer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dse.allocation import highs
from dse.allocation.highs import ANY
from dse.allocation.knapsack import one_limit
from dse.composition import Combine
from dse.errors import InfeasibleError

Table = tuple[NDArray[np.float64], ...]

_SLACK = 1e-9  # a limit is kept if exceeded by no more than this share of it: sums of floats have no exact order


@dataclass(frozen=True, slots=True, eq=False)
class TableLimit:
    """A bound on the sum, or on the maximum, over the layers of the chosen entries of a table."""

    name: str
    table: Table
    maximum: float
    combine: Combine = "sum"


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What to minimise and what to keep.

    Attributes:
        objective: one array (C_l,) per layer, finite.
        combine: whether the objective adds over layers or is that of the worst layer.
        limits: all must hold; tables of the same shapes as the objective.
        excluded: choices (one index per layer, ANY for a layer that does not matter) that must not be returned, e.g. those
            synthesised already, or combinations that failed.
    """

    objective: Table
    limits: tuple[TableLimit, ...] = ()
    combine: Combine = "sum"
    excluded: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        shapes = [column.shape for column in self.objective]
        for table in (self.objective, *(limit.table for limit in self.limits)):
            if [column.shape for column in table] != shapes or not all(np.isfinite(column).all() for column in table):
                raise ValueError("allocation: every table must hold one finite number per layer and choice")


@dataclass(frozen=True, slots=True)
class Allocation:
    """One index per layer, the objective's value, and the value of each limit's metric in the order of the limits."""

    choices: tuple[int, ...]
    objective: float
    used: tuple[float, ...]


def total(table: Table, choices: tuple[int, ...], combine: Combine = "sum") -> float:
    """Return the sum or maximum of a table's chosen entries."""
    entries = [column[index] for column, index in zip(table, choices, strict=True)]
    return float(sum(entries) if combine == "sum" else max(entries))


def allocate(problem: Problem, *, reference: bool = False) -> Allocation:
    """Return the best choices, proven optimal; of several equally good the same ones every time.

    Args:
        problem: what is asked.
        reference: use HiGHS even where the faster exact solver would do.

    Raises:
        InfeasibleError: no choices keep all limits (or all that do are excluded); names a minimal set of limits in conflict.
    """
    found = _solve(problem, reference)
    if found is None:
        raise InfeasibleError(_why_infeasible(problem))
    return _describe(problem, found)


def conflict(problem: Problem) -> tuple[TableLimit, ...]:
    """Return a minimal set of limits that cannot be kept together, () if the problem has a solution.

    Deletion filter: drop each limit in turn, keep it only if the rest alone could be satisfied.
    """
    bare = replace(problem, objective=tuple(np.zeros_like(column) for column in problem.objective), combine="sum")
    if _solve(bare, False) is not None:
        return ()
    core = list(problem.limits)
    for limit in problem.limits:
        rest = [kept for kept in core if kept is not limit]
        if _solve(replace(bare, limits=tuple(rest)), False) is None:
            core = rest
    return tuple(core)


def _why_infeasible(problem: Problem) -> str:
    core = conflict(replace(problem, excluded=()))
    if not core:
        return "allocation: every point that keeps the limits is excluded. Next step: none is left to try"
    parts = []
    for limit in core:
        others = tuple(other for other in core if other is not limit)
        least = _solve(Problem(limit.table, others, limit.combine), False)
        reachable = f"at least {total(limit.table, least, limit.combine):.6g}" if least is not None else "nothing"
        with_others = f" with {' and '.join(other.name for other in others)} kept" if others else ""
        parts.append(f"{limit.name}: {reachable} possible{with_others}, limit {limit.maximum:.6g}")
    verb = "limits in conflict" if len(core) > 1 else "limit that no point can keep"
    return f"allocation: {verb}: {'; '.join(parts)}. Next step: relax {'one of them' if len(core) > 1 else 'it'}"


def _describe(problem: Problem, choices: tuple[int, ...]) -> Allocation:
    used = tuple(total(limit.table, choices, limit.combine) for limit in problem.limits)
    return Allocation(choices, total(problem.objective, choices, problem.combine), used)


def is_excluded(problem: Problem, choices: tuple[int, ...]) -> bool:
    """Return whether some exclusion covers the choices."""
    return any(all(cut in (ANY, index) for cut, index in zip(cuts, choices, strict=True)) for cuts in problem.excluded)


def keeps(problem: Problem, choices: tuple[int, ...]) -> bool:
    """Return whether choices keep all limits."""
    return all(total(limit.table, choices, limit.combine) <= ceiling(limit) for limit in problem.limits)


def ceiling(limit: TableLimit) -> float:
    """Return what a total may reach: the maximum and the little by which sums of floats have no exact order."""
    return limit.maximum + _SLACK * abs(limit.maximum)


def _solve(problem: Problem, reference: bool) -> tuple[int, ...] | None:
    """Return the best indices, None if there are none."""
    if problem.excluded:  # most often the best point of all is none of the excluded ones
        free = _solve(replace(problem, excluded=()), reference)
        if free is None or not is_excluded(problem, free):
            return free
    kept = _survivors(problem)
    if any(len(indices) == 0 for indices in kept):
        return None
    small = _restrict(problem, kept)
    found = None if reference else _fast(small)
    if found is None:
        found = _with_cuts(small)
    if found is None or found == ():
        return None
    return tuple(int(indices[choice]) for indices, choice in zip(kept, found, strict=True))


def _survivors(problem: Problem) -> list[NDArray[np.intp]]:
    """Return per layer the entries worth looking at: within every maximum, and not dominated by another entry."""
    sums = [limit for limit in problem.limits if limit.combine == "sum"]
    kept = []
    for layer, objective in enumerate(problem.objective):
        allowed = np.ones(len(objective), dtype=bool)
        for limit in problem.limits:
            if limit.combine == "max":
                allowed &= limit.table[layer] <= ceiling(limit)
        indices = np.flatnonzero(allowed)
        if not problem.excluded and len(indices):
            rows = np.column_stack([objective, *(limit.table[layer] for limit in sums)])[indices]
            indices = indices[_undominated(rows)]
        kept.append(indices)
    return kept


def _undominated(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows no other row beats in every column; of equal rows the first stays."""
    below = (rows[:, None, :] <= rows[None, :, :]).all(axis=2)
    equal = below & below.T
    beaten = (below & ~equal) | np.triu(equal, 1)
    return np.asarray(~beaten.any(axis=0))


def _restrict(problem: Problem, kept: list[NDArray[np.intp]]) -> Problem:
    def cut(table: Table) -> Table:
        return tuple(column[indices] for column, indices in zip(table, kept, strict=True))

    limits = tuple(replace(limit, table=cut(limit.table)) for limit in problem.limits if limit.combine == "sum")
    places = [{ANY: ANY} | {int(index): place for place, index in enumerate(indices)} for indices in kept]
    excluded = tuple(
        tuple(place[index] for place, index in zip(places, choices, strict=True))
        for choices in problem.excluded
        if all(index in place for place, index in zip(places, choices, strict=True))
    )
    return replace(problem, objective=cut(problem.objective), limits=limits, excluded=excluded)


def _fast(problem: Problem) -> tuple[int, ...] | None:
    """Solve with one limit at a time; if the answer keeps the others too it is optimal. () infeasible, None undecided."""
    if problem.combine != "sum" or problem.excluded:
        return None
    candidates = problem.limits or (TableLimit("", tuple(np.zeros_like(c) for c in problem.objective), 0.0),)
    for limit in candidates:
        choices = one_limit(problem.objective, limit.table, ceiling(limit))
        if choices is None:
            return ()
        if keeps(problem, choices):
            return choices
    return None


def _with_cuts(problem: Problem) -> tuple[int, ...] | None:
    """Solve with HiGHS; an answer beyond a limit by less than HiGHS's tolerance is cut off and the solve repeated."""
    while (choices := highs.solve(problem)) is not None and not keeps(problem, choices):
        problem = replace(problem, excluded=(*problem.excluded, choices))
    return choices
