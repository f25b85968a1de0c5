"""The one wire form: what is written is what is read, nothing is converted, and a refusal says where."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.design import DesignPoint, Fidelity, Job, Layer, LayerChoice, Network, Precision, Target, Toolchain
from dse.qor import DesignRecord, Evaluation, Failure, FailureKind, LayerRecord, Provenance, Qor
from dse.wire import dump_json, from_json, load_json, to_json

LAYER = Layer(
    "conv", "conv1d", 24, 16, 30, inputs=("x",), output_shape=(30, 16), attributes=(("f", 1.0), ("kernel", 3), ("use_bias", True))
)
TARGET = Target(
    "xczu7evffvc11562e", 4.0, "io_stream", Precision(16, 8, True, ("AP_RND", "AP_SAT")), Toolchain("vitis_hls", "2023.2"), "1.2.0"
)
POINT = DesignPoint((("z", LayerChoice(8, "latency", Precision(8, 3, False))), ("a", LayerChoice(4))))
QOR = Qor(lut=3.5, layers=(("z", Qor(lut=1)), ("a", Qor(dsp=0))))
VALUES = (
    Job(Network("n", (LAYER,), "ab" * 32), POINT, TARGET, Fidelity.CSYNTH, "basis"),
    LayerRecord(LAYER, LayerChoice(8), TARGET, Fidelity.VSYNTH, Qor(lut=100.5), "bench 3"),
    DesignRecord("ab" * 32, POINT, TARGET, Fidelity.IMPL, QOR),
    DesignRecord("ab" * 32, POINT, TARGET, Fidelity.IMPL, Failure(FailureKind.TIMEOUT, "slow", limit=60.0)),
    Evaluation("cd" * 32, Fidelity.CSYNTH, QOR, Provenance("local", reports=(("b.rpt", "1"), ("a.rpt", "2")), notes=("one",))),
    Evaluation("cd" * 32, Fidelity.CSYNTH, Failure(FailureKind.LICENCE, ""), Provenance("ssh")),
)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_is_written_is_what_is_read(value: Any) -> None:
    document = load_json(dump_json(to_json(value)))
    assert from_json(type(value), document) == value
    assert document == to_json(value)


def test_the_form_is_the_one_that_is_documented() -> None:
    assert to_json(POINT) == {
        "z": {"reuse_factor": 8, "strategy": "latency", "precision": "ap_ufixed<8,3>"},
        "a": {"reuse_factor": 4, "strategy": "resource"},
    }
    assert list(to_json(POINT)) == ["z", "a"]  # the network's order, not the alphabet's
    assert to_json(QOR) == {"lut": 3.5, "layers": {"z": {"lut": 1.0, "layers": {}}, "a": {"dsp": 0.0, "layers": {}}}}
    assert to_json(TARGET) == {
        "part": "xczu7evffvc11562e",
        "clock_period_ns": 4.0,
        "io_type": "io_stream",
        "precision": "ap_fixed<16,8,AP_RND,AP_SAT>",
        "toolchain": "vitis_hls 2023.2",
        "hls4ml_version": "1.2.0",
    }


def test_defaults_are_written_so_that_another_default_changes_no_old_result() -> None:
    assert {"precision", "toolchain", "hls4ml_version", "io_type"} <= to_json(Target("xc7z020clg4001", 5.0)).keys()


EVALUATION = to_json(VALUES[4])
JOB = to_json(VALUES[0])


@pytest.mark.parametrize(
    ("kind", "document", "says"),
    [
        (Evaluation, EVALUATION | {"more": 1}, "unknown key 'more'"),
        (Evaluation, EVALUATION | {"outcome": {"lut": "3"}}, "outcome lut: got '3', expected a valid number"),
        (Evaluation, EVALUATION | {"outcome": {"lut": True}}, "outcome lut: got True, expected a valid number"),
        (Evaluation, EVALUATION | {"outcome": {"lut": 1e400}}, "JSON compliant"),
        (Evaluation, EVALUATION | {"outcome": {"lut": -1}}, "outcome: lut is -1.0, expected a finite number"),
        (Evaluation, EVALUATION | {"outcome": {"lut": 1, "luts": 2}}, "outcome: unknown key 'luts'"),
        (Evaluation, EVALUATION | {"outcome": {"layers": {"z": {"luts": 1}}}}, "outcome layers z: unknown key 'luts'"),
        (Evaluation, EVALUATION | {"outcome": {"layers": [["z", {}], ["z", {}]]}}, "outcome layers: 'z' is there twice"),
        (Evaluation, EVALUATION | {"outcome": {"kind": "timeout"}}, "outcome: no 'message'"),
        (
            Evaluation,
            EVALUATION | {"outcome": {"kind": "late", "message": ""}},
            "outcome kind: got 'late', expected 'design_error'",
        ),
        (Evaluation, EVALUATION | {"outcome": []}, "outcome: got [], expected an object"),
        (Evaluation, {}, "no 'key'"),
        (Evaluation, None, "got None, expected an object"),
        (Job, JOB | {"target": JOB["target"] | {"precision": "16,6"}}, "precision: got '16,6'"),
        (Job, JOB | {"target": JOB["target"] | {"precision": 16}}, "target precision: got 16, expected a valid string"),
        (Job, JOB | {"point": {"a": {"reuse_factor": 4.0}}}, "point a reuse_factor: got 4.0, expected a valid integer"),
        (Job, JOB | {"point": {"a": {"reuse_factor": 4, "strategy": "fast"}}}, "point a strategy: got 'fast', expected 'latency'"),
    ],
)
def test_a_refusal_says_where(kind: type[Any], document: Any, says: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        from_json(kind, document)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ['{"a": NaN}', '{"a": -Infinity}', '{"a": 1, "a": 1}', "[" * 100_000, "", "{", b"\xff", "1" * 5000]
)
def test_json_of_more_than_one_meaning_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        load_json(text)


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*EVALUATION, *EVALUATION["outcome"]]), inner),
    max_leaves=12,
)


@given(documents)
def test_reading_is_total(document: Any) -> None:
    with suppress(ValueError):
        assert isinstance(from_json(Evaluation, document), Evaluation)


@given(documents)
def test_json_reads_back(document: Any) -> None:
    try:
        text = dump_json(document)
    except ValueError:
        return  # NaN or an infinity
    assert "\n" not in text
    assert json.dumps(load_json(text)) == json.dumps(document)
