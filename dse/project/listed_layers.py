"""A network listed as layers and sizes (`.toml`) -> an equivalent Keras model, for the simple kinds.

Neighbours whose element counts agree are joined by a reshape; anything else that such a list leaves out (pooling, branches) cannot
be guessed, so it is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import keras

from dse.design import Layer, Network
from dse.errors import NetworkError


def build_listed(network: Network) -> Any:
    """Return a chain of Keras layers with the names and sizes of the network's.

    Raises:
        NetworkError: a kind that is not built from a list, a branch, or neighbours that do not fit; names the layer.
    """
    first = network.layers[0]
    tensor = start = keras.Input(_reads(first), name="network_input")
    previous = ""
    for layer in network.layers:
        if layer.inputs not in ((), (previous,)):
            raise _refusal(layer, f"reads {', '.join(layer.inputs)}", f"{previous or 'nothing'}: only chains are built from a list")
        tensor = _builder(layer)(layer)(_join(tensor, layer))
        previous = layer.name
    return keras.Model(start, tensor)


def _join(tensor: Any, layer: Layer) -> Any:
    got, wanted = tuple(tensor.shape[1:]), _reads(layer)
    if got == wanted:
        return tensor
    if prod(got) != prod(wanted):
        raise _refusal(layer, f"the layer before gives {got}", f"{wanted}")
    return keras.layers.Reshape(wanted, name=f"{layer.name}_reshape")(tensor)


def _reads(layer: Layer) -> tuple[int, ...]:
    """Return the shape that a layer reads."""
    if layer.kind == "dense":
        return (layer.n_in,) if layer.n_positions == 1 else (layer.n_positions, layer.n_in)
    if layer.kind == "conv1d":
        kernel, stride = _number(layer, "kernel"), _number(layer, "stride")
        reach = (kernel - 1) * _number(layer, "dilation")
        is_padded = layer.attribute("padding") == "same"
        length = layer.n_positions * stride if is_padded else (layer.n_positions - 1) * stride + reach + 1
        return (length, layer.n_in // kernel)
    if layer.kind in ("lstm", "gru"):
        return (layer.n_positions, layer.n_in)
    if layer.kind == "pooling1d":
        return (layer.n_positions * _number(layer, "pool", 2), layer.n_in)
    return (layer.n_in,) if layer.n_positions == 1 else (layer.n_positions, layer.n_in)


def _builder(layer: Layer) -> Callable[[Layer], Any]:
    builder = _BUILDERS.get(layer.kind)
    if builder is None:
        raise _refusal(layer, f"kind {layer.kind}", f"one of {', '.join(sorted(_BUILDERS))} in a list")
    return builder


def _dense(layer: Layer) -> Any:
    return keras.layers.Dense(layer.n_out, activation=_activation(layer), use_bias=_has_bias(layer), name=layer.name)


def _conv1d(layer: Layer) -> Any:
    return keras.layers.Conv1D(
        layer.n_out,
        _number(layer, "kernel"),
        strides=_number(layer, "stride"),
        dilation_rate=_number(layer, "dilation"),
        padding=str(layer.attribute("padding", "same")),
        activation=_activation(layer),
        use_bias=_has_bias(layer),
        name=layer.name,
    )


def _recurrent(layer: Layer) -> Any:
    kind = keras.layers.LSTM if layer.kind == "lstm" else keras.layers.GRU
    # A list says "linear" where it says nothing, and a linear recurrent layer is not what anybody means.
    activation = _activation(layer)
    return kind(
        layer.n_state,
        activation="tanh" if activation == "linear" else activation,
        return_sequences=bool(layer.attribute("return_sequences", True)),
        use_bias=_has_bias(layer),
        name=layer.name,
    )


def _pooling1d(layer: Layer) -> Any:
    kind = keras.layers.MaxPooling1D if layer.attribute("op", "max") == "max" else keras.layers.AveragePooling1D
    return kind(_number(layer, "pool", 2), strides=_number(layer, "stride", _number(layer, "pool", 2)), name=layer.name)


_BUILDERS: dict[str, Callable[[Layer], Any]] = {
    "dense": _dense,
    "conv1d": _conv1d,
    "lstm": _recurrent,
    "gru": _recurrent,
    "pooling1d": _pooling1d,
    "activation": lambda layer: keras.layers.Activation(_activation(layer), name=layer.name),
    "batchnorm": lambda layer: keras.layers.BatchNormalization(name=layer.name),
    "flatten": lambda layer: keras.layers.Flatten(name=layer.name),
}


def _number(layer: Layer, name: str, default: int = 1) -> int:
    return int(layer.attribute(name, default) or default)


def _activation(layer: Layer) -> str:
    return str(layer.attribute("activation", "linear"))


def _has_bias(layer: Layer) -> bool:
    return bool(layer.attribute("use_bias", True))


def _refusal(layer: Layer, got: str, expected: str) -> NetworkError:
    return NetworkError(f"layer {layer.name}: {got}, expected {expected}. Save a Keras model of the network to generate projects.")
