"""Layers with weights under io_parallel: what LUT and FF count, and the cycles. Constants are fitted by `benchmarks/fit_estimate.py`.

A width counts where it acts: data and sums cost their width, whatever the weights' (measured with data of 16 bits and weights of 2 to 14).

| term | counts, in units of 16 bits where it says bits |
|---|---|
| sum, adder, product | with constant weights: bits of sums; of data in products of two digits; of data in products of more (DSPs); |
| | ending `_latency` and `_resource`, after the strategy |
| choice | bits of the multiplexers before multipliers, each as large as the tool builds it |
| multiplier | multipliers, DSPs or not (measured: a narrow one costs 5 LUTs more, which is left out so that narrower is never dearer) |
| accumulator | bits of sums, one per output |
| register | bits that multipliers hold from one turn to the next |
| entry, input | a lone layer whose reuse factor is above n_in, and bits of its inputs: one multiplexer serves all multipliers |
| pixel, pixel_input | bits of a convolution's results and windows; unit: recurrent units |
"""

from __future__ import annotations

import re
from dataclasses import replace
from math import ceil, log2

from dse.design import Target
from dse.layers._circuit import Context, Geometry, Matrix, Terms
from dse.layers._constants import Products, products, spread
from dse.layers._primitives import dsps_per_product

_BITS = 16.0

# LUTs of a multiplexer of 2^b inputs, per bit; measured for b = 1 and 5 to 8, between as the tool's own `mux` cores, beyond doubling.
_MUX = (0.0, 1.0, 1.3, 2.7, 4.2, 9.4, 16.9, 42.0, 85.0)


def mux(bits_of_choice: int) -> float:
    """Return LUTs per bit of a multiplexer with that many select bits.

    >>> mux(1), mux(8), mux(9)
    (1.0, 85.0, 170.0)
    """
    last = len(_MUX) - 1
    return _MUX[min(bits_of_choice, last)] * 2.0 ** max(0, bits_of_choice - last)


def matrix_products(g: Geometry, matrix: Matrix) -> Products:
    """Return the constant products of one of a layer's matrices; counted weights are shared out by size."""
    share = matrix.n_in * matrix.n_out / sum(m.n_in * m.n_out for m in g.matrices)
    counts = tuple(round(count * share) for count in g.layer.n_nonzero or ())
    return products(matrix.n_in, matrix.n_out, counts, spread(g.layer), g.weight.width_bits - g.weight.integer_bits)


def multiplier_turns(g: Geometry, matrix: Matrix) -> int:
    """Return the turns that a layer takes; under Latency: products that need a multiplier over the multipliers that the factor leaves.

    The reuse factor is an upper bound only: shifts and adders need no multiplier (measured: 100 asked, 28 to 48 built).
    """
    if g.strategy != "latency":
        return matrix.reuse_factor
    wanted = matrix_products(g, matrix).n_multipliers
    return max(1, ceil(wanted / matrix.n_multipliers))


def with_turns(g: Geometry) -> Geometry:
    """Return a Latency layer with the turns that it takes in place of its reuse factor; any other as it is."""
    if g.strategy == "resource":
        return g
    return replace(g, matrices=tuple(replace(matrix, reuse_factor=multiplier_turns(g, matrix)) for matrix in g.matrices))


def area_terms(g: Geometry, context: Context) -> Terms:
    """Return the terms of LUT and FF."""
    terms = matrix_terms(g, context)
    if g.family == "conv" and g.pixels > 1:
        terms["pixel_input"] = g.layer.n_in * g.pixels * _data_bits(g, context) / _BITS
        terms["pixel"] = g.pixels * g.layer.n_out * g.precision.width_bits / _BITS
    if g.layer.n_state:
        terms["unit"] = g.layer.n_state * g.precision.width_bits / _BITS
    return terms


def matrix_terms(g: Geometry, context: Context) -> dict[str, float]:
    """Return the terms of the matrices alone, which are the same kernels under io_stream."""
    data, sums = _data_bits(g, context) / _BITS, g.precision.width_bits / _BITS
    terms: dict[str, float] = {}
    for matrix in g.matrices:
        is_read = g.strategy == "resource" and matrix.reuse_factor > 1
        for name, count in (_resource if is_read else _constants)(g, matrix, data, sums).items():
            terms[name] = terms.get(name, 0.0) + count
    if not context.is_alone:  # the stream recordings, of layers inside designs, have none of it
        terms.pop("entry", None)
    return terms


