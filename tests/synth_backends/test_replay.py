"""Replay: what was recorded, by median or by draw; what was not is an error that names it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fakes
import pytest
from backend_cases import NETWORK, TARGET, point, site

from dse.corpus import write_records
from dse.design import DesignPoint, Fidelity, Job, LayerChoice, Precision, Target, Toolchain
from dse.errors import CorpusError, NotRecorded, SpecError
from dse.qor import DesignRecord, Evaluation, LayerRecord, Qor
from dse.synth_backends.replay import Options, Replay, create
from dse_ntorc.tables import TARGET as NTORC

LUTS = (100.0, 110.0, 900.0)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Every layer at 1 and 4, each three times; latency and resources in records of their own, as in N-TORC."""
    records = []
    for layer in NETWORK.layers:
        for rf in (1, 2, 4) if layer.name != "conv" else (1, 2):
            for n, lut in enumerate(LUTS):
                area, time = Qor(lut=lut * rf, dsp=8 / rf), Qor(latency_cycles_min=10.0 * rf + n, latency_cycles_max=10.0 * rf + n)
                records += [LayerRecord(layer, LayerChoice(rf), TARGET, Fidelity.CSYNTH, q, f"{n}") for q in (area, time)]
    path = tmp_path / "recorded.jsonl"
    write_records(path, records)
    return path


def open_replay(corpus: Path, replicates: str = "median", target: Target = TARGET) -> Replay:
    return create(Options(str(corpus), replicates), site(corpus.parent, target))  # type: ignore[arg-type]


def ask(backend: Replay, at: DesignPoint, target: Target = TARGET) -> Evaluation:
    (progress,) = backend.advance([Job(NETWORK, at, target, backend.fidelity, backend.basis)])
    assert progress.evaluation is not None
    return progress.evaluation


def test_layers_compose_by_median(corpus: Path) -> None:
    qor = ask(open_replay(corpus), point(1, 2, 4)).outcome
    assert isinstance(qor, Qor)
    assert (qor.lut, qor.dsp, qor.latency_cycles_max) == (110 * (1 + 2 + 4), 8 + 4 + 2, 10 * 7 + 3)
    assert (qor.ff, qor.ii_cycles_max) == (None, None), "what nobody measured is unknown"
    assert [name for name, _ in qor.layers] == ["conv", "hidden", "out"]


def test_draws_are_real_replicates_repeatable_and_differ_between_points(corpus: Path) -> None:
    backend, other = open_replay(corpus, "sample"), open_replay(corpus, "sample")
    seen = set()
    for conv in (1, 2):
        for hidden in (1, 2, 4):
            for out in (1, 2, 4):
                qor = ask(backend, point(conv, hidden, out)).outcome
                assert isinstance(qor, Qor)
                assert ask(other, point(conv, hidden, out)).outcome == qor
                part = qor.layers[0][1]
                assert part.lut in {lut * conv for lut in LUTS}
                assert part.latency_cycles_max in {10 * conv + n for n in range(3)}
                seen.add((part.lut or 0) / conv)
    assert seen == set(LUTS), "every replicate has its turn"


def test_the_rule_and_the_corpus_are_the_basis(corpus: Path) -> None:
    median, sample = open_replay(corpus), open_replay(corpus, "sample")
    assert median.basis != sample.basis
    write_records(corpus, [LayerRecord(NETWORK.layers[0], LayerChoice(6), TARGET, Fidelity.CSYNTH, Qor(lut=1))])
    assert open_replay(corpus).basis != median.basis


def test_a_point_without_a_recording_is_refused_by_name(corpus: Path) -> None:
    backend = open_replay(corpus)
    assert [choice.reuse_factor for choice in backend.recorded(NETWORK.layers[0])] == [1, 2]
    with pytest.raises(NotRecorded, match=r"layer conv .*reuse factor 6 \(resource\); recorded for it: 1 \(resource\), 2"):
        ask(backend, point(6, 1, 1))
    with pytest.raises(NotRecorded, match=r"reuse factor 1 \(latency\)"):
        ask(backend, DesignPoint((("conv", LayerChoice(1, "latency")), *point(1, 1, 1).choices[1:])))


