"""How values pass through a layer without weights, and its cost as a record: derived from the templates, not fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from dse.design import Layer, Target


@dataclass(frozen=True, slots=True)
class Flow:
    """Values side by side (`lanes`) of so many bits, and the words in which they come (1 under io_parallel)."""

    lanes: int
    n_words: int
    bits: int
    is_stream: bool


def flow(layer: Layer, target: Target) -> Flow:
    """Return how a layer's result leaves it: a pixel a word under io_stream, else all at once."""
    is_stream = target.io_type == "io_stream"
    channels = layer.output_shape[-1] if layer.output_shape else layer.n_out
    n_values = prod(layer.output_shape) if layer.output_shape else layer.n_out * layer.n_positions
    n_words = max(1, n_values // max(1, channels)) if is_stream else 1
    return Flow(channels if is_stream else n_values, n_words, target.precision.width_bits, is_stream)


def figures(lut: float, ff: float, dsp: float, bram_18k: float, latency: float, interval: float) -> Mapping[str, float]:
    """Return LUT, FF, DSP, BRAM (18 Kb) and cycles by the names of `Qor`.

    >>> figures(1, 2, 0, 0, 3, 4)["ii_cycles_max"]
    4
    """
    cycles = {"latency_cycles_min": latency, "latency_cycles_max": latency, "ii_cycles_min": interval, "ii_cycles_max": interval}
    return {"lut": lut, "ff": ff, "dsp": dsp, "bram_18k": bram_18k, "uram": 0, **cycles}


def nothing(layer: Layer, target: Target) -> Mapping[str, float]:
    """Return the cost of wires and of what hls4ml drops."""
    return figures(0, 0, 0, 0, 0, 0)


# Measured under io_stream, real over derived from the values alone: each word is read, held, checked and written.
STREAM_LUT = {"relu": 4.2, "pooling": 2.6, "softmax": 3.6, "padding": 7.7, "batchnorm": 1.7}


def wires(layer: Layer, target: Target) -> Mapping[str, float]:
    """Return the cost of moving values to another place: nothing, but under io_stream a process that copies words."""
    f = flow(layer, target)
    if not f.is_stream:
        return nothing(layer, target)
    lut = 2 * f.bits * (STREAM_LUT["padding"] if layer.kind == "zeropadding" else 1.0)
    return figures(lut, f.lanes * f.bits, 0, 0, f.n_words + 2, f.n_words)
