"""Layers that hls4ml takes as nothing (inputs, dropout and its kind)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dse.design import Layer
from dse.layers._flow import nothing as cost
from dse.layers._keras import Builder, Node, Shape, one_input, same, shape_of

__all__ = ["KERAS", "KINDS", "cost"]

KINDS = ("input", "identity")


def _input(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    keys = ("batch_shape", "batch_input_shape")
    found: Any = next((node.config[key] for key in keys if node.config.get(key) is not None), node.input_shape)
    return same(node, "input", shape_of(node, "batch_shape", found))


def _identity(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    return same(node, "identity", one_input(node, shapes), class_name=node.class_name)


_DROPPED = (
    "Dropout",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "ActivityRegularization",
)
KERAS: Mapping[str, Builder] = {"InputLayer": _input, **dict.fromkeys(_DROPPED, _identity)}
