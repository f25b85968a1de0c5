"""Our own corpus format: what is written is what is read, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dse.corpus import read_corpus, write_records
from dse.design import DesignPoint, Fidelity, Layer, LayerChoice, Precision, Target
from dse.errors import CorpusError
from dse.qor import DesignRecord, Failure, FailureKind, LayerRecord, Qor

TARGET = Target("xczu7evffvc11562e", 4.0, "io_stream")
LAYER = Layer(
    "fc1", "dense", 16, 64, attributes=(("activation", "relu"), ("use_bias", True)), inputs=("input",), output_shape=(64,)
)
RECORD = LayerRecord(LAYER, LayerChoice(8), TARGET, Fidelity.CSYNTH, Qor(lut=100.5, dsp=0), "here")
FAILED = DesignRecord(
    "ab" * 32,
    DesignPoint((("fc1", LayerChoice(1, "latency", Precision(8, 3))),)),
    TARGET,
    Fidelity.CSYNTH,
    Failure(FailureKind.TIMEOUT, "too slow", limit=60.0),
)

numbers = st.none() | st.floats(0, 2**39, allow_nan=False)


@st.composite
def qors(draw: st.DrawFn) -> Qor:
    low, high = sorted(draw(st.lists(st.floats(0, 1e9), min_size=2, max_size=2)))
    return Qor(lut=draw(numbers), ff=draw(numbers), latency_cycles_min=low, latency_cycles_max=high, clock_period_ns=draw(numbers))


@given(st.lists(qors(), min_size=1, max_size=5), st.text(max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
def test_what_is_written_is_what_is_read(tmp_path: Path, measured: list[Qor], source: str) -> None:
    path = tmp_path / "corpus.jsonl"
    path.unlink(missing_ok=True)
    layers = [LayerRecord(LAYER, LayerChoice(8), TARGET, Fidelity.CSYNTH, qor, source) for qor in measured]
    whole = Qor(lut=1, layers=(("fc1", measured[0]),))
    designs = [DesignRecord("cd" * 32, DesignPoint(()), TARGET, Fidelity.IMPL, whole, source), FAILED]
    assert write_records(path, [*layers, *designs]) == len(set(layers)) + 2
    corpus = read_corpus(path)
    assert set(corpus.layers) == set(layers)
    assert set(corpus.designs) == set(designs)


def test_adding_keeps_what_is_there_and_repeats_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "corpus.jsonl"
    assert write_records(path, [RECORD]) == 1
    before = path.read_bytes()
    assert write_records(path, [RECORD]) == 0
    assert path.read_bytes() == before
    assert write_records(path, [RECORD, FAILED]) == 1
    corpus = read_corpus(path)
    assert (corpus.layers, corpus.designs, corpus.target) == ((RECORD,), (FAILED,), TARGET)
    assert sorted(p.name for p in path.parent.iterdir()) == [".corpus.jsonl.lock", "corpus.jsonl"]


def test_a_folder_of_files_is_one_corpus(tmp_path: Path) -> None:
    write_records(tmp_path / "a.jsonl", [RECORD])
    write_records(tmp_path / "b.jsonl", [FAILED])
    corpus = read_corpus(tmp_path)
    assert (len(corpus.layers), len(corpus.designs)) == (1, 1)


def _lines(tmp_path: Path) -> tuple[Path, str, dict[str, object]]:
    path = tmp_path / "corpus.jsonl"
    write_records(path, [RECORD])
    header, record = path.read_text().splitlines()
    return path, header, json.loads(record)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"record": "thing"}, "expected 'layer' or 'design'"),
        ({"record": "design"}, "no 'network_digest'"),
        ({"surprise": 1}, "unknown key 'surprise'"),
        ({"qor": {"lut": "many"}}, "qor lut: got 'many', expected a valid number"),
        ({"qor": {"lut": True}}, "qor lut: got True, expected a valid number"),
        ({"qor": {"lut": -1}}, "lut is -1.0"),
        ({"qor": {"latency_cycles_min": 5, "latency_cycles_max": 4}}, "contradicts itself"),
        ({"choice": {"reuse_factor": 7, "strategy": "resource"}}, "reuse factor 7, which hls4ml does not build"),
        ({"choice": {"reuse_factor": 8, "strategy": "fast"}}, "strategy: got 'fast', expected 'latency'"),
        ({"layer": {"name": "a b", "kind": "dense", "n_in": 1, "n_out": 1}}, "layer name 'a b'"),
        ({"layer": {"name": "a", "kind": "dense", "n_in": 1}}, "no 'n_out'"),
        ({"target": None}, "target: got None, expected an object"),
        ({"target": {"part": "xc7z020clg4001"}}, "target: no 'clock_period_ns'"),
        ({"fidelity": "guess"}, "fidelity: got 'guess'"),
    ],
)
def test_a_broken_record_is_refused_with_its_line(tmp_path: Path, change: dict[str, object], says: str) -> None:
    path, header, record = _lines(tmp_path)
    path.write_text("\n".join([header, json.dumps(record), json.dumps(record | change)]))
    with pytest.raises(CorpusError, match=r"corpus\.jsonl:3") as caught:
        read_corpus(path)
    assert says in str(caught.value)
    before = path.read_bytes()
    with pytest.raises(CorpusError, match=r"corpus\.jsonl:3"):
        write_records(path, [FAILED])
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["", "[]\n", '{"schema": "dse.corpus/3"}\n', "not json\n", '{"schema": "dse.corpus/1"}\n'])
def test_a_file_of_another_format_or_without_records_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text(text)
    with pytest.raises(CorpusError):
        read_corpus(path)


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
def test_reading_is_total(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(b'{"schema": "dse.corpus/1"}\n' + data)
    with pytest.raises(CorpusError):
        read_corpus(path)
