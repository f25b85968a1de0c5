"""Balance the cycles of all layers against one of them, the anchor, by interpolation over what was measured.

The arithmetic of Algorithm 1 (Rognlien, Que, Coutinho and Luk, Imperial College); `dse.search.anchor` is the search around it.

Notation
    l, r, m       a layer, a reuse factor, a reuse factor of the anchor
    D_l(r)        cycles measured for layer l at r: its II, or its latency where that is balanced
    e_l(r)        `estimate`: D_l interpolated piecewise linearly, extrapolated beyond the ends
    target        e_anchor(m)
    r_l           argmin over r of |e_l(r) - target|; of equals the one with fewest multipliers; r_anchor = m
    error(m)      sum over all layers of (h - e_l(r_l)) / h, with h = max over l of e_l(r_l), the anchor among them

II need not be monotone in r: every measured point is a corner of the estimate. Beyond the ends the slope of the last segment holds,
but no estimate there is below one cycle. A layer measured at one reuse factor only gets the slope `n_positions`, for in hls4ml one
more unit of reuse takes one more cycle at every position.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Literal

from dse.design import DesignPoint, Layer, LayerChoice
from dse.qor import Qor
from dse.space import LayerOptions

Balance = Literal["ii_cycles_max", "latency_cycles_max"]
WORD: Mapping[str, str] = {"ii_cycles_max": "II", "latency_cycles_max": "latency"}
Cycles = tuple[float | None, ...]  # of all layers in network order; None where unknown


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A balanced point: the anchor at `reuse_factor`, all others as near `target_cycles` as the estimates allow.

    `extrapolated` names the layers whose estimate lies beyond what was measured.
    """

    point: DesignPoint
    reuse_factor: int
    target_cycles: float
    error: float
    extrapolated: tuple[str, ...]


def estimate(measured: Mapping[int, float], reuse_factor: int, slope_of_one: float) -> float:
    """Return cycles at a reuse factor by piecewise-linear interpolation over what was measured (reuse factor -> cycles).

    `slope_of_one` is the slope through a single measured point, in cycles per unit of reuse factor.

    >>> estimate({1: 20, 10: 164}, 2, 1), estimate({1: 20, 10: 164}, 11, 1), estimate({4: 6}, 6, 1)
    (36.0, 180.0, 8.0)
    """
    if reuse_factor in measured:
        return float(measured[reuse_factor])
    known = sorted(measured)
    if len(known) == 1:
        return float(max(1.0, measured[known[0]] + slope_of_one * (reuse_factor - known[0])))
    segments = list(pairwise(known))
    left, right = next((segment for segment in segments if reuse_factor < segment[1]), segments[-1])
    slope = (measured[right] - measured[left]) / (right - left)
    cycles = measured[left] + slope * (reuse_factor - left)
    return float(cycles if left < reuse_factor < right else max(1.0, cycles))


def suggest(
    menu: tuple[LayerOptions, ...], measured: Mapping[str, Mapping[int, float]], anchor: str, reuse_factor: int
) -> Suggestion:
    """Balance all layers against the anchor at one reuse factor; `measured` holds D of every layer, none empty."""

    def cycles(layer: Layer, choice: LayerChoice) -> float:
        return estimate(measured[layer.name], choice.reuse_factor, layer.n_positions)

    options = {option.layer.name: option for option in menu}
    target = estimate(measured[anchor], reuse_factor, options[anchor].layer.n_positions)

    def nearest(option: LayerOptions) -> LayerChoice:
        def rank(choice: LayerChoice) -> tuple[float, int, int]:
            # rounded, so that ties are ties whatever the floats say
            distance = round(abs(cycles(option.layer, choice) - target), 9)
            return distance, multipliers(option.layer, choice), choice.reuse_factor

        return min(option.choices, key=rank)

    chosen = {name: nearest(option) for name, option in options.items()}
    chosen[anchor] = next(choice for choice in options[anchor].choices if choice.reuse_factor == reuse_factor)
    estimates = [cycles(options[name].layer, choice) for name, choice in chosen.items()]
    highest = max(estimates)
    error = sum((highest - e) / highest for e in estimates) if highest > 0 else 0.0
    beyond = [n for n, c in chosen.items() if not min(measured[n]) <= c.reuse_factor <= max(measured[n])]
    return Suggestion(DesignPoint(tuple(chosen.items())), reuse_factor, target, error, tuple(beyond))


def multipliers(layer: Layer, choice: LayerChoice) -> int:
    """Return how many multipliers a layer has at a choice: ceil(n_in * n_out / r), of a recurrent layer both matrices' sum."""
    return sum(ceil(n * layer.n_out / choice.reuse_factor) for n in (layer.n_in, layer.n_state))


def cycles_by_layer(qor: Qor | None, names: Iterable[str], balance: Balance) -> Cycles:
    """Return the measured cycles of each named layer, None where unknown."""
    known = dict(qor.layers) if qor is not None else {}
    return tuple(getattr(known[name], balance) if name in known else None for name in names)


def find_anchor(names: tuple[str, ...], low: Cycles, high: Cycles) -> str | None:
    """Return the layer of the largest rise, of equals the slowest, then the first; None if none rises."""
    rises = [(b - a, a, -i) for i, (a, b) in enumerate(zip(low, high, strict=True)) if a is not None and b is not None and b > a]
    return names[-max(rises)[2]] if rises else None


def curves(names: tuple[str, ...], measured: Iterable[tuple[DesignPoint, Cycles]]) -> dict[str, dict[int, float]]:
    """Return D of every named layer: reuse factor -> cycles; what comes later overwrites what came earlier."""
    table: dict[str, dict[int, float]] = {name: {} for name in names}
    for point, vector in measured:
        for name, cycles in zip(names, vector, strict=True):
            if cycles is not None:
                table[name][point[name].reuse_factor] = cycles
    return table
