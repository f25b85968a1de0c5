"""Convolutions: one matrix of (kernel area x channels) x filters, used once per output pixel.

A dense layer on an input of more than one axis becomes a convolution with a kernel of 1 (`dse.layers.dense`).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from dse.design import Attribute, Layer, Strategy, Target
from dse.errors import NetworkError
from dse.layers._circuit import Context, Geometry, Terms, number
from dse.layers._keras import (
    Builder,
    Node,
    Shape,
    activation_of,
    attributes,
    channels_last,
    flag,
    make,
    one_input,
    problem,
    whole,
    window,
)
from dse.layers._table import POSITIONS, Sizes, Table, is_whole, one, text
from dse.layers.base import Legal, legal_reuse_factors, narrow, narrow_by_strategy, narrow_by_unrolling, refuse

KINDS = ("conv1d", "conv2d")


def matrices(layer: Layer) -> tuple[tuple[int, int], ...]:
    """Return the one matrix."""
    return ((layer.n_in, layer.n_out),)


def multiplications(layer: Layer) -> int:
    """Return the products of one pixel times the output pixels."""
    return layer.n_in * layer.n_out * layer.n_positions


def legal(layer: Layer, target: Target, strategy: Strategy) -> Legal:
    """Return what hls4ml 1.3 builds as asked and computes rightly (`init_conv1d` ... of its Vivado backend, and its templates)."""
    offered = Legal(legal_reuse_factors(layer.n_in, layer.n_out))
    if layer.attribute("dilation", 1) != 1:
        return refuse_dilation(offered)
    if target.io_type == "io_parallel" and strategy == "resource":
        offered = narrow(
            offered,
            "conv_io_parallel",
            "the io_parallel Resource kernel is written for reuse factors up to n_in: "
            "beyond it stops on an assertion or computes wrong numbers",
            lambda rf: rf <= layer.n_in,
        )
    elif target.io_type == "io_parallel" and strategy == "resource_unrolled":
        offered = refuse(
            offered, "conv_io_parallel_unrolled", "hls4ml builds Resource instead of ResourceUnrolled under io_parallel"
        )
    return narrow_products(layer, target, strategy, offered, layer.n_in * layer.n_out)


def refuse_dilation(offered: Legal) -> Legal:
    """Return the empty set: no template dilates."""
    return refuse(offered, "no_dilation", "hls4ml ignores the dilation, so the circuit would compute something else")


def narrow_products(layer: Layer, target: Target, strategy: Strategy, offered: Legal, products: int) -> Legal:
    """Apply what strategy and tool allow where one pixel takes so many products."""
    if offered.reuse_factors:
        offered = narrow_by_strategy(offered, strategy, largest=layer.n_in * layer.n_out)
    return narrow_by_unrolling(offered, target, strategy, lambda rf: products if strategy == "latency" else -(-products // rf))


# What the estimate counts.

FAMILY = "conv"
SHORTEST_IS_WHOLE = True


def pixels(layer: Layer, is_recorded: bool) -> int:
    """Return the output pixels.

    N-TORC lists a convolution behind a pooling by two with the length before that pooling, and uses its tables that way; on its
    target the estimate follows, or it would be off by two everywhere.
    """
    kernel = layer.attribute("kernel", 1)
    channels = layer.attribute("channels") or (layer.n_in // kernel if isinstance(kernel, int) else 1)
    return max(1, layer.n_positions // 2) if is_recorded and layer.kind == "conv1d" and channels != 1 else layer.n_positions


def steps(layer: Layer, pixels: int) -> int:
    """Return the words that pass by: a stream convolution sees every padded input pixel."""
    if layer.kind.endswith("2d") and len(layer.output_shape) == 3:
        sides = zip(layer.output_shape[:2], ("height", "width"), strict=True)
        return prod(out * number(layer, f"stride_{side}") + number(layer, f"kernel_{side}") - 1 for out, side in sides)
    return pixels * number(layer, "stride") + number(layer, "kernel") - 1


def area_terms(g: Geometry) -> Terms:
    """Return a layer, its inputs, and the multiplexers before its multipliers."""
    multiplexed = sum(m.n_in * m.n_out for m in g.matrices if 2 < m.reuse_factor < m.n_in)
    return {"conv": 1.0, "conv_input": float(g.layer.n_in)} | ({"conv_mux": float(multiplexed)} if multiplexed else {})


def latency_terms(g: Geometry, context: Context) -> tuple[float, Terms]:
    """Return the turns, and the terms of a word that passes by."""
    if g.is_unrolled:
        return g.pixels, {"folded": 1, "chain": g.layer.n_in}
    return g.steps * g.slowest, {"conv_step" if g.slowest > 1 else "conv_step_unrolled": g.steps}


def shortest_terms(g: Geometry) -> tuple[float, Terms]:
    """Return the steps of an input that completes no window."""
    return 0.0, {"conv_step_idle": g.steps}


# Reading.


def _from_keras(n_axes: int) -> Builder:
    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        shape = channels_last(node, one_input(node, shapes), n_axes)
        if whole(node, "groups", 1) != 1:
            raise problem(node, "groups", node.config.get("groups"), "1: hls4ml ignores groups")
        filters, channels = whole(node, "filters"), shape[-1]
        out, seen = window(node, shape[:-1], "kernel_size")
        given = attributes(**common(node), **seen, channels=channels, filters=filters)
        n_in = int(seen["kernel"]) * channels
        return (make(node, f"conv{n_axes}d", n_in, filters, (*out, filters), given, positions=prod(out)),)

    return builder


def common(node: Node) -> dict[str, Attribute]:
    """Return activation and bias."""
    return {"activation": activation_of(node), "use_bias": flag(node, "use_bias", True)}


KERAS: Mapping[str, Builder] = {f"{name}{n}D": _from_keras(n) for name in ("Conv", "Convolution") for n in (1, 2)}
TABLE_KEYS = ("channels", "filters", "kernel", "stride", "padding", "dilation")


def from_table(kind: str, table: Table) -> Sizes:
    """Read channels, filters, kernel, stride, padding, dilation, positions; n_in, where said, counts kernel x channels."""
    taps = _taps(kind, table)
    kernel, channels = prod(taps), one(table, ("channels",), 0)
    n_in = one(table, ("n_in",), kernel * channels)
    if n_in % kernel or n_in == 0 or (channels and n_in != kernel * channels):
        raise NetworkError(
            f"n_in is {n_in or 'missing'}, expected kernel x channels = {kernel} x {channels or '...'}; say channels"
        )
    channels = n_in // kernel
    filters = one(table, ("filters", "n_out"), channels if kind.startswith("depthwise") else None)
    positions, stride = one(table, POSITIONS), one(table, ("stride",), 1)
    given: dict[str, Attribute] = {"channels": channels, "filters": filters, "kernel": kernel}
    given |= {"dilation": one(table, ("dilation",), 1), "padding": text(table, "padding", "same")}
    if kind.endswith("1d"):
        return Sizes(n_in, filters, positions, 0, (positions, filters), given | {"stride": stride})
    given |= {"kernel_height": taps[0], "kernel_width": taps[1], "stride_height": stride, "stride_width": stride}
    return Sizes(n_in, filters, positions, 0, (), given)


def _taps(kind: str, table: Table) -> list[int]:
    got = table.get("kernel")
    sizes = got if isinstance(got, list) else [got] if kind.endswith("1d") else [got, got]
    if len(sizes) != (1 if kind.endswith("1d") else 2) or not all(is_whole(size) for size in sizes):
        expected = "a whole number" if kind.endswith("1d") else "a whole number or [height, width]"
        raise NetworkError(f"kernel is {str(got)[:60]}, expected {expected}")
    return [int(str(size)) for size in sizes]


# Networks listed in TOML.


def reads(layer: Layer) -> tuple[int, ...]:
    """Return (length, channels) of the input that gives so many positions."""
    kernel, stride = number(layer, "kernel"), number(layer, "stride")
    is_padded = layer.attribute("padding") == "same"
    reach = (kernel - 1) * number(layer, "dilation")
    length = layer.n_positions * stride if is_padded else (layer.n_positions - 1) * stride + reach + 1
    return (length, layer.n_in // kernel)


def keras_layer(layer: Layer) -> Any:
    """Return the Keras layer of a listed convolution over one axis.

    Raises:
        NetworkError: over two axes: a list does not tell their lengths.
    """
    if layer.kind != "conv1d":
        raise NetworkError(f"layer {layer.name}: kind {layer.kind}, expected conv1d: a list does not tell the sides of an image")
    import keras

    return keras.layers.Conv1D(
        layer.n_out,
        number(layer, "kernel"),
        strides=number(layer, "stride"),
        dilation_rate=number(layer, "dilation"),
        padding=str(layer.attribute("padding", "same")),
        activation=layer.attribute("activation", "linear"),
        use_bias=bool(layer.attribute("use_bias", True)),
        name=layer.name,
    )
