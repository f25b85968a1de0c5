"""Fully connected layers: one matrix, used once."""

from __future__ import annotations

from math import prod
from typing import Any

from dse.design import Attribute, Layer, Strategy, Target
from dse.layers._circuit import Context, Geometry, Matrix, Terms
from dse.layers._keras import Node, Shape, activation_of, attributes, flag, make, one_input, pointwise, problem, whole
from dse.layers.base import Legal, legal_reuse_factors, narrow_by_strategy, narrow_by_unrolling

KINDS = ("dense",)
FAMILY = "dense"

_MUX_INPUTS_MAX = 512  # measured: 256 inputs are multiplexed per multiplier, 1024 are not; between lies no recording
_FAR = 512  # from this reuse factor on, below n_in, the tool builds a second copy of the input
_WORD = 16  # values per word where nobody says: the recordings' filters


def matrices(layer: Layer) -> tuple[tuple[int, int], ...]:
    """Return the one n_in x n_out matrix."""
    return ((layer.n_in, layer.n_out),)


def multiplications(layer: Layer) -> int:
    """Return n_in * n_out per position."""
    return layer.n_in * layer.n_out * layer.n_positions


def legal(layer: Layer, target: Target, strategy: Strategy) -> Legal:
    """Return what hls4ml 1.3 builds as asked (`init_dense` of its Vivado backend).

    >>> from dse.design import Target
    >>> legal(Layer("fc", "dense", 32, 5), Target("xc7a200tfbg4842", 5.0), "resource").reuse_factors
    (1, 2, 4, 8, 16, 32, 160)
    """
    size = layer.n_in * layer.n_out
    offered = narrow_by_strategy(Legal(legal_reuse_factors(layer.n_in, layer.n_out)), strategy, largest=size)
    return narrow_by_unrolling(offered, target, strategy, lambda rf: size if strategy == "latency" else -(-size // rf))


def area_terms(g: Geometry) -> Terms:
    """Return a layer, its inputs, the multiplexers before its multipliers, and a second copy of the input."""
    terms = {"dense": 1.0, "dense_input": float(g.layer.n_in)}
    multiplexed = sum(_multiplexed(matrix) for matrix in g.matrices)
    return terms | ({"dense_mux": float(multiplexed)} if multiplexed else {}) | _far(g)


def _multiplexed(matrix: Matrix) -> int:
    is_multiplexed = 2 < matrix.reuse_factor < matrix.n_in <= _MUX_INPUTS_MAX
    return matrix.n_multipliers * matrix.fan if is_multiplexed else 0


def _far(g: Geometry) -> dict[str, float]:
    return {"dense_far": 1.0} if _FAR <= g.slowest < g.layer.n_in else {}


def latency_terms(g: Geometry, context: Context) -> tuple[float, Terms]:
    """Return the turns and the words waited for, and the terms of what comes on top."""
    words = packets(g, context)
    waits = words if words > 1 else 0
    if g.is_unrolled:
        return waits, {"folded": 1, "chain": g.layer.n_in}
    return g.slowest + waits, {"dense_packed" if words > 1 else "dense": 1} | _far(g)


def shortest_terms(g: Geometry) -> tuple[float, Terms]:
    """Return one cycle: a layer that finds its input ready saves it."""
    return 1.0, {}


def packets(g: Geometry, context: Context) -> int:
    """Return the words in which the input arrives."""
    if context.input_packets is not None:
        return context.input_packets
    return 1 if g.layer.n_in <= 64 else -(-g.layer.n_in // _WORD)


def _from_keras(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    shape = one_input(node, shapes)
    units, channels = whole(node, "units"), shape[-1]
    common: dict[str, Attribute] = {"activation": activation_of(node), "use_bias": flag(node, "use_bias", True)}
    if len(shape) == 1:
        return (make(node, "dense", channels, units, (units,), attributes(**common)),)
    if len(shape) > 3:
        raise problem(node, "input", shape, "at most three axes (hls4ml turns this layer into a convolution)")
    # hls4ml replaces a dense layer on several axes by a convolution with a kernel of 1.
    n_axes = len(shape) - 1
    given = attributes(**common, **pointwise(n_axes), channels=channels, filters=units)
    return (make(node, f"conv{n_axes}d", channels, units, (*shape[:-1], units), given, positions=prod(shape[:-1])),)


KERAS = {"Dense": _from_keras}


def keras_layer(layer: Layer) -> Any:
    """Return the Keras layer of a listed one."""
    import keras

    use_bias = bool(layer.attribute("use_bias", True))
    return keras.layers.Dense(layer.n_out, activation=layer.attribute("activation", "linear"), use_bias=use_bias, name=layer.name)
