"""Records as numbers: replicates merged, one table per kind of layer.

Metrics are learned as t = log(1 + y): relative errors count alike from 1 to 10^6, and a resource that is not used at all stays finite.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from dse.design import Fidelity, Target
from dse.qor import LayerRecord
from dse.surrogates._features import Floats, Row
from dse.surrogates.base import METRICS

# The variance of a median of n equal normal values is pi/2 of the mean's.
_MEDIAN_VARIANCE = np.pi / 2

_numbers = attrgetter(*METRICS)


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """What was measured of one kind of layer, replicates merged.

    Attributes:
        rows: N different (layer, choice, target built for).
        values: (N, M) log(1 + median over replicates), NaN where not measured.
        noise: (N, M) variance of that median, from the replicates' own spread; 0 where there is one.
        spread: (N, M) variance of a single replicate around the median; 0 where there is one.
        groups: (N,) number of the row's shape.
    """

    rows: tuple[Row, ...]
    values: Floats
    noise: Floats
    spread: Floats
    groups: np.ndarray[tuple[int], np.dtype[np.int64]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Observed) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    @property
    def _content(self) -> tuple[object, ...]:
        return (self.rows, *(array.tobytes() for array in (self.values, self.noise, self.spread, self.groups)))

    def take(self, keep: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]]) -> Observed:
        """Return some of the rows."""
        index = np.asarray(keep, dtype=np.int64)
        rows = tuple(self.rows[int(i)] for i in index)
        return Observed(rows, self.values[index], self.noise[index], self.spread[index], self.groups[index])


def to_log(values: Floats) -> Floats:
    """Return log(1 + y)."""
    return np.log1p(values)


def from_log(values: Floats) -> Floats:
    """Return y of log(1 + y), not below 0; beyond 10^30 it is cut, because an unbounded prior must stay finite."""
    return np.clip(np.expm1(np.minimum(values, 69.0)), 0.0, None)


def row_key(row: Row) -> tuple[object, ...]:
    """What makes two rows replicates of each other: names and neighbours do not."""
    layer, choice, target = row
    return (layer.shape, layer.attribute("kernel", 0), layer.attribute("input_packets"), choice, target)


def one_fidelity(records: Sequence[LayerRecord]) -> tuple[LayerRecord, ...]:
    """Return the records of the commonest fidelity (of equally common the deepest): two are never mixed in one column."""
    counts = Counter(record.fidelity for record in records)
    if len(counts) < 2:
        return tuple(records)
    depth = list(Fidelity)
    chosen = max(counts, key=lambda fidelity: (counts[fidelity], depth.index(fidelity)))
    return tuple(record for record in records if record.fidelity is chosen)


def observe(records: Iterable[LayerRecord], target: Target) -> dict[str, Observed]:
    """Merge records by kind; those built for another I/O type are left out, since its templates are others."""
    rows: dict[str, dict[tuple[object, ...], Row]] = {}
    found: dict[str, dict[tuple[object, ...], list[tuple[float | None, ...]]]] = {}
    keys: dict[tuple[object, ...], tuple[object, ...]] = {}  # thousands of records are of few layers, and comparing those costs
    for record in records:
        if record.target.io_type != target.io_type:
            continue
        row, kind = (record.layer, record.choice, record.target), record.layer.kind
        short = (id(record.layer), record.choice, id(record.target))
        if (key := keys.get(short)) is None:
            key = keys[short] = row_key(row)
        rows.setdefault(kind, {}).setdefault(key, row)
        found.setdefault(kind, {}).setdefault(key, []).append(_numbers(record.qor))
    merged = {kind: _merge(tuple(rows[kind].values()), list(found[kind].values())) for kind in rows}
    return {kind: data for kind, data in merged.items() if data.rows}


def missing_notes(observed: dict[str, Observed]) -> tuple[str, ...]:
    """Return what was measured of no layer of a kind: a sentence for all kinds that lack the same metrics."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    for kind, data in observed.items():
        missing = tuple(metric for metric, column in zip(METRICS, data.values.T, strict=True) if np.isnan(column).all())
        if missing:
            lacking.setdefault(missing, []).append(kind)
    return tuple(
        f"{', '.join(kinds)}: no record of {', '.join(missing)}; believed from the analytic estimate with a wide interval"
        for missing, kinds in lacking.items()
    )


def _merge(rows: tuple[Row, ...], found: list[list[tuple[float | None, ...]]]) -> Observed:
    shape = (len(rows), len(METRICS))
    values, noise, spread = np.full(shape, np.nan), np.zeros(shape), np.zeros(shape)
    for i, replicates in enumerate(found):
        table = np.array(replicates, dtype=np.float64)  # None becomes NaN
        for m, column in enumerate(table.T):
            numbers = column[~np.isnan(column)]
            if len(numbers):
                logs = to_log(numbers)
                values[i, m] = np.log1p(np.median(numbers))
                spread[i, m] = np.var(logs)
                noise[i, m] = _MEDIAN_VARIANCE * np.var(logs, ddof=1) / len(logs) if len(logs) > 1 else 0.0
    numbers_of = {shape: n for n, shape in enumerate(dict.fromkeys(layer.shape for layer, _, _ in rows))}
    groups = np.array([numbers_of[layer.shape] for layer, _, _ in rows], dtype=np.int64)
    known = ~np.isnan(values).all(axis=1)
    return Observed(rows, values, noise, spread, groups).take(np.flatnonzero(known))
