"""Choosing among surrogates, totals against sums, and what failures teach."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.design import Fidelity, Layer, LayerChoice, Target
from dse.errors import SpecError
from dse.layers.base import legal_reuse_factors
from dse.qor import LayerRecord, Qor
from dse.surrogates import adaptive, forest
from dse.surrogates._terms import Start
from dse.surrogates._work import forget
from dse.surrogates.adaptive import fit_feasibility, fit_totals
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


def test_no_total_changes_nothing() -> None:
    sums = np.arange(len(METRICS), dtype=float)
    assert fit_totals([]).apply(sums) == pytest.approx(sums)
    assert fit_totals([(Qor(lut=None), Qor(lut=5.0))]).counts.sum() == 0


@settings(max_examples=60, deadline=None)
@given(
    slope=st.floats(0.5, 1.5),
    offset=st.floats(0, 5000),
    sums=st.lists(st.floats(10_000, 200_000), min_size=4, max_size=12, unique_by=lambda v: round(v, -3)),
)
def test_totals_follow_a_line(slope: float, offset: float, sums: list[float]) -> None:
    pairs = [(Qor(lut=value), Qor(lut=offset + slope * value)) for value in sums]
    line = fit_totals(pairs)
    table = np.zeros((len(sums), len(METRICS)))
    table[:, LUT] = sums
    assert line.apply(table)[:, LUT] == pytest.approx([offset + slope * value for value in sums], rel=0.15)
    assert np.isfinite(line.deviation).all()
    assert line.slope[LUT] > 0


def test_one_total_moves_the_line_towards_it() -> None:
    line = fit_totals([(Qor(lut=10_000.0), Qor(lut=12_000.0))])
    at = np.full(len(METRICS), 10_000.0)
    assert line.apply(at)[LUT] == pytest.approx(12_000, rel=0.02)
    assert line.apply(at)[METRICS.index("ff")] == 10_000
    assert any("lut" in note for note in line.notes)


BIG, SMALL = (dense(256, 64), LayerChoice(2)), (dense(16, 16), LayerChoice(16))


def test_nothing_failed_yet_is_hopeful() -> None:
    feasible = fit_feasibility([], TARGET)
    assert feasible.probability([SMALL]) > 0.99
    assert feasible.probability([SMALL]) >= feasible.probability([BIG])


def test_a_failure_blames_the_largest_layer() -> None:
    before = fit_feasibility([], TARGET)
    after = fit_feasibility([([BIG, SMALL], False), ([SMALL, SMALL], True)], TARGET)
    assert after.probability([BIG]) < before.probability([BIG])
    assert after.probability([SMALL]) > 0.9
    assert (after.n_designs, after.n_failed) == (2, 1)


def test_log_probabilities_add_up() -> None:
    feasible = fit_feasibility([([BIG, SMALL], False)], TARGET)
    total = sum(feasible.log_probability(layer, [choice])[0] for layer, choice in (BIG, SMALL))
    assert np.exp(total) == pytest.approx(feasible.probability([BIG, SMALL]))
    assert feasible.log_probability(BIG[0], [LayerChoice(2), LayerChoice(64)])[1] > feasible.log_probability(*[BIG[0], [BIG[1]]])[0]


@pytest.mark.parametrize("options", [{"start": "warm"}, {"trees": 0}, {"trees": True}, {"max_points": -1}])
def test_options_that_mean_nothing_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(SpecError, match="expected"):
        adaptive.Options(**options)
    assert adaptive.Options(start="plain").start == Start.PLAIN
