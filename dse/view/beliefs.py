"""What a surrogate says of a campaign's layers, for figures. Fitting costs seconds, so this is done on demand and never in mid-run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any

import numpy as np

from dse import registry
from dse.composition import learn, parts_and_total
from dse.design import DesignPoint, LayerChoice
from dse.qor import LayerRecord, Qor
from dse.search.base import Trial
from dse.study.assemble import Question
from dse.study.evaluate import layer_records
from dse.study.fold import CampaignState
from dse.surrogates.base import METRICS, Belief
from dse.view.figures.belief import Foretold
from dse.view.figures.curves import Band
from dse.view.figures.front import Predicted

CONFIDENCE = 0.9
_MOST_FITS = 4
_MOST_NEIGHBORS = 12
_SHOWN = ("latency_cycles_max", "ii_cycles_max", "dsp", "lut", "ff", "bram_18k")


@dataclass(frozen=True, slots=True)
class Beliefs:
    """All that figures show of a surrogate.

    Attributes:
        surrogate: its kind.
        bands: (layer, metric) -> mean and interval at every legal reuse factor; without what nothing is known of.
        foretold: what it would have said of each layer of a trial before that trial.
        neighbors: designs that change one layer of the best one, predicted.
        notes: what the surrogate wants known.
    """

    surrogate: str
    bands: dict[tuple[str, str], tuple[Band, ...]]
    foretold: tuple[Foretold, ...]
    neighbors: tuple[tuple[DesignPoint, str, tuple[Qor, Qor, Qor]], ...]
    notes: tuple[str, ...]


def believe(question: Question, state: CampaignState, incumbent: Trial | None, *, looks_back: bool = True) -> Beliefs | None:
    """Fit the campaign's surrogate (or `adaptive`, for searches without one) to what was measured; None while nothing was.

    Args:
        looks_back: whether to fit it to earlier moments too, for `foretold`; some seconds more.
    """
    own = _records(question, state)
    if not any(records for _, records in own):
        return None
    kind = str(getattr(question.spec.search_options, "surrogate", "") or "adaptive")
    module = registry.load("surrogates", kind)
    recipe = module.create(module.Options(**dict(getattr(question.spec.search_options, "surrogate_options", ()))))

    def fit(records: Sequence[LayerRecord]) -> Belief:
        belief: Belief = recipe.fit(records, question.spec.target, seed=question.spec.seed)
        return belief

    now = fit([record for _, records in own for record in records])
    neighbors = tuple(_neighbors(question, state, incumbent, now)) if incumbent else ()
    return Beliefs(kind, _bands(question, now), tuple(_foretell(own, fit)) if looks_back else (), neighbors, now.notes)


def predicted(question: Question, beliefs: Beliefs | None, x_metric: str, y_metric: str) -> tuple[Predicted, ...]:
    """Return the predicted neighbors as points of the front's figure, without those that lack one of its metrics."""
    found = []
    goal = question.goal
    for point, words, qors in beliefs.neighbors if beliefs else ():
        x = [goal.value(qor, x_metric) for qor in qors]
        y = [goal.value(qor, y_metric) for qor in qors]
        if None not in x and None not in y:
            found.append(Predicted(_three(x), _three(y), f"Predicted, not measured: {words}; {point}"))
    return tuple(found[:_MOST_NEIGHBORS])


def _three(values: list[float | None]) -> tuple[float, float, float]:
    mean, lower, upper = (float(v) for v in values if v is not None)
    return mean, lower, upper


def _records(question: Question, state: CampaignState) -> list[tuple[int, tuple[LayerRecord, ...]]]:
    found = []
    for number, evaluation in state.evaluations:
        job = question.job(state.trial(number).point)
        found.append((number, layer_records(job, evaluation)))
    return found


def _bands(question: Question, belief: Belief) -> dict[tuple[str, str], tuple[Band, ...]]:
    bands = {}
    for option in question.space.options:
        prediction = belief.predict(option.layer, option.choices, confidence=CONFIDENCE)
        for m, metric in enumerate(METRICS):
            columns = (prediction.mean[:, m], prediction.lower[:, m], prediction.upper[:, m])
            if all(np.isfinite(column).all() for column in columns):
                rows = zip(option.reuse_factors, *(column.tolist() for column in columns), strict=True)
                bands[option.layer.name, metric] = tuple(Band(*row) for row in rows)
    return bands


def _foretell(own: list[tuple[int, tuple[LayerRecord, ...]]], fit: Any) -> Iterable[Foretold]:
    """Walk forward: what is known before a block of trials predicts that block; what was measured before is no prediction."""
    edges = sorted({round(edge) for edge in np.linspace(1, len(own), min(_MOST_FITS, len(own)) + 1)})
    for begin, end in pairwise(edges):
        known = [record for _, records in own[:begin] for record in records]
        if not known:
            continue
        seen = {(record.layer.name, record.choice) for record in known}
        belief: Belief = fit(known)
        for number, records in own[begin:end]:
            for record in records:
                if (record.layer.name, record.choice) not in seen:
                    yield from _compare(number, record, belief)


def _compare(number: int, record: LayerRecord, belief: Belief) -> Iterable[Foretold]:
    prediction = belief.predict(record.layer, (record.choice,), confidence=CONFIDENCE)
    for metric in _SHOWN:
        measured = getattr(record.qor, metric)
        m = METRICS.index(metric)
        mean, lower, upper = (float(table[0, m]) for table in (prediction.mean, prediction.lower, prediction.upper))
        if measured is not None and all(isfinite(v) for v in (mean, lower, upper)):
            yield Foretold(number, record.layer.name, metric, mean, lower, upper, float(measured))


def _neighbors(
    question: Question, state: CampaignState, incumbent: Trial, belief: Belief
) -> Iterable[tuple[DesignPoint, str, tuple[Qor, Qor, Qor]]]:
    """Change one layer of the best design at a time, by one legal step; only what nobody tried."""
    tried = {trial.point for trial in state.trials}
    names = [option.layer.name for option in question.space.options]
    composition = learn(METRICS, [parts_and_total(METRICS, trial.qor, names) for trial in state.finished if trial.qor is not None])
    chosen = dict(incumbent.point.choices)
    for option in question.space.options:
        name, at = option.layer.name, option.choices.index(chosen[option.layer.name])
        for step in (at - 1, at + 1):
            if not 0 <= step < len(option.choices):
                continue
            choice: LayerChoice = option.choices[step]
            point = DesignPoint(tuple((n, choice if n == name else c) for n, c in incumbent.point.choices))
            if point in tried or incumbent.qor is None:
                continue
            prediction = belief.predict(option.layer, (choice,), confidence=CONFIDENCE)
            tables = (prediction.mean[0], prediction.lower[0], prediction.upper[0])
            qors = [composition.exchange(incumbent.qor, name, dict(zip(METRICS, table.tolist(), strict=True))) for table in tables]
            yield point, f"trial {incumbent.number} with {name} at reuse factor {choice.reuse_factor}", (qors[0], qors[1], qors[2])
