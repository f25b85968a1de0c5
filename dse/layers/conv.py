"""Convolutions: one matrix of (kernel area x channels) x filters, used once per output pixel.

hls4ml splits a separable convolution into a depthwise one and a pointwise one (its pass `separable_to_depthwise_and_conv`), so
networks never hold a separable kind. A dense layer on an input of more than one axis becomes a convolution with a kernel of 1.
"""

from __future__ import annotations

from dse.design import Layer, Strategy, Target
from dse.layers.base import Legal, legal_reuse_factors, narrow, narrow_by_strategy, narrow_by_unrolling, refuse

KINDS = ("conv1d", "conv2d", "depthwise_conv1d", "depthwise_conv2d")


def matrices(layer: Layer) -> tuple[tuple[int, int], ...]:
    """Return the one matrix; a depthwise convolution has one product per input (and per depth multiplier), not n_in x n_out."""
    return ((layer.n_in, _products(layer) // layer.n_in),)


def multiplications(layer: Layer) -> int:
    """Return the products of one pixel times the output pixels."""
    return _products(layer) * layer.n_positions


def legal(layer: Layer, target: Target, strategy: Strategy) -> Legal:
    """Return what hls4ml 1.3 builds as asked and computes rightly (`init_conv1d`, `init_depconv1d`, ... and their templates)."""
    offered = Legal(legal_reuse_factors(layer.n_in, layer.n_out))
    if layer.attribute("dilation", 1) != 1:
        return refuse(offered, "no_dilation", "hls4ml ignores the dilation, so the circuit would compute something else")
    offered = _depthwise(layer, target, strategy, offered) if _is_depthwise(layer) else _full(layer, target, strategy, offered)
    if offered.reuse_factors:
        offered = narrow_by_strategy(offered, strategy, largest=layer.n_in * layer.n_out)
    products = _products(layer)
    return narrow_by_unrolling(offered, target, strategy, lambda rf: products if strategy == "latency" else -(-products // rf))


def _is_depthwise(layer: Layer) -> bool:
    return layer.kind.startswith("depthwise")


def _products(layer: Layer) -> int:
    """Return multiplications per output pixel."""
    if not _is_depthwise(layer):
        return layer.n_in * layer.n_out
    channels = int(layer.attribute("channels", layer.n_out) or layer.n_out)
    return layer.n_in * max(1, layer.n_out // channels)


def _full(layer: Layer, target: Target, strategy: Strategy, offered: Legal) -> Legal:
    if target.io_type == "io_parallel" and strategy == "resource":
        return narrow(
            offered,
            "conv_io_parallel",
            "the io_parallel Resource kernel is written for reuse factors up to n_in: "
            "beyond it stops on an assertion or computes wrong numbers",
            lambda rf: rf <= layer.n_in,
        )
    if target.io_type == "io_parallel" and strategy == "resource_unrolled":
        return refuse(offered, "conv_io_parallel_unrolled", "hls4ml builds Resource instead of ResourceUnrolled under io_parallel")
    return offered


def _depthwise(layer: Layer, target: Target, strategy: Strategy, offered: Legal) -> Legal:
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
