"""Layers with weights under io_parallel: derived from the templates, not fitted (nobody published such recordings per layer).

The scale of LUT and FF rests on the published totals of one jet tagger (Rognlien et al., Table 1: about 25 LUT and 11 FF per
product at reuse factor 1) and on the multiplexers measured under io_stream. Cycles follow the templates' loops; a
convolution is worked off pixel by pixel, `pixels x reuse factor` plus a few cycles, which the same table bears out (II 20 at 1 and
67 at 4: 16 pixels).
"""

from __future__ import annotations

from math import ceil, log2

from dse.layers._circuit import Context, Geometry

_BITS = 16.0

# Per 16 bits: LUT and FF of a product with a constant, of a multiplier, and of one weight and its input on the way to it.
_FOLDED = (25.0, 11.0)
_MULTIPLIER = (32.0, 16.0)
_MULTIPLIER_SATURATING = (250.0, 77.0)  # as fitted under io_stream
_WEIGHT_IN_LUTS = (16.0, 6.0)
_WEIGHT_IN_BRAM = (5.2, 2.0)  # as fitted for convolutions under io_stream: only its input's multiplexer
_OUTPUT = (18.0, 40.0)
_PIXEL_LUT_PER_INPUT = 4.3  # measured: LUT of a multiplexer per 16-bit input
_UNIT = (1500.0, 330.0)  # gates of a recurrent unit, as fitted under io_stream
_DEPTH_CYCLES = 4  # entering and leaving a pipelined loop


def area(g: Geometry) -> tuple[float, float]:
    """Return (LUT, FF)."""
    lut = ff = 0.0
    weight = _WEIGHT_IN_BRAM if g.strategy == "resource" else _WEIGHT_IN_LUTS
    multiplier = _MULTIPLIER_SATURATING if g.saturates else _MULTIPLIER
    for matrix in g.matrices:
        n_weights = matrix.n_in * matrix.n_out
        each = [(matrix.n_out, _OUTPUT)]
        each += [(n_weights, _FOLDED)] if matrix.reuse_factor == 1 else [(matrix.n_multipliers, multiplier), (n_weights, weight)]
        lut += sum(count * cost[0] for count, cost in each)
        ff += sum(count * cost[1] for count, cost in each)
    if g.family == "conv" and g.pixels > 1:
        lut += g.layer.n_in * g.pixels * _PIXEL_LUT_PER_INPUT
        ff += _BITS * g.pixels * g.layer.n_out
    if g.family == "recurrent":
        lut, ff = lut + g.layer.n_state * _UNIT[0], ff + g.layer.n_state * _UNIT[1]
    scale = g.precision.width_bits / _BITS
    return lut * scale, ff * scale


def cycles(g: Geometry, context: Context) -> tuple[float, float]:
    """Return (latency, II)."""
    depth = _DEPTH_CYCLES + ceil(log2(max(2, g.layer.n_in)) / 3)
    if g.family == "conv":
        interval = g.pixels * g.slowest + _DEPTH_CYCLES
        return interval + depth - _DEPTH_CYCLES, interval
    if g.family == "recurrent":
        interval = g.pixels * (g.slowest + 2 * depth)
        return interval, interval
    if context.style == "pipeline" or g.is_unrolled:
        return g.slowest - 1 + depth, g.slowest
    return g.slowest + depth, g.slowest + _DEPTH_CYCLES
