"""One node of a Keras configuration and the shapes it reads -> the layers hls4ml makes of it, with our own shape inference.

A builder returns the layers in order; the last one gives the output. Shapes are without the batch. `channels_first` is read as
hls4ml treats it: turned into channels last, so that sizes agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from math import prod
from types import MappingProxyType
from typing import Any

from dse.design import Attribute, Layer
from dse.errors import NetworkError
from dse.networks.build_fixed import FIXED
from dse.networks.graph import Node
from dse.networks.settings import Shape, flag, problem, text, whole
from dse.networks.windows import activation_of, attributes, channels_last, make, one_input, window

Builder = Callable[[Node, tuple[Shape, ...]], tuple[Layer, ...]]


def build(node: Node, shapes: tuple[Shape, ...], *, allow_code: bool = False) -> tuple[Layer, ...]:
    """Return the layers that hls4ml makes of a node reading inputs of the given shapes.

    Raises:
        NetworkError: hls4ml does not build this class or this use of it.
    """
    builder = BUILDERS.get(node.class_name)
    if builder is not None:
        return builder(node, shapes)
    if allow_code:
        return (_custom(node, shapes),)
    if node.class_name in REFUSED:
        raise NetworkError(f"{node.where}: class {node.class_name} is not read: {REFUSED[node.class_name]}")
    near = get_close_matches(node.class_name, BUILDERS, n=3)
    hint = f" Did you mean {', '.join(near)}?" if near else f" Known classes: {', '.join(sorted(BUILDERS))}."
    raise NetworkError(f"{node.where}: unknown layer class {node.class_name!r}, which hls4ml does not build.{hint}")


def _custom(node: Node, shapes: tuple[Shape, ...]) -> Layer:
    """Stand in for a layer of the user's own, if the file says what comes out of it."""
    said = node.config.get("output_shape")
    if not isinstance(said, list) or not said or not all(isinstance(size, int) and size > 0 for size in said):
        raise NetworkError(f"{node.where}: class {node.class_name!r} is allowed, but the file does not say its output_shape")
    n_in = prod(prod(shape) for shape in shapes) if shapes else prod(said)
    return make(node, "custom", n_in, prod(said), tuple(said), attributes(class_name=node.class_name))


