"""A network listed as layers and sizes (`.toml`) -> an equivalent Keras model, where its kinds say which Keras layer they are.

Neighbours whose element counts agree are joined by a reshape; anything else that such a list leaves out (pooling, branches) cannot
be guessed, so it is refused.
"""

from __future__ import annotations

from math import prod
from typing import Any

import keras

from dse.design import Layer, Network
from dse.errors import NetworkError
from dse.registry import layer_kind, layer_kinds


def build_listed(network: Network) -> Any:
    """Return a chain of Keras layers with the names and sizes of the network's.

    Raises:
        NetworkError: a kind that is not built from a list, a branch, or neighbours that do not fit; names the layer.
    """
    tensor = start = keras.Input(_reads(network.layers[0]), name="network_input")
    previous = ""
    for layer in network.layers:
        if layer.inputs not in ((), (previous,)):
            raise _refusal(layer, f"reads {', '.join(layer.inputs)}", f"{previous or 'nothing'}: only chains are built from a list")
        make = layer_kind(layer.kind).keras_layer
        if make is None:
            listed = ", ".join(kind for kind in layer_kinds() if layer_kind(kind).keras_layer is not None)
            raise _refusal(layer, f"kind {layer.kind}", f"one of {listed} in a list")
        tensor = make(layer)(_join(tensor, layer))
        previous = layer.name
    return keras.Model(start, tensor)


def _reads(layer: Layer) -> tuple[int, ...]:
    return layer_kind(layer.kind).reads(layer)


def _join(tensor: Any, layer: Layer) -> Any:
    got, wanted = tuple(tensor.shape[1:]), _reads(layer)
    if got == wanted:
        return tensor
    if prod(got) != prod(wanted):
        raise _refusal(layer, f"the layer before gives {got}", f"{wanted}")
    return keras.layers.Reshape(wanted, name=f"{layer.name}_reshape")(tensor)


def _refusal(layer: Layer, got: str, expected: str) -> NetworkError:
    return NetworkError(f"layer {layer.name}: {got}, expected {expected}. Save a Keras model of the network to generate projects.")
