"""What a search believes of every layer and choice: measured where measured, a surrogate elsewhere, with optimistic bounds.

Notation: L layers, C_l choices of layer l, M columns (`dse.surrogates.base.METRICS`); z is the normal quantile of the confidence.

A layer that was measured under a choice is known, and so is every layer of the same circuit in this network, up to the noise that
repeated measurements show. The whole is not always the sum of its parts (FIFOs, glue, overlap): `Glue` learns total against sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse import registry
from dse.corpus.base import circuit
from dse.design import Fidelity
from dse.qor import LayerRecord
from dse.search.base import Trial, View
from dse.surrogates.base import METRICS, Belief

Floats = NDArray[np.float64]
Identity = tuple[object, ...]
Circuits = tuple[Identity, ...]

_numbers = attrgetter(*METRICS)
_SUMS = np.array([not name.startswith("ii_") for name in METRICS])
_EXACT = 1e-6  # totals within this share of the sum are sums
_GLUE_SPREAD = 0.03  # share of a total that glue may vary by, before trials say more
_GLUE_TRIALS = 2.0  # for how many trials that assumption counts


@dataclass(frozen=True, slots=True, eq=False)
class Glue:
    """Total = offset + ratio x (sum or maximum over layers), within a relative spread; one number per column (M,)."""

    offset: Floats
    ratio: Floats
    spread: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Beliefs about all layers of a space.

    Attributes:
        mean, lower, upper: per layer (C_l, M), original units; equal where measured without noise. NaN where nothing is known.
        hope: lower where predicted, mean where measured: the noise of measurements is nothing that a better choice could use.
        noise: the largest relative deviation of one measurement that repeated ones show, over kinds and columns that count.
        measured: per layer (C_l,) whether the circuit was measured in this campaign.
        circuits: per layer the identity of each choice's circuit; layers of equal circuits share their measurements.
        extrapolates: per layer (C_l,) whether the belief lies outside what was ever measured.
        belief: the fitted surrogate, for joint draws.
        notes: what the user should know.
    """

    mean: tuple[Floats, ...]
    lower: tuple[Floats, ...]
    upper: tuple[Floats, ...]
    hope: tuple[Floats, ...]
    noise: float
    measured: tuple[NDArray[np.bool_], ...]
    circuits: tuple[Circuits, ...]
    extrapolates: tuple[NDArray[np.bool_], ...]
    glue: Glue
    belief: Belief
    notes: tuple[str, ...]

    def draw(self, view: View, rng: np.random.Generator) -> tuple[Floats, ...]:
        """Draw one joint sample of all tables; what was measured stays as measured."""
        drawn = self.belief.sample([(option.layer, option.choices) for option in view.space.options], rng)
        return tuple(
            np.where(known[:, None] & np.isfinite(mean), mean, np.where(np.isfinite(table), table, mean))
            for known, mean, table in zip(self.measured, self.mean, drawn, strict=True)
        )


def build(view: View, surrogate: str, options: Any, confidence: float, inflation: float = 1.0) -> Tables:
    """Fit the surrogate to all measured layers and lay what was measured over its predictions.

    Args:
        view: trials, transfer, space.
        surrogate, options: kind and options of the surrogate.
        confidence: of the central interval between lower and upper.
        inflation: factor on the width of predicted intervals, in log units.
    """
    records = _records(view)
    recipe = registry.load("surrogates", surrogate).create(options)
    belief: Belief = recipe.fit((*view.transfer, *records), view.target, seed=view.seed)
    seen = _observations(records)
    noise = _noise(seen)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    mean_tables, lower_tables, upper_tables, hope_tables, measured_tables, identities, outside = [], [], [], [], [], [], []
    for option in view.space.options:
        predicted = belief.predict(option.layer, option.choices, confidence=confidence)
        circuits: Circuits = tuple(circuit(option.layer, choice) for choice in option.choices)
        mean = np.array(predicted.mean)
        lower, upper = _stretch(mean, predicted.lower, inflation), _stretch(mean, predicted.upper, inflation)
        hope = np.array(lower)
        for row, identity in enumerate(circuits):
            rows = seen.get(identity)
            if rows is None:
                continue
            value, count = _mean(rows), (~np.isnan(rows)).sum(axis=0)
            known = count > 0
            half = z * noise.get(option.layer.kind, np.zeros(len(METRICS))) / np.sqrt(np.maximum(count, 1))
            mean[row, known] = hope[row, known] = value[known]
            lower[row, known] = (value * np.exp(-half))[known]
            upper[row, known] = (value * np.exp(half))[known]
        mean_tables.append(mean)
        lower_tables.append(lower)
        upper_tables.append(upper)
        hope_tables.append(hope)
        measured_tables.append(np.array([identity in seen for identity in circuits]))
        identities.append(circuits)
        outside.append(predicted.extrapolates)
    beliefs = tuple(mean_tables), tuple(lower_tables), tuple(upper_tables), tuple(hope_tables)
    largest = max((float(deviation.max()) for deviation in noise.values()), default=0.0)
    return Tables(*beliefs, largest, tuple(measured_tables), tuple(identities), tuple(outside), _glue(view), belief, belief.notes)


