"""Keras files: what is read of them, and shapes worked out without Keras."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path

import pytest

from dse.errors import NetworkError
from dse.networks import read_network
from dse.registry import layer_kind

EXAMPLES = Path(__file__).resolve().parents[2] / "campaigns" / "networks"


def with_choice(network):
    return [layer for layer in network.layers if layer_kind(layer.kind).matrices(layer)]


def test_jet_tagger():
    network = read_network(EXAMPLES / "jet_tagger.json")
    assert network.name == "jet_tagger"
    layers = with_choice(network)
    assert [layer.name for layer in layers] == ["conv_1", "conv_2", "conv_3", "fc_1", "fc_2", "fc_3"]
    assert [layer.kind for layer in layers] == ["conv1d"] * 3 + ["dense"] * 3
    assert [layer.attribute("activation") for layer in layers] == ["relu"] * 5 + ["softmax"]
    assert layers[0].inputs == ("input",)


def test_convolutions_and_dense_layers(files, make):
    convs = [
        make.layer("Conv1D", f"c{i}", filters=16, kernel_size=[3], strides=[1], padding="valid", activation="relu", use_bias=True)
        for i in (1, 2)
    ]
    document = make.sequential(make.start(16, 1), *convs, make.layer("Flatten", "f"), make.dense("d", 5))
    network = read_network(files.json(document))
    assert [layer.shape for layer in with_choice(network)] == [
        ("conv1d", 3, 16, 14, 0),
        ("conv1d", 48, 16, 12, 0),
        ("dense", 192, 5, 1, 0),
    ]
    assert dict(network.layer("c1").attributes) == {
        "activation": "relu",
        "channels": 1,
        "dilation": 1,
        "filters": 16,
        "in_width": 16,
        "kernel": 3,
        "padding": "valid",
        "stride": 1,
        "use_bias": True,
    }


def test_dropbear():
    network = read_network(EXAMPLES / "dropbear.json")
    assert [layer.shape for layer in with_choice(network)] == [
        ("conv1d", 3, 16, 256, 0),
        ("conv1d", 48, 16, 128, 0),
        ("conv1d", 48, 16, 64, 0),
        ("lstm", 16, 32, 32, 8),
        ("lstm", 8, 32, 32, 8),
        ("dense", 256, 16, 1, 0),
        ("dense", 16, 16, 1, 0),
        ("dense", 16, 1, 1, 0),
    ]
    assert network.layer("pool_1").attribute("pool") == 2
    assert network.layer("lstm_1").attribute("return_sequences") is True


def test_mlp():
    assert [layer.shape[1:3] for layer in with_choice(read_network(EXAMPLES / "mlp.json"))] == [
        (16, 64),
        (64, 32),
        (32, 32),
        (32, 5),
    ]


def test_all_networks_of_ntorc_read(shared):
    files = sorted((shared / "data" / "ntorc" / "networks").glob("*.json"))
    assert len(files) == 19
    for file in files:
        network = read_network(file)
        assert len(with_choice(network)) >= 4
    conv = read_network(files[1]).layers[1]
    assert (conv.kind, conv.n_in, conv.n_out, conv.n_positions) == ("conv1d", 3, 16, 128)


def test_digest_is_structure_and_weights_but_not_format(files, make):
    plain = read_network(files.json(make.small))
    again = read_network(files.json(json.dumps(make.small, indent=3), "again.json"))
    wider = read_network(
        files.json(make.sequential(make.start(4), make.dense("fc1", 9), make.dense("out", 2, "softmax")), "wider.json")
    )
    one, other = read_network(files.keras()), read_network(files.keras(weights=make.weights(2.0), name="other.keras"))
    assert plain.digest == again.digest
    assert len({plain.digest, wider.digest, one.digest, other.digest}) == 4
    assert read_network(files.h5()).digest != read_network(files.h5(value=2.0, name="other.h5")).digest


def test_optimizer_state_is_no_part_of_the_digest(files):
    def train(file):
        file["optimizer_weights/step"] = 7

    assert read_network(files.h5()).digest == read_network(files.h5(change=train, name="trained.h5")).digest


def test_layers_say_whether_weights_were_there(files, make):
    assert read_network(files.keras()).layer("fc1").attribute("has_weights") is True
    assert read_network(files.h5()).layer("fc1").attribute("has_weights") is True
    assert read_network(files.json(make.small)).layer("fc1").attribute("has_weights") is None


def test_functional_network_with_branches(files, make):
    document = make.functional(
        [
            make.called(make.start(8)),
            make.called(make.dense("late", 3), "joined"),  # out of order on purpose
            make.called(make.dense("left", 4), "inp"),
            make.called(make.dense("right", 6), "inp"),
            make.called(make.layer("Concatenate", "joined", axis=-1), "left", "right", joined=True),
        ],
        ["late"],
    )
    network = read_network(files.json(document))
    assert [layer.name for layer in network.layers] == ["inp", "left", "right", "joined", "late"]
    assert network.layer("joined").inputs == ("left", "right")
    assert network.layer("late").n_in == 10


def test_nested_networks_are_flattened(files, make):
    inner = make.functional(
        [make.called(make.start(4, name="si")), make.called(make.dense("sd", 5), "si")], ["sd"], ("si",), name="inner"
    )
    outer = make.sequential(make.start(4), {**inner, "config": {**inner["config"], "name": "inner"}}, make.dense("out", 2))
    network = read_network(files.json(outer))
    assert [layer.name for layer in network.layers] == ["inp", "sd", "out"]
    assert network.layer("sd").inputs == ("inp",)
    assert network.layer("out").inputs == ("sd",)


def test_a_layer_called_twice_gets_the_names_of_hls4ml(files, make):
    twice = make.called(make.dense("d", 4), "inp")
    twice["inbound_nodes"].append(
        {"args": [make.called(make.dense("x", 1), ("d", 0))["inbound_nodes"][0]["args"][0]], "kwargs": {}}
    )
    document = make.functional([make.called(make.start(4)), twice], [])
    document["config"]["output_layers"] = [["d", 1, 0]]
    assert [layer.name for layer in read_network(files.json(document)).layers] == ["inp", "d", "d_0"]


def test_separable_convolution_becomes_two_layers(files, make):
    separable = make.layer("SeparableConv1D", "s", filters=6, kernel_size=[3], padding="same", activation="relu", use_bias=True)
    network = read_network(
        files.json(make.sequential(make.start(10, 4), separable, make.layer("Flatten", "f"), make.dense("d", 2)))
    )
    first, second = network.layer("s_depthwise"), network.layer("s_pointwise")
    assert (first.kind, first.n_in, first.n_out, first.n_positions) == ("depthwise_conv1d", 12, 4, 10)
    assert (second.kind, second.n_in, second.n_out, second.n_positions) == ("conv1d", 4, 6, 10)
    assert (second.inputs, network.layer("f").inputs) == (("s_depthwise",), ("s_pointwise",))


def test_dense_on_two_axes_is_a_convolution(files, make):
    network = read_network(files.json(make.sequential(make.start(10, 4), make.dense("d", 2))))
    assert network.layer("d").shape == ("conv1d", 4, 2, 10, 0)
    assert network.layer("d").output_shape == (10, 2)


@pytest.mark.parametrize(
    ("settings", "length"),
    [
        ({"padding": "valid"}, 14),
        ({"padding": "same"}, 16),
        ({"padding": "causal"}, 16),
        ({"padding": "same", "strides": [3]}, 6),
        ({"padding": "valid", "strides": [3]}, 5),
        ({"padding": "valid", "dilation_rate": [4]}, 8),
    ],
)
def test_output_of_a_convolution(files, make, settings, length):
    conv = make.layer("Conv1D", "c", filters=2, kernel_size=[3], activation="relu", **settings)
    assert read_network(files.json(make.sequential(make.start(16, 1), conv))).layer("c").n_positions == length


def test_keras_2_without_an_input_layer(files, make):
    first = make.dense("fc1", 8, batch_input_shape=[None, 4])
    document = {"class_name": "Sequential", "config": [first, make.dense("out", 2)], "keras_version": "2.2.4"}
    network = read_network(files.json(document))
    assert [layer.name for layer in network.layers] == ["fc1_input", "fc1", "out"]
    assert network.layer("fc1").n_in == 4


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"class_name": "Attention"}, "unknown layer class 'Attention'"),
        ({"class_name": "Dens"}, "Did you mean Dense"),
        ({"class_name": "SimpleRNN", "units": 4}, "no template"),
        ({"class_name": "Dense", "units": 4, "activation": "gelu"}, "activation is gelu"),
        ({"class_name": "Dense", "units": "4"}, "units is 4, expected a whole number"),
        ({"class_name": "Dense", "units": 0}, "units is 0"),
        ({"class_name": "Dense"}, "units is None"),
        ({"class_name": "Conv1D", "filters": 2, "kernel_size": [3]}, "2 axes"),
        ({"class_name": "ReLU", "max_value": 6.0}, "max_value"),
        ({"class_name": "Reshape", "target_shape": [3, 2]}, "target_shape"),
    ],
)
def test_what_cannot_be_built_is_named(files, make, entry, message):
    odd = make.layer(entry.pop("class_name"), "odd", **entry)
    with pytest.raises(NetworkError, match=message) as caught:
        read_network(files.json(make.sequential(make.start(4), make.dense("fc", 4), odd)))
    assert str(caught.value).startswith("net.json layer 'odd'")


@pytest.mark.parametrize("name", ["a b", "x; rm -rf /", "../up", "fc$1", "[exec ls]", "é", "a" * 65, "1st", ""])
def test_names_that_are_no_identifiers_are_refused(files, make, name):
    with pytest.raises(NetworkError, match=r"net\.json"):
        read_network(files.json(make.sequential(make.start(4), make.dense(name, 4))))


def test_names_used_twice_are_refused(files, make):
    with pytest.raises(NetworkError, match="more than once"):
        read_network(files.json(make.sequential(make.start(4), make.dense("fc", 4), make.dense("fc", 4))))
    with pytest.raises(NetworkError, match="same to hls4ml"):
        read_network(files.json(make.sequential(make.start(4), make.dense("fc", 4), make.dense("FC", 4))))


@pytest.mark.slow
@pytest.mark.hls4ml
@pytest.mark.filterwarnings("ignore")
def test_shapes_equal_those_of_keras(tmp_path):
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    k = keras.layers
    start = keras.Input((12, 10, 3), name="inp")
    left = k.SeparableConv2D(4, 3, padding="same", strides=2, name="sep")(start)
    right = k.Conv2D(4, (3, 2), padding="same", strides=2, name="conv", activation="relu")(start)
    joined = k.Add(name="add")([left, k.BatchNormalization(name="bn")(right)])
    padded = k.ZeroPadding2D(((1, 0), (2, 1)), name="pad")(k.DepthwiseConv2D(2, name="dw")(joined))
    pooled = k.AveragePooling2D((2, 3), name="pool")(k.Cropping2D(1, name="crop")(k.UpSampling2D(2, name="up")(padded)))
    sequence = k.Reshape((-1, 4), name="shape")(pooled)
    state = k.GRU(5, name="gru")(k.Bidirectional(k.LSTM(6, return_sequences=True), name="bi")(sequence))
    model = keras.Model(start, k.Dense(2, name="out", activation="softmax")(k.Dropout(0.1, name="drop")(state)))
    (tmp_path / "net.json").write_text(model.to_json())
    model.save(tmp_path / "net.keras")
    model.save(tmp_path / "net.h5")
    for suffix in ("json", "keras", "h5"):
        network = read_network(tmp_path / f"net.{suffix}")
        for layer in model.layers:
            ours = network.layer("sep_pointwise" if layer.name == "sep" else layer.name)
            assert ours.output_shape == tuple(layer.output.shape[1:]), layer.name
        weights = sum(sum(prod(matrix) for matrix in layer_kind(layer.kind).matrices(layer)) for layer in network.layers)
        kernels = [w for layer in model.layers for w in layer.weights if "kernel" in w.name]
        assert weights == sum(prod(kernel.shape) for kernel in kernels)
