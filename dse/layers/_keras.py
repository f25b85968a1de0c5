"""What the readers of Keras layers share: a node of the configuration, typed settings, windows that slide, making a layer.

Shapes are without the batch. `channels_first` is read as hls4ml treats it: turned into channels last, so that sizes agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from dse.design import Attribute, Layer
from dse.errors import NetworkError, SpecError

Shape = tuple[int, ...]

MAXIMUM_SIZE = 2**31
MAXIMUM_ELEMENTS = 2**40

# What hls4ml's activation templates compute; anything else fails when the project is compiled.
ACTIVATIONS = (
    "linear",
    "relu",
    "sigmoid",
    "tanh",
    "softmax",
    "elu",
    "selu",
    "softplus",
    "softsign",
    "hard_sigmoid",
    "hard_tanh",
    "leaky_relu",
)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One layer as the file describes it. `inputs` are names of other nodes; `where` places it for messages."""

    name: str
    class_name: str
    config: Mapping[str, Any]
    inputs: tuple[str, ...]
    where: str
    input_shape: Any = None  # recorded beside a first layer that has no input layer before it


# Makes the layers that hls4ml builds of a node reading inputs of these shapes, in order; the last one gives the output.
Builder = Callable[[Node, tuple[Shape, ...]], tuple[Layer, ...]]


def problem(node: Node, key: str, got: object, expected: str) -> NetworkError:
    """Return the error for a setting that is not what it should be."""
    return NetworkError(f"{node.where}: {key} is {str(got)[:60]}, expected {expected}")


def whole(node: Node, key: str, default: int | None = None, *, minimum: int = 1) -> int:
    """Return a whole number; a list of one counts as its member."""
    got = node.config.get(key, default)
    got = got[0] if isinstance(got, list) and len(got) == 1 else got
    if isinstance(got, bool) or not isinstance(got, int) or not minimum <= got <= MAXIMUM_SIZE:
        raise problem(node, key, got, f"a whole number from {minimum}")
    return got


def wholes(node: Node, key: str, n: int, default: int | None = None, *, minimum: int = 1) -> Shape:
    """Return n whole numbers; a single one stands for all."""
    got = node.config.get(key)
    got = default if got is None else got
    parts = got if isinstance(got, list) else [got] * n
    sound = all(isinstance(part, int) and not isinstance(part, bool) and minimum <= part <= MAXIMUM_SIZE for part in parts)
    if len(parts) != n or not sound:
        raise problem(node, key, got, f"{n} whole numbers from {minimum}")
    return tuple(parts)


def flag(node: Node, key: str, default: bool) -> bool:
    """Return a truth value."""
    got = node.config.get(key, default)
    if not isinstance(got, bool):
        raise problem(node, key, got, "true or false")
    return got


def number(node: Node, key: str, default: float) -> float:
    """Return a finite number; a list of one counts as its member, null as the default."""
    got = node.config.get(key, default)
    got = got[0] if isinstance(got, list) and len(got) == 1 else got
    got = default if got is None else got
    if isinstance(got, bool) or not isinstance(got, int | float) or not abs(got) < 1e30:
        raise problem(node, key, got, "a number")
    return float(got)


def text(node: Node, key: str, default: str, choices: tuple[str, ...]) -> str:
    """Return one of some words."""
    got = node.config.get(key, default)
    if got not in choices:
        raise problem(node, key, got, f"one of {', '.join(choices)}")
    return str(got)


def shape_of(node: Node, key: str, got: object) -> Shape:
    """Return a shape without its batch from a list that begins with it.

    Raises:
        NetworkError: a size is unknown (null) or none at all: hls4ml needs all of them.
    """
    if isinstance(got, list) and len(got) == 1 and isinstance(got[0], list):
        got = got[0]
    if not isinstance(got, list) or len(got) < 2:
        raise problem(node, key, got, "a shape with its batch, e.g. [null, 16]")
    sizes = got[1:]
    if not all(isinstance(size, int) and not isinstance(size, bool) and 1 <= size <= MAXIMUM_SIZE for size in sizes):
        raise problem(node, key, got, "whole numbers after the batch (hls4ml needs fixed sizes)")
    return tuple(sizes)


