"""Layers without weights: derived from the templates, not fitted. They cost little, but none of them costs nothing by mistake."""

from __future__ import annotations

from math import ceil, prod
from typing import Any

from dse.design import Layer, Target
from dse.estimate.primitives import rom_blocks

_TABLE_ROWS, _TABLE_BITS = 1024, 18
_TABLES = {"sigmoid": 1, "tanh": 1, "softplus": 1, "softsign": 1, "elu": 1, "selu": 1, "softmax": 2, "exponential": 1}

UNKNOWN = ("embedding", "custom")
_FREE = ("input", "identity")
_WIRES = ("flatten", "reshape", "permute", "cropping", "zeropadding", "upsampling", "concatenate")


def weightless(layer: Layer, target: Target) -> dict[str, Any]:
    """Return LUT, FF, DSP, BRAM and cycles by name; {} for kinds of which the templates say too little (embedding, custom code)."""
    if layer.kind in UNKNOWN:
        return {}
    is_stream = target.io_type == "io_stream"
    channels = layer.output_shape[-1] if layer.output_shape else layer.n_out
    n_values = prod(layer.output_shape) if layer.output_shape else layer.n_out * layer.n_positions
    n_words = max(1, n_values // max(1, channels)) if is_stream else 1
    lanes = channels if is_stream else n_values
    bits = target.precision.width_bits
    if layer.kind in _FREE or (layer.kind in _WIRES and not is_stream):
        return _cost(0, 0, 0, 0, 0, 0)
    if layer.kind in _WIRES:
        return _cost(2 * bits, lanes * bits, 0, 0, n_words + 2, n_words)
    if layer.kind.endswith(("pooling1d", "pooling2d")):
        return _pooling(layer, lanes, bits, is_stream)
    if layer.kind == "activation":
        return _activation(layer, lanes, bits, n_words)
    if layer.kind in ("batchnorm", "layernorm"):
        dsps = lanes if bits > 9 else 0
        return _cost(lanes * 2 * bits, lanes * 2 * bits, dsps, 0, n_words + 3, n_words)
    return _cost(lanes * bits, lanes * bits, lanes if layer.attribute("op") == "multiply" else 0, 0, n_words + 1, n_words)


def _pooling(layer: Layer, lanes: int, bits: int, is_stream: bool) -> dict[str, Any]:
    pool = layer.attribute("pool", 2)
    window = pool if isinstance(pool, int) and not isinstance(pool, bool) else 2
    n_words = layer.n_positions * window if is_stream else 1
    return _cost(lanes * bits * window, lanes * bits * (window + 1), 0, 0, n_words + 2, n_words)


def _activation(layer: Layer, lanes: int, bits: int, n_words: int) -> dict[str, Any]:
    tables = _TABLES.get(str(layer.attribute("activation", "relu")), 0)
    if tables == 0:
        return _cost(lanes * bits, lanes * bits, 0, 0, n_words + 1, n_words)
    blocks = tables * ceil(lanes / 2) * rom_blocks(_TABLE_ROWS, _TABLE_BITS)
    dsps = lanes if tables > 1 and bits > 9 else 0
    return _cost(lanes * 3 * bits, lanes * 2 * bits, dsps, blocks, n_words + 3 + 2 * tables, n_words)


def _cost(lut: float, ff: float, dsp: float, bram: float, latency: float, interval: float) -> dict[str, Any]:
    cycles = {"latency_cycles_min": latency, "latency_cycles_max": latency, "ii_cycles_min": interval, "ii_cycles_max": interval}
    return {"lut": lut, "ff": ff, "dsp": dsp, "bram_18k": bram, "uram": 0, **cycles}
