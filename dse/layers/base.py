"""What every kind of layer must tell; one file per kind beside this one, its `KINDS` tuple naming the kinds it knows.

A layer-kind module exposes
    KINDS: tuple[str, ...]
    matrices(layer) -> tuple[tuple[int, int], ...]      the multiplier matrices, () for a layer without weights
    multiplications(layer) -> int                       per inference
    legal(layer, target, strategy) -> Legal
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dse.design import Layer, Strategy, Target


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule that narrowed the legal reuse factors: which, why, and what it took away."""

    name: str
    reason: str
    removed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Legal:
    """The reuse factors that hls4ml builds as asked, ascending, and the rules that narrowed them.

    `reuse_factors` is empty for a layer that has no choice (it stays at 1).
    """

    reuse_factors: tuple[int, ...]
    rules: tuple[Rule, ...] = ()


class LayerKind(Protocol):
    """The shape of a layer-kind module."""

    KINDS: tuple[str, ...]

    def matrices(self, layer: Layer) -> tuple[tuple[int, int], ...]: ...

    def multiplications(self, layer: Layer) -> int: ...

    def legal(self, layer: Layer, target: Target, strategy: Strategy) -> Legal: ...


def divisors(n: int) -> tuple[int, ...]:
    """Return the divisors of n, ascending.

    >>> divisors(12)
    (1, 2, 3, 4, 6, 12)
    """
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    return tuple(small + [n // d for d in reversed(small) if d * d != n])


def legal_reuse_factors(n_in: int, n_out: int) -> tuple[int, ...]:
    """Return hls4ml's legal reuse factors of an n_in x n_out matrix, ascending.

    Closed form of `get_valid_reuse_factors` in hls4ml 1.3 (`backends/fpga/fpga_backend.py`): divisors of n_in, and n_in times
    the divisors of n_out.

    >>> legal_reuse_factors(32, 5)
    (1, 2, 4, 8, 16, 32, 160)
    """
    return tuple(sorted({*divisors(n_in), *(n_in * d for d in divisors(n_out))}))


def closest(legal: tuple[int, ...], wanted: int) -> int:
    """Return the legal value that hls4ml would take instead of `wanted`: the nearest, of two equally near the smaller.

    Only for reading what others built (a recorded corpus); `dse` itself never snaps what a user asked for.

    >>> closest((1, 2, 4, 8), 6)
    4
    """
    return min(legal, key=lambda value: (abs(value - wanted), value))
