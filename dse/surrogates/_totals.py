"""The whole-network term: how a design's total differs from the sum of its layers (glue, FIFOs, overlap of layers in time).

    total = offset + slope * sum + e        per metric; slope ~ N(1, 0.3^2), offset ~ N(0, (0.3 * typical sum)^2)

The line keeps allocation exact: an optimum over sums stays one over lines of sums. Bishop, Pattern Recognition and Machine Learning (2006),
eqs. 3.49-3.51, for the posterior of such a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dse.qor import Qor
from dse.surrogates._features import Floats
from dse.surrogates.base import METRICS

_SLOPE_DEVIATION = 0.3
_OFFSET_SHARE = 0.3
_NOISE_SHARE = 0.02  # of a typical total: what is expected to be left before the data say otherwise


@dataclass(frozen=True, slots=True, eq=False)
class TotalsCorrection:
    """A line per metric. All arrays (M,), in the order of `METRICS`.

    Attributes:
        offset, slope: total = offset + slope * sum; (0, 1) where no total was measured.
        deviation: standard deviation of a total around the line, as a share of the total; 0 where no total was measured.
        counts: totals measured.
    """

    offset: Floats
    slope: Floats
    deviation: Floats
    counts: Floats
    notes: tuple[str, ...] = ()

    def apply(self, sums: Floats) -> Floats:
        """Return (..., M) totals of (..., M) sums of layers (II: of maxima), never below 0."""
        return np.maximum(self.offset + self.slope * sums, 0.0)


def fit_totals(pairs: Sequence[tuple[Qor, Qor]]) -> TotalsCorrection:
    """Learn from (composition of a design's measured layers, its measured total); no pair gives the identity.

    A metric that either side does not know is left out of that pair.

    >>> from dse.qor import Qor
    >>> line = fit_totals([(Qor(lut=1000.0), Qor(lut=1100.0)), (Qor(lut=2000.0), Qor(lut=2100.0))])
    >>> float(line.apply(np.full(7, 3000.0))[0].round(-1))
    3100.0
    """
    lines = [_line(np.array(_known(pairs, metric), dtype=np.float64).reshape(-1, 2)) for metric in METRICS]
    offset, slope, deviation, counts = (np.array(column, dtype=np.float64) for column in zip(*lines, strict=True))
    moved = [
        f"{m} {o:+.0f} x{s:.3f}"
        for m, (o, s, _, n) in zip(METRICS, lines, strict=True)
        if n and (abs(s - 1) > 0.01 or abs(o) > 0.5)
    ]
    notes = (f"totals differ from the sums of layers: {', '.join(moved)}",) if moved else ()
    return TotalsCorrection(offset, slope, deviation, counts, notes)


def _known(pairs: Sequence[tuple[Qor, Qor]], metric: str) -> list[tuple[float, float]]:
    both = [(getattr(composed, metric), getattr(total, metric)) for composed, total in pairs]
    return [(float(left), float(right)) for left, right in both if left is not None and right is not None]


def _line(points: Floats) -> tuple[float, float, float, int]:
    """Return offset, slope, relative deviation and count of (sum, total) points."""
    if not len(points):
        return 0.0, 1.0, 0.0, 0
    typical = max(float(np.mean(np.abs(points))), 1.0)
    sums, totals = points[:, 0] / typical, points[:, 1] / typical
    design = np.stack([np.ones_like(sums), sums], axis=1)
    prior, precision = np.array([0.0, 1.0]), np.diag([_OFFSET_SHARE**-2, _SLOPE_DEVIATION**-2])
    weights, noise = prior, _NOISE_SHARE**2
    for _ in range(10):  # the noise and the line in turns; it settles within a few
        weights = np.linalg.solve(precision + design.T @ design / noise, precision @ prior + design.T @ totals / noise)
        squares = float(np.sum((totals - design @ weights) ** 2))
        noise = max((squares + 2 * _NOISE_SHARE**2) / (len(points) + 2), 1e-12)
    return float(weights[0] * typical), float(weights[1]), float(np.sqrt(noise)), len(points)
