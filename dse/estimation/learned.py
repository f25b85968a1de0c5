"""What measured layers correct in the estimate: per regime and metric one factor, held back where little was measured, and a band of its own.

    log(truth / estimate) ~ normal(m, s^2),  m ~ normal(0, .): factor = exp(n / (n + K) mean),  s^2 = (K s0^2 + sum of squares) / (n + K)

n counts different circuits, not records; s0 is the deviation that the regime's own band means.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import exp, log, sqrt
from typing import Any

from dse.canonical import digest
from dse.design import Fidelity, Layer, LayerChoice, Target
from dse.estimation.bands import METRICS, Regime, Trust, regime_of, trust
from dse.estimation.model import estimate_layer
from dse.layers._circuit import Context
from dse.qor import LayerRecord, Qor

_HELD_BACK = 4.0  # circuits' worth of trust that the uncorrected estimate gets
_NORMAL_90 = 1.645

Key = tuple[Regime, str]


@dataclass(frozen=True, slots=True)
class Correction:
    """Of one regime and metric: the factor, the deviation that is left (of logs), and the circuits it was learned from."""

    factor: float
    deviation: float
    n_circuits: int


@dataclass(frozen=True, slots=True)
class Learned:
    """The corrections of all regimes of which something was measured; none: the estimate as it is."""

    corrections: Mapping[Key, Correction] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """What tells one set of corrections from another; "" for none."""
        rows = [(*_text(key), own.factor, own.deviation, own.n_circuits) for key, own in self.corrections.items()]
        return digest(tuple(sorted(rows))) if rows else ""

    def correct(self, layer: Layer, choice: LayerChoice, target: Target, qor: Qor) -> Qor:
        """Return a layer's estimate with what was learned of its regime."""
        if not self.corrections:
            return qor
        regime = regime_of(layer, choice, target)
        changed: dict[str, Any] = {}
        for metric in METRICS:
            own, value = self.corrections.get((regime, metric)), getattr(qor, metric)
            if own is not None and value:
                changed[metric] = float(round(value * own.factor))
        return replace(qor, **changed)

    def trust(self, layer: Layer, choice: LayerChoice, target: Target, context: Context | None = None) -> Trust:
        """Return how well a corrected estimate is known."""
        known = trust(layer, choice, target, context)
        own = {metric: self.corrections[known.regime, metric] for metric in METRICS if (known.regime, metric) in self.corrections}
        bands = {metric: (exp(-_NORMAL_90 * c.deviation), exp(_NORMAL_90 * c.deviation)) for metric, c in own.items()}
        return replace(known, bands={**known.bands, **bands}) if own else known

    @property
    def notes(self) -> tuple[str, ...]:
        """By how much the estimate was corrected, a sentence a regime."""
        found: dict[Regime, list[str]] = defaultdict(list)
        for (regime, metric), own in self.corrections.items():
            if metric in ("lut", "ff", "dsp", "bram_18k", "latency_cycles_max"):
                found[regime].append(f"{metric} x {own.factor:.2f} ({own.n_circuits})")
        return tuple(
            f"corrected by what was measured here: {regime}: {', '.join(words)}" for regime, words in sorted(found.items())
        )


NOTHING = Learned()


def learn(records: Iterable[LayerRecord]) -> Learned:
    """Return the corrections that measured layers (C synthesis) teach."""
    residuals: dict[Key, dict[tuple[object, ...], list[float]]] = defaultdict(lambda: defaultdict(list))
    priors: dict[Key, float] = {}
    for record in records:
        if record.fidelity is not Fidelity.CSYNTH:
            continue
        layer, choice, target = record.layer, record.choice, record.target
        known, qor = trust(layer, choice, target), estimate_layer(layer, choice, target)
        for metric in METRICS:
            truth, own = getattr(record.qor, metric), getattr(qor, metric)
            if truth is not None and own is not None:
                key = (known.regime, metric)
                residuals[key][layer.shape, choice, target].append(log((truth + 1) / (own + 1)))
                priors[key] = max(priors.get(key, 0.0), known.deviation(metric))
    return Learned({key: _correction([sum(r) / len(r) for r in own.values()], priors[key]) for key, own in residuals.items()})


def _correction(logs: list[float], prior: float) -> Correction:
    n = len(logs)
    mean = sum(logs) / (n + _HELD_BACK)
    left = sum((value - mean) ** 2 for value in logs)
    return Correction(exp(mean), sqrt((_HELD_BACK * prior**2 + left) / (n + _HELD_BACK)), n)


def _text(key: Key) -> tuple[str, str]:
    return str(key[0]), key[1]
