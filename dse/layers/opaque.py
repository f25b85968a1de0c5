"""Layers of whose cost the templates say too little: embeddings, and code of the user's own, read only when allowed."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from dse.design import Layer
from dse.errors import NetworkError
from dse.layers._keras import Builder, Node, Shape, attributes, make, moved, one_input, whole

KINDS = ("embedding", "custom")


def _embedding(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    shape, size = one_input(node, shapes), whole(node, "output_dim")
    return moved(node, "embedding", prod(shape), (*shape, size), vocabulary=whole(node, "input_dim"))


def custom(node: Node, shapes: tuple[Shape, ...]) -> Layer:
    """Stand in for a layer of the user's own.

    Raises:
        NetworkError: the file does not say what comes out of it.
    """
    said = node.config.get("output_shape")
    if not isinstance(said, list) or not said or not all(isinstance(size, int) and size > 0 for size in said):
        raise NetworkError(f"{node.where}: class {node.class_name!r} is allowed, but the file does not say its output_shape")
    n_in = prod(prod(shape) for shape in shapes) if shapes else prod(said)
    return make(node, "custom", n_in, prod(said), tuple(said), attributes(class_name=node.class_name))


KERAS: Mapping[str, Builder] = {"Embedding": _embedding}
