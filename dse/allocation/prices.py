"""What a limit is worth: the dual prices of an allocation's linear relaxation.

At these prices every layer is a problem of its own: a choice whose priced value is far above its layer's best is in no good design.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.allocation.exact import Problem, Table


def priced(problem: Problem, table: Problem | None = None) -> Table | None:
    """Return per layer (C_l,) the objective plus all limits at their dual prices; None if the relaxation has no solution.

    Args:
        problem: the prices are those of this problem.
        table: whose entries are priced, e.g. an optimistic version of the same problem; default: the problem itself.
    """
    duals = _duals(problem)
    if duals is None:
        return None
    weights, limit_prices = duals
    asked = table or problem
    result = []
    for layer, objective in enumerate(asked.objective):
        value = weights[layer] * objective
        for price, limit in zip(limit_prices, asked.limits, strict=True):
            value = value + price * limit.table[layer]
            if limit.combine == "max":
                value = np.where(limit.table[layer] <= limit.maximum, value, np.inf)
        result.append(value)
    return tuple(result)


def _duals(problem: Problem) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the weight of each layer's objective (1, or its share of a maximum) and the price of each limit, 0 of one on a maximum."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix

    counts = [len(column) for column in problem.objective]
    edges = np.concatenate([[0], np.cumsum(counts)])
    n, n_layers = int(edges[-1]), len(counts)
    owner = np.repeat(np.arange(n_layers), counts)
    allowed = np.ones(n, dtype=bool)
    for limit in problem.limits:
        if limit.combine == "max":
            allowed &= np.concatenate(limit.table) <= limit.maximum
    sums = [limit for limit in problem.limits if limit.combine == "sum"]
    scales = [max(abs(limit.maximum), 1e-9) for limit in sums]
    objective = np.concatenate(problem.objective)
    top = max(float(np.abs(objective).max()), 1e-100)
    rows = [np.concatenate(limit.table) / scale for limit, scale in zip(sums, scales, strict=True)]
    bounds: list[tuple[float, float | None]] = [(0.0, float(flag)) for flag in allowed]
    if problem.combine == "max":
        rows = [np.append(row, 0.0) for row in rows]
        rows += [np.append(np.where(owner == layer, objective / top, 0.0), -1.0) for layer in range(n_layers)]
        bounds.append((0.0, None))
    upper = np.array([limit.maximum / scale for limit, scale in zip(sums, scales, strict=True)])
    upper = np.append(upper, np.zeros(n_layers if problem.combine == "max" else 0))
    width = len(bounds)
    cost = np.append(np.zeros(n), 1.0) if problem.combine == "max" else objective / top
    one_each = csr_matrix((np.ones(n), (owner, np.arange(n))), shape=(n_layers, width))
    ceiling = {"A_ub": np.array(rows).reshape(len(rows), width), "b_ub": upper} if rows else {}
    answer: Any = linprog(cost, A_eq=one_each, b_eq=np.ones(n_layers), bounds=bounds, **ceiling)
    if answer.status != 0:
        return None
    marginals = -np.asarray(answer.ineqlin.marginals) * top if rows else np.zeros(0)
    prices = np.zeros(len(problem.limits))
    prices[[limit.combine == "sum" for limit in problem.limits]] = marginals[: len(sums)] / np.array(scales)
    weights = np.ones(n_layers) if problem.combine == "sum" else marginals[len(sums) :] / top
    return np.maximum(weights, 0.0), np.maximum(prices, 0.0)
