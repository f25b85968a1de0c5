"""Depthwise convolutions: one product per input and depth multiplier, not a full matrix.

hls4ml splits a separable convolution into a depthwise one and a pointwise one (its pass `separable_to_depthwise_and_conv`), so
networks never hold a separable kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from dse.design import Attribute, Layer, Strategy, Target
from dse.layers._keras import Builder, Node, Shape, attributes, channels_last, make, one_input, pointwise, whole, window
from dse.layers.base import Legal, legal_reuse_factors, narrow, refuse
from dse.layers.conv import (
    FAMILY,
    SHORTEST_IS_WHOLE,
    TABLE_KEYS,
    area_terms,
    common,
    from_table,
    latency_terms,
    narrow_products,
    pixels,
    refuse_dilation,
    shortest_terms,
    steps,
)

__all__ = [
    "FAMILY",
    "KERAS",
    "KINDS",
    "SHORTEST_IS_WHOLE",
    "TABLE_KEYS",
    "area_terms",
    "from_table",
    "latency_terms",
    "legal",
    "matrices",
    "multiplications",
    "pixels",
    "shortest_terms",
    "steps",
]

KINDS = ("depthwise_conv1d", "depthwise_conv2d")


def matrices(layer: Layer) -> tuple[tuple[int, int], ...]:
    """Return the one matrix, of one column per depth multiplier."""
    channels = int(layer.attribute("channels", layer.n_out) or layer.n_out)
    return ((layer.n_in, max(1, layer.n_out // channels)),)


def multiplications(layer: Layer) -> int:
    """Return the products of one pixel times the output pixels."""
    return prod(matrices(layer)[0]) * layer.n_positions


def legal(layer: Layer, target: Target, strategy: Strategy) -> Legal:
    """Return what hls4ml 1.3 builds as asked and computes rightly (`init_depconv1d` ... of its Vivado backend, and its templates)."""
    offered = Legal(legal_reuse_factors(layer.n_in, layer.n_out))
    if layer.attribute("dilation", 1) != 1:
        return refuse_dilation(offered)
    return narrow_products(layer, target, strategy, _narrow(layer, target, strategy, offered), prod(matrices(layer)[0]))


def _narrow(layer: Layer, target: Target, strategy: Strategy, offered: Legal) -> Legal:
    if layer.n_out != layer.attribute("channels", layer.n_out):
        return refuse(offered, "depth_multiplier", "hls4ml's templates support only a depth multiplier of 1")
    if strategy in ("resource_unrolled", "distributed_arithmetic"):
        return refuse(offered, "depthwise_strategy", "hls4ml silently builds Latency for a depthwise convolution here")
    if strategy == "resource" and target.io_type == "io_parallel":
        return refuse(offered, "depthwise_io_parallel", "hls4ml has no io_parallel Resource template for depthwise convolutions")
    return narrow(
        offered,
        "depthwise_up_to_n_in",
        "a depthwise convolution has n_in products, so reuse factors beyond n_in build the same circuit",
        lambda rf: rf <= layer.n_in,
    )


def _depthwise(n_axes: int) -> Builder:
    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        return (_part(node, one_input(node, shapes), n_axes, node.name, common(node)),)

    return builder


def _part(node: Node, given_shape: Shape, n_axes: int, name: str, said: Mapping[str, Attribute]) -> Layer:
    shape = channels_last(node, given_shape, n_axes)
    channels, filters = shape[-1], shape[-1] * whole(node, "depth_multiplier", 1)
    out, seen = window(node, shape[:-1], "kernel_size")
    given = attributes(**said, **seen, channels=channels, filters=filters)
    n_in, kind = int(seen["kernel"]) * channels, f"depthwise_conv{n_axes}d"
    return make(node, kind, n_in, filters, (*out, filters), given, positions=prod(out), name=name)


def _separable(n_axes: int) -> Builder:
    """hls4ml splits it into `<name>_depthwise` (no bias, no activation) and `<name>_pointwise`."""

    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        plain: dict[str, Attribute] = {"activation": "linear", "use_bias": False, "separable": True}
        first = _part(node, one_input(node, shapes), n_axes, f"{node.name}_depthwise", plain)
        filters, channels = whole(node, "filters"), first.n_out
        given = attributes(**common(node), **pointwise(n_axes), channels=channels, filters=filters)
        second = make(
            node,
            f"conv{n_axes}d",
            channels,
            filters,
            (*first.output_shape[:-1], filters),
            given,
            positions=first.n_positions,
            name=f"{node.name}_pointwise",
            inputs=(first.name,),
        )
        return (first, second)

    return builder


KERAS: Mapping[str, Builder] = {
    **{f"DepthwiseConv{n}D": _depthwise(n) for n in (1, 2)},
    **{f"{name}{n}D": _separable(n) for name in ("SeparableConv", "SeparableConvolution") for n in (1, 2)},
}
