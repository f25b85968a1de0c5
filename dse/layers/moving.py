"""Layers that move values to another place, or leave some out or repeat them: flatten, padding, concatenation."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from dse.design import Layer
from dse.errors import NetworkError
from dse.layers._flow import wires as cost
from dse.layers._keras import Builder, Node, Shape, channels_last, moved, one_input, problem, text, whole, wholes

__all__ = ["KERAS", "KINDS", "cost", "keras_layer"]

KINDS = ("flatten", "reshape", "permute", "upsampling", "zeropadding", "cropping", "concatenate")


def _flatten(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    n = prod(one_input(node, shapes))
    return moved(node, "flatten", n, (n,))


def _reshape(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    n, target = prod(one_input(node, shapes)), node.config.get("target_shape")
    sound = isinstance(target, list) and target and all(type(size) is int and (size == -1 or size > 0) for size in target)
    if not isinstance(target, list) or not sound or target.count(-1) > 1:
        raise problem(node, "target_shape", target, "whole numbers, at most one of them -1")
    known = prod(size for size in target if size > 0)
    if n % known or (-1 not in target and n != known):
        raise problem(node, "target_shape", target, f"a shape of {n} values")
    return moved(node, "reshape", n, tuple(n // known if size == -1 else size for size in target))


def _permute(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    shape = one_input(node, shapes)
    order = wholes(node, "dims", len(shape))
    if sorted(order) != list(range(1, len(shape) + 1)):
        raise problem(node, "dims", list(order), f"an order of 1 to {len(shape)}")
    return moved(node, "permute", prod(shape), tuple(shape[axis - 1] for axis in order))


def _upsampling(n_axes: int) -> Builder:
    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        shape = channels_last(node, one_input(node, shapes), n_axes)
        if n_axes == 2:
            text(node, "interpolation", "nearest", ("nearest",))
        factors = wholes(node, "size", n_axes, 2)
        out = tuple(pixel * factor for pixel, factor in zip(shape[:-1], factors, strict=True))
        return moved(node, "upsampling", prod(shape), (*out, shape[-1]))

    return builder


def _borders(kind: str, key: str, n_axes: int, sign: int) -> Builder:
    """Build padding (sign 1) or cropping (sign -1)."""

    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        shape = channels_last(node, one_input(node, shapes), n_axes)
        sides = _sides(node, key, n_axes)
        out = tuple(pixel + sign * sum(side) for pixel, side in zip(shape[:-1], sides, strict=True))
        if min(out) < 1:
            raise problem(node, key, node.config.get(key), f"less than the input's {shape[:-1]}")
        return moved(node, kind, prod(shape), (*out, shape[-1]))

    return builder


def _sides(node: Node, key: str, n_axes: int) -> list[tuple[int, int]]:
    """Read e.g. 1, [1, 2] or [[0, 1], [2, 3]] as (before, after) per axis."""
    got = node.config.get(key, 1)
    per_axis = [got] if n_axes == 1 else got if isinstance(got, list) and len(got) == n_axes else [got] * n_axes
    pairs = [side if isinstance(side, list) else [side, side] for side in per_axis]
    if not all(len(pair) == 2 and all(type(size) is int and 0 <= size < 2**31 for size in pair) for pair in pairs):
        raise problem(node, key, got, "whole numbers from 0, per side")
    return [(pair[0], pair[1]) for pair in pairs]


def _concatenate(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    if len(shapes) != 2:
        raise problem(node, "number of inputs", len(shapes), "2: hls4ml joins no more at once")
    rank = len(shapes[0])
    given = whole(node, "axis", -1, minimum=-rank)
    axis = given - 1 if given > 0 else given + rank  # Keras counts the batch as axis 0
    others = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
    if given == 0 or not 0 <= axis < rank or len(others) != 1 or len({len(shape) for shape in shapes}) != 1:
        raise problem(node, "axis", given, f"one on which the inputs {shapes} can be joined")
    joined = sum(shape[axis] for shape in shapes)
    out = (*shapes[0][:axis], joined, *shapes[0][axis + 1 :])
    return moved(node, "concatenate", prod(out), out, axis=axis)


KERAS: Mapping[str, Builder] = {
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    "Concatenate": _concatenate,
    **{f"UpSampling{n}D": _upsampling(n) for n in (1, 2)},
    **{f"ZeroPadding{n}D": _borders("zeropadding", "padding", n, 1) for n in (1, 2)},
    **{f"Cropping{n}D": _borders("cropping", "cropping", n, -1) for n in (1, 2)},
}


def keras_layer(layer: Layer) -> Any:
    """Return the Keras layer of a listed flatten.

    Raises:
        NetworkError: of any other, whose shape a list does not tell.
    """
    if layer.kind != "flatten":
        raise NetworkError(f"layer {layer.name}: kind {layer.kind}, expected flatten in a list")
    import keras

    return keras.layers.Flatten(name=layer.name)
