"""Legal reuse factors: the closed form against brute force, and every rule that narrows it."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.design import STRATEGIES, Layer, Target, Toolchain
from dse.layers.base import UNROLL_LIMIT, legal_reuse_factors
from dse.layers.recurrent import effective
from dse.networks import read_network
from dse.registry import layer_kind, layer_kinds

VIVADO, VITIS = Toolchain("vivado_hls", "2019.2"), Toolchain("vitis_hls", "2023.2")
SIZES = st.integers(1, 40)


def target(io_type="io_stream", toolchain=VITIS):
    return Target("xc7a200tfbg4842", 5.0, io_type, toolchain=toolchain)


def legal(layer, strategy="resource", io_type="io_stream", toolchain=VITIS):
    return layer_kind(layer.kind).legal(layer, target(io_type, toolchain), strategy)


def names(allowed):
    return [rule.name for rule in allowed.rules]


def brute_force(n_in, n_out):
    """What hls4ml tests for each candidate in turn: even rows, whole multiples beyond n_in, no idle multiplier."""
    found = []
    for factor in range(1, n_in * n_out + 1):
        rows = ceil(n_in * n_out / min(n_in, factor))
        even = rows % n_out == 0 or factor >= n_in
        whole = factor % n_in == 0 or factor < n_in
        if even and whole and (n_in * n_out) % factor == 0:
            found.append(factor)
    return tuple(found)


@given(SIZES, SIZES)
def test_closed_form_equals_brute_force(n_in, n_out):
    assert legal_reuse_factors(n_in, n_out) == brute_force(n_in, n_out)


def conv(n_axes=1, kernel=3, channels=4, filters=8, positions=10, prefix="", **more):
    given_attributes = {"channels": channels, "filters": filters, "kernel": kernel, "dilation": 1, **more}
    attributes = tuple(sorted(given_attributes.items()))
    return Layer("c", f"{prefix}conv{n_axes}d", kernel * channels, filters, positions, attributes=attributes)


def recurrent(kind, features, units, steps=4):
    gates = 4 if "lstm" in kind else 3
    return Layer("r", kind, features, gates * units, steps, units)


LAYERS = st.one_of(
    st.builds(lambda a, b: Layer("d", "dense", a, b), st.integers(1, 300), st.integers(1, 300)),
    st.builds(lambda k, c, f: conv(1, k, c, f), st.integers(1, 5), SIZES, SIZES),
    st.builds(lambda c: conv(2, 9, c, c, prefix="depthwise_"), SIZES),
    st.builds(
        recurrent,
        st.sampled_from(["lstm", "gru", "bidirectional_lstm", "bidirectional_gru"]),
        st.integers(1, 64),
        st.integers(1, 32),
    ),
)


@given(LAYERS, st.sampled_from(STRATEGIES), st.sampled_from(["io_parallel", "io_stream"]), st.sampled_from([VIVADO, VITIS]))
def test_rules_account_for_every_value(layer, strategy, io_type, toolchain):
    allowed = legal(layer, strategy, io_type, toolchain)
    removed = [factor for rule in allowed.rules for factor in rule.removed]
    assert sorted([*allowed.reuse_factors, *removed]) == list(legal_reuse_factors(layer.n_in, layer.n_out))
    assert list(allowed.reuse_factors) == sorted(set(allowed.reuse_factors))
    assert all(rule.name.isidentifier() and rule.reason for rule in allowed.rules)


@given(LAYERS, st.sampled_from(STRATEGIES[:3]))
def test_vivado_never_unrolls_beyond_its_limit(layer, strategy):
    for factor in legal(layer, strategy, "io_stream", VIVADO).reuse_factors:
        for n_in, n_out in layer_kind(layer.kind).matrices(layer)[:1]:
            assert ceil(n_in * n_out / (1 if strategy == "latency" else factor)) <= UNROLL_LIMIT


@pytest.mark.parametrize(
    ("strategy", "expected", "rule"),
    [
        ("resource", (1, 2, 4, 8, 16, 32, 160), []),
        ("latency", (1, 2, 4, 8, 16, 32, 160), ["latency_unchecked"]),
        ("resource_unrolled", (2, 4, 8, 16, 32), ["unrolled_above_1", "unrolled_below_maximum"]),
        ("distributed_arithmetic", (1,), ["distributed_arithmetic_is_1"]),
    ],
)
def test_strategies_of_a_dense_layer(strategy, expected, rule):
    allowed = legal(Layer("d", "dense", 32, 5), strategy)
    assert allowed.reuse_factors == expected
    assert names(allowed) == rule


def test_vivado_cannot_unroll_a_large_matrix():
    layer = Layer("d", "dense", 160, 64)
    assert legal(layer).reuse_factors[0] == 1
    assert legal(layer, toolchain=VIVADO).reuse_factors[0] == 4
    assert legal(layer, "latency", toolchain=VIVADO).reuse_factors == ()
    assert legal(Layer("d", "dense", 64, 64), toolchain=VIVADO).reuse_factors[0] == 1


def test_convolution_in_parallel_stops_at_n_in():
    layer = conv()
    allowed = legal(layer, io_type="io_parallel")
    assert allowed.reuse_factors == (1, 2, 3, 4, 6, 12)
    assert names(allowed) == ["conv_io_parallel"]
    assert legal(layer).reuse_factors[-1] == layer.n_in * layer.n_out
    assert legal(layer, "latency", "io_parallel").reuse_factors == legal_reuse_factors(12, 8)
    assert legal(layer, "resource_unrolled", "io_parallel").reuse_factors == ()


def test_convolution_with_dilation_is_refused():
    assert names(legal(conv(dilation=2))) == ["no_dilation"]


def test_depthwise_convolution():
    layer = conv(1, 3, 4, 4, prefix="depthwise_")
    assert legal(layer).reuse_factors == (1, 2, 3, 4, 6, 12)
    assert legal(layer, io_type="io_parallel").reuse_factors == ()
    assert legal(layer, "latency", io_type="io_parallel").reuse_factors == (1, 2, 3, 4, 6, 12)
    assert legal(layer, "distributed_arithmetic").reuse_factors == ()
    assert names(legal(conv(1, 3, 4, 8, prefix="depthwise_"))) == ["depth_multiplier"]
    assert layer_kind(layer.kind).multiplications(layer) == 3 * 4 * 10
    assert layer_kind(layer.kind).matrices(layer) == ((12, 1),)


def test_recurrent_matrix_takes_its_own_nearest_value():
    layer = recurrent("lstm", 16, 15)
    assert effective(layer, 8) == (8, 5)  # what hls4ml prints for features 16, units 15, reuse factor 7 (snapped to 8)
    allowed = legal(layer)
    assert allowed.reuse_factors == legal_reuse_factors(16, 60)
    assert names(allowed) == ["recurrent_nearest"]
    pairs = [effective(layer, factor) for factor in allowed.reuse_factors]
    assert len(set(pairs)) == len(pairs)
    assert all(recurrent_factor in legal_reuse_factors(15, 60) for _, recurrent_factor in pairs)
    assert effective(layer, 8, "latency") == (8, 8)
    assert legal(layer, "distributed_arithmetic").reuse_factors == ()


def test_recurrent_multiplications_count_both_matrices():
    layer = recurrent("gru", 5, 7, steps=3)
    assert layer_kind("gru").multiplications(layer) == 3 * (5 * 21 + 7 * 21)
    twice = recurrent("bidirectional_gru", 5, 7, steps=3)
    assert layer_kind(twice.kind).multiplications(twice) == 6 * (5 * 21 + 7 * 21)


def test_bidirectional_lstm_keeps_only_what_hls4ml_checks_rightly():
    layer = recurrent("bidirectional_lstm", 4, 4)
    allowed = legal(layer, toolchain=VIVADO)
    # hls4ml leaves alone what is legal for 4 x 12, and the kernel is right for what is legal for 4 x 16
    assert allowed.reuse_factors == (1, 2, 4, 8, 16)
    assert legal(layer, "resource_unrolled", toolchain=VIVADO).reuse_factors == ()
    assert names(legal(layer, io_type="io_stream", toolchain=VITIS)) == ["bidirectional_io_stream"]
    assert legal(layer, io_type="io_parallel", toolchain=VITIS).reuse_factors == allowed.reuse_factors


def test_layers_without_a_matrix_have_no_choice():
    layer = Layer("p", "pooling1d", 16, 16, 4)
    kind = layer_kind(layer.kind)
    assert kind.matrices(layer) == ()
    assert kind.multiplications(layer) == 0
    assert legal(layer).reuse_factors == ()


def test_every_kind_is_known_once():
    assert {"dense", "conv1d", "conv2d", "depthwise_conv1d", "lstm", "gru", "pooling1d", "merge"} <= set(layer_kinds())


@pytest.mark.hls4ml
def test_networks_of_ntorc_equal_hls4ml(shared):
    pytest.importorskip("hls4ml", reason="hls4ml is not installed")
    from hls4ml.backends import get_backend

    backend = get_backend("Vivado")
    files = sorted((shared / "data" / "ntorc" / "networks").glob("*.json"))
    assert len(files) == 19
    seen = set()
    for file in files:
        for layer in read_network(file).layers:
            if layer.shape in seen or not layer_kind(layer.kind).matrices(layer):
                continue
            seen.add(layer.shape)
            expected = tuple(backend.get_valid_reuse_factors(layer.n_in, layer.n_out))
            assert legal(layer).reuse_factors == expected, layer
            if layer.n_state:
                valid = backend.get_valid_reuse_factors(layer.n_state, layer.n_out)
                snapped = [factor if factor in valid else backend.get_closest_reuse_factor(valid, factor) for factor in expected]
                assert [effective(layer, factor)[1] for factor in expected] == snapped
    assert len(seen) > 40
