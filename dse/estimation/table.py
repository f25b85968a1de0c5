"""What a network would cost: every layer at every legal reuse factor, whole designs, and the exact front of the whole space at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dse.allocation.cover import cover
from dse.design import DesignPoint, Layer, LayerChoice, Network, Strategy, Target
from dse.errors import SpaceError
from dse.estimation.bands import METRICS, Band, bounds
from dse.estimation.context import Context, context_of
from dse.estimation.learned import NOTHING, Learned
from dse.estimation.model import estimate_design, estimate_layer
from dse.parts import Part
from dse.qor import Qor
from dse.registry import layer_kind

RESOURCES = ("lut", "ff", "dsp", "bram_18k")
SHOWN = ("latency_cycles_max", "ii_cycles_max", *RESOURCES)
_MOST_DESIGNS = 64  # of a front that are worth a table; more are thinned out evenly


@dataclass(frozen=True, slots=True)
class LayerEstimate:
    """One layer under one choice (None: it has none); `bounds` hold a metric in 9 of 10 cases, `level` says what they rest on."""

    layer: Layer
    choice: LayerChoice | None
    qor: Qor
    bounds: Mapping[str, Band]
    level: str


@dataclass(frozen=True, slots=True)
class DesignEstimate:
    """One design: its numbers, their bounds, its share of the device, and per resource the layer that takes most with its share."""

    point: DesignPoint
    qor: Qor
    bounds: Mapping[str, Band]
    shares: Mapping[str, float | None]
    dominant: Mapping[str, tuple[str, float]]

    @property
    def device_cost(self) -> float | None:
        """The sum of the shares of LUT, FF, DSP and BRAM."""
        known = [share for share in self.shares.values() if share is not None]
        return sum(known) if len(known) == len(self.shares) else None


@dataclass(frozen=True)
class Estimation:
    """Estimates of a network for a target; nothing in here was measured.

    Attributes:
        strategy: of all layers.
        legal: per layer with weights its legal reuse factors, ascending.
        learned: what measured layers correct.
    """

    network: Network
    target: Target
    part: Part
    strategy: Strategy
    legal: Mapping[str, tuple[int, ...]]
    learned: Learned = NOTHING

    def layers(self, reuse_factors: Sequence[int] = ()) -> Iterator[LayerEstimate]:
        """Yield every layer at every legal reuse factor, or at the legal ones nearest to those given."""
        contexts = context_of(self.network, self.homogeneous(max(reuse_factors, default=1)), self.target)
        for layer in self.network.layers:
            factors = self.legal.get(layer.name)
            if factors is None:
                yield self._layer(layer, None, contexts[layer.name])
                continue
            for factor in sorted({_nearest(factors, wanted) for wanted in reuse_factors}) if reuse_factors else factors:
                yield self._layer(layer, LayerChoice(factor, self.strategy), contexts[layer.name])

    def _layer(self, layer: Layer, choice: LayerChoice | None, context: Context) -> LayerEstimate:
        chosen = choice or LayerChoice(1, "latency")
        qor = self.learned.correct(layer, chosen, self.target, estimate_layer(layer, chosen, self.target, context))
        known = self.learned.trust(layer, chosen, self.target, context)
        numbers = {metric: value for metric in METRICS if (value := getattr(qor, metric)) is not None}
        around = {metric: (value * known.bands[metric][0], value * known.bands[metric][1]) for metric, value in numbers.items()}
        return LayerEstimate(layer, choice, qor, around, known.level)

    def homogeneous(self, reuse_factor: int) -> DesignPoint:
        """Return the design in which every layer takes its legal reuse factor nearest to the given one."""
        return DesignPoint(
            tuple((name, LayerChoice(_nearest(factors, reuse_factor), self.strategy)) for name, factors in self.legal.items())
        )

    def design(self, point: DesignPoint) -> DesignEstimate:
        """Return the estimate of a whole design."""
        qor = estimate_design(self.network, point, self.target, self.learned.correct)
        shares: dict[str, float | None] = {}
        dominant: dict[str, tuple[str, float]] = {}
        for name in RESOURCES:
            used, capacity = getattr(qor, name), self.part.capacity(name)
            shares[name] = used / capacity if used is not None and capacity else 0.0 if used == 0 else None
            largest, value = max(((layer, getattr(part, name) or 0.0) for layer, part in qor.layers), key=lambda pair: pair[1])
            if used:
                dominant[name] = (largest, value / used)
        return DesignEstimate(point, qor, bounds(self.network, point, self.target, qor, self.learned.trust), shares, dominant)

    @cached_property
    def front(self) -> tuple[DesignEstimate, ...]:
        """All designs of which no other is both faster (cycles of latency) and smaller (`device_cost`), fastest first.

        Exact where the layers' own numbers add up, which they do in the estimate; where it has very many, an even selection.
        """
        names = list(self.legal)
        tables = [list(self._choices(name)) for name in names]
        cycles = tuple(np.array([row.qor.latency_cycles_max for row in rows], dtype=np.float64) for rows in tables)
        sizes = tuple(np.array([self._cost(row.qor) for row in rows], dtype=np.float64) for rows in tables)
        found = cover([(cycles, "sum"), (sizes, "sum")])
        kept = found.choices[np.lexsort(found.values.T[::-1])]
        kept = (
            kept[np.unique(np.linspace(0, len(kept) - 1, _MOST_DESIGNS).round().astype(int))] if len(kept) > _MOST_DESIGNS else kept
        )
        points = [[(name, rows[i].choice) for name, rows, i in zip(names, tables, row, strict=True)] for row in kept]
        return tuple(self.design(DesignPoint(tuple((n, c) for n, c in point if c is not None))) for point in points)

    def _choices(self, name: str) -> Iterator[LayerEstimate]:
        layer, contexts = self.network.layer(name), context_of(self.network, self.homogeneous(1), self.target)
        return (self._layer(layer, LayerChoice(factor, self.strategy), contexts[name]) for factor in self.legal[name])

    def _cost(self, qor: Qor) -> float:
        return sum((getattr(qor, name) or 0.0) / max(1, self.part.capacity(name)) for name in RESOURCES)

    def to_json(self, reuse_factors: Sequence[int] = (), *, with_front: bool = False) -> dict[str, Any]:
        """Return everything as plain JSON values: `layers` at all legal reuse factors, `designs` at those given, and the `front`."""
        document = {
            "network": self.network.name,
            "is_estimate": True,
            "target": {
                "part": self.target.part,
                "clock_period_ns": self.target.clock_period_ns,
                "io_type": self.target.io_type,
                "precision": str(self.target.precision),
                "toolchain": str(self.target.toolchain),
            },
            "strategy": self.strategy,
            "corrections": list(self.learned.notes),
            "layers": [
                {"name": row.layer.name, "kind": row.layer.kind, "reuse_factor": row.choice and row.choice.reuse_factor}
                | {"bands_rest_on": row.level, "estimate": _numbers(row.qor, row.bounds)}
                for row in self.layers()
            ],
            "designs": [_design(self.design(self.homogeneous(factor))) | {"asked": factor} for factor in reuse_factors],
        }
        return document | ({"front": [_design(design) for design in self.front]} if with_front else {})


def estimation(
    network: Network, target: Target, part: Part, strategy: Strategy = "resource", learned: Learned = NOTHING
) -> Estimation:
    """Return the estimates of a network.

    Raises:
        SpaceError: a layer with weights has no legal reuse factor under this strategy and io_type.
    """
    legal: dict[str, tuple[int, ...]] = {}
    for layer in network.layers:
        kind = layer_kind(layer.kind)
        if kind.matrices(layer):
            legal[layer.name] = kind.legal(layer, target, strategy).reuse_factors
            if not legal[layer.name]:
                raise SpaceError(
                    f"layer {layer.name}: no reuse factor is legal under {strategy} and {target.io_type}; `dse legal` says why"
                )
    return Estimation(network, target, part, strategy, legal, learned)


def _nearest(factors: Sequence[int], wanted: int) -> int:
    return min(factors, key=lambda factor: (abs(factor - wanted), factor))


def _numbers(qor: Qor, around: Mapping[str, Band]) -> dict[str, dict[str, float | None]]:
    known = {metric: (getattr(qor, metric), *around.get(metric, (None, None))) for metric in METRICS}
    return {metric: {"value": value, "low": low, "high": high} for metric, (value, low, high) in known.items()}


def _design(design: DesignEstimate) -> dict[str, Any]:
    return {
        "reuse_factors": {name: choice.reuse_factor for name, choice in design.point.choices},
        "estimate": _numbers(design.qor, design.bounds),
        "share_of_device": dict(design.shares),
        "device_cost": design.device_cost,
        "dominated_by": {metric: {"layer": name, "share": share} for metric, (name, share) in design.dominant.items()},
    }
