"""What hls4ml is known to build wrongly is told by name before anything is built; what it builds rightly is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dse.design import Network, Target
from dse.errors import NetworkError
from dse.faults import faults, known_faults, refuse_known_faults
from dse.networks import read_network

PARALLEL = Target("xc7z020clg4001", 5.0, "io_parallel")
STREAM = replace(PARALLEL, io_type="io_stream")


def layer(kind: str, name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, **config}}


OUT = layer("Dense", "out", units=3)


def network(folder: Path, shape: tuple[int, ...], *layers: dict[str, Any]) -> Network:
    first = layer("InputLayer", "inp", batch_input_shape=[None, *shape])
    file = folder / "net.json"
    file.write_text(json.dumps({"class_name": "Sequential", "config": {"name": "net", "layers": [first, *layers, OUT]}}))
    return read_network(file)


def recurrent(kind: str, **config: Any) -> dict[str, Any]:
    return layer(kind, "rnn", units=6, **config)


def both_ways(kind: str, **config: Any) -> dict[str, Any]:
    return layer("Bidirectional", "bi", layer={"class_name": kind, "config": {"name": "inner", "units": 6}}, **config)


SEQUENCE, PLANE = (5, 3), (8, 8, 3)
WRONG = {
    "gru_reset_before": (SEQUENCE, recurrent("GRU", reset_after=False)),
    "go_backwards": (SEQUENCE, recurrent("LSTM", go_backwards=True)),
    "recurrent_activation": (SEQUENCE, recurrent("GRU", activation="softsign")),
    "recurrent_gate_activation": (SEQUENCE, recurrent("LSTM", recurrent_activation="hard_sigmoid")),
    "bidirectional_gru": (SEQUENCE, both_ways("GRU")),
    "bidirectional_merge": (SEQUENCE, both_ways("LSTM", merge_mode="ave")),
    "hard_tanh": ((6,), layer("Dense", "fc1", units=8, activation="hard_tanh")),
    "separable_convolution": (PLANE, layer("SeparableConv2D", "sep", filters=8, kernel_size=[3, 3])),
    "layer_normalization": (SEQUENCE, layer("LayerNormalization", "ln", axis=-1)),
    "batchnorm_axis": (SEQUENCE, layer("BatchNormalization", "bn", axis=1)),
    "prelu_shared_axes": (SEQUENCE, layer("PReLU", "pr", shared_axes=[1])),
}
RIGHT = {
    "gru": (SEQUENCE, recurrent("GRU")),
    "lstm": (SEQUENCE, recurrent("LSTM", activation="relu")),
    "bidirectional_lstm": (SEQUENCE, both_ways("LSTM")),
    "hard_sigmoid": ((6,), layer("Dense", "fc1", units=8, activation="hard_sigmoid")),
    "depthwise": (PLANE, layer("DepthwiseConv2D", "dw", kernel_size=[3, 3])),
    "batchnorm": (SEQUENCE, layer("BatchNormalization", "bn", axis=-1)),
    "batchnorm_written_out": (SEQUENCE, layer("BatchNormalization", "bn", axis=[2])),
    "prelu": (SEQUENCE, layer("PReLU", "pr")),
}


@pytest.mark.parametrize("name", WRONG)
def test_known_fault_is_named_and_refused(tmp_path: Path, name: str) -> None:
    shape, wrong = WRONG[name]
    net = network(tmp_path, shape, wrong)
    assert [fault.name for _, fault in known_faults(net, PARALLEL)] == [name]
    with pytest.raises(NetworkError, match=name):
        refuse_known_faults(net, PARALLEL)
    assert known_faults(net, replace(PARALLEL, hls4ml_version="9.9.0")) == ()


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_built_rightly_passes(tmp_path: Path, name: str) -> None:
    shape, right = RIGHT[name]
    refuse_known_faults(network(tmp_path, shape, right), PARALLEL)


def test_pooling_with_padding_is_wrong_in_streams_only_where_it_pads(tmp_path: Path) -> None:
    pads = network(tmp_path, (9, 2), layer("MaxPooling1D", "mp", pool_size=2, padding="same"))
    assert [fault.name for _, fault in known_faults(pads, STREAM)] == ["padded_pooling_in_streams"]
    refuse_known_faults(pads, PARALLEL)
    fits = network(tmp_path, (8, 2), layer("MaxPooling1D", "mp", pool_size=2, padding="same"))
    refuse_known_faults(fits, STREAM)
    plane = network(tmp_path, (9, 8, 2), layer("AveragePooling2D", "ap", pool_size=[2, 2], padding="same"))
    assert len(known_faults(plane, STREAM)) == 1


def test_every_fault_says_what_where_and_what_instead() -> None:
    assert {fault.name for fault in faults()} == {*WRONG, "padded_pooling_in_streams"}
    assert all(fault.what and fault.instead and fault.source and fault.versions for fault in faults())
