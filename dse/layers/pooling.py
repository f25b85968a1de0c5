"""Pooling: the largest or the mean value of a window, per channel."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from dse.design import Attribute, Layer, Target
from dse.errors import NetworkError
from dse.layers._circuit import number
from dse.layers._flow import STREAM_LUT, figures, flow
from dse.layers._keras import Builder, Node, Shape, attributes, channels_last, flag, make, one_input, wholes, window
from dse.layers._table import Sizes, Table, text, weightless_sizes

KINDS = ("pooling1d", "pooling2d", "global_pooling1d", "global_pooling2d")


def cost(layer: Layer, target: Target) -> Mapping[str, float]:
    """Return a comparison per value of the window, per lane."""
    f, size = flow(layer, target), number(layer, "pool", 2)
    n_words = layer.n_positions * size if f.is_stream else 1
    each = f.bits * (STREAM_LUT["pooling"] if f.is_stream else 1.0)
    return figures(
        f.lanes * each * size, f.lanes * f.bits * (size + 1 if f.is_stream else 1), 0, 0, n_words + 2 * f.is_stream, n_words
    )


def _pooling(n_axes: int, op: str) -> Builder:
    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        shape = channels_last(node, one_input(node, shapes), n_axes)
        out, seen = window(node, shape[:-1], "pool_size", wholes(node, "pool_size", n_axes))
        pool = int(seen.pop("kernel"))
        del seen["dilation"]
        padded: dict[str, Attribute] = {"padded": True} if _is_padded(node, shape[:-1], out, n_axes) else {}
        sizes = {f"pool_{axis}": seen.pop(f"kernel_{axis}") for axis in ("height", "width") if f"kernel_{axis}" in seen}
        given = attributes(op=op, pool=pool, channels=shape[-1], **seen, **sizes, **padded)
        kind = f"pooling{n_axes}d"
        return (make(node, kind, shape[-1], shape[-1], (*out, shape[-1]), given, positions=prod(out)),)

    return builder


def _is_padded(node: Node, pixels: Shape, out: Shape, n_axes: int) -> bool:
    """Whether the windows reach beyond the input."""
    sizes = wholes(node, "pool_size", n_axes)
    strides = sizes if node.config.get("strides") is None else wholes(node, "strides", n_axes)
    return any((n - 1) * step + size > pixel for n, step, size, pixel in zip(out, strides, sizes, pixels, strict=True))


def _global_pooling(n_axes: int, op: str) -> Builder:
    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        shape = channels_last(node, one_input(node, shapes), n_axes)
        channels, pool = shape[-1], prod(shape[:-1])
        out = (*([1] * n_axes), channels) if flag(node, "keepdims", False) else (channels,)
        given = attributes(op=op, pool=pool, stride=pool, channels=channels)
        return (make(node, f"global_pooling{n_axes}d", channels, channels, out, given),)

    return builder


_POOLS = {"MaxPooling": "max", "MaxPool": "max", "AveragePooling": "average", "AvgPool": "average"}
KERAS: Mapping[str, Builder] = {
    **{f"{name}{n}D": _pooling(n, op) for name, op in _POOLS.items() for n in (1, 2)},
    **{f"Global{name}{n}D": _global_pooling(n, op) for name, op in _POOLS.items() for n in (1, 2)},
}


def from_table(kind: str, table: Table) -> Sizes:
    """Read channels (or n_in), n_out, positions, pool, stride, op."""
    sizes = weightless_sizes(kind, table)
    return sizes._replace(attributes={**sizes.attributes, "channels": sizes.n_in, "op": text(table, "op", "max")})


def reads(layer: Layer) -> tuple[int, ...]:
    """Return (length, channels)."""
    return (layer.n_positions * number(layer, "pool", 2), layer.n_in)


def keras_layer(layer: Layer) -> Any:
    """Return the Keras layer of a listed pooling over one axis.

    Raises:
        NetworkError: of another pooling.
    """
    if layer.kind != "pooling1d":
        raise NetworkError(f"layer {layer.name}: kind {layer.kind}, expected pooling1d in a list")
    import keras

    kind = keras.layers.MaxPooling1D if layer.attribute("op", "max") == "max" else keras.layers.AveragePooling1D
    size = number(layer, "pool", 2)
    return kind(size, strides=number(layer, "stride", size), name=layer.name)
