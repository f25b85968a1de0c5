"""What a layer does as its reuse factor grows: measured, interpolated and believed; the paper's figures 7 and 9, for every metric."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from dse.view.figures.axes import LABELS, Scale, bottom_axis, left_axis, scale
from dse.view.figures.drawing import Area, Dot, Drawing, Group, Line, Mark, Point, Text, empty, text_width

_WIDTH, _HEIGHT, _LEFT, _TOP, _FOOT = 250.0, 190.0, 46.0, 44.0, 38.0
_LOG_SPAN = 12.0  # values that span more than this factor are shown on a logarithmic axis


@dataclass(frozen=True, slots=True)
class Band:
    """What a surrogate believes at one legal reuse factor, in the metric's own unit."""

    reuse_factor: int
    mean: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Panel:
    """One layer's curve of one metric.

    Attributes:
        measured: (reuse factor, value) of every synthesis that told it.
        band: mean and interval over all legal reuse factors, ascending; empty where no surrogate was asked.
        before, after: the heuristic's interpolant when it made its first suggestion, and as it is now; empty where there is none.
        chosen: the reuse factor of the best design so far.
    """

    layer: str
    measured: tuple[tuple[int, float], ...]
    band: tuple[Band, ...] = ()
    before: tuple[tuple[int, float], ...] = ()
    after: tuple[tuple[int, float], ...] = ()
    chosen: int | None = None
    is_anchor: bool = False


def curves(panels: tuple[Panel, ...], *, metric: str, columns: int = 4, measured: str = "measured") -> Drawing:
    """Draw one small chart a layer."""
    title = f"{LABELS[metric]} over the reuse factor, layer by layer"
    if not any(panel.measured or panel.band for panel in panels):
        return empty(title, f"{LABELS[metric]}: not {measured} for any layer.")
    columns = min(columns, len(panels))
    marks: list[Mark] = []
    for index, panel in enumerate(panels):
        row, column = divmod(index, columns)
        marks += _panel(panel, metric, column * _WIDTH, row * _HEIGHT, measured)
    rows = -(-len(panels) // columns)
    has_band = any(panel.band for panel in panels)
    words = ", ".join(f"{panel.layer}: {len(panel.measured)} {measured}" for panel in panels)
    words += "; with the surrogate's mean and 90 % interval" if has_band else ""
    return Drawing(columns * _WIDTH, rows * _HEIGHT, title, words, tuple(marks))


def _panel(panel: Panel, metric: str, left: float, top: float, measured: str) -> list[Mark]:
    x0, x1, y0, y1 = left + _LEFT, left + _WIDTH - 12, top + _HEIGHT - _FOOT, top + _TOP
    head = Text(left + 2, top + 13, panel.layer + (" (anchor)" if panel.is_anchor else ""), "head")
    factors = [f for f, _ in panel.measured] + [b.reuse_factor for b in panel.band]
    if not factors:
        return [head, Text(left + 2, top + 40, f"not {measured}", "muted")]
    x = scale(factors, x0, x1, wants_log=True)
    y = _value_scale(panel, y0, y1)
    marks: list[Mark] = [head, *left_axis(y, x0, x1, LABELS[metric], most=4, label_x=left + 2), *bottom_axis(x, y0, "reuse factor")]
    if panel.band:
        lower = [(x(b.reuse_factor), y.clipped(b.lower)) for b in panel.band]
        upper = [(x(b.reuse_factor), y.clipped(b.upper)) for b in panel.band]
        marks.append(Area((*lower, *reversed(upper)), "band"))
        marks.append(Line(tuple((x(b.reuse_factor), y.clipped(b.mean)) for b in panel.band), "mean"))
    for line, style in ((panel.before, "interpolant-before"), (panel.after, "interpolant")):
        if line:
            marks.append(Line(_polyline(line, x, y), style))
    for factor, value in panel.measured:
        dot = Dot(x(factor), y(value), 3.4, "cross", "cross")
        ring = (Dot(x(factor), y(value), 7, "chosen"),) if factor == panel.chosen else ()
        marks.append(Group((*ring, dot), title=f"{panel.layer}, reuse factor {factor}: {value:,.6g}"))
    return marks


def _value_scale(panel: Panel, start: float, end: float) -> Scale:
    """Hold all that was measured and most of the belief: one wild interval must not flatten everything else."""
    measured = [value for _, value in panel.measured] + [value for _, value in panel.after]
    believed = [b.mean for b in panel.band] + [b.upper for b in panel.band] + [b.lower for b in panel.band if b.lower > 0]
    ceiling = 4 * max(measured or [b.mean for b in panel.band] or [1.0])
    low = min(v for v in [*measured, *(b.mean for b in panel.band)] if isfinite(v))
    kept = [v for v in believed if isfinite(v) and low / 4 <= v <= ceiling]
    values = [*measured, *kept]
    positive = min(values) > 0
    return scale(values, start, end, wants_log=positive and max(values) / min(values) > _LOG_SPAN, from_zero=True)


def _polyline(line: tuple[tuple[int, float], ...], x: Scale, y: Scale) -> tuple[Point, ...]:
    return tuple((x(factor), y.clipped(value)) for factor, value in line if x.low <= factor <= x.high)


def key(has_band: bool, has_interpolant: bool, measured: str = "measured") -> Drawing:
    """Draw what the marks of the curves mean."""
    marks: list[Mark] = [Dot(8, 9, 3.4, "cross", "cross"), Text(16, 13, measured, "tick")]
    at = 76.0
    marks += [Dot(at + 8, 9, 6, "chosen"), Text(at + 20, 13, "in the best design", "tick")]
    at += 128
    if has_band:
        marks += [Area(((at, 3), (at + 18, 3), (at + 18, 15), (at, 15)), "band"), Line(((at, 9), (at + 18, 9)), "mean")]
        marks.append(Text(at + 23, 13, "surrogate: mean, 90 % interval", "tick"))
        at += 30 + text_width("surrogate: mean, 90 % interval", 10)
    if has_interpolant:
        marks += [Line(((at, 9), (at + 18, 9)), "interpolant"), Text(at + 23, 13, "interpolated", "tick")]
        at += 96
        marks += [Line(((at, 9), (at + 18, 9)), "interpolant-before"), Text(at + 23, 13, "before the first suggestion", "tick")]
        at += 30 + text_width("before the first suggestion", 10)
    return Drawing(at + 4, 18, "Key", f"crosses are {measured}, the ring is the best design", tuple(marks))
