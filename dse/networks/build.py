"""One node of a Keras configuration and the shapes it reads -> the layers hls4ml makes of it, as the kinds of layers tell."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from dse.design import Layer
from dse.errors import NetworkError
from dse.layers._keras import Node, Shape
from dse.layers.opaque import custom
from dse.registry import keras_classes


def build(node: Node, shapes: tuple[Shape, ...], *, allow_code: bool = False) -> tuple[Layer, ...]:
    """Return the layers that hls4ml makes of a node reading inputs of the given shapes, in order; the last gives the output.

    Raises:
        NetworkError: hls4ml does not build this class or this use of it.
    """
    builders = keras_classes()
    builder = builders.get(node.class_name)
    if builder is not None:
        return builder(node, shapes)
    if allow_code:
        return (custom(node, shapes),)
    if node.class_name in REFUSED:
        raise NetworkError(f"{node.where}: class {node.class_name} is not read: {REFUSED[node.class_name]}")
    near = get_close_matches(node.class_name, builders, n=3)
    hint = f" Did you mean {', '.join(near)}?" if near else f" Known classes: {', '.join(sorted(builders))}."
    raise NetworkError(f"{node.where}: unknown layer class {node.class_name!r}, which hls4ml does not build.{hint}")


REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "SimpleRNN": "hls4ml's Vivado and Vitis backends have no template for it. Use LSTM or GRU.",
        "TimeDistributed": "unwrap it: a Dense layer already works on every time step.",
        "EinsumDense": "its parallelism is no reuse factor. Use Dense.",
        "QDense": "QKeras layers bring their own precisions, which are not read yet.",
        "QConv1D": "QKeras layers bring their own precisions, which are not read yet.",
        "QConv2D": "QKeras layers bring their own precisions, which are not read yet.",
        "QActivation": "QKeras layers bring their own precisions, which are not read yet.",
        "Conv1DTranspose": "hls4ml does not build transposed convolutions.",
        "Conv2DTranspose": "hls4ml does not build transposed convolutions.",
    }
)
