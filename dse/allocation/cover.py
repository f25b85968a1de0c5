"""What no design can be better than: lower bounds that together cover the whole front, for any objectives and limits.

A label is a partial design's numbers: its objectives, and what it uses of each limit. Layer by layer every label takes every choice; a label
is dropped if it breaks a limit whatever follows, if what is held already is no worse whatever follows, or if another label is no worse
in all numbers (the multi-objective dynamic program of Klamroth and Wiecek, Dynamic programming approaches to the multiple criteria
knapsack problem, Naval Research Logistics 47(1), 2000). Where too many are left, near labels are merged into the best of their
numbers: then they bound designs instead of being some, and none between two traced points is lost.

Notation: L layers, C_l choices of layer l, m objectives, k limits on sums, d = m + k numbers of a label; n labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.allocation.exact import Table, TableLimit, ceiling
from dse.composition import Combine
from dse.pareto import non_dominated

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

MOST = 2000  # labels that are carried from layer to layer
_SORTED_OUT = 8  # times as many may be compared with each other before near ones are merged
_FINEST = 2**20  # cells to a number's range when merging begins
_ROUNDING = 1e-12  # share of what is added up that rounding may add
_BLOCK = 2**22  # comparisons at once


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """Bounds on everything that is worth having.

    Attributes:
        values: (P, m) lower bounds: each design that keeps the limits is nowhere better than one of them, or than what was held.
        choices: (P, L) one index per layer: a design behind each bound, which it reaches if `is_exact`.
        is_exact: whether no labels were merged, so that the bounds are the front itself.
    """

    values: Floats
    choices: Ints
    is_exact: bool


def cover(
    objectives: Sequence[tuple[Table, Combine]],
    limits: Sequence[TableLimit] = (),
    held: Floats | None = None,
    most: int = MOST,
    corner: Floats | None = None,
) -> Cover:
    """Return bounds on all designs that keep the limits and are not covered by what is held.

    Args:
        objectives: m tables to minimise, each with how it combines over layers.
        limits: all must hold.
        held: (H, m) values that need no covering, e.g. of verified designs.
        most: labels to carry at most; more are sharper and take longer.
        corner: (m,) designs that are not better than this in every objective need no covering either.
    """
    kept = _allowed(objectives, limits)
    sums = [limit for limit in limits if limit.combine == "sum"]
    tables = [table for table, _ in objectives] + [limit.table for limit in sums]
    combines: list[Combine] = [combine for _, combine in objectives] + ["sum"] * len(sums)
    columns = [np.stack([table[layer][rows] for table in tables], axis=1) for layer, rows in enumerate(kept)]
    if any(len(rows) == 0 for rows in kept):
        return Cover(np.empty((0, len(objectives))), np.empty((0, len(kept)), dtype=np.intp), is_exact=True)
    is_sum = np.array([combine == "sum" for combine in combines])
    ends = _Ends(columns, is_sum, np.array([ceiling(limit) for limit in sums]), held, corner, len(objectives))
    labels, paths, is_exact = np.where(is_sum, 0.0, -np.inf)[None, :], np.empty((1, 0), dtype=np.intp), True
    for layer, column in enumerate(columns):
        parent, choice = np.divmod(np.arange(len(labels) * len(column)), len(column))
        grown = np.where(is_sum, labels[parent] + column[choice], np.maximum(labels[parent], column[choice]))
        alive = ends.worth(grown, layer + 1)
        grown = ends.clipped(grown[alive], layer + 1)
        rows, grown, merged = _thinned(grown, most)
        is_exact &= not merged
        labels = grown
        paths = np.column_stack([paths[parent[alive][rows]], kept[layer][choice[alive][rows]]])
    return Cover(labels[:, : len(objectives)], paths, is_exact)


def _allowed(objectives: Sequence[tuple[Table, Combine]], limits: Sequence[TableLimit]) -> list[Ints]:
    """Return per layer the choices that keep every limit on a maximum."""
    kept = []
    for layer, column in enumerate(objectives[0][0]):
        allowed = np.ones(len(column), dtype=bool)
        for limit in limits:
            if limit.combine == "max":
                allowed &= limit.table[layer] <= ceiling(limit)
        kept.append(np.flatnonzero(allowed))
    return kept


class _Ends:
    """What the layers still to come can and must add to a label."""

    def __init__(
        self,
        columns: Sequence[Floats],
        is_sum: NDArray[np.bool_],
        ceilings: Floats,
        held: Floats | None,
        corner: Floats | None,
        m: int,
    ) -> None:
        start = np.where(is_sum, 0.0, -np.inf)
        self.is_sum, self.ceilings, self.m = is_sum, ceilings, m
        self.least, self.largest = [start], [start]
        for column in reversed(columns):
            for ends, extreme in ((self.least, column.min(axis=0)), (self.largest, column.max(axis=0))):
                ends.append(np.where(is_sum, ends[-1] + extreme, np.maximum(ends[-1], extreme)))
        self.least.reverse()
        self.largest.reverse()
        self.corner = np.full(m, np.inf) if corner is None else corner
        self.held: Floats = np.empty((0, m)) if held is None or not len(held) else held[non_dominated(held)]

    def worth(self, labels: Floats, layer: int) -> Ints:
        """Return the labels that may end within the limits and outside of what is held."""
        best = np.where(self.is_sum, labels + self.least[layer], np.maximum(labels, self.least[layer]))
        inside = (best[:, self.m :] <= self.ceilings).all(axis=1) & (best[:, : self.m] < self.corner).all(axis=1)
        alive = np.asarray(inside, dtype=np.bool_).reshape(len(labels))
        rows = np.flatnonzero(alive)
        step = max(1, _BLOCK // max(1, self.held.size))
        for begin in range(0, len(rows), step):
            block = rows[begin : begin + step]
            is_held = (self.held[None, :, :] <= best[block, None, : self.m]).all(axis=2)
            alive[block] = ~np.asarray(is_held).any(axis=1)
        return np.flatnonzero(alive)

    def clipped(self, labels: Floats, layer: int) -> Floats:
        """Return labels whose use of a limit counts as no less than what can never break it: those differ in nothing that matters."""
        largest = self.largest[layer][self.m :]
        floor = self.ceilings - largest - _ROUNDING * (np.abs(self.ceilings) + np.abs(largest))
        labels[:, self.m :] = np.maximum(labels[:, self.m :], floor)
        return labels


def _thinned(labels: Floats, most: int) -> tuple[Ints, Floats, bool]:
    """Return (rows, labels, whether some were merged): at most `most` labels that cover all of them, and a row behind each."""
    rows, is_merged = np.arange(len(labels)), False
    if len(labels) > most * _SORTED_OUT:
        rows, labels = _merged(labels, most * _SORTED_OUT)
        is_merged = True
    kept = np.flatnonzero(non_dominated(labels))
    rows, labels = rows[kept], labels[kept]
    if len(labels) > most:
        again, labels = _merged(labels, most)
        rows, is_merged = rows[again], True
        kept = np.flatnonzero(non_dominated(labels))
        rows, labels = rows[kept], labels[kept]
    return rows, labels, is_merged


def _merged(labels: Floats, most: int) -> tuple[Ints, Floats]:
    """Merge labels of one cell of a grid into their least numbers; the grid is the finest with at most `most` cells taken.

    The row behind a cell is the one of least numbers, each as a share of its range.
    """
    low = labels.min(axis=0)
    shares = (labels - low) / np.maximum(labels.max(axis=0) - low, 1e-300) * (1 - 1e-12)  # below 1: the last cell is not one more
    cells = _FINEST
    while True:
        _, cell = np.unique(np.floor(shares * cells), axis=0, return_inverse=True)
        if cell.max() < most or cells == 1:
            break
        cells //= 2
    order = np.lexsort((shares.sum(axis=1), cell.ravel()))
    begins = np.flatnonzero(np.diff(cell.ravel()[order], prepend=-1))
    return order[begins], np.minimum.reduceat(labels[order], begins, axis=0)
