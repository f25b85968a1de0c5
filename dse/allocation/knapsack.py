"""Exact solvers for the separable special cases: one limit on a sum, and the whole front of two objectives.

Both build partial sums layer by layer and drop those that cannot matter. With one limit, a partial sum is dropped when another is
no worse in both numbers, or when a Lagrangian bound proves that no completion beats the best known design (Dyer, Kayal and
Walker 1984, branch and bound for the multiple-choice knapsack problem, use the same two tests).

Notation: L layers, C_l choices of layer l; a table is one array (C_l,) per layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]

_BISECTIONS = 60
_SAFETY = 1e-12  # share of what is added up that rounding may add to a bound
_DEAREST = 1e140  # any price gives a bound, and products with this one stay finite


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """The whole Pareto front of two minimised objectives, ascending by the first.

    Attributes:
        first, second: (P,) values.
        choices: (P, L) one index per layer.
    """

    first: Column
    second: Column
    choices: NDArray[np.intp]


@dataclass(slots=True, eq=False)
class _Stage:
    """Partial sums after a layer: where each came from and which choice it took."""

    parent: NDArray[np.intp]
    choice: NDArray[np.intp]


def one_limit(objective: Sequence[Column], used: Sequence[Column], maximum: float) -> tuple[int, ...] | None:
    """Return indices that minimise the summed objective while the summed `used` is at most `maximum`; None if there are none."""
    price, best = _multiplier(objective, used, maximum)
    if best is None:
        return None
    ceiling = best + _SAFETY * max(1.0, abs(best), price * abs(maximum))
    priced = [column + price * load for column, load in zip(objective, used, strict=True)]
    rest_priced = _suffix_least(priced)
    rest_used = _suffix_least(used)
    cost, load = np.zeros(1), np.zeros(1)
    stages: list[_Stage] = []
    for layer, (column, burden) in enumerate(zip(objective, used, strict=True)):
        cost, load, stage = _extend(cost, load, column, burden)
        bound = cost + price * load + rest_priced[layer + 1] - price * maximum
        kept = np.flatnonzero((load + rest_used[layer + 1] <= maximum) & (bound <= ceiling))
        kept = kept[_staircase(cost[kept], load[kept])]
        cost, load = cost[kept], load[kept]
        stages.append(_Stage(stage.parent[kept], stage.choice[kept]))
    return _trace(stages, int(np.argmin(cost)))


def whole_front(
    first: Sequence[Column], second: Sequence[Column], combine: tuple[Literal["sum", "max"], Literal["sum", "max"]] = ("sum", "sum")
) -> Front:
    """Return every non-dominated total of two objectives, each a sum or a maximum over the layers, with choices that reach it."""
    a = np.full(1, 0.0 if combine[0] == "sum" else -np.inf)
    b = np.full(1, 0.0 if combine[1] == "sum" else -np.inf)
    stages: list[_Stage] = []
    for column, other in zip(first, second, strict=True):
        grid_a = np.add.outer(a, column) if combine[0] == "sum" else np.maximum.outer(a, column)
        grid_b = np.add.outer(b, other) if combine[1] == "sum" else np.maximum.outer(b, other)
        kept = _staircase(grid_a.ravel(), grid_b.ravel())
        stages.append(_Stage(kept // len(column), kept % len(column)))
        a, b = grid_a.ravel()[kept], grid_b.ravel()[kept]
    choices = np.array([_trace(stages, end) for end in range(len(a))], dtype=np.intp).reshape(len(a), len(first))
    return Front(a, b, choices)


def _extend(cost: Column, load: Column, column: Column, burden: Column) -> tuple[Column, Column, _Stage]:
    parent, choice = np.divmod(np.arange(len(cost) * len(column)), len(column))
    return cost[parent] + column[choice], load[parent] + burden[choice], _Stage(parent, choice)


def _staircase(first: Column, second: Column) -> NDArray[np.intp]:
    """Return the non-dominated positions, ascending by `first`; of equal pairs the earliest."""
    order = np.lexsort((np.arange(len(first)), second, first))
    least = np.minimum.accumulate(second[order])
    improves = np.append(True, second[order][1:] < least[:-1])
    return np.asarray(order[improves[: len(order)]])


def _trace(stages: list[_Stage], end: int) -> tuple[int, ...]:
    path = []
    for stage in reversed(stages):
        path.append(int(stage.choice[end]))
        end = int(stage.parent[end])
    return tuple(reversed(path))


def _suffix_least(table: Sequence[Column]) -> list[float]:
    """Return for each layer the least that it and all after it can add; the last entry is 0."""
    sums = [0.0]
    for column in reversed(table):
        sums.append(sums[-1] + float(column.min()))
    return sums[::-1]


def _multiplier(objective: Sequence[Column], used: Sequence[Column], maximum: float) -> tuple[float, float | None]:
    """Find by bisection the price of the limit, and the best feasible objective met on the way (None: nothing is feasible)."""
    feasible: float | None = None

    def at(price: float) -> tuple[float, float]:
        picks = [int(np.lexsort((load, column + price * load))[0]) for column, load in zip(objective, used, strict=True)]
        cost = sum(float(column[pick]) for column, pick in zip(objective, picks, strict=True))
        return cost, sum(float(load[pick]) for load, pick in zip(used, picks, strict=True))

    least = [int(np.lexsort((column, load))[0]) for column, load in zip(objective, used, strict=True)]
    if sum(float(load[pick]) for load, pick in zip(used, least, strict=True)) > maximum:
        return 0.0, None
    feasible = sum(float(column[pick]) for column, pick in zip(objective, least, strict=True))
    low, high = 0.0, 0.0
    cost, load = at(0.0)
    if load <= maximum:
        return 0.0, min(feasible, cost)
    spread = max(float(np.ptp(load)) for load in used)
    gain = sum(float(np.ptp(column)) for column in objective)
    high = gain / (1e-9 * spread) if gain < _DEAREST * 1e-9 * spread else _DEAREST
    low = 1e-15 * high
    for _ in range(_BISECTIONS):
        price = float(np.sqrt(low * high))
        cost, load = at(price)
        if load <= maximum:
            feasible, high = min(feasible, cost), price
        else:
            low = price
    return high, feasible
