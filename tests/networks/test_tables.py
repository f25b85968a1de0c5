"""Networks as plain tables."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.design import Layer
from dse.errors import NetworkError
from dse.networks import layer_from_table, network_from_tables, read_network

TABLE = """
name = "tiny"

[[layer]]
kind = "conv1d"
channels = 16
filters = 8
kernel = 3
positions = 128

[[layer]]
name = "memory"
kind = "lstm"
n_in = 8
units = 4
positions = 32

[[layer]]
kind = "dense"
n_in = 128
units = 5
activation = "softmax"
"""


def test_a_file(files):
    network = read_network(files.bytes(TABLE.encode(), "other.toml"))
    assert network.name == "tiny"
    assert [(layer.name, layer.shape) for layer in network.layers] == [
        ("conv1d_1", ("conv1d", 48, 8, 128, 0)),
        ("memory", ("lstm", 8, 16, 32, 4)),
        ("dense_3", ("dense", 128, 5, 1, 0)),
    ]
    conv, memory, dense = network.layers
    assert (conv.attribute("channels"), conv.attribute("kernel")) == (16, 3)
    assert (memory.attribute("units"), memory.inputs, dense.attribute("activation")) == (4, ("conv1d_1",), "softmax")


def test_the_form_of_benchmark_files_reads_too(files):
    text = '[[network]]\nname = "one"\n[[network.layer]]\nkind = "dense"\nn_in = 4\nn_out = 2\n'
    assert read_network(files.bytes(text.encode(), "one.toml")).layers[0].shape == ("dense", 4, 2, 1, 0)
    with pytest.raises(NetworkError, match="several networks"):
        read_network(files.bytes((text + text).encode(), "two.toml"))


@pytest.mark.parametrize(
    ("table", "shape"),
    [
        ({"kind": "dense", "n_in": 4, "n_out": 2}, ("dense", 4, 2, 1, 0)),
        ({"kind": "conv1d", "n_in": 48, "filters": 2, "kernel": 3, "positions": 5}, ("conv1d", 48, 2, 5, 0)),
        ({"kind": "conv2d", "channels": 2, "filters": 4, "kernel": [3, 2], "positions": 9}, ("conv2d", 12, 4, 9, 0)),
        ({"kind": "conv2d", "channels": 2, "filters": 4, "kernel": 3, "positions": 9}, ("conv2d", 18, 4, 9, 0)),
        ({"kind": "depthwise_conv1d", "channels": 2, "kernel": 3, "positions": 9}, ("depthwise_conv1d", 6, 2, 9, 0)),
        ({"kind": "gru", "features": 3, "units": 2, "steps": 7}, ("gru", 3, 6, 7, 2)),
        ({"kind": "bidirectional_lstm", "n_in": 3, "units": 2, "n_out": 8, "positions": 7}, ("bidirectional_lstm", 3, 8, 7, 2)),
        ({"kind": "pooling1d", "channels": 3, "positions": 7, "pool": 2}, ("pooling1d", 3, 3, 7, 0)),
    ],
)
def test_sizes(table, shape):
    assert layer_from_table(table, "x").shape == shape


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"kind": "dence", "n_in": 4}, "did you mean dense"),
        ({"n_in": 4}, "unknown kind 'None'"),
        ({"kind": "dense", "n_in": 4}, "units is missing"),
        ({"kind": "dense", "n_in": 4, "unit": 2}, "did you mean 'units'"),
        ({"kind": "dense", "n_in": 4, "units": 2, "n_out": 3}, "units = 2 and n_out = 3 contradict"),
        ({"kind": "dense", "n_in": 4.0, "units": 2}, "n_in is '4.0', expected a whole number"),
        ({"kind": "dense", "n_in": True, "units": 2}, "n_in is 'True'"),
        ({"kind": "conv1d", "n_in": 16, "filters": 4, "kernel": 3, "positions": 8}, "say channels"),
        ({"kind": "conv1d", "channels": 16, "filters": 4, "positions": 8}, "kernel is None"),
        ({"kind": "conv1d", "channels": 16, "filters": 4, "kernel": 3}, "positions is missing"),
        ({"kind": "lstm", "n_in": 4, "n_out": 8, "positions": 2}, "units is missing"),
        ({"kind": "lstm", "n_in": 4, "units": 8, "n_out": 8, "positions": 2}, "4 gates x 8 units"),
        ({"kind": "dense", "n_in": 4, "units": 2, "name": "a b"}, "'a b'"),
        ({"kind": "dense", "n_in": 4, "units": 2, "inputs": "x"}, "list of layer names"),
    ],
)
def test_what_is_wrong_is_named(table, message):
    with pytest.raises(NetworkError, match=message):
        layer_from_table(table, "x")


def test_a_network_names_the_layer_that_is_wrong():
    good = {"kind": "dense", "n_in": 4, "units": 2}
    with pytest.raises(NetworkError, match="bench layer 2: units is missing"):
        network_from_tables("n", [good, {"kind": "dense", "n_in": 4}], "bench")
    with pytest.raises(NetworkError, match="used more than once"):
        network_from_tables("n", [{**good, "name": "a"}, {**good, "name": "a"}])
    with pytest.raises(NetworkError, match="no layer above it"):
        network_from_tables("n", [{**good, "inputs": ["later"]}])
    with pytest.raises(NetworkError, match="no layers"):
        network_from_tables("n", [])


@pytest.mark.parametrize(
    "text",
    ["x = [", "layer = 3", 'name = 3\n[[layer]]\nkind = "dense"', 'nam = "x"', "[[layer]]\n", "layer = [3]", "\xff", "[" * 5000],
)
def test_broken_files(files, text):
    with pytest.raises(NetworkError, match=r"net\.toml"):
        read_network(files.bytes(text.encode("latin-1"), "net.toml"))


KEYS = ["kind", "name", "n_in", "n_out", "units", "filters", "channels", "kernel", "positions", "inputs", "stride", "pool"]
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 40)
    | st.text(max_size=5)
    | st.sampled_from(["dense", "conv1d", "conv2d", "lstm", "dot"])
)


@given(st.dictionaries(st.sampled_from(KEYS), VALUES | st.lists(VALUES, max_size=2)))
def test_any_table(table):
    with contextlib.suppress(NetworkError):
        assert isinstance(layer_from_table(table, "x"), Layer)