def _data_bits(g: Geometry, context: Context) -> int:
    return context.data_bits or g.precision.width_bits


def _constants(g: Geometry, matrix: Matrix, data: float, sums: float) -> dict[str, float]:
    """Return the terms of a matrix whose weights are constants of the logic."""
    built = matrix_products(g, matrix)
    end = "resource" if g.strategy == "resource" else "latency"
    turns = multiplier_turns(g, matrix)
    terms = {
        f"sum_{end}": built.n_nonzero * sums,
        f"adder_{end}": built.n_adders * data,
        f"product_{end}": built.n_multipliers * data,
        f"result_{end}": matrix.n_out * sums if end == "resource" else matrix.n_in * data,
    }
    if turns > 1:  # multipliers are shared: each chooses its input and its weight
        terms["choice"] = matrix.n_multipliers * mux((turns - 1).bit_length()) * (data + g.weight.width_bits / _BITS)
    return terms


def _resource(g: Geometry, matrix: Matrix, data: float, sums: float) -> dict[str, float]:
    """Return the terms of a matrix that is read from memory, turn by turn."""
    m, is_far = matrix.n_multipliers, matrix.reuse_factor > matrix.n_in
    outputs_per_multiplier = matrix.reuse_factor / matrix.n_in
    is_dsp = dsps_per_product(round(data * _BITS), g.weight.width_bits) > 0
    if is_far:  # one input for all multipliers; each chooses its sum, among as many as the tool cannot tell apart
        select = 1 if outputs_per_multiplier <= 2 else (matrix.n_out - 1).bit_length()
    else:
        select = (min(matrix.reuse_factor, matrix.n_in) - 1).bit_length()
    chooses = is_far and outputs_per_multiplier > 2
    held = sums * _BITS if chooses and is_dsp else g.weight.width_bits if chooses or is_dsp else 0.0
    terms = {
        "choice": m * mux(select) * data,
        "multiplier": float(m),
        "accumulator": matrix.n_out * sums,
        "register": m * held / _BITS,
    }
    if is_far:
        terms |= {"entry": 1.0, "input": matrix.n_in * data}
    return terms


# Cycles.

_ENTERING_CYCLES = 4  # entering and leaving a loop over pixels or time steps
_MULTIPLY_NS, _ADD_NS = 3.0, 0.7  # of an UltraScale+ device; measured: 32 inputs are summed within two cycles of 5 ns
_USABLE = {"vivado_hls": 0.875, "vitis_hls": 0.73}  # of the clock period, after the tool's default uncertainty
_SLOWER = ((re.compile(r"xc7(z0|a|s)"), 1.9), (re.compile(r"xc7"), 1.5), (re.compile(r"xc[kv]u\d+(?!p)"), 1.2))


def depth(n_sums: int, target: Target, *, multiplies: bool = True) -> int:
    """Return the registers that a product and the sum of so many of them pass: logic delay over what is usable of a clock period."""
    slower = next((factor for pattern, factor in _SLOWER if pattern.match(target.part)), 1.0)
    delay = (_MULTIPLY_NS * multiplies + _ADD_NS * ceil(log2(max(2, n_sums)))) * slower
    return int(delay / (target.clock_period_ns * _USABLE.get(target.toolchain.name, 0.8)))


def cycles(g: Geometry, context: Context, target: Target) -> tuple[float, float, float]:
    """Return (shortest latency, longest latency, II)."""
    turns = with_turns(g).slowest
    if g.family == "conv":
        interval = g.pixels * turns + _ENTERING_CYCLES
        return interval, interval, interval
    if g.family == "recurrent":
        interval = g.pixels * (turns + 2 * _ENTERING_CYCLES)
        return interval, interval, interval
    if g.strategy != "resource" or turns == 1:
        built = matrix_products(g, g.matrices[0])
        longest = turns - 1 + depth(g.layer.n_in, target, multiplies=built.n_adders + built.n_multipliers > 0)
        is_pipeline = context.style == "pipeline" or g.strategy != "resource"
        return longest, longest, turns if is_pipeline else longest + 1
    # A loop of `turns` whose body is a product and one sum; measured at 5 ns: two cycles more, one where the body is that short.
    is_short = g.weight.width_bits <= 4 and g.slowest <= 2 * g.layer.n_in < 2 * g.slowest
    longest = turns + max(1, depth(2, target)) + (0 if is_short else 1)
    return longest - 1, longest, turns
