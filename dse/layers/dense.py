"""Fully connected layers: one matrix, used once."""

from __future__ import annotations

from dse.design import Layer, Strategy, Target
from dse.layers.base import Legal, legal_reuse_factors, narrow_by_strategy, narrow_by_unrolling

KINDS = ("dense",)


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
