"""Products with constants: what is left of a weight matrix when its weights are known to the tool (reuse factor 1).

Two equal products of one input are built once. A constant of one signed digit is a shift, one of two an adder, and one of three or more a
DSP. Measured on 26 dense layers with known weights (Vivado HLS 2020.1): DSPs are the different products of three and more digits, exactly at
12 and 14 bits, within 8 % at 8.

Notation: q = w 2^f a weight in steps of its type, f bits after the point; octave b holds 2^b <= |q| < 2^(b + 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from math import exp, sqrt

from dse.design import Layer

_OCTAVES = 12  # from here on practically every constant has three digits
_STEPS_OF_ZEROS = 0.6
_COUNTED_FROM = 0.5  # n_nonzero counts |q| >= 1/2, which rounds to 1


@dataclass(frozen=True, slots=True)
class Products:
    """Products of one matrix with constant weights.

    Attributes:
        n_nonzero: weights that are not zero: values to be summed.
        n_adders: different products of two digits.
        n_multipliers: different products of three and more digits.
    """

    n_nonzero: float
    n_adders: float
    n_multipliers: float


@lru_cache(maxsize=1 << 14)
def products(n_in: int, n_out: int, n_nonzero: tuple[int, ...], limit: float, fraction_bits: int) -> Products:
    """Return what is built of a matrix.

    Args:
        n_nonzero: as of `Layer`, of this matrix; (): weights are taken as even between -limit and limit.
        fraction_bits: bits after the point of the weights' type; may be negative.

    >>> found = products(32, 64, (), 0.306, 11)
    >>> round(found.n_nonzero), round(found.n_adders), round(found.n_multipliers)
    (2046, 227, 1738)
    """
    if not n_nonzero:
        return _even(n_in, n_out, limit * 2.0**fraction_bits)

    def at_least(bits: int) -> float:
        """Return weights with |q| >= 2^bits."""
        index = fraction_bits - bits - 1
        return float(n_nonzero[min(index, len(n_nonzero) - 1)]) if index >= 0 else 0.0

    adders = multipliers = 0.0
    for octave in range(1, max(2, fraction_bits + 1)):
        drawn = (at_least(octave) - at_least(octave + 1)) / n_in
        two, more = (size / 2**octave for size in _digits(min(octave, _OCTAVES)))
        n_values = 2.0 ** (octave + 1)  # both signs
        adders += n_in * _different(n_values * two, drawn * two)
        multipliers += n_in * _different(n_values * more, drawn * more)
    return Products(at_least(-1), adders, multipliers)


def _even(n_in: int, n_out: int, largest: float) -> Products:
    """Return what is built of weights that are even between -largest and largest, in steps of their type."""
    n_values = 2 * int(largest + _COUNTED_FROM) + 1
    two, more = _digits_up_to(min(n_values // 2, 2**_OCTAVES))
    scale = n_values / (2 * min(n_values // 2, 2**_OCTAVES) + 1)
    kinds = [2.0 * two, 2.0 * more * scale]
    drawn = [n_out * kind / n_values for kind in kinds]
    different = [n_in * _different(kind, draws) for kind, draws in zip(kinds, drawn, strict=True)]
    # Weights have a tail: where a step is coarse, more of them than of even ones are not zero (measured 39, 78, 94 and 99 % at 0.6, 2.4, 10
    # and 39 steps).
    return Products(n_in * n_out * exp(-_STEPS_OF_ZEROS / largest), *different)


def spread(layer: Layer) -> float:
    """Return the largest weight where nobody has looked: the wider of Keras' uniform starts, Glorot's and LeCun's (training widens)."""
    kernel = layer.attribute("kernel", 1)
    glorot = 6.0 / (layer.n_in + (kernel if isinstance(kernel, int) else 1) * layer.n_out)
    return sqrt(max(glorot, 3.0 / layer.n_in))


def _different(n_values: float, drawn: float) -> float:
    """Return how many different values so many draws are expected to give."""
    return n_values * (1.0 - (1.0 - 1.0 / n_values) ** drawn) if n_values > 1 else min(n_values, drawn)


def _digits(octave: int) -> tuple[int, int]:
    """Return how many constants of an octave have two, and three and more signed digits."""
    (two, more), (two_below, more_below) = _digits_up_to(2 ** (octave + 1) - 1), _digits_up_to(2**octave - 1)
    return two - two_below, more - more_below


@lru_cache(maxsize=1 << 14)
def _digits_up_to(largest: int) -> tuple[int, int]:
    """Return how many of 1 ... largest have two, and three and more signed digits."""
    found = _all_digits()[1 : largest + 1]
    return found.count(2), sum(n > 2 for n in found)


@cache
def _all_digits() -> tuple[int, ...]:
    return tuple(signed_digits(value) for value in range(2 ** (_OCTAVES + 1)))


def signed_digits(value: int) -> int:
    """Return the digits other than 0 in the canonical signed-digit form.

    >>> [signed_digits(value) for value in (1, 3, 7, 11, 85)]
    [1, 2, 2, 3, 4]
    """
    count = 0
    while value:
        if value & 1:
            value -= 2 - (value & 3)
            count += 1
        value >>= 1
    return count
