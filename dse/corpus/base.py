"""What a corpus is, and when two records are replicates of the same circuit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import median
from typing import Any

from dse.design import Fidelity, Layer, LayerChoice, Precision, Strategy, Target
from dse.errors import CorpusError
from dse.layers.base import closest, legal_reuse_factors
from dse.qor import METRICS, DesignRecord, LayerRecord, Qor

Circuit = tuple[str, int, int, int, int, int, Strategy, Precision | None, Precision | None, tuple[int, ...]]

# Kinds whose multiplier matrix has hls4ml's legal set. A recurrent layer has two matrices that share the reuse factor asked for,
# each taking its own nearest legal value.
_ONE_MATRIX = ("dense", "conv1d", "conv2d")
_TWO_MATRICES = ("lstm", "gru")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Recorded layers and whole designs.

    Attributes:
        name: for messages; the folder's or file's name.
        digest: 64 hex digits over the bytes of the files read; never over their place.
        layers: one record per layer and measurement. A record may know only half of its metrics (N-TORC keeps latency and
            resources in separate tables); the rest is None.
        designs: whole designs, failures included.
        target: what all records were built for; None if they differ or there are none.
        notes: what was skipped or corrected on reading, for the user.
    """

    name: str
    digest: str
    layers: tuple[LayerRecord, ...]
    designs: tuple[DesignRecord, ...]
    target: Target | None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.layers or self.designs):
            raise CorpusError(f"corpus {self.name}: empty; got no record, expected at least one layer or design")


def common_target(records: Iterable[LayerRecord | DesignRecord]) -> Target | None:
    """Return the target that all records share, None if they differ."""
    targets = {record.target for record in records}
    return targets.pop() if len(targets) == 1 else None


@lru_cache(maxsize=65536)
def effective_factors(shape: tuple[str, int, int, int, int], choice: LayerChoice) -> tuple[int, ...]:
    """Return the reuse factor of each multiplier matrix as hls4ml builds it.

    Under the latency strategy, and for kinds whose rule is not the plain matrix one, that is the factor asked for.

    >>> effective_factors(("lstm", 16, 32, 64, 8), LayerChoice(512))
    (512, 256)
    """
    kind, n_in, n_out, _, n_state = shape
    if choice.strategy not in ("resource", "resource_unrolled"):
        return (choice.reuse_factor,)
    if kind in _ONE_MATRIX:
        return (closest(legal_reuse_factors(n_in, n_out), choice.reuse_factor),)
    if kind in _TWO_MATRICES:
        return tuple(closest(legal_reuse_factors(rows, n_out), choice.reuse_factor) for rows in (n_in, n_state))
    return (choice.reuse_factor,)


def circuit(layer: Layer, choice: LayerChoice) -> Circuit:
    """Return what two records must share to be replicates: shape, kernel width, strategy, types and effective factors."""
    kernel = layer.attribute("kernel", 0)
    width = kernel if isinstance(kernel, int) and not isinstance(kernel, bool) else 0
    return (*layer.shape, width, choice.strategy, choice.precision, choice.weight, effective_factors(layer.shape, choice))


def medians(records: Iterable[LayerRecord]) -> tuple[LayerRecord, ...]:
    """Merge replicates: one record per circuit, target and fidelity, each metric the median of those that know it.

    A layer's latency depends on its neighbours (up to 90 % in N-TORC), so a mean would follow the odd ones. The order is that of
    first appearance; `source` says how many records were merged.
    """
    groups: dict[tuple[Circuit, Target, Fidelity], list[LayerRecord]] = {}
    for record in records:
        key = (circuit(record.layer, record.choice), record.target, record.fidelity)
        groups.setdefault(key, []).append(record)
    return tuple(replace(group[0], qor=_median(group), source=f"median of {len(group)} records") for group in groups.values())


def _median(group: list[LayerRecord]) -> Qor:
    numbers: dict[str, Any] = {}
    for name in (*METRICS, "clock_period_ns"):
        known = [value for record in group if (value := getattr(record.qor, name)) is not None]
        numbers[name] = median(known) if known else None
    return Qor(**numbers)