def make(
    node: Node,
    kind: str,
    n_in: int,
    n_out: int,
    output_shape: Shape,
    given: tuple[tuple[str, Attribute], ...] = (),
    *,
    positions: int = 1,
    state: int = 0,
    name: str = "",
    inputs: tuple[str, ...] | None = None,
) -> Layer:
    """Build a layer of a node, telling where it stands if it is not valid."""
    n_elements = 1
    for size in (*output_shape, n_in, n_out):
        n_elements *= size
        if n_elements > MAXIMUM_ELEMENTS**2:
            raise problem(node, "size", output_shape, "something that fits a device")
    read = node.inputs if inputs is None else inputs
    try:
        return Layer(name or node.name, kind, n_in, n_out, positions, state, read, output_shape, given)
    except SpecError as error:
        raise NetworkError(f"{node.where}: {error}. Rename it, or mend its sizes.") from error


def attributes(**given: Attribute) -> tuple[tuple[str, Attribute], ...]:
    """Return attributes sorted by name."""
    return tuple(sorted(given.items()))


def one_input(node: Node, shapes: tuple[Shape, ...]) -> Shape:
    """Return the shape of the only input."""
    if len(shapes) != 1:
        raise problem(node, "number of inputs", len(shapes), "1")
    return shapes[0]


def activation_of(node: Node, default: str = "linear", key: str = "activation") -> str:
    """Return an activation's name; Keras 3 may wrap it in a table."""
    got = node.config.get(key, default)
    if isinstance(got, dict):
        inner = got.get("config")
        got = inner.get("name", got.get("class_name")) if isinstance(inner, dict) else inner
    got = "linear" if got is None else got
    if got not in ACTIVATIONS:
        raise problem(node, key, got, f"one that hls4ml builds: {', '.join(ACTIVATIONS)}")
    return str(got)


def channels_last(node: Node, shape: Shape, n_axes: int) -> Shape:
    """Return (pixels..., channels) of an input that has n_axes axes of pixels."""
    if len(shape) != n_axes + 1:
        raise problem(node, "input", shape, f"{n_axes + 1} axes")
    order = text(node, "data_format", "channels_last", ("channels_last", "channels_first"))
    return shape if order == "channels_last" else (*shape[1:], shape[0])


def window(node: Node, pixels: Shape, key: str, strides_default: Shape | None = None) -> tuple[Shape, dict[str, Attribute]]:
    """Return the output pixels of a window sliding over pixels, and its attributes.

    same: ceil(n / stride); valid: floor((n - reach) / stride) + 1 with reach = dilation * (size - 1) + 1; causal: as same.
    """
    n = len(pixels)
    sizes = wholes(node, key, n)
    strides = strides_default if node.config.get("strides") is None and strides_default else wholes(node, "strides", n, 1)
    dilations = wholes(node, "dilation_rate", n, 1)
    padding = text(node, "padding", "valid", ("valid", "same", "causal") if n == 1 else ("valid", "same"))
    out = []
    for size, stride, dilation, pixel in zip(sizes, strides, dilations, pixels, strict=True):
        reach = dilation * (size - 1) + 1
        length = -(-pixel // stride) if padding != "valid" else (pixel - reach) // stride + 1
        if length < 1:
            raise problem(node, key, list(sizes), f"at most the input's {pixels} with padding {padding!r}")
        out.append(length)
    taps = 1
    for size in sizes:
        taps *= size
    seen: dict[str, Attribute] = {"kernel": taps, "padding": padding, "dilation": max(dilations)}
    if n == 1:
        seen |= {"stride": strides[0], "in_width": pixels[0]}
    else:
        seen |= {"kernel_height": sizes[0], "kernel_width": sizes[1], "stride_height": strides[0], "stride_width": strides[1]}
        seen |= {"in_height": pixels[0], "in_width": pixels[1]}
    return tuple(out), seen


def pointwise(n_axes: int) -> dict[str, Attribute]:
    """Return the attributes of a window of one pixel that moves by one."""
    sizes: dict[str, Attribute] = {"kernel": 1, "padding": "valid", "dilation": 1}
    if n_axes == 1:
        return sizes | {"stride": 1}
    return sizes | {"kernel_height": 1, "kernel_width": 1, "stride_height": 1, "stride_width": 1}


def same(node: Node, kind: str, shape: Shape, **given: Attribute) -> tuple[Layer, ...]:
    """Return a layer that gives as many values as it reads, in the same shape."""
    return moved(node, kind, prod(shape), shape, **given)


def moved(node: Node, kind: str, n_in: int, shape: Shape, **given: Attribute) -> tuple[Layer, ...]:
    """Return a layer that reads n_in values and gives a tensor of a shape."""
    return (make(node, kind, n_in, prod(shape), shape, attributes(**given)),)
