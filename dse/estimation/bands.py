"""How far an estimate may be off: 90 % bands, as factors on the estimate, from the nearest regime that was recorded.

A regime is what decides which constants an estimate rests on. Inside a recorded regime and on its target (tool, clock, device family, widths) the
band is what leaving out each shape left over. Off that target it is what other people's layers of the same kind showed, and where nothing was
recorded it is as wide as whole designs of strangers were off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from math import log
from typing import Any, Literal

from dse.design import DesignPoint, Layer, LayerChoice, Network, Target
from dse.estimation.constants import committed
from dse.estimation.geometry import geometry, types_of
from dse.layers._circuit import Context
from dse.qor import Qor
from dse.registry import layer_kind

METRICS = ("lut", "ff", "dsp", "bram_18k", "latency_cycles_min", "latency_cycles_max", "ii_cycles_min", "ii_cycles_max")

Built = Literal["memory", "constants", ""]  # weights read from memories, or constants of the logic; "": no weights
Level = Literal["recorded", "carried over", "derived"]
Band = tuple[float, float]  # the truth lies between these factors on the estimate, in 9 of 10 cases

# Typical factors either way off the recordings' target and where there are none. Latency and DSPs carry over (3 to 4 % off), LUT and FF of other
# repositories' layers were 44 to 139 % off on average; whole designs by a factor of two in every second case.
_CARRIED = {"lut": 2.4, "ff": 2.6, "dsp": 1.5, "bram_18k": 2.2, "latency": 1.5, "ii": 1.3}
_DERIVED = {"lut": 3.0, "ff": 3.0, "dsp": 2.0, "bram_18k": 3.0, "latency": 2.2, "ii": 2.0}
_NORMAL_90 = 1.645


@dataclass(frozen=True, slots=True, order=True)
class Regime:
    """Layers whose estimates rest on the same constants."""

    family: str
    io_type: str
    built: Built

    def __str__(self) -> str:
        built = {"memory": "weights in memories", "constants": "constant weights", "": "no weights"}[self.built]
        return f"{self.family or 'other'}, {self.io_type}, {built}"


@dataclass(frozen=True, slots=True)
class Trust:
    """How well a layer's estimate is known.

    Attributes:
        bands: per metric.
        error_percent: mean absolute error per metric, each shape left out; empty off the recordings' target.
        recorded: what the recordings are; "" where there are none.
    """

    regime: Regime
    level: Level
    bands: Mapping[str, Band]
    error_percent: Mapping[str, float]
    recorded: str = ""

    def deviation(self, metric: str) -> float:
        """Return the standard deviation of log(truth / estimate) that the band means."""
        low, high = self.bands[metric]
        return log(high / low) / (2 * _NORMAL_90)


def regime_of(layer: Layer, choice: LayerChoice, target: Target) -> Regime:
    """Return a layer's regime."""
    kind = layer_kind(layer.kind)
    if not kind.matrices(layer):
        return Regime(layer.kind, target.io_type, "")
    g = geometry(layer, choice, target)
    return Regime(kind.family, target.io_type, "memory" if choice.strategy == "resource" and g.slowest > 1 else "constants")


@lru_cache(maxsize=1 << 16)
def trust(layer: Layer, choice: LayerChoice, target: Target, context: Context | None = None) -> Trust:
    """Return how well the estimate of a layer is known; `context` as of `estimate_layer`."""
    regime = regime_of(layer, choice, target)
    found = _recorded().get(regime)
    if found is None or not layer_kind(layer.kind).has_weights:
        return Trust(regime, "derived", {metric: _either_way(_DERIVED, metric) for metric in METRICS}, {})
    wide = {metric: carried_over(metric) for metric in METRICS}
    if not _is_on_target(found["target"], layer, choice, target):
        return Trust(regime, "carried over", wide, {}, found["recorded"])
    own: dict[str, Band] = {metric: (band[0], band[1]) for metric, band in found["band"].items()}
    return Trust(regime, "recorded", {**wide, **own}, found["error_percent"], found["recorded"])


Know = Callable[[Layer, LayerChoice, Target, Context], Trust]


def bounds(network: Network, point: DesignPoint, target: Target, qor: Qor, know: Know = trust) -> dict[str, Band]:
    """Return per metric what the truth of an estimated design lies between, in 9 of 10 cases; `know` says how well a layer is known.

    Layers of one design are off in the same direction, so their bands add up as they are. A metric that the estimate does not know is missing.
    """
    chosen = dict(point.choices)
    named = {
        layer.name: trust(layer, chosen.get(layer.name, LayerChoice(1, "latency")), target, Context()) for layer in network.layers
    }
    return bounds_of(((part, named[name].bands if name in named else None) for name, part in qor.layers), qor)


def bounds_of(parts: Iterable[tuple[Qor, Mapping[str, Band] | None]], whole: Qor) -> dict[str, Band]:
    """Return the bounds of a whole from its parts and their bands; None: of a part that nothing was recorded of."""
    known = list(parts)
    found = {}
    for metric in METRICS:
        total = getattr(whole, metric)
        if total is None:
            continue
        default = _either_way(_DERIVED, metric)
        rows = [(getattr(part, metric) or 0.0, (bands or {}).get(metric, default)) for part, bands in known]
        weight = sum(value for value, _ in rows)
        low, high = (sum(value * band[side] for value, band in rows) / weight if weight else default[side] for side in (0, 1))
        found[metric] = (low * total, high * total)
    return found


def carried_over(metric: str) -> Band:
    """Return the band of a recorded regime off the recordings' target."""
    return _either_way(_CARRIED, metric)


def _either_way(factors: Mapping[str, float], metric: str) -> Band:
    factor = factors.get(metric) or factors[metric.partition("_")[0]]
    return (1 / factor, factor)


@cache
def _recorded() -> Mapping[Regime, Any]:
    return {Regime(entry["family"], entry["io_type"], entry["built"]): entry for entry in committed()["regime"]}


def _is_on_target(recorded: Mapping[str, Any], layer: Layer, choice: LayerChoice, target: Target) -> bool:
    """Whether a layer is built for what the recordings were built for."""
    result, weight = types_of(layer, choice, target)
    return (
        target.toolchain.name == recorded["toolchain"]
        and recorded["clock_period_ns"] == target.clock_period_ns
        and target.part.startswith(recorded["part"])
        and recorded["weight_bits"][0] <= weight.width_bits <= recorded["weight_bits"][1]
        and result.width_bits == recorded["data_bits"]
        and layer.kind in recorded["kinds"]
    )
