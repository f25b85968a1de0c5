"""Choosing among surrogates, totals against sums, and what failures teach."""

from __future__ import annotations

import numpy as np
import pytest

from dse.design import Fidelity, Layer, LayerChoice, Target
from dse.errors import SpecError
from dse.layers.base import legal_reuse_factors
from dse.qor import LayerRecord, Qor
from dse.surrogates import adaptive, forest
from dse.surrogates._terms import Start
from dse.surrogates._work import forget
from dse.surrogates.base import METRICS

TARGET = Target("xczu7evffvc11562e", 4.0, io_type="io_stream")
LUT = METRICS.index("lut")


def dense(n_in: int, n_out: int) -> Layer:
    return Layer(f"fc_{n_in}_{n_out}", "dense", n_in, n_out)


def records(lut) -> list[LayerRecord]:
    """All legal points of six shapes, with LUTs by a rule of (block factor, reuse factor)."""
    found = []
    for layer in (dense(16, 8), dense(16, 32), dense(32, 8), dense(32, 32), dense(64, 8), dense(64, 16)):
        for factor in legal_reuse_factors(layer.n_in, layer.n_out)[1::2]:
            block = -(-layer.n_in * layer.n_out // factor)
            qor = Qor(lut=float(lut(block, factor)), dsp=float(block))
            found.append(LayerRecord(layer, LayerChoice(factor), TARGET, Fidelity.CSYNTH, qor))
    return found


def test_a_smooth_world_is_believed_from_the_gaussian_process() -> None:
    belief = adaptive.create(adaptive.Options(trees=10)).fit(records(lambda block, f: 300 * block + 900), TARGET, seed=0)
    assert not any("lut" in note and "believed from the forest" in note for note in belief.notes)
    predicted = belief.predict(dense(48, 16), [LayerChoice(8)])
    assert predicted.mean[0, LUT] == pytest.approx(300 * 96 + 900, rel=0.15)


def test_a_failed_process_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ArithmeticError("singular")

    forget()
    monkeypatch.setattr("dse.surrogates.gp.fit_kind", fail)
    belief = adaptive.create(adaptive.Options(trees=10)).fit(records(lambda block, f: 300 * block + 900), TARGET, seed=0)
    assert any("singular" in note for note in belief.notes)
    assert any("believed from the" in note for note in belief.notes)
    predicted = belief.predict(dense(32, 8), [LayerChoice(8)])
    assert predicted.mean[0, LUT] == pytest.approx(300 * 32 + 900, rel=0.5)


def test_the_forest_is_chosen_where_it_predicts_better(monkeypatch: pytest.MonkeyPatch) -> None:
    forget()
    monkeypatch.setattr("dse.surrogates._candidates.process_density", lambda *_: np.full(len(METRICS), -1e6))
    monkeypatch.setattr("dse.surrogates._candidates.estimate_density", lambda *_: np.full(len(METRICS), -1e6))
    belief = adaptive.create(adaptive.Options(trees=10)).fit(records(lambda block, f: 300 * block + 900), TARGET, seed=0)
    assert any("lut" in note and "believed from the forest" in note for note in belief.notes)
    own = forest.create(forest.Options(trees=10)).fit(records(lambda block, f: 300 * block + 900), TARGET, seed=0)
    layer, choices = dense(32, 8), [LayerChoice(8), LayerChoice(64)]
    assert belief.predict(layer, choices).mean[:, LUT] == pytest.approx(own.predict(layer, choices).mean[:, LUT])


@pytest.mark.parametrize("options", [{"start": "warm"}, {"trees": 0}, {"trees": True}, {"max_points": -1}])
def test_options_that_mean_nothing_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(SpecError, match="expected"):
        adaptive.Options(**options)
    assert adaptive.Options(start="plain").start == Start.PLAIN
