"""`dse surrogate evaluate`: shapes are left out, not rows; figures are what they say; recorded data keep their promises."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dse.commands.surrogate import evaluate
from dse.corpus import read_corpus
from dse.design import Fidelity, Layer, LayerChoice, Target
from dse.errors import CorpusError, SpecError
from dse.qor import LayerRecord, Qor
from dse.surrogates import gp
from dse.surrogates._terms import Start
from dse.surrogates._validation import leave_one_shape_out
from dse.surrogates.base import METRICS, Prediction

TARGET = Target("xczu7evffvc11562e", 4.0, io_type="io_stream")


class Recorder:
    """A surrogate that knows one number and remembers what it was shown."""

    def __init__(self, lut: float) -> None:
        self.lut, self.seen, self.notes = lut, [], ()

    def fit(self, records, target, *, seed):
        self.seen.append(records)
        return self

    def predict(self, layer, choices, *, confidence=0.9):
        mean = np.full((len(choices), len(METRICS)), self.lut)
        return Prediction(mean, mean * 0.9, mean * 1.1, np.zeros(len(choices), dtype=bool))

    def sample(self, layers, rng):
        return []


def record(n_out: int, factor: int, lut: float) -> LayerRecord:
    return LayerRecord(Layer("fc", "dense", 16, n_out), LayerChoice(factor), TARGET, Fidelity.CSYNTH, Qor(lut=lut))


def test_a_shape_is_never_in_its_own_training_set() -> None:
    records = [record(n_out, factor, 100.0) for n_out in (4, 8, 16) for factor in (2, 4, 8)]
    recorder = Recorder(100.0)
    leave_one_shape_out(records, [("recorder", recorder)])
    assert len(recorder.seen) == 3
    for seen in recorder.seen:
        assert len({r.layer.shape for r in seen}) == 2
        assert len(seen) == 6


def test_figures_by_hand() -> None:
    records = [record(4, 2, 80.0), record(4, 4, 100.0), record(8, 2, 125.0)]
    found = leave_one_shape_out(records, [("recorder", Recorder(100.0))]).accuracies
    assert [(a.metric, a.n_points, a.n_shapes) for a in found] == [("lut", 3, 2)]
    assert found[0].mape_percent == pytest.approx(100 * (0.25 + 0 + 0.2) / 3)
    assert found[0].median_ape_percent == pytest.approx(20)
    assert found[0].coverage == pytest.approx(1 / 3)
    mean = (80 + 100 + 125) / 3
    errors = (20**2 + 0 + 25**2) / 3
    assert found[0].rmse_percent == pytest.approx(100 * errors**0.5 / mean)
    assert found[0].r2 == pytest.approx(1 - errors * 3 / sum((v - mean) ** 2 for v in (80, 100, 125)))


def test_truth_is_the_median_of_replicates_and_their_spread_is_told() -> None:
    records = [record(4, 2, lut) for lut in (90.0, 100.0, 140.0)] + [record(8, 2, 100.0)]
    validation = leave_one_shape_out(records, [("recorder", Recorder(100.0))])
    assert validation.accuracies[0].mape_percent == pytest.approx(0)
    assert validation.replicates[0].mape_percent == pytest.approx(100 * (0.1 + 0 + 0.4) / 3)
    assert validation.replicates[0].worst_percent == pytest.approx(40)


def test_one_shape_only_cannot_be_left_out() -> None:
    validation = leave_one_shape_out([record(4, 2, 100.0), record(4, 4, 80.0)], [("recorder", Recorder(1.0))])
    assert not validation.accuracies
    assert any("one shape only" in note for note in validation.notes)


def test_bad_questions_are_refused(shared: Path) -> None:
    with pytest.raises(SpecError, match="expected some of"):
        evaluate(shared / "data" / "ntorc", surrogates=("oracle",))
    with pytest.raises(SpecError, match="--start"):
        evaluate(shared / "data" / "ntorc", start="warm")
    with pytest.raises(CorpusError, match="got kinds"):
        evaluate(shared / "data" / "ntorc", kinds=("gru",))


def test_the_command_prints_one_document(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(shared / "data" / "ntorc", surrogates=("gp",), kinds=("conv1d",), as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "dse.surrogate/1"
    assert document["start"] == "plain"  # the estimate's constants were fitted on this corpus
    figures = {a["metric"]: a for a in document["accuracies"]}
    assert figures["lut"]["mape_percent"] <= 1.0
    assert figures["dsp"]["mape_percent"] <= 1.0
    assert figures["latency_cycles_max"]["mape_percent"] <= 3.0
    assert 0.8 <= figures["lut"]["coverage"] <= 1.0


@pytest.mark.slow
def test_recorded_dense_and_lstm_layers_keep_their_figures(shared: Path) -> None:
    corpus = read_corpus(shared / "data" / "ntorc")
    recipe = gp.create(gp.Options(start=Start.PLAIN))
    records = [record for record in corpus.layers if record.layer.kind != "conv1d"]
    found = {(a.kind, a.metric): a for a in leave_one_shape_out(records, [("gp", recipe)]).accuracies}
    assert found["dense", "lut"].mape_percent <= 5.0
    assert found["dense", "dsp"].mape_percent <= 1.0
    assert found["lstm", "latency_cycles_max"].mape_percent <= 3.0
    for accuracy in found.values():
        assert accuracy.coverage >= 0.8
