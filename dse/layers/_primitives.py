"""Device primitives that hls4ml's templates ask for: multipliers, read-only memories, constant multiplications.

Notation: w bits of a value; M multipliers side by side; r reuse factor (depth of the weights' memory).
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, sqrt

from dse.layers._constants import signed_digits

# A block RAM of 18 Kb: words of up to `width` bits for a depth of up to `depth` (UG573, UG473).
_BRAM_18K = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
_LUT_ROM_BITS = 1024  # measured: memories of at most this many bits stay in LUTs
_LUT_ROM_WIDTH = 8  # measured: a last block RAM that would hold no more than this many bits of a word is built of LUTs
_NARROW_BITS = 5
_DIGITS_OF_A_DSP = 3  # measured: a constant of three or more signed digits takes a DSP, a simpler one adders


def dsps_per_product(data_bits: int, weight_bits: int) -> int:
    """Return DSP slices of one product: none where a factor is narrow, one up to 18 bits, more beyond the 25 or 27 x 18 array.

    Measured with data of 16 bits: weights of 2 and 4 bits take LUTs, of 8 to 14 a DSP each, of 6 all products but one.

    >>> [dsps_per_product(16, w) for w in (4, 6, 8, 16, 18)], dsps_per_product(24, 24), dsps_per_product(32, 32)
    ([0, 1, 1, 1, 1], 2, 4)
    """
    narrow, wide = sorted((data_bits, weight_bits))
    if narrow <= _NARROW_BITS:
        return 0
    if narrow <= 18 and wide <= 25:
        return 1
    return 2 if wide <= 25 or narrow <= 18 else ceil(narrow / 17) * ceil(wide / 17)


def rom_blocks(depth: int, width_bits: int) -> int:
    """Return block RAMs (18 Kb) of a read-only memory.

    >>> rom_blocks(16, 16 * 16), rom_blocks(4, 64 * 16), rom_blocks(64, 16)
    (7, 29, 0)
    """
    if depth * width_bits <= _LUT_ROM_BITS:
        return 0
    word = next((width for rows, width in _BRAM_18K if depth <= rows), 1)
    full, rest = divmod(width_bits, word)
    columns = full + (rest > (_LUT_ROM_WIDTH if full and word > _LUT_ROM_WIDTH else 0))
    return columns * ceil(depth / _BRAM_18K[-1][0])


def memory_blocks(depth: int, width_bits: int) -> int:
    """Return block RAMs (18 Kb) of a memory that is written, too.

    >>> memory_blocks(784, 16), memory_blocks(784, 256)
    (1, 15)
    """
    word = next((width for rows, width in _BRAM_18K if depth <= rows), 1)
    return ceil(width_bits / word) * ceil(depth / _BRAM_18K[-1][0])


def matrix_blocks(n_in: int, n_out: int, reuse_factor: int, width_bits: int) -> int:
    """Return block RAMs of a weight matrix, and of the table of output indices that reuse factors above n_in need.

    With reuse factor 1 the weights are constants in the logic. A matrix of at most 1024 bits is in LUTs.
    """
    if reuse_factor == 1 or n_in * n_out * width_bits <= _LUT_ROM_BITS:
        return 0
    blocks = rom_blocks(reuse_factor, ceil(n_in * n_out / reuse_factor) * width_bits)
    steps = ceil(reuse_factor / n_in)
    return blocks + (rom_blocks(reuse_factor, (steps - 1).bit_length() + 1) if steps > 1 else 0)


@lru_cache(maxsize=4096)
def share_of_dsps(largest: int) -> float:
    """Return the share of DSPs among products with constants spread evenly over -largest ... largest.

    A constant of one or two signed digits is a shift or one addition, and needs none.

    >>> round(share_of_dsps(111), 3), share_of_dsps(1)
    (0.655, 0.0)
    """
    if largest < 1:
        return 0.0
    complex_ones = sum(signed_digits(value) >= _DIGITS_OF_A_DSP for value in range(1, largest + 1))
    return complex_ones / (largest + 0.5)


def largest_weight(n_in: int, n_out: int, kernel: int, width_bits: int, integer_bits: int) -> int:
    """Return the largest weight in steps of its type, for Glorot-uniform weights: sqrt(6 / (fan in + fan out)) / step.

    The weights themselves decide which constants are simple; where they are not looked at, Keras' initial spread stands for them.
    """
    limit = sqrt(6.0 / (n_in + kernel * n_out))
    step = float(2.0 ** (integer_bits - width_bits))
    return min(int(limit / step + 0.5), int(2 ** min(width_bits - 1, 16)))
