"""A cache, a journal and corpora that dse 0.1 wrote (`made_by_0_1/`) are read as what they were."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from dse.corpus import read_corpus, write_records
from dse.design import DesignPoint, Fidelity, Layer, LayerChoice, Precision, Target, Toolchain
from dse.qor import DesignRecord, Evaluation, Failure, FailureKind, LayerRecord, Provenance, Qor
from dse.search.base import TrialStatus
from dse.store.cache import Cache
from dse.store.journal import Journal, read_events
from dse.study.evaluate import transferable
from dse.study.fold import replay

OLD = Path(__file__).parent / "made_by_0_1"
FIRST, SECOND = "bccf2aff64f770cec769c41c45f8b5602b26a97ffc5e8a61244e5cd206a92087", "38b636a622d475aa59640c1200a3352affe081fc"
FAILED = "0123456789abcdef" * 4
RESULT = Qor(5160, 2912, 164, 0, 0, 13, 13, 5, 5)


def test_cache_entries() -> None:
    cache = Cache(OLD / "cache")
    measured = cache.read(FIRST)
    assert measured is not None
    assert isinstance(measured.outcome, Qor)
    assert Qor(**{name: getattr(measured.outcome, name) for name in ("lut", "ff", "dsp", "bram_18k", "uram")}) == Qor(
        5160, 2912, 164, 0, 0
    )
    assert [name for name, _ in measured.outcome.layers] == ["fc1", "fc2"]
    assert cache.read(FAILED) == Evaluation(
        FAILED,
        Fidelity.CSYNTH,
        Failure(FailureKind.DESIGN_ERROR, "no", "tail\n"),
        Provenance(
            "local", "vitis_hls 2023.2", 12.5, "h", "2026-11-21T00:00:00+00:00", "old@x#3", "cd" * 32, (("a.rpt", "ef" * 32),),
            ("a note",),
        ),
    )  # fmt: skip
    layers = transferable(cache, [FIRST, FAILED])
    assert [(record.layer.name, record.choice.reuse_factor, record.qor.dsp) for record in layers] == [
        ("fc1", 1, 109),
        ("fc2", 1, 55),
    ]
    assert cache.warnings == []


def test_a_journal_is_replayed_and_goes_on(tmp_path: Path) -> None:
    path = Path(shutil.copy(OLD / "journal.jsonl", tmp_path))
    state = replay(read_events(path)[0])
    assert [(str(trial.point), trial.status) for trial in state.trials] == [
        ("[1, 1]", TrialStatus.DONE),
        ("[8, 8]", TrialStatus.DONE),
    ]
    assert [name for name, _ in state.trials[0].point.choices] == ["fc1", "fc2"]
    assert state.trials[1].key.startswith(SECOND)
    assert state.stop == ("search", "repeated configuration [1, 1]: trial 1 already is it")
    journal = Journal(path)
    journal.append({"event": "stopped", "kind": "search", "reason": "again", "elapsed": 0.0})
    journal.close()
    assert replay(read_events(path)[0]).stop == ("search", "again")


def test_corpora() -> None:
    target = Target(
        "xczu7evffvc11562e", 4.0, "io_stream", Precision(16, 8, True, ("AP_RND", "AP_SAT")), Toolchain("vitis_hls", "2023.2"),
        "1.2.0", 12.5,
    )  # fmt: skip
    conv = Layer(
        "conv", "conv1d", 24, 16, 30, inputs=("x",), output_shape=(30, 16),
        attributes=(("kernel", 3), ("padding", "same"), ("use_bias", True)),
    )  # fmt: skip
    slow = DesignPoint((("z", LayerChoice(1, "latency", Precision(8, 3, False))), ("a", LayerChoice(4))))
    corpus = read_corpus(OLD / "recorded" / "by_hand.jsonl")
    assert corpus.layers == (
        LayerRecord(conv, LayerChoice(8, "resource", Precision(8, 3)), target, Fidelity.VSYNTH, Qor(lut=100.5, dsp=0), "bench 3"),
        LayerRecord(
            Layer("lstm", "lstm", 16, 32, 64, 8), LayerChoice(512), target, Fidelity.CSYNTH,
            Qor(latency_cycles_min=5, latency_cycles_max=9),
        ),
    )  # fmt: skip
    failed, whole = corpus.designs
    assert failed == DesignRecord(
        "ab" * 32, slow, target, Fidelity.CSYNTH, Failure(FailureKind.TIMEOUT, "too slow", "the tail", 60.0), "bench 4"
    )
    assert isinstance(whole.outcome, Qor)
    assert dict(whole.outcome.layers) == {"z": Qor(lut=4), "a": Qor(lut=3)}
    assert len(read_corpus(OLD / "recorded").designs) == 4


def test_the_digest_of_a_corpus_is_as_it_was_so_that_its_replays_are_found_again() -> None:
    assert read_corpus(OLD / "recorded" / "by_hand.jsonl").digest.startswith("0a51c804bd0dd86d")


def test_a_corpus_becomes_the_new_form_when_something_is_added(tmp_path: Path) -> None:
    path = Path(shutil.copy(OLD / "recorded" / "by_hand.jsonl", tmp_path))
    before = read_corpus(path)
    assert write_records(path, before.layers) == 0
    assert json.loads(path.read_text().splitlines()[0]) == {"schema": "dse.corpus/1"}
    new = LayerRecord(Layer("fc", "dense", 4, 4), LayerChoice(2), before.layers[0].target, Fidelity.CSYNTH, Qor(lut=1))
    assert write_records(path, [new]) == 1
    after = read_corpus(path)
    assert json.loads(path.read_text().splitlines()[0]) == {"schema": "dse.corpus/2"}
    assert (after.layers, after.designs) == ((*before.layers, new), before.designs)
