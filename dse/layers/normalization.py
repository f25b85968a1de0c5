"""Batch and layer normalisation: a product and a sum a value."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from dse.design import Layer, Target
from dse.errors import NetworkError
from dse.layers._flow import STREAM_LUT, figures, flow
from dse.layers._keras import Builder, Node, Shape, one_input, problem, same

KINDS = ("batchnorm", "layernorm")

_DSP_BITS = 6


def multiplications(layer: Layer) -> int:
    """Return one product per value."""
    return prod(layer.output_shape)


def cost(layer: Layer, target: Target) -> Mapping[str, float]:
    """Return a multiplier and an adder a lane."""
    f = flow(layer, target)
    dsps = f.lanes if f.bits >= _DSP_BITS else 0
    each = 2 * f.bits * (STREAM_LUT["batchnorm"] if f.is_stream else 1.0)
    return figures(f.lanes * each, f.lanes * 2 * f.bits, dsps, 0, f.n_words + 1, f.n_words)


def _batchnorm(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    shape = one_input(node, shapes)
    axis = _axis(node, shape)
    # said only where it is not as usual, so that the digests of usual networks stay as they are
    return same(node, "batchnorm", shape) if axis == len(shape) else same(node, "batchnorm", shape, last_axis=False)


def _layernorm(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    return same(node, "layernorm", one_input(node, shapes), axis=_written_axis(node))


def _written_axis(node: Node) -> int:
    got = node.config.get("axis", -1)
    got = got[0] if isinstance(got, list) and len(got) == 1 else got
    if isinstance(got, bool) or not isinstance(got, int):
        raise problem(node, "axis", got, "one axis")
    return got


def _axis(node: Node, shape: Shape) -> int:
    """Return the axis that is normalised, counted from 1 as in a tensor with its batch."""
    axis = _written_axis(node)
    axis = axis + len(shape) + 1 if axis < 0 else axis
    if not 1 <= axis <= len(shape):
        raise problem(node, "axis", axis, f"1 to {len(shape)}, or -1")
    return axis


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
