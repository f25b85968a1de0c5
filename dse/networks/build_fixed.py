"""Builders of the layers without a matrix: pooling, normalisation, activations, and all that moves or joins values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from types import MappingProxyType
from typing import Any

from dse.design import Attribute, Layer
from dse.networks.graph import Node
from dse.networks.settings import Shape, flag, number, problem, shape_of, text, whole, wholes
from dse.networks.windows import activation_of, attributes, channels_last, make, one_input, window

Builder = Callable[[Node, tuple[Shape, ...]], tuple[Layer, ...]]


def _same(node: Node, kind: str, shape: Shape, **given: Attribute) -> tuple[Layer, ...]:
    """Return a layer that gives as many values as it reads, in the same shape."""
    return (make(node, kind, prod(shape), prod(shape), shape, attributes(**given)),)


def _moved(node: Node, kind: str, n_in: int, shape: Shape, **given: Attribute) -> tuple[Layer, ...]:
    return (make(node, kind, n_in, prod(shape), shape, attributes(**given)),)


def _input(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    keys = ("batch_shape", "batch_input_shape")
    found: Any = next((node.config[key] for key in keys if node.config.get(key) is not None), node.input_shape)
    return _same(node, "input", shape_of(node, "batch_shape", found))


def _activation(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    if node.config.get("activation") is None:
        raise problem(node, "activation", None, "an activation")
    return _same(node, "activation", one_input(node, shapes), activation=activation_of(node))


def _parametric(activation: str, *keys: str, default: float = 0.0) -> Builder:
    """Build an activation layer with one parameter, which goes by one of several names."""

    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        key = next((key for key in keys if key in node.config), keys[0] if keys else "")
        given: dict[str, Attribute] = {"parameter": number(node, key, default)} if keys else {}
        return _same(node, "activation", one_input(node, shapes), activation=activation, **given)

    return builder


def _relu(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    """hls4ml reads the ReLU layer as a leaky one where it has a slope, else as a thresholded one (even at threshold 0)."""
    if node.config.get("max_value") is not None:
        raise problem(node, "max_value", node.config.get("max_value"), "null: hls4ml does not bound a ReLU")
    slope, threshold = number(node, "negative_slope", 0.0), number(node, "threshold", 0.0)
    if slope and threshold:
        raise problem(node, "negative_slope", slope, "0 where there is a threshold")
    kind, parameter = ("leaky_relu", slope) if slope else ("thresholded_relu", threshold)
    return _same(node, "activation", one_input(node, shapes), activation=kind, parameter=parameter)


def _softmax(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    shape = one_input(node, shapes)
    axis = whole(node, "axis", -1, minimum=-len(shape))
    return _same(node, "activation", shape, activation="softmax", axis=axis)


def _batchnorm(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    return _same(node, "batchnorm", one_input(node, shapes))


def _layernorm(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    return _same(node, "layernorm", one_input(node, shapes))


def _identity(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    return _same(node, "identity", one_input(node, shapes), class_name=node.class_name)


def _embedding(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    shape, size = one_input(node, shapes), whole(node, "output_dim")
    return _moved(node, "embedding", prod(shape), (*shape, size), vocabulary=whole(node, "input_dim"))


def _pooling(n_axes: int, op: str) -> Builder:
    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        shape = channels_last(node, one_input(node, shapes), n_axes)
        out, seen = window(node, shape[:-1], "pool_size", wholes(node, "pool_size", n_axes))
        pool = int(seen.pop("kernel"))
        del seen["dilation"]
        sizes = {f"pool_{axis}": seen.pop(f"kernel_{axis}") for axis in ("height", "width") if f"kernel_{axis}" in seen}
        given = attributes(op=op, pool=pool, channels=shape[-1], **seen, **sizes)
        kind = f"pooling{n_axes}d"
        return (make(node, kind, shape[-1], shape[-1], (*out, shape[-1]), given, positions=prod(out)),)

    return builder


def _global_pooling(n_axes: int, op: str) -> Builder:
    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        shape = channels_last(node, one_input(node, shapes), n_axes)
        channels, pool = shape[-1], prod(shape[:-1])
        out = (*([1] * n_axes), channels) if flag(node, "keepdims", False) else (channels,)
        given = attributes(op=op, pool=pool, stride=pool, channels=channels)
        return (make(node, f"global_pooling{n_axes}d", channels, channels, out, given),)

    return builder


def _flatten(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    n = prod(one_input(node, shapes))
    return _moved(node, "flatten", n, (n,))


def _reshape(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    n, target = prod(one_input(node, shapes)), node.config.get("target_shape")
    sound = isinstance(target, list) and target and all(type(size) is int and (size == -1 or size > 0) for size in target)
    if not isinstance(target, list) or not sound or target.count(-1) > 1:
        raise problem(node, "target_shape", target, "whole numbers, at most one of them -1")
    known = prod(size for size in target if size > 0)
    if n % known or (-1 not in target and n != known):
        raise problem(node, "target_shape", target, f"a shape of {n} values")
    return _moved(node, "reshape", n, tuple(n // known if size == -1 else size for size in target))


def _permute(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    shape = one_input(node, shapes)
    order = wholes(node, "dims", len(shape))
    if sorted(order) != list(range(1, len(shape) + 1)):
        raise problem(node, "dims", list(order), f"an order of 1 to {len(shape)}")
    return _moved(node, "permute", prod(shape), tuple(shape[axis - 1] for axis in order))


def _upsampling(n_axes: int) -> Builder:
    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        shape = channels_last(node, one_input(node, shapes), n_axes)
        if n_axes == 2:
            text(node, "interpolation", "nearest", ("nearest",))
        factors = wholes(node, "size", n_axes, 2)
        out = tuple(pixel * factor for pixel, factor in zip(shape[:-1], factors, strict=True))
        return _moved(node, "upsampling", prod(shape), (*out, shape[-1]))

    return builder


def _borders(kind: str, key: str, n_axes: int, sign: int) -> Builder:
    """Build padding (sign 1) or cropping (sign -1)."""

    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        shape = channels_last(node, one_input(node, shapes), n_axes)
        sides = _sides(node, key, n_axes)
        out = tuple(pixel + sign * sum(side) for pixel, side in zip(shape[:-1], sides, strict=True))
        if min(out) < 1:
            raise problem(node, key, node.config.get(key), f"less than the input's {shape[:-1]}")
        return _moved(node, kind, prod(shape), (*out, shape[-1]))

    return builder


def _sides(node: Node, key: str, n_axes: int) -> list[tuple[int, int]]:
    """Read e.g. 1, [1, 2] or [[0, 1], [2, 3]] as (before, after) per axis."""
    got = node.config.get(key, 1)
    per_axis = [got] if n_axes == 1 else got if isinstance(got, list) and len(got) == n_axes else [got] * n_axes
    pairs = [side if isinstance(side, list) else [side, side] for side in per_axis]
    if not all(len(pair) == 2 and all(type(size) is int and 0 <= size < 2**31 for size in pair) for pair in pairs):
        raise problem(node, key, got, "whole numbers from 0, per side")
    return [(pair[0], pair[1]) for pair in pairs]


def _merge(op: str) -> Builder:
    """Join tensors value by value; axes of 1 are repeated as Keras does."""

    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        if len(shapes) != 2 or len(shapes[0]) != len(shapes[1]):
            raise problem(node, "inputs", shapes, "two of the same number of axes: hls4ml merges no more at once")
        out = tuple(max(sizes) for sizes in zip(*shapes, strict=True))
        if any(size not in (1, full) for shape in shapes for size, full in zip(shape, out, strict=True)):
            raise problem(node, "inputs", shapes, "shapes that agree")
        return _moved(node, "merge", prod(out), out, op=op)

    return builder


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
    return _moved(node, "concatenate", prod(out), out, axis=axis)


def _dot(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    if len(shapes) != 2 or shapes[0] != shapes[1] or len(shapes[0]) != 1:
        raise problem(node, "inputs", shapes, "two of one axis and the same size: hls4ml builds no other dot product")
    return _moved(node, "dot", shapes[0][0], (1,))


_POOLS = {"MaxPooling": "max", "MaxPool": "max", "AveragePooling": "average", "AvgPool": "average"}
_GLOBAL_POOLS = {f"Global{name}": op for name, op in _POOLS.items()}
_MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
_DROPPED = (
    "Dropout",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "ActivityRegularization",
)

FIXED: Mapping[str, Builder] = MappingProxyType(
    {
        "InputLayer": _input,
        "Activation": _activation,
        "ReLU": _relu,
        "LeakyReLU": _parametric("leaky_relu", "negative_slope", "alpha", default=0.3),
        "ELU": _parametric("elu", "alpha", default=1.0),
        "ThresholdedReLU": _parametric("thresholded_relu", "theta", default=1.0),
        "PReLU": _parametric("prelu"),
        "Softmax": _softmax,
        "BatchNormalization": _batchnorm,
        "LayerNormalization": _layernorm,
        "Embedding": _embedding,
        "Flatten": _flatten,
        "Reshape": _reshape,
        "Permute": _permute,
        "Concatenate": _concatenate,
        "Dot": _dot,
        **dict.fromkeys(_DROPPED, _identity),
        **{name: _merge(name.lower()) for name in _MERGES},
        **{f"{name}{n}D": _pooling(n, op) for name, op in _POOLS.items() for n in (1, 2)},
        **{f"{name}{n}D": _global_pooling(n, op) for name, op in _GLOBAL_POOLS.items() for n in (1, 2)},
        **{f"UpSampling{n}D": _upsampling(n) for n in (1, 2)},
        **{f"ZeroPadding{n}D": _borders("zeropadding", "padding", n, 1) for n in (1, 2)},
        **{f"Cropping{n}D": _borders("cropping", "cropping", n, -1) for n in (1, 2)},
    }
)
