"""What was measured here corrects the estimate, the more of it the further."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fakes
import pytest
from backend_cases import site

import dse
from dse.corpus import write_records
from dse.design import DesignPoint, Fidelity, Job, LayerChoice, Target
from dse.estimation import estimate_layer
from dse.estimation.learned import NOTHING, learn
from dse.qor import LayerRecord
from dse.synth_backends.estimate import Options, create

TARGET = Target("xc7z020clg4001", 4.0)
CHOICES = tuple(LayerChoice(factor) for factor in (2, 4, 8, 16))


def records(n: int, factor: float) -> list[LayerRecord]:
    found = []
    for size in (16, 32, 64, 128, 256, 512, 1024)[: -(-n // len(CHOICES))]:
        layer = fakes.dense("fc", size, 32)
        for choice in CHOICES:
            qor = estimate_layer(layer, choice, TARGET)
            found.append(LayerRecord(layer, choice, TARGET, Fidelity.CSYNTH, replace(qor, lut=factor * (qor.lut or 0)), ""))
    return found[:n]


def test_a_correction_grows_with_what_was_measured() -> None:
    layer, choice = fakes.dense("fc", 80, 40), LayerChoice(8)
    plain = estimate_layer(layer, choice, TARGET)
    few, many = (learn(records(n, 2.0)).correct(layer, choice, TARGET, plain).lut or 0 for n in (2, 25))
    assert (plain.lut or 0) < few < many < 2.0 * (plain.lut or 0)
    assert learn(records(25, 2.0)).correct(layer, choice, TARGET, plain).dsp == plain.dsp
    assert NOTHING.correct(layer, choice, TARGET, plain) == plain


def test_bands_narrow_where_the_measured_layers_agree() -> None:
    layer, choice = fakes.dense("fc", 80, 40), LayerChoice(8)
    known = [
        learned.trust(layer, choice, TARGET).deviation("lut")
        for learned in (NOTHING, learn(records(5, 2.0)), learn(records(25, 2.0)))
    ]
    assert known == sorted(known, reverse=True)


def test_estimates_are_not_evidence_for_themselves() -> None:
    assert learn(replace(record, fidelity=Fidelity.ESTIMATE) for record in records(5, 2.0)).corrections == {}


def test_the_backend_corrects_by_a_corpus_says_so_and_has_keys_of_its_own(tmp_path: Path) -> None:
    write_records(tmp_path / "mine.jsonl", records(25, 2.0))
    network = fakes.network(fakes.dense("a", 64, 64))
    point = DesignPoint((("a", LayerChoice(8)),))
    plain, corrected = (create(Options(corpus), site(tmp_path, TARGET, network)) for corpus in ("", str(tmp_path / "mine.jsonl")))
    assert plain.basis != corrected.basis
    luts = []
    for backend in (plain, corrected):
        (progress,) = backend.advance([Job(network, point, TARGET, backend.fidelity, backend.basis)])
        assert progress.evaluation is not None
        luts.append(progress.evaluation.outcome.lut)  # type: ignore[union-attr]
    assert luts[1] == pytest.approx(luts[0] * 2 ** (25 / 29), rel=0.02)
    assert any("corrected by what was measured here" in note for note in progress.evaluation.provenance.notes)  # type: ignore[union-attr]


def test_dse_estimate_takes_a_corpus(tmp_path: Path) -> None:
    write_records(tmp_path / "mine.jsonl", records(25, 2.0))
    network = fakes.network(fakes.dense("a", 64, 64))
    settings = {"part": "xc7z020clg400-1", "clock_period_ns": 4.0}
    plain, corrected = (
        dse.estimate(network, measured=places, **settings)  # type: ignore[arg-type]
        for places in ((), (tmp_path / "mine.jsonl",))
    )
    assert corrected.design(corrected.homogeneous(8)).qor.lut > plain.design(plain.homogeneous(8)).qor.lut  # type: ignore[operator]
    assert corrected.learned.notes
