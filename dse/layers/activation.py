"""Activations: one value in, one value out; softmax looks at all of them."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from dse.design import Attribute, Layer, Target
from dse.layers._flow import STREAM_LUT, figures, flow
from dse.layers._keras import Builder, Node, Shape, activation_of, number, one_input, problem, same, whole
from dse.layers._primitives import rom_blocks

KINDS = ("activation",)

_DSP_BITS = 6
_TABLE_ROWS, _TABLE_BITS = 1024, 18
_TABLES = {"sigmoid": 1, "tanh": 1, "softplus": 1, "softsign": 1, "elu": 1, "selu": 1, "softmax": 2, "exponential": 1}


def cost(layer: Layer, target: Target) -> Mapping[str, float]:
    """Return a comparison a value, or tables in block RAM, and a product by the inverse sum for a softmax."""
    f = flow(layer, target)
    tables = _TABLES.get(str(layer.attribute("activation", "relu")), 0)
    each = (STREAM_LUT["softmax" if tables > 1 else "relu"] if f.is_stream else 1.0) * f.bits
    passing = f.n_words if f.is_stream else 0  # combinational: a relu of a pipelined top takes no cycle of its own
    if tables == 0:
        return figures(f.lanes * each, f.lanes * f.bits, 0, 0, passing + f.is_stream, f.n_words)
    blocks = tables * ceil(f.lanes / 2) * rom_blocks(_TABLE_ROWS, _TABLE_BITS)
    dsps = f.lanes if tables > 1 and f.bits >= _DSP_BITS else 0
    return figures(f.lanes * 3 * each, f.lanes * 2 * f.bits, dsps, blocks, passing + 1 + 2 * tables, f.n_words)


def _activation(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    if node.config.get("activation") is None:
        raise problem(node, "activation", None, "an activation")
    return same(node, "activation", one_input(node, shapes), activation=activation_of(node))


def _parametric(activation: str, *keys: str, default: float = 0.0) -> Builder:
    """Build an activation layer with one parameter, which goes by one of several names."""

    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        key = next((key for key in keys if key in node.config), keys[0] if keys else "")
        given: dict[str, Attribute] = {"parameter": number(node, key, default)} if keys else {}
        return same(node, "activation", one_input(node, shapes), activation=activation, **given)

    return builder


def _relu(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    """hls4ml reads the ReLU layer as a leaky one where it has a slope, else as a thresholded one (even at threshold 0)."""
    if node.config.get("max_value") is not None:
        raise problem(node, "max_value", node.config.get("max_value"), "null: hls4ml does not bound a ReLU")
    slope, threshold = number(node, "negative_slope", 0.0), number(node, "threshold", 0.0)
    if slope and threshold:
        raise problem(node, "negative_slope", slope, "0 where there is a threshold")
    kind, parameter = ("leaky_relu", slope) if slope else ("thresholded_relu", threshold)
    return same(node, "activation", one_input(node, shapes), activation=kind, parameter=parameter)


def _prelu(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    shared: dict[str, Attribute] = {"shared_axes": True} if node.config.get("shared_axes") else {}
    return same(node, "activation", one_input(node, shapes), activation="prelu", **shared)


def _softmax(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    shape = one_input(node, shapes)
    axis = whole(node, "axis", -1, minimum=-len(shape))
    return same(node, "activation", shape, activation="softmax", axis=axis)


KERAS: Mapping[str, Builder] = {
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": _parametric("leaky_relu", "negative_slope", "alpha", default=0.3),
    "ELU": _parametric("elu", "alpha", default=1.0),
    "ThresholdedReLU": _parametric("thresholded_relu", "theta", default=1.0),
    "PReLU": _prelu,
    "Softmax": _softmax,
}


def keras_layer(layer: Layer) -> Any:
    """Return the Keras layer of a listed one."""
    import keras

    return keras.layers.Activation(layer.attribute("activation", "linear"), name=layer.name)
