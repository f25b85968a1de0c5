"""Scales, ticks and frames: from values to pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from dse.view.figures.drawing import Line, Mark, Text, text_width

# What names of metrics are called on an axis.
LABELS = {
    "lut": "LUT",
    "ff": "FF",
    "dsp": "DSP",
    "bram_18k": "BRAM (18 Kb)",
    "uram": "URAM",
    "latency_cycles_min": "least latency (cycles)",
    "latency_cycles_max": "latency (cycles)",
    "ii_cycles_min": "least II (cycles)",
    "ii_cycles_max": "II (cycles)",
    "device_cost": "device cost (sum of shares)",
    "latency_ns_min": "least latency (ns)",
    "latency_ns_max": "latency (ns)",
    "ii_ns_min": "least II (ns)",
    "ii_ns_max": "II (ns)",
    "clock_period_ns": "clock period (ns)",
}


@dataclass(frozen=True, slots=True)
class Scale:
    """A value's place in pixels; logarithmic where `is_log`, and then only for values above 0."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (log10(max(v, 1e-12)) if self.is_log else v for v in (self.low, self.high, value))
        return self.start + (self.end - self.start) * (value - low) / (high - low)

    def clipped(self, value: float) -> float:
        """Return the place of a value, not beyond the frame."""
        return self(min(max(value, self.low), self.high))

    def ticks(self, most: int = 5) -> tuple[float, ...]:
        """Return round values within the scale."""
        return log_ticks(self.low, self.high, most) if self.is_log else linear_ticks(self.low, self.high, most)


def scale(values: Iterable[float], start: float, end: float, *, wants_log: bool = False, from_zero: bool = False) -> Scale:
    """Return a scale that holds all values with some air around them; without values it is 0 to 1."""
    known = [float(v) for v in values if isfinite(v)]
    if not known:
        return Scale(0.0, 1.0, start, end)
    low, high = min(known), max(known)
    if wants_log and low > 0:
        margin = (high / low) ** 0.06 if high > low else 2.0
        return Scale(low / margin, high * margin, start, end, is_log=True)
    if from_zero:
        return Scale(0.0, 1.08 * high if high > 0 else 1.0, start, end)
    margin = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return Scale(low - margin if low < 0 or low > margin else 0.0, high + margin, start, end)


def linear_ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    """Return multiples of 1, 2 or 5 times a power of ten.

    >>> linear_ticks(0, 97, 5)
    (0.0, 20.0, 40.0, 60.0, 80.0)
    """
    raw = (high - low) / most
    base = 10.0 ** floor(log10(raw))
    step = next(base * m for m in (1, 2, 5, 10) if base * m >= raw * (1 - 1e-9))
    first = ceil(low / step - 1e-9)
    return tuple(round(i * step, 12) for i in range(first, floor(high / step + 1e-9) + 1))


def log_ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    """Return powers of ten, or 1, 2 and 5 times them where few fit.

    >>> log_ticks(3, 600, 5)
    (5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
    >>> log_ticks(1, 1e9, 5)
    (1.0, 100.0, 10000.0, 1000000.0, 100000000.0)
    """
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    magnitudes = log10(high / low)
    if magnitudes > most:
        decades = decades[:: ceil(magnitudes / most)]
    steps = (1, 2, 5) if magnitudes <= 0.6 * most else (1,)
    found = [m * 10.0**d for d in decades for m in steps]
    return tuple(v for v in found if low <= v <= high) or (low, high)


def plain(value: float) -> str:
    """Return a number as short as an axis needs it.

    >>> plain(20000), plain(0.25), plain(1250000), plain(64)
    ('20k', '0.25', '1.25M', '64')
    """
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.3g}{unit}"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"


def spaced(ticks: tuple[float, ...], axis: Scale, pixels: float, *, by_width: bool = False) -> tuple[float, ...]:
    """Return the ticks whose labels keep a distance from the one before: between their middles, or `by_width` between their ends."""
    kept: list[float] = []
    for tick in ticks:
        ends = (text_width(plain(tick), 10) + text_width(plain(kept[-1]), 10)) / 2 if kept and by_width else 0.0
        if not kept or abs(axis(tick) - axis(kept[-1])) >= pixels + ends:
            kept.append(tick)
    return tuple(kept)


def left_axis(axis: Scale, x: float, right: float, label: str = "", most: int = 5, *, label_x: float = 2.0) -> list[Mark]:
    """Return grid lines and tick labels of a vertical axis; the label stands above it, where it reads without turning the head."""
    marks: list[Mark] = []
    for tick in spaced(axis.ticks(most), axis, 14):
        y = axis(tick)
        marks += [Line(((x, y), (right, y)), "grid"), Text(x - 5, y + 3.5, plain(tick), "tick", "end")]
    if label:
        marks.append(Text(label_x, min(axis.start, axis.end) - 13, label, "muted"))
    return marks


def bottom_axis(axis: Scale, y: float, label: str = "", *, ticks: tuple[float, ...] | None = None) -> list[Mark]:
    """Return the base line, ticks and label of a horizontal axis."""
    marks: list[Mark] = [Line(((axis.start, y), (axis.end, y)), "axis")]
    for tick in spaced(axis.ticks() if ticks is None else ticks, axis, 8, by_width=True):
        x = axis(tick)
        marks += [Line(((x, y), (x, y + 4)), "axis"), Text(x, y + 15, plain(tick), "tick", "middle")]
    if label:
        marks.append(Text((axis.start + axis.end) / 2, y + 30, label, "muted", "middle"))
    return marks
