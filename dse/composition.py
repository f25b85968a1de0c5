"""How layers make a whole: what adds, what the slowest layer decides, what overlaps, and what lies outside of all layers.

    total = offset + ratio * (sum or maximum over layers),  within a relative spread

Learned from designs that know both their total and their layers, column by column; search, page, estimate and architecture search share it.
Cycles may add or overlap (a pipeline that is not balanced starts anew only when all stages are done; one in dataflow hides all but the
slowest), so both are weighed: until the designs tell them apart the question is open, and a bound takes what every answer allows, the
slowest layer alone.

Notation: L layers, M metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dse.qor import CYCLES, RESOURCES, Qor

Floats = NDArray[np.float64]
Combine = Literal["sum", "max"]

_EXACT = 1e-6  # totals within this share of the plain sum (or maximum) are just that
_SPREAD = 0.03  # share of a total that its remainder may vary by, before designs say more
_DESIGNS = 2.0  # for how many designs that assumption counts
_CLEAR = 9.0  # squared errors so many times smaller, and more than that assumption, settle how cycles combine
_SHOWN = 0.03  # an exchanged layer's cycles are told where totals are this sure


def combine_of(metric: str) -> Combine:
    """Return what a metric does unless designs say otherwise: resources and latency add, the slowest layer decides the interval."""
    return "max" if metric.startswith("ii_") or metric == "clock_period_ns" else "sum"


def compose(layers: Iterable[tuple[str, Qor]]) -> Qor:
    """Put layers together: resources and latency add, the II is the slowest layer's (N-TORC's assumption: no glue, no overlap).

    A metric that one layer does not know is unknown for the whole.
    """
    known = tuple(layers)

    def fold(name: str) -> float | None:
        values = [getattr(qor, name) for _, qor in known]
        combine: Callable[[list[float]], float] = sum if combine_of(name) == "sum" else max
        return combine(values) if values and None not in values else None

    return Qor(**{name: fold(name) for name in (*RESOURCES, *CYCLES, "clock_period_ns")}, layers=known)


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """What was learned of totals; all arrays (M,) in the order of `metrics`.

    Attributes:
        combine: per metric, whether layers add or the largest counts.
        offset, ratio, spread: see above; 0, 1, 0 where totals are plain.
        is_open: whether designs do not tell yet how the metric combines.
    """

    metrics: tuple[str, ...]
    combine: tuple[Combine, ...]
    offset: Floats
    ratio: Floats
    spread: Floats
    is_open: NDArray[np.bool_]

    def exchange(self, whole: Qor, name: str, layer: Mapping[str, float]) -> Qor:
        """Return a design's totals with one layer exchanged; unknown where a layer's is, or where cycles do not follow from layers."""
        values: dict[str, Any] = {}
        for place, metric in enumerate(self.metrics):
            parts = {other: getattr(qor, metric) for other, qor in whole.layers}
            total, new = getattr(whole, metric), layer.get(metric, np.nan)
            if name not in parts or None in parts.values() or total is None or not isfinite(new):
                continue
            if metric in CYCLES and (self.is_open[place] or self.spread[place] > _SHOWN):
                continue
            change = self._fold(place, list({**parts, name: new}.values())) - self._fold(place, list(parts.values()))
            values[metric] = max(0.0, total + float(self.ratio[place]) * change)
        return Qor(**values)

    def _fold(self, place: int, values: Sequence[float]) -> float:
        return sum(values) if self.combine[place] == "sum" else max(values)


def learn(metrics: tuple[str, ...], pairs: Sequence[tuple[Floats, Floats]]) -> Composition:
    """Learn from designs as (L, M) layers and (M,) totals, NaN where unknown; none gives plain sums and maxima."""
    combine: list[Combine] = [combine_of(metric) for metric in metrics]
    lines = np.tile([0.0, 1.0, 0.0], (len(metrics), 1))
    is_open = np.zeros(len(metrics), dtype=np.bool_)
    for place, metric in enumerate(metrics):
        known = [(parts[:, place], whole[place]) for parts, whole in pairs if np.isfinite([*parts[:, place], whole[place]]).all()]
        totals = np.array([whole for _, whole in known])
        folded: dict[Combine, Floats] = {
            "sum": np.array([parts.sum() for parts, _ in known]),
            "max": np.array([parts.max() for parts, _ in known]),
        }
        plain = folded[combine[place]]
        if not known or (np.abs(totals - plain) <= _EXACT * np.maximum(totals, 1.0)).all():
            continue
        if metric in CYCLES:
            combine[place], is_open[place] = _choice(folded, totals, combine[place])
        lines[place] = _line(folded[combine[place]], totals)[:3]
    offset, ratio, spread = lines.T
    return Composition(metrics, tuple(combine), offset, ratio, spread, is_open)


def _choice(folded: Mapping[Combine, Floats], totals: Floats, usual: Combine) -> tuple[Combine, bool]:
    """Return how cycles combine by least squared error, and whether the other way is still open."""
    errors = {way: _line(values, totals)[3] for way, values in folded.items()}
    other: Combine = "max" if usual == "sum" else "sum"
    best, rest = (other, usual) if errors[other] < errors[usual] else (usual, other)
    is_settled = errors[rest] > _SPREAD**2 and errors[rest] > _CLEAR * errors[best]
    return (best if is_settled else usual), not is_settled


def _line(parts: Floats, whole: Floats) -> tuple[float, float, float, float]:
    """Explain totals by an added constant or by a factor, whichever leaves less; one design alone cannot tell, and adds.

    Returns offset, ratio, relative spread, and the squared error that is left.
    """
    scale = np.maximum(whole, 1.0)
    added = float(np.median(whole - parts))
    factor = float(np.median(whole / np.maximum(parts, 1e-9)))
    errors = ((whole - parts - added) / scale, (whole - factor * parts) / scale)
    is_factor = added < 0 or float(np.sum(errors[1] ** 2)) < float(np.sum(errors[0] ** 2))
    left = float(np.sum(errors[int(is_factor)] ** 2))
    spread = float(np.sqrt((left + _DESIGNS * _SPREAD**2) / (len(whole) + _DESIGNS)))
    return (0.0, factor, spread, left) if is_factor else (added, 1.0, spread, left)


def parts_and_total(metrics: tuple[str, ...], design: Qor, names: Sequence[str]) -> tuple[Floats, Floats]:
    """Return a design as (L, M) layers of these names and (M,) totals; NaN where unknown."""
    known, nothing = dict(design.layers), Qor()
    rows = [[getattr(known.get(name, nothing), metric) for metric in metrics] for name in names]
    return np.array(rows, dtype=np.float64), np.array([getattr(design, metric) for metric in metrics], dtype=np.float64)
