"""A batch normalisation after a Dense or Conv layer is part of that layer's weights, and nowhere else in the circuit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras saving under NumPy 2
keras = pytest.importorskip("keras")
pytest.importorskip("hls4ml")

from dse.networks import read_network  # noqa: E402
from dse.project.folding import fold_batchnorms  # noqa: E402


def randomised(model: Any) -> Any:
    rng = np.random.default_rng(1)
    for weight in model.weights:
        value = rng.normal(0, 0.5, weight.shape)
        weight.assign(np.abs(value) + 0.5 if "variance" in weight.path else value)
    return model


def branched() -> Any:
    """bn1 folds; bn2 does not (its Dense is read twice), nor bn3 (after an activation), nor bn4 (not the last axis)."""
    layers = keras.layers
    start = keras.Input((8, 4), name="inp")
    first = layers.BatchNormalization(name="bn1")(layers.Conv1D(4, 3, use_bias=False, name="c1")(start))
    second = layers.Dense(4, name="fc2")(first)
    both = layers.Add(name="add")([layers.BatchNormalization(name="bn2")(second), second])
    third = layers.BatchNormalization(name="bn3")(layers.Dense(4, activation="relu", name="fc3")(both))
    fourth = layers.BatchNormalization(axis=1, name="bn4")(layers.Dense(4, name="fc4")(third))
    return keras.Model(start, layers.Dense(2, name="out")(layers.Flatten(name="flat")(fourth)))


def chain() -> Any:
    layers = keras.layers
    inner = [layers.Dense(6, name="fc1"), layers.BatchNormalization(scale=False, name="bn1"), layers.Activation("relu", name="r1")]
    return keras.Sequential([keras.Input((5,), name="inp"), *inner, layers.Dense(2, name="out")])


@pytest.mark.parametrize(("make", "left"), [(branched, {"bn2", "bn3", "bn4"}), (chain, set())])
def test_what_is_folded_computes_the_same(make: Any, left: set[str]) -> None:
    model = randomised(make())
    folded = fold_batchnorms(model)
    assert {layer.name for layer in folded.layers if layer.name.startswith("bn")} == left
    inputs = np.random.default_rng(0).normal(size=(16, *model.input_shape[1:])).astype("float32")
    np.testing.assert_allclose(folded.predict(inputs, verbose=0), model.predict(inputs, verbose=0), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("make", "left"), [(branched, {"bn2", "bn3", "bn4"}), (chain, set())])
def test_the_network_that_is_read_has_what_is_built(make: Any, left: set[str], tmp_path: Path) -> None:
    file = tmp_path / "net.keras"
    randomised(make()).save(file)
    network = read_network(file)
    assert {layer.name for layer in network.layers if layer.kind == "batchnorm"} == left
    assert all(source in {layer.name for layer in network.layers} for layer in network.layers for source in layer.inputs)


def test_a_model_without_any_is_left_alone() -> None:
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
    assert fold_batchnorms(model) is model