def test_a_shape_that_nobody_recorded_is_refused_with_those_there_are(corpus: Path) -> None:
    strange = replace(NETWORK, layers=(fakes.dense("wide", 99, 3),))
    backend = open_replay(corpus)
    assert backend.recorded(strange.layers[0]) == ()
    job = Job(strange, DesignPoint((("wide", LayerChoice(1)),)), TARGET, backend.fidelity, backend.basis)
    with pytest.raises(NotRecorded, match="recorded shapes of this kind: 8 x 5 at 1, 20 x 8 at 1"):
        backend.advance([job])


def test_a_whole_design_comes_before_its_layers(corpus: Path) -> None:
    whole = Qor(lut=5.0, layers=(("conv", Qor(lut=2.0)),))
    write_records(corpus, [DesignRecord(NETWORK.digest, point(1, 2, 4), TARGET, Fidelity.CSYNTH, whole)])
    backend = open_replay(corpus)
    assert ask(backend, point(1, 2, 4)).outcome == whole
    assert ask(backend, point(1, 2, 2)).outcome != whole


def test_layers_without_weights_are_left_out_and_named(corpus: Path) -> None:
    flatten = replace(fakes.dense("flat", 20, 20), kind="flatten")
    network = replace(NETWORK, layers=(NETWORK.layers[0], flatten, *NETWORK.layers[1:]))
    backend = open_replay(corpus)
    (progress,) = backend.advance([Job(network, point(1, 1, 1), TARGET, backend.fidelity, backend.basis)])
    assert progress.evaluation is not None
    assert "not recorded and left out: flat" in progress.evaluation.provenance.notes


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"part": "xc7a200tfbg6762"}, "part xczu7evffvc11562e .campaign: xc7a200tfbg6762."),
        ({"clock_period_ns": 5.0}, "clock_period_ns 4.0 .campaign: 5.0."),
        ({"io_type": "io_parallel"}, "io_type io_stream"),
        ({"precision": Precision(16, 6)}, "precision ap_fixed<16,8>"),
    ],
)
def test_another_target_is_refused(corpus: Path, change: dict[str, object], says: str) -> None:
    with pytest.raises(CorpusError, match=says):
        open_replay(corpus, target=replace(TARGET, **change))  # type: ignore[arg-type]


def test_another_tool_version_is_noted(corpus: Path) -> None:
    target = replace(TARGET, toolchain=Toolchain("vitis_hls", "2023.2"), precision=Precision(16, 8, True, ("AP_RND", "AP_SAT")))
    notes = ask(open_replay(corpus, target=target), point(1, 1, 1), target).provenance.notes
    assert any("recorded with vivado_hls 2019.2, the campaign names vitis_hls 2023.2" in note for note in notes)


def test_options_are_checked() -> None:
    with pytest.raises(SpecError, match="corpus"):
        Options("")
    with pytest.raises(SpecError, match="replicates"):
        Options("ntorc", "mean")  # type: ignore[arg-type]


def test_the_published_tables_serve_two_reuse_factors_of_one_lstm_circuit(shared: Path) -> None:
    lstm = replace(fakes.dense("lstm", 8, 32), kind="lstm", n_positions=16, n_state=8)
    network = replace(NETWORK, layers=(lstm,))
    backend = create(Options(str(shared / "data" / "ntorc")), site(shared, NTORC, network))
    assert [choice.reuse_factor for choice in backend.recorded(lstm)] == [2, 4, 16, 32, 64, 128, 256]
    job = Job(network, DesignPoint((("lstm", LayerChoice(16)),)), NTORC, backend.fidelity, backend.basis)
    qor = backend.advance([job])[0].evaluation
    assert qor is not None
    assert isinstance(qor.outcome, Qor)
    assert (qor.outcome.dsp, qor.outcome.latency_cycles_max) == (56, 657)
