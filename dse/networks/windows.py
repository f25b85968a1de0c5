"""What builders share: making a layer, windows that slide (convolution, pooling), activations, attributes."""

from __future__ import annotations

from dse.design import Attribute, Layer
from dse.errors import NetworkError, SpecError
from dse.networks.graph import Node
from dse.networks.settings import MAXIMUM_ELEMENTS, Shape, problem, text, wholes

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
