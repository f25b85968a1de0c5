"""HiGHS through `scipy.optimize.milp`: the reference solver of an allocation.

Totals are scaled so that HiGHS's absolute gap of 1e-6 is a share of 1e-11.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dse.allocation.exact import Problem

ANY = -1

_SCALE = 1e5  # HiGHS stops at an absolute gap of 1e-6: totals near 1e5 make that 1e-11 of the objective
_SMALLEST = 1e-9  # a limit below this share of its largest entry is scaled by the entry


@contextmanager
def _words_to_stderr() -> Iterator[None]:
    """Send what C code prints to stderr: HiGHS at times prints a line of its own, and stdout may be one JSON document."""
    try:
        sys.stdout.flush()
        kept = os.dup(1)
    except (OSError, ValueError):  # no stdout: nothing to protect
        yield
        return
    try:
        os.dup2(2, 1)
        yield
        ctypes.CDLL(None).fflush(None)
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def solve(problem: Problem) -> tuple[int, ...] | None:
    from scipy.optimize import Bounds, LinearConstraint, milp

    counts = [len(column) for column in problem.objective]
    edges = np.concatenate([[0], np.cumsum(counts)])
    n, extra = int(edges[-1]), int(problem.combine == "max")  # with a maximum as objective, one more variable lies above all
    rows, lower, upper = _rows(problem, edges, n + extra)
    top = max(sum(float(np.abs(column).max()) for column in problem.objective), 1e-100)
    cost = np.concatenate(problem.objective) * (_SCALE / top) if not extra else np.append(np.zeros(n), _SCALE / top)
    bounds = Bounds(np.zeros(n + extra), np.append(np.ones(n), np.full(extra, np.inf)))
    with _words_to_stderr():
        answer: Any = milp(
            cost,
            integrality=np.append(np.ones(n), np.zeros(extra)),
            bounds=bounds,
            constraints=LinearConstraint(rows, lower, upper),
            options={"mip_rel_gap": 0.0},
        )
    if answer.x is None:
        return None
    return tuple(int(np.argmax(answer.x[edges[layer] : edges[layer + 1]])) for layer in range(len(counts)))


def _rows(problem: Problem, edges: NDArray[np.intp], width: int) -> tuple[Any, NDArray[np.float64], NDArray[np.float64]]:
    """Build the constraint matrix: one choice per layer, limits (scaled to 1), excluded points, the worst layer."""
    from scipy.sparse import csr_matrix

    rows, lower, upper = [], [], []

    def add(row: NDArray[np.float64], low: float, high: float) -> None:
        rows.append(np.pad(row, (0, width - len(row))))
        lower.append(low)
        upper.append(high)

    spans = list(pairwise(edges))
    for start, end in spans:
        row = np.zeros(edges[-1])
        row[start:end] = 1.0
        add(row, 1.0, 1.0)
    for limit in problem.limits:
        largest = max(float(np.abs(column).max()) for column in limit.table)
        scale = max(abs(limit.maximum), _SMALLEST * largest) or 1.0
        add(np.concatenate(limit.table) / scale, -np.inf, limit.maximum / scale)
    for choices in problem.excluded:
        row = np.zeros(edges[-1])
        fixed = [int(start) + index for (start, _), index in zip(spans, choices, strict=True) if index != ANY]
        row[fixed] = 1.0
        add(row, -np.inf, len(fixed) - 1.0)
    if problem.combine == "max":
        for (start, end), column in zip(spans, problem.objective, strict=True):
            row = np.zeros(width)
            row[start:end], row[-1] = column, -1.0
            add(row, -np.inf, 0.0)
    return csr_matrix(np.array(rows)), np.array(lower), np.array(upper)
