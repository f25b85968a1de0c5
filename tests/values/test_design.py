"""Values are valid when built, and their identity follows what changes the circuit."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.canonical import digest, encode
from dse.design import DesignPoint, Fidelity, Job, Layer, LayerChoice, Network, Precision, Target, Toolchain, normalise_part
from dse.errors import SpecError

NETWORK = Network("n", (Layer("a", "dense", 4, 4), Layer("b", "dense", 4, 2)), "0" * 64)
POINT = DesignPoint((("a", LayerChoice(4)), ("b", LayerChoice(2))))
JOB = Job(NETWORK, POINT, Target("xc7a200t", 5.0), Fidelity.CSYNTH)

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=8)


def tagged(value: object) -> object:
    """Equality that knows types: 1, 1.0 and True are equal to Python but not one value, and neither are 0.0 and -0.0."""
    if isinstance(value, tuple):
        return tuple(tagged(item) for item in value)
    return (type(value).__name__, repr(value))


@given(values, values)
def test_two_values_share_bytes_only_if_they_are_one(a: object, b: object) -> None:
    assert (encode(a) == encode(b)) == (tagged(a) == tagged(b))


def test_what_has_no_one_meaning_gets_into_no_key() -> None:
    for value in ([1], {"a": 1}, {1}, object()):
        with pytest.raises(TypeError):
            digest(value)


def test_every_field_that_changes_the_circuit_changes_the_key() -> None:
    target = JOB.target
    others = [
        replace(JOB, network=replace(NETWORK, digest="1" * 64)),
        replace(JOB, point=DesignPoint((("a", LayerChoice(4)), ("b", LayerChoice(4))))),
        replace(JOB, point=DesignPoint((("a", LayerChoice(4, "latency")), ("b", LayerChoice(2))))),
        replace(JOB, point=DesignPoint((("a", LayerChoice(4, "resource", Precision(8, 3))), ("b", LayerChoice(2))))),
        replace(JOB, fidelity=Fidelity.VSYNTH),
        replace(JOB, basis="x"),
        *(
            replace(JOB, target=replace(target, **{name: value}))
            for name, value in {
                "part": "xc7a100t",
                "clock_period_ns": 4.0,
                "io_type": "io_stream",
                "precision": Precision(16, 7),
                "toolchain": Toolchain("vivado_hls", "2019.1"),
                "hls4ml_version": "1.2.0",
                "clock_uncertainty_percent": 12.5,
            }.items()
        ),
    ]
    keys = {job.key for job in (JOB, *others)}
    assert len(keys) == len(others) + 1


def test_a_key_is_the_same_in_every_process() -> None:
    script = "from test_design import JOB; print(JOB.key)"
    folder = __file__.rsplit("/", 1)[0]
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=folder)
    assert shown.stdout.strip() == JOB.key


@given(
    st.builds(
        Precision,
        st.integers(1, 1024),
        st.integers(-64, 64),
        st.booleans(),
        st.sampled_from([(), ("AP_RND",), ("AP_RND", "AP_SAT")]),
    )
)
def test_a_precision_reads_back(precision: Precision) -> None:
    assert Precision.parse(str(precision)) == precision


@pytest.mark.parametrize(
    "text", ["ap_fixed<22 3,6>", "ap_fixed<٣,1>", "ap_fixed<16>", "ap_fixed<16,6,evil()>", "float", "", "ap_fixed<0,0>"]
)
def test_what_is_no_precision_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        Precision.parse(text)


@pytest.mark.parametrize("name", ["a b", "x;rm", "", "1a", "a" * 65, "é", "a\n"])
def test_names_are_identifiers(name: str) -> None:
    with pytest.raises(SpecError):
        Layer(name, "dense", 1, 1)


@given(st.sampled_from(["xc7a200tfbg676-2", "XCU250-figd2104-2L-e", "7z020clg400-1"]))
def test_parts_have_one_spelling(part: str) -> None:
    once = normalise_part(part)
    assert normalise_part(once) == once == normalise_part(part.upper())


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("fixed<16,6>", "ap_fixed<16,6>"),
        ("ufixed<8,0>", "ap_ufixed<8,0>"),
        ("ap_fixed<16, 6>", "ap_fixed<16,6>"),
        ("fixed<16,6,RND,SAT>", "ap_fixed<16,6,AP_RND,AP_SAT>"),
        ("ap_fixed<16,6,AP_RND,AP_SAT,0>", "ap_fixed<16,6,AP_RND,AP_SAT>"),
        ("ap_fixed<16,6,AP_RND_CONV>", "ap_fixed<16,6,AP_RND_CONV>"),
    ],
)
def test_precisions_in_the_spellings_of_hls4ml(text: str, means: str) -> None:
    assert str(Precision.parse(text)) == means


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("auto", "leaves the type to hls4ml"),
        ("ap_int<8>", 'write "ap_fixed<8,8>"'),
        ("ap_uint<4>", 'write "ap_ufixed<4,4>"'),
        ("ac_fixed<16,6,true>", "Catapult"),
        ("ap_fixed<16,6,AP_RND,AP_SAT,2>", "saturation bits"),
        ("float", "expected e.g."),
    ],
)
def test_what_is_no_precision_says_what_to_write(text: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        Precision.parse(text)


@pytest.mark.parametrize("version", ["$(id)", "1.3.0\n", "`id`", "1 3", "-x", "1" * 41])
def test_a_version_is_a_version(version: str) -> None:
    with pytest.raises(SpecError, match="expected a version"):
        Target("xc7a200t", 5.0, hls4ml_version=version)
    assert Target("xc7a200t", 5.0, hls4ml_version="").hls4ml_version == ""
