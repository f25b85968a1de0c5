"""Pareto fronts and exact hypervolumes; all objectives are minimised.

Notation
    n, m          number of points and of objectives
    values        (n, m) float64; one point a row
    reference     (m,) the corner up to which dominated volume counts
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def non_dominated(values: ArrayLike) -> NDArray[np.bool_]:
    """Return the (n,) mask of points that no other point dominates; of equal points only the first is kept.

    A point dominates another if it is nowhere worse and somewhere better. Infinities are allowed.

    Raises:
        ValueError: values are not (n, m) with m >= 1, or hold a NaN: an unknown metric can neither dominate nor be dominated.

    >>> non_dominated([[1, 4], [2, 2], [3, 3], [2, 2]]).tolist()
    [True, True, False, False]
    """
    points = _points(values)
    mask = np.zeros(len(points), dtype=np.bool_)
    front = np.empty_like(points)
    n_front = 0
    # In lexicographic order nothing that comes later dominates what came earlier, so a comparison with the front is enough; the
    # order is stable, so the first of equal points comes first.
    for index in np.lexsort(points.T[::-1]):
        point = points[index]
        if not (front[:n_front] <= point).all(axis=1).any():
            mask[index] = True
            front[n_front] = point
            n_front += 1
    return mask


def hypervolume(values: ArrayLike, reference: ArrayLike) -> float:
    """Return the exact volume between the points and the reference: of all that is dominated by a point and better than it.

    Points that are not better than the reference in every objective add nothing; no points have volume 0.
    For m <= 2 a sweep; above, the sum of exclusive volumes of WFG (While, Bradstreet and Barone, A fast way of calculating exact
    hypervolumes, IEEE Transactions on Evolutionary Computation 16(1), 2012), worst first in the last objective, so that every
    limit set is flat there and the problem loses a dimension at each level.

    Raises:
        ValueError: shapes do not fit, a NaN, an infinite reference, or a point at minus infinity.

    >>> hypervolume([[1, 4], [2, 2]], [5, 5])
    10.0
    """
    corner = np.asarray(reference, dtype=np.float64)
    if corner.ndim != 1 or not np.isfinite(corner).all():
        raise ValueError(f"reference: got shape {corner.shape}, expected (m,) finite numbers")
    points = _points(values, len(corner))
    if np.isneginf(points).any():
        raise ValueError("values: got minus infinity, the volume would be infinite")
    return float(_volume(corner - points[(points < corner).all(axis=1)]))


def _points(values: ArrayLike, n_objectives: int | None = None) -> Floats:
    points = np.asarray(values, dtype=np.float64)
    if points.size == 0 and points.ndim < 2:
        points = points.reshape(0, n_objectives or 1)
    if points.ndim != 2 or points.shape[1] == 0 or n_objectives not in (None, points.shape[1]):
        raise ValueError(f"values: got shape {points.shape}, expected (n, {n_objectives or 'm'}) with at least one objective")
    if np.isnan(points).any():
        raise ValueError("values: got NaN; leave out points with an unknown objective")
    return points


def _volume(extents: Floats) -> float:
    """Return the volume of a union of boxes [0, extent]; extents (n, m) are positive."""
    if len(extents) == 0:
        return 0.0
    if extents.shape[1] == 1:
        return float(extents.max())
    if extents.shape[1] == 2:
        return _area(extents)
    boxes = extents[non_dominated(-extents)]
    boxes = boxes[np.argsort(boxes[:, -1], kind="stable")]
    total = 0.0
    for index, box in enumerate(boxes):
        base = box[:-1]
        overlap = _volume(np.minimum(boxes[index + 1 :, :-1], base))
        total += box[-1] * (float(np.prod(base)) - overlap)
    return total


def _area(extents: Floats) -> float:
    """Sweep from the widest box to the narrowest; each adds what it rises above all wider ones."""
    widths, heights = extents[np.argsort(-extents[:, 0], kind="stable")].T
    tops = np.maximum.accumulate(heights)
    return float(np.dot(widths, np.diff(tops, prepend=0.0)))


def knee(values: ArrayLike) -> int:
    """Return the row of a front that lies farthest below the plane through its extremes, objectives scaled to [0, 1].

    Of a single row, or a front that is nowhere below that plane, the row nearest the ideal corner. Das, On characterizing the "knee" of
    the Pareto curve based on normal-boundary intersection, Structural Optimization 18 (1999), with equal weights.

    Raises:
        ValueError: there is no row, or a NaN.

    >>> knee([[0, 10], [1, 2], [10, 0]])
    1
    """
    points = _points(values)
    if not len(points):
        raise ValueError("values: got no points, expected at least one")
    low, high = points.min(axis=0), points.max(axis=0)
    scaled = (points - low) / np.where(high > low, high - low, 1.0)
    return int(np.argmin(scaled.sum(axis=1)))
