"""Networks as Keras 2 files, written without Keras, and one warm generator for all tests."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dse.design import DesignPoint, Fidelity, Job, LayerChoice, Network, Strategy, Target, Toolchain, normalise_part
from dse.networks import read_network
from dse.registry import layer_kind

PART = normalise_part("xcu250-figd2104-2L-e")

KERAS2 = {
    "mlp": ([16], [("Dense", "fc1", {"units": 12, "activation": "relu"}), ("Dense", "fc2", {"units": 5, "activation": "softmax"})]),
    "lstm": ([4, 6], [("LSTM", "cell", {"units": 5, "return_sequences": False}), ("Dense", "out", {"units": 3})]),
    "gru": ([4, 6], [("GRU", "cell", {"units": 4, "return_sequences": False}), ("Dense", "out", {"units": 3})]),
    "conv2d": (
        [6, 6, 2],
        [
            ("Conv2D", "conv", {"filters": 4, "kernel_size": [3, 3], "padding": "valid", "activation": "relu"}),
            ("MaxPooling2D", "pool", {"pool_size": [2, 2]}),
            ("Flatten", "flat", {}),
            ("Dense", "out", {"units": 3}),
        ],
    ),
    "tiny": ([4], [("Dense", "only", {"units": 2})]),
}


def keras2_text(shape: list[int], layers: list[tuple[str, str, dict[str, Any]]]) -> str:
    entries = [{"class_name": "InputLayer", "config": {"name": "input", "batch_input_shape": [None, *shape], "dtype": "float32"}}]
    for kind, name, config in layers:
        extra = {"kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}}} if kind == "Dense" else {}
        entries.append({"class_name": kind, "config": {"name": name, "trainable": True, "dtype": "float32", **config, **extra}})
    return json.dumps({"class_name": "Sequential", "config": {"name": "net", "layers": entries}, "keras_version": "2.13.1"})


def choose(network: Network, target: Target, strategy: Strategy, position: int) -> DesignPoint:
    """The legal choice at a position (-1: the largest reuse factor) of every layer; latency at 1 where the strategy is illegal."""
    choices = []
    for layer in network.layers:
        kind = layer_kind(layer.kind)
        if not kind.matrices(layer):
            continue
        legal = kind.legal(layer, target, strategy).reuse_factors
        factor = legal[min(position, len(legal) - 1)] if legal else 1
        choices.append((layer.name, LayerChoice(factor, strategy if legal else "latency")))
    return DesignPoint(tuple(choices))


@pytest.fixture(scope="session")
def network_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("networks")

    def write(name: str) -> Path:
        path = folder / f"{name}.json"
        path.write_text(keras2_text(*KERAS2[name]), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def make_job() -> Callable[..., Job]:
    def make(
        source: Path,
        strategy: Strategy = "resource",
        position: int = 1,
        io_type: Any = "io_parallel",
        toolchain: str = "vivado_hls 2019.2",
        **changed: Any,
    ) -> Job:
        network = read_network(source)
        target = Target(PART, 5.0, io_type, toolchain=Toolchain.parse(toolchain), **changed)
        return Job(network, choose(network, target, strategy, position), target, Fidelity.CSYNTH)

    return make


@pytest.fixture(scope="session")
def generator() -> Iterator[Any]:
    for library in ("hls4ml", "keras"):  # found, not imported: this process stays light
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    from dse.project import ProjectGenerator

    with ProjectGenerator(1) as warm:
        yield warm
