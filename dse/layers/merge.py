"""Layers that join two tensors value by value: sums, products, extremes, dot products."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from dse.design import Layer, Target
from dse.layers._flow import figures, flow
from dse.layers._keras import Builder, Node, Shape, moved, problem

KINDS = ("merge", "dot")


def multiplications(layer: Layer) -> int:
    """Return a product per value of a product of tensors, or per pair of a dot product."""
    if layer.kind == "dot":
        return layer.n_in
    if layer.attribute("op") == "multiply":
        return prod(layer.output_shape) * max(1, len(layer.inputs) - 1)
    return 0


def cost(layer: Layer, target: Target) -> Mapping[str, float]:
    """Return an adder, a comparison or a multiplier a lane."""
    f = flow(layer, target)
    dsps = f.lanes if layer.attribute("op") == "multiply" else 0
    return figures(f.lanes * f.bits, f.lanes * f.bits, dsps, 0, f.n_words + 1, f.n_words)


def _merge(op: str) -> Builder:
    """Join tensors value by value; axes of 1 are repeated as Keras does."""

    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        if len(shapes) != 2 or len(shapes[0]) != len(shapes[1]):
            raise problem(node, "inputs", shapes, "two of the same number of axes: hls4ml merges no more at once")
        out = tuple(max(sizes) for sizes in zip(*shapes, strict=True))
        if any(size not in (1, full) for shape in shapes for size, full in zip(shape, out, strict=True)):
            raise problem(node, "inputs", shapes, "shapes that agree")
        return moved(node, "merge", prod(out), out, op=op)

    return builder


def _dot(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    if len(shapes) != 2 or shapes[0] != shapes[1] or len(shapes[0]) != 1:
        raise problem(node, "inputs", shapes, "two of one axis and the same size: hls4ml builds no other dot product")
    return moved(node, "dot", shapes[0][0], (1,))


_MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
KERAS: Mapping[str, Builder] = {"Dot": _dot, **{name: _merge(name.lower()) for name in _MERGES}}