def _records(view: View) -> tuple[LayerRecord, ...]:
    """Return what the campaign's own trials measured, layer by layer."""
    fidelity = view.transfer[0].fidelity if view.transfer else Fidelity.CSYNTH
    layers = {option.layer.name: option.layer for option in view.space.options}
    records = []
    for trial in sorted(view.finished, key=lambda trial: trial.number):
        chosen = dict(trial.point.choices)
        for name, qor in trial.qor.layers if trial.qor else ():
            if name in layers and any(getattr(qor, metric) is not None for metric in METRICS):
                records.append(LayerRecord(layers[name], chosen[name], view.target, fidelity, qor, f"trial {trial.number}"))
    return tuple(records)


def _observations(records: Sequence[LayerRecord]) -> dict[Identity, Floats]:
    """Return (measurements, M) of each measured circuit."""
    found: dict[Identity, list[tuple[float | None, ...]]] = {}
    identities: dict[tuple[object, ...], Identity] = {}  # by name: comparing layers costs, and there are few
    for record in records:
        short = (record.layer.name, record.choice)
        if (identity := identities.get(short)) is None:
            identity = identities[short] = circuit(record.layer, record.choice)
        found.setdefault(identity, []).append(_numbers(record.qor))
    return {identity: np.array(rows, dtype=np.float64) for identity, rows in found.items()}  # None becomes NaN


def _mean(rows: Floats) -> Floats:
    """Return (M,) the mean of what is known, NaN where nothing is."""
    known = ~np.isnan(rows)
    return np.asarray(np.where(known.any(axis=0), np.nansum(rows, axis=0) / np.maximum(known.sum(axis=0), 1), np.nan))


def _noise(seen: dict[Identity, Floats]) -> dict[str, Floats]:
    """Return per kind (M,) the relative deviation of one measurement, pooled over circuits measured more than once."""
    pooled: dict[str, tuple[Floats, Floats]] = {}
    for identity, rows in seen.items():
        squares, freedom = pooled.get(str(identity[0]), (np.zeros(len(METRICS)), np.zeros(len(METRICS))))
        known = ~np.isnan(rows)
        logs = np.log1p(np.where(known, rows, 0.0))
        center = logs.sum(axis=0, where=known) / np.maximum(known.sum(axis=0), 1)
        squares = squares + np.where(known, (logs - center) ** 2, 0.0).sum(axis=0)
        pooled[str(identity[0])] = (squares, freedom + np.maximum(known.sum(axis=0) - 1, 0))
    return {kind: np.sqrt(squares / np.maximum(freedom, 1)) for kind, (squares, freedom) in pooled.items()}


def _stretch(mean: Floats, bound: Floats, factor: float) -> Floats:
    """Return the bound moved away from the mean by a factor in log units."""
    if factor == 1.0:
        return np.array(bound)
    center = np.log1p(mean)
    return np.asarray(np.maximum(np.expm1(np.minimum(center + factor * (np.log1p(bound) - center), 69.0)), 0.0))


def _glue(view: View) -> Glue:
    """Learn total against sum from all trials that know both."""
    rows = [pair for trial in view.finished if (pair := _sum_and_total(view, trial)) is not None]
    offset, ratio, spread = np.zeros(len(METRICS)), np.ones(len(METRICS)), np.zeros(len(METRICS))
    for column in range(len(METRICS)):
        pairs = np.array([(parts[column], whole[column]) for parts, whole in rows]).reshape(-1, 2)
        pairs = pairs[np.isfinite(pairs).all(axis=1)]
        if len(pairs) and (np.abs(pairs[:, 1] - pairs[:, 0]) > _EXACT * np.maximum(pairs[:, 1], 1.0)).any():
            offset[column], ratio[column], spread[column] = _line(pairs[:, 0], pairs[:, 1])
    return Glue(offset, ratio, spread)


def _line(parts: Floats, whole: Floats) -> tuple[float, float, float]:
    """Explain totals by an added constant or by a factor, whichever leaves less; one trial alone cannot tell, and adds."""
    scale = np.maximum(whole, 1.0)
    added = float(np.median(whole - parts))
    factor = float(np.median(whole / np.maximum(parts, 1e-9)))
    errors = ((whole - parts - added) / scale, (whole - factor * parts) / scale)
    is_factor = added < 0 or float(np.sum(errors[1] ** 2)) < float(np.sum(errors[0] ** 2))
    left = errors[int(is_factor)]
    spread = np.sqrt((np.sum(left**2) + _GLUE_TRIALS * _GLUE_SPREAD**2) / (len(left) + _GLUE_TRIALS))
    return (0.0, factor, float(spread)) if is_factor else (added, 1.0, float(spread))


def _sum_and_total(view: View, trial: Trial) -> tuple[Floats, Floats] | None:
    if trial.qor is None:
        return None
    known = dict(trial.qor.layers)
    if any(option.layer.name not in known for option in view.space.options):
        return None
    rows = np.array([_numbers(known[option.layer.name]) for option in view.space.options], dtype=np.float64)
    return np.where(_SUMS, rows.sum(axis=0), rows.max(axis=0)), np.array(_numbers(trial.qor), dtype=np.float64)