def _dense(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    shape = one_input(node, shapes)
    units, channels = whole(node, "units"), shape[-1]
    common: dict[str, Attribute] = {"activation": activation_of(node), "use_bias": flag(node, "use_bias", True)}
    if len(shape) == 1:
        return (make(node, "dense", channels, units, (units,), attributes(**common)),)
    if len(shape) > 3:
        raise problem(node, "input", shape, "at most three axes (hls4ml turns this layer into a convolution)")
    # hls4ml replaces a dense layer on several axes by a convolution with a kernel of 1.
    kind = "conv1d" if len(shape) == 2 else "conv2d"
    sizes: dict[str, Attribute] = {"channels": channels, "filters": units, "kernel": 1, "padding": "valid", "dilation": 1}
    sizes |= {"stride": 1} if kind == "conv1d" else {"kernel_height": 1, "kernel_width": 1, "stride_height": 1, "stride_width": 1}
    positions = prod(shape[:-1])
    return (make(node, kind, channels, units, (*shape[:-1], units), attributes(**common, **sizes), positions=positions),)


def _conv(n_axes: int) -> Builder:
    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        shape = channels_last(node, one_input(node, shapes), n_axes)
        if whole(node, "groups", 1) != 1:
            raise problem(node, "groups", node.config.get("groups"), "1: hls4ml ignores groups")
        filters, channels = whole(node, "filters"), shape[-1]
        out, seen = window(node, shape[:-1], "kernel_size")
        common: dict[str, Attribute] = {"activation": activation_of(node), "use_bias": flag(node, "use_bias", True)}
        given = attributes(**common, **seen, channels=channels, filters=filters)
        n_in = int(seen["kernel"]) * channels
        return (make(node, f"conv{n_axes}d", n_in, filters, (*out, filters), given, positions=prod(out)),)

    return builder


def _depthwise(n_axes: int) -> Builder:
    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        given: dict[str, Attribute] = {"activation": activation_of(node), "use_bias": flag(node, "use_bias", True)}
        return (_depthwise_part(node, one_input(node, shapes), n_axes, node.name, given),)

    return builder


def _depthwise_part(node: Node, given_shape: Shape, n_axes: int, name: str, common: Mapping[str, Attribute]) -> Layer:
    shape = channels_last(node, given_shape, n_axes)
    channels, filters = shape[-1], shape[-1] * whole(node, "depth_multiplier", 1)
    out, seen = window(node, shape[:-1], "kernel_size")
    given = attributes(**common, **seen, channels=channels, filters=filters)
    n_in, kind = int(seen["kernel"]) * channels, f"depthwise_conv{n_axes}d"
    return make(node, kind, n_in, filters, (*out, filters), given, positions=prod(out), name=name)


def _separable(n_axes: int) -> Builder:
    """hls4ml splits it into `<name>_depthwise` (no bias, no activation) and `<name>_pointwise`."""

    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        plain: dict[str, Attribute] = {"activation": "linear", "use_bias": False}
        first = _depthwise_part(node, one_input(node, shapes), n_axes, f"{node.name}_depthwise", plain)
        filters, channels = whole(node, "filters"), first.n_out
        sizes: dict[str, Attribute] = {"channels": channels, "filters": filters, "kernel": 1, "padding": "valid", "dilation": 1}
        sizes |= {"stride": 1} if n_axes == 1 else {"kernel_height": 1, "kernel_width": 1, "stride_height": 1, "stride_width": 1}
        common: dict[str, Attribute] = {"activation": activation_of(node), "use_bias": flag(node, "use_bias", True)}
        out = (*first.output_shape[:-1], filters)
        second = make(
            node,
            f"conv{n_axes}d",
            channels,
            filters,
            out,
            attributes(**common, **sizes),
            positions=first.n_positions,
            name=f"{node.name}_pointwise",
            inputs=(first.name,),
        )
        return (first, second)

    return builder


def _recurrent(kind: str, n_gates: int) -> Builder:
    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        shape = one_input(node, shapes)
        if len(shape) != 2:
            raise problem(node, "input", shape, "(time steps, features)")
        units = whole(node, "units")
        if flag(node, "return_state", False):
            raise problem(node, "return_state", True, "false: hls4ml does not give the state out")
        sequences = flag(node, "return_sequences", False)
        backwards = flag(node, "go_backwards", False)
        # where the reset gate acts is another circuit, and nothing else of the structure tells
        reset: dict[str, Attribute] = {"reset_after": flag(node, "reset_after", True)} if kind == "gru" else {}
        given = attributes(
            **reset,
            activation=activation_of(node, "tanh"),
            recurrent_activation=activation_of(node, "sigmoid", "recurrent_activation"),
            use_bias=flag(node, "use_bias", True),
            units=units,
            return_sequences=sequences,
            direction="backward" if backwards else "forward",
        )
        out = (shape[0], units) if sequences else (units,)
        return (make(node, kind, shape[1], n_gates * units, out, given, positions=shape[0], state=units),)

    return builder


def _bidirectional(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    forward = _wrapped(node, "layer")
    if forward.class_name not in ("LSTM", "GRU"):
        raise problem(node, "layer", forward.class_name, "LSTM or GRU")
    backward = _wrapped(node, "backward_layer") if node.config.get("backward_layer") else forward
    one, other = (BUILDERS[part.class_name](part, shapes)[0] for part in (forward, backward))
    if (one.kind, one.n_state) != (other.kind, other.n_state):
        raise problem(node, "backward_layer", f"{other.kind} of {other.n_state}", f"{one.kind} of {one.n_state}, as forward")
    mode = text(node, "merge_mode", "concat", ("concat", "sum", "mul", "ave"))
    width = one.n_state * (2 if mode == "concat" else 1)
    given = dict(one.attributes) | {"direction": "bidirectional", "merge_mode": mode}
    out = (*one.output_shape[:-1], width)
    kind = f"bidirectional_{one.kind}"
    return (make(node, kind, one.n_in, one.n_out, out, attributes(**given), positions=one.n_positions, state=one.n_state),)


def _wrapped(node: Node, key: str) -> Node:
    inner: Any = node.config.get(key)
    if not isinstance(inner, dict) or not isinstance(inner.get("config"), dict):
        raise problem(node, key, inner, "a layer")
    return Node(node.name, str(inner.get("class_name")), inner["config"], node.inputs, f"{node.where} ({key})")


BUILDERS: Mapping[str, Builder] = MappingProxyType(
    {
        **FIXED,
        "Dense": _dense,
        "Conv1D": _conv(1),
        "Convolution1D": _conv(1),
        "Conv2D": _conv(2),
        "Convolution2D": _conv(2),
        "DepthwiseConv1D": _depthwise(1),
        "DepthwiseConv2D": _depthwise(2),
        "SeparableConv1D": _separable(1),
        "SeparableConvolution1D": _separable(1),
        "SeparableConv2D": _separable(2),
        "SeparableConvolution2D": _separable(2),
        "LSTM": _recurrent("lstm", 4),
        "GRU": _recurrent("gru", 3),
        "Bidirectional": _bidirectional,
    }
)

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
