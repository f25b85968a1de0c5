"""What a search believes of every layer and choice: measured where measured, a surrogate elsewhere, with optimistic bounds.

Notation: L layers, C_l choices of layer l, M columns (`dse.surrogates.base.METRICS`); z is the normal quantile of the confidence.

A layer that was measured under a choice is known, and so is every layer of the same circuit in this network, up to the noise that
repeated measurements show. The whole is not always the sum of its parts (FIFOs, glue, overlap): see `dse.composition`.
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
from dse.composition import Composition, learn, parts_and_total
from dse.corpus.base import circuit
from dse.design import Fidelity
from dse.qor import LayerRecord
from dse.search._regimes import Run, floors
from dse.search.base import View
from dse.surrogates._terms import Start, prior_mean
from dse.surrogates.base import METRICS, Belief

Floats = NDArray[np.float64]
Identity = tuple[object, ...]
Circuits = tuple[Identity, ...]

_numbers = attrgetter(*METRICS)
_TOTALS = "the search works on totals, and gives no certificate that rests on layers never seen"


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
        unseen: names of the layers of which no report told anything although designs were measured: nothing of them is knowledge.
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
    glue: Composition
    unseen: tuple[str, ...]
    belief: Belief
    notes: tuple[str, ...]

    def draw(self, view: View, rng: np.random.Generator) -> tuple[Floats, ...]:
        """Draw one joint sample of all tables; what was measured stays as measured."""
        drawn = self.belief.sample([(option.layer, option.choices) for option in view.space.options], rng)
        return tuple(
            np.where(known[:, None] & np.isfinite(mean), mean, np.where(np.isfinite(table), table, mean))
            for known, mean, table in zip(self.measured, self.mean, drawn, strict=True)
        )


def build(view: View, surrogate: str, options: Any, confidence: float) -> Tables:
    """Fit the surrogate to all measured layers and lay what was measured over its predictions.

    Args:
        view: trials, transfer, space.
        surrogate, options: kind and options of the surrogate.
        confidence: of the central interval between lower and upper.
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
        lower, upper = np.array(predicted.lower), np.array(predicted.upper)
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
    _doubt(view, hope_tables, seen, identities)
    glue = learn(METRICS, _designs(view, mean_tables))
    beliefs = tuple(mean_tables), tuple(lower_tables), tuple(upper_tables), tuple(hope_tables)
    unseen = _unseen(view, measured_tables)
    notes = (*belief.notes, *((f"no report tells of {', '.join(unseen)}: {_TOTALS}",) if unseen else ()))
    largest = max((float(deviation.max()) for deviation in noise.values()), default=0.0)
    return Tables(*beliefs, largest, tuple(measured_tables), tuple(identities), tuple(outside), glue, unseen, belief, notes)


def _designs(view: View, believed: Sequence[Floats]) -> list[tuple[Floats, Floats]]:
    """Return finished designs as layers and totals; a layer that no report told of counts as believed, so that totals teach its scale."""
    names = [option.layer.name for option in view.space.options]
    designs = []
    for trial in view.finished:
        if trial.qor is not None:
            parts, total = parts_and_total(METRICS, trial.qor, names)
            chosen = dict(trial.point.choices)
            means = [t[o.choices.index(chosen[o.layer.name])] for o, t in zip(view.space.options, believed, strict=True)]
            designs.append((np.where(np.isnan(parts).all(axis=1, keepdims=True), np.array(means), parts), total))
    return designs


def _unseen(view: View, measured: Sequence[NDArray[np.bool_]]) -> tuple[str, ...]:
    if not any(trial.qor is not None for trial in view.finished):
        return ()
    return tuple(o.layer.name for o, known in zip(view.space.options, measured, strict=True) if not known.any())


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


def _doubt(view: View, hope: list[Floats], seen: dict[Identity, Floats], identities: list[Circuits]) -> None:
    """Lower what is hoped of unmeasured choices where the measured ones jump; see `dse.search._regimes`."""
    runs, layers = [], []
    for number, (option, circuits) in enumerate(zip(view.space.options, identities, strict=True)):
        groups: dict[tuple[object, ...], list[int]] = {}
        for place, choice in enumerate(option.choices):
            groups.setdefault((choice.strategy, choice.precision), []).append(place)
        for places in groups.values():
            trend = prior_mean([(option.layer, option.choices[place], view.target) for place in places], Start.ESTIMATE)
            values = np.full(trend.shape, np.nan)
            for row, place in enumerate(places):
                if circuits[place] in seen:
                    values[row] = np.log1p(_mean(seen[circuits[place]]))
            runs.append(Run(option.layer.kind, tuple(places), trend, values))
            layers.append(number)
    for number, run, floor in zip(layers, runs, floors(runs), strict=True):
        places = list(run.places)
        least = np.maximum(np.expm1(np.minimum(floor, 69.0)), 0.0)
        hope[number][places] = np.where(np.isfinite(floor) & (least < hope[number][places]), least, hope[number][places])
