"""What every surrogate must keep, whatever it is; a new file in the room is tested the day it is born."""

from __future__ import annotations

from dataclasses import fields, replace
from types import ModuleType

import numpy as np
import pytest

from dse import registry
from dse.design import Fidelity, Layer, LayerChoice, Target
from dse.qor import LayerRecord, Qor
from dse.surrogates.base import METRICS, Belief

KINDS = registry.kinds("surrogates")
# N-TORC's recipe has nothing to fall back on: what it never saw is NaN.
WITH_PRIOR = tuple(kind for kind in KINDS if kind != "ntorc")

TARGET = Target("xczu7evffvc11562e", 4.0, io_type="io_stream")
DENSE = Layer("fc", "dense", 32, 16)
CONV = Layer("conv", "conv1d", 24, 8, n_positions=64, attributes=(("kernel", 3),))
CHOICES = tuple(LayerChoice(factor) for factor in (1, 2, 4, 8, 16, 32, 64))


def record(layer: Layer, factor: int, scale: float = 1.0, **unknown: None) -> LayerRecord:
    block = -(-layer.n_in * layer.n_out // factor)
    cycles = float(layer.n_positions * (factor + 6))
    qor = Qor(
        lut=scale * (300.0 * block + 1000),
        ff=scale * (90.0 * block + 700),
        dsp=float(block),
        bram_18k=float(block // 2),
        latency_cycles_min=cycles - 1,
        latency_cycles_max=cycles,
        ii_cycles_max=cycles,
    )
    return LayerRecord(layer, LayerChoice(factor), TARGET, Fidelity.CSYNTH, replace(qor, **unknown))


def recipe(kind: str):
    module: ModuleType = registry.load("surrogates", kind)
    # Few trees: the contract does not depend on their number, the time of the tests does.
    has_trees = any(field.name == "trees" for field in fields(module.Options))
    return module.create(module.Options(trees=8) if has_trees else module.Options())


def believe(kind: str, records: list[LayerRecord]) -> Belief:
    return recipe(kind).fit(records, TARGET, seed=1)


SOME = [record(DENSE, factor) for factor in (2, 8, 32)] + [record(CONV, factor) for factor in (2, 24)]
CASES = {
    "none": [],
    "one": [record(DENSE, 8)],
    "some": SOME,
    "duplicated": SOME * 3,
    "replicates": [*SOME, record(DENSE, 8, scale=1.1), record(DENSE, 8, scale=0.9)],
    "constant": [replace(r, qor=Qor(lut=100.0, ff=100.0, dsp=0.0, bram_18k=0.0)) for r in SOME],
    "zero": [replace(r, qor=Qor(**dict.fromkeys(METRICS, 0.0))) for r in SOME],
    "nothing_known": [replace(r, qor=Qor()) for r in SOME],
    "halves": [record(DENSE, f, latency_cycles_max=None, latency_cycles_min=None) for f in (2, 8)]
    + [record(DENSE, f, lut=None, ff=None) for f in (4, 16)],
    "huge": [replace(record(DENSE, 4), qor=Qor(lut=2.0**39, latency_cycles_max=2.0**39)), record(DENSE, 8)],
    "another_io_type": [replace(r, target=replace(TARGET, io_type="io_parallel")) for r in SOME],
    "contradicting": [record(DENSE, 8, scale=s) for s in (0.01, 1.0, 100.0)],
}


@pytest.fixture(scope="module")
def beliefs() -> dict[tuple[str, str], Belief]:
    return {(kind, case): believe(kind, records) for kind in KINDS for case, records in CASES.items()}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", KINDS)
def test_predictions_have_shape_and_order(kind: str, case: str, beliefs: dict[tuple[str, str], Belief]) -> None:
    for layer in (DENSE, CONV):
        predicted = beliefs[kind, case].predict(layer, CHOICES)
        for table in (predicted.mean, predicted.lower, predicted.upper):
            assert table.shape == (len(CHOICES), len(METRICS))
            assert table.dtype == np.float64
        assert predicted.extrapolates.shape == (len(CHOICES),)
        assert predicted.extrapolates.dtype == np.bool_
        known = ~np.isnan(predicted.mean)
        assert (predicted.lower[known] >= 0).all()
        assert (predicted.lower[known] <= predicted.mean[known]).all()
        assert (predicted.mean[known] <= predicted.upper[known]).all()
        if kind in WITH_PRIOR:
            assert np.isfinite([predicted.mean, predicted.lower, predicted.upper]).all()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", WITH_PRIOR)
def test_samples_are_finite_tables(kind: str, case: str, beliefs: dict[tuple[str, str], Belief]) -> None:
    layers = [(DENSE, CHOICES), (CONV, CHOICES[:3]), (replace(DENSE, name="fc2", n_out=8), CHOICES[1:])]
    tables = beliefs[kind, case].sample(layers, np.random.default_rng(3))
    assert [table.shape for table in tables] == [(len(choices), len(METRICS)) for _, choices in layers]
    assert all(np.isfinite(table).all() and (table >= 0).all() for table in tables)
    again = beliefs[kind, case].sample(layers, np.random.default_rng(3))
    assert all(np.array_equal(left, right) for left, right in zip(tables, again, strict=True))
    other = beliefs[kind, case].sample(layers, np.random.default_rng(4))
    if case not in ("zero", "constant"):
        assert any(not np.array_equal(left, right) for left, right in zip(tables, other, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_is_a_function_of_records_and_seed(kind: str) -> None:
    first, second = (believe(kind, SOME).predict(DENSE, CHOICES) for _ in range(2))
    assert np.array_equal(first.mean, second.mean, equal_nan=True)
    assert np.array_equal(first.upper, second.upper, equal_nan=True)


@pytest.mark.parametrize("kind", WITH_PRIOR)
def test_measuring_narrows_and_pulls(kind: str) -> None:
    lut = METRICS.index("lut")
    before = believe(kind, []).predict(DENSE, CHOICES)
    after = believe(kind, [record(DENSE, f) for f in (2, 4, 8, 16, 32, 64)]).predict(DENSE, CHOICES)
    row = CHOICES.index(LayerChoice(8))
    truth = record(DENSE, 8).qor.lut
    assert truth is not None
    assert abs(after.mean[row, lut] / truth - 1) < 0.1
    assert np.log(after.upper[row, lut] / after.lower[row, lut]) < np.log(before.upper[row, lut] / before.lower[row, lut])


@pytest.mark.parametrize("kind", WITH_PRIOR)
def test_outside_what_was_measured_is_flagged_and_wider(kind: str) -> None:
    lut = METRICS.index("lut")
    far = Layer("far", "dense", 2048, 512)
    belief = believe(kind, [record(DENSE, f) for f in (2, 4, 8, 16, 32)])
    near, distant = belief.predict(DENSE, (LayerChoice(8),)), belief.predict(far, (LayerChoice(4096),))
    assert not near.extrapolates[0]
    assert distant.extrapolates[0]
    assert np.log(distant.upper[0, lut] / distant.lower[0, lut]) > np.log(near.upper[0, lut] / near.lower[0, lut])


@pytest.mark.parametrize("kind", WITH_PRIOR)
def test_more_confidence_is_wider(kind: str) -> None:
    belief = believe(kind, SOME)
    half, nearly_all = (belief.predict(DENSE, CHOICES, confidence=c) for c in (0.5, 0.99))
    assert (nearly_all.upper >= half.upper).all()
    assert (nearly_all.lower <= half.lower).all()
    assert (nearly_all.upper > half.upper).any()


@pytest.mark.parametrize("kind", KINDS)
def test_no_choice_gives_empty_tables(kind: str) -> None:
    belief = believe(kind, SOME)
    assert belief.predict(DENSE, ()).mean.shape == (0, len(METRICS))
    assert belief.sample([(DENSE, ())], np.random.default_rng(0))[0].shape == (0, len(METRICS))


@pytest.mark.parametrize("kind", KINDS)
def test_a_metric_without_records_is_mentioned(kind: str) -> None:
    notes = believe(kind, [record(DENSE, f, ii_cycles_max=None) for f in (2, 8)]).notes
    assert any("without a record" in note or "ii_cycles_max" in note for note in notes)


@pytest.mark.parametrize("kind", WITH_PRIOR)
def test_layers_without_weights_and_unknown_kinds_are_believed_too(kind: str) -> None:
    relu = Layer("relu", "activation", 16, 16, output_shape=(16,))
    strange = Layer("strange", "kind_of_tomorrow", 16, 16)
    belief = believe(kind, [replace(SOME[0], layer=relu), replace(SOME[1], layer=strange)])
    for layer in (relu, strange):
        assert np.isfinite(belief.predict(layer, (LayerChoice(1),)).upper).all()
