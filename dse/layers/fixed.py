"""Layers without a choice: no multiplier matrix, so their reuse factor stays at 1.

`identity` is a layer that hls4ml drops (dropout and its kind); `custom` is code of the user's own, read only when allowed.
"""

from __future__ import annotations

from math import prod

from dse.design import Layer, Strategy, Target
from dse.layers.base import Legal

KINDS = (
    "input",
    "activation",
    "batchnorm",
    "layernorm",
    "embedding",
    "pooling1d",
    "pooling2d",
    "global_pooling1d",
    "global_pooling2d",
    "flatten",
    "reshape",
    "permute",
    "upsampling",
    "zeropadding",
    "cropping",
    "merge",
    "concatenate",
    "dot",
    "identity",
    "custom",
)


def matrices(layer: Layer) -> tuple[tuple[int, int], ...]:
    """Return (): there is none."""
    return ()


def multiplications(layer: Layer) -> int:
    """Return element-wise products: one per element of a batch normalisation or a product of tensors, else 0."""
    if layer.kind in ("batchnorm", "layernorm"):
        return prod(layer.output_shape)
    if layer.kind == "dot":
        return layer.n_in
    if layer.kind == "merge" and layer.attribute("op") == "multiply":
        return prod(layer.output_shape) * max(1, len(layer.inputs) - 1)
    return 0


def legal(layer: Layer, target: Target, strategy: Strategy) -> Legal:
    """Return the empty set: nothing to choose."""
    return Legal(())
