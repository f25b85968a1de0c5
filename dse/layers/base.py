"""What a kind of layer tells; one file per kind beside this one, and everything that `dse` knows of the kind is in that file.

A layer-kind module must have
    KINDS: tuple[str, ...]                              the kinds it knows
and, where it has weights,
    matrices(layer) -> tuple[tuple[int, int], ...]      the multiplier matrices (rows, columns)
    multiplications(layer) -> int                       per inference
    legal(layer, target, strategy) -> Legal             the reuse factors that hls4ml builds as asked, and why no others
All else is optional, and what a module does not say is taken from `LayerKind`:
    KERAS: Mapping[str, Builder]                        how a Keras layer class is read (`dse.layers._keras`)
    TABLE_KEYS, from_table(kind, table) -> Sizes        how `[[layer]]` of a TOML network is read (`dse.layers._table`)
    keras_layer(layer), reads(layer)                    the Keras layer of a listed network, and the shape it reads
    effective(layer, reuse_factor, strategy)            the reuse factor that every matrix gets
    FAMILY, pixels, steps, ...                          what the estimate counts (`dse.layers._circuit`)
    cost(layer, target) -> Mapping                      of a layer without weights: its estimate
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dse.design import Strategy, Target


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


# Vivado HLS unrolls at most this many multiplications and partitions arrays of at most this many elements: beyond it stops
# with XFORM 203-504 or 203-103 and "Pre-synthesis failed" (hls4ml's maintainers, issue 1013). Vitis HLS states no such number.
UNROLL_LIMIT = 4096


def narrow(legal: Legal, name: str, reason: str, keeps: Callable[[int], bool]) -> Legal:
    """Return what a rule leaves of a legal set; a rule that takes nothing away is not listed.

    >>> narrow(Legal((1, 2, 4)), "odd", "only odd", lambda rf: rf % 2 == 1)
    Legal(reuse_factors=(1,), rules=(Rule(name='odd', reason='only odd', removed=(2, 4)),))
    """
    removed = tuple(factor for factor in legal.reuse_factors if not keeps(factor))
    if not removed:
        return legal
    kept = tuple(factor for factor in legal.reuse_factors if keeps(factor))
    return Legal(kept, (*legal.rules, Rule(name, reason, removed)))


def refuse(legal: Legal, name: str, reason: str) -> Legal:
    """Return an empty set: hls4ml builds nothing, or something else, for any reuse factor."""
    return narrow(legal, name, reason, lambda _: False)


def explain(legal: Legal, name: str, reason: str) -> Legal:
    """Return the same set with a rule that takes nothing away but that a user should know of."""
    return Legal(legal.reuse_factors, (*legal.rules, Rule(name, reason, ())))


def narrow_by_strategy(legal: Legal, strategy: Strategy, largest: int) -> Legal:
    """Apply what hls4ml's strategy itself allows; `largest` is the largest legal value of the whole matrix."""
    match strategy:
        case "latency":
            return explain(
                legal,
                "latency_unchecked",
                "hls4ml takes any reuse factor under Latency without checking it; offered is the set that Resource allows",
            )
        case "resource_unrolled":
            legal = narrow(
                legal, "unrolled_above_1", "hls4ml builds Resource instead where the reuse factor is 1", lambda rf: rf > 1
            )
            return narrow(
                legal, "unrolled_below_maximum", "hls4ml leaves the largest value out of ResourceUnrolled", lambda rf: rf < largest
            )
        case "distributed_arithmetic":
            return narrow(
                legal, "distributed_arithmetic_is_1", "hls4ml allows only 1 under distributed arithmetic", lambda rf: rf == 1
            )
    return legal


def narrow_by_unrolling(legal: Legal, target: Target, strategy: Strategy, multipliers: Callable[[int], int]) -> Legal:
    """Take away what Vivado HLS refuses to unroll; `multipliers(rf)` is the number of products unrolled side by side."""
    if target.toolchain.name != "vivado_hls" or strategy == "distributed_arithmetic":
        return legal
    return narrow(
        legal,
        "unroll_limit",
        f"Vivado HLS unrolls at most {UNROLL_LIMIT} multiplications (XFORM 203-504)"
        + (", and Latency unrolls the whole matrix whatever the reuse factor" if strategy == "latency" else ""),
        lambda rf: multipliers(rf) <= UNROLL_LIMIT,
    )
