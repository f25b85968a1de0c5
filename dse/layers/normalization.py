"""Batch and layer normalisation: a product and a sum a value."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from dse.design import Layer, Target
from dse.errors import NetworkError
from dse.layers._flow import figures, flow
from dse.layers._keras import Builder, Node, Shape, one_input, same

KINDS = ("batchnorm", "layernorm")


def multiplications(layer: Layer) -> int:
    """Return one product per value."""
    return prod(layer.output_shape)


def cost(layer: Layer, target: Target) -> Mapping[str, float]:
    """Return a multiplier and an adder a lane."""
    f = flow(layer, target)
    dsps = f.lanes if f.bits > 9 else 0
    return figures(f.lanes * 2 * f.bits, f.lanes * 2 * f.bits, dsps, 0, f.n_words + 3, f.n_words)


def _batchnorm(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    return same(node, "batchnorm", one_input(node, shapes))


def _layernorm(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    return same(node, "layernorm", one_input(node, shapes))


KERAS: Mapping[str, Builder] = {"BatchNormalization": _batchnorm, "LayerNormalization": _layernorm}


def keras_layer(layer: Layer) -> Any:
    """Return the Keras layer of a listed batch normalisation.

    Raises:
        NetworkError: of a layer normalisation.
    """
    if layer.kind != "batchnorm":
        raise NetworkError(f"layer {layer.name}: kind {layer.kind}, expected batchnorm in a list")
    import keras

    return keras.layers.BatchNormalization(name=layer.name)
