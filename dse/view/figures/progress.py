"""How the search got on: what it achieved, and how much better anything else could still be."""

from __future__ import annotations

from dataclasses import dataclass

from dse.view.figures.axes import Scale, bottom_axis, left_axis, scale
from dse.view.figures.drawing import Drawing, Line, Mark, Point, Text, empty

_WIDTH, _LEFT, _PANEL, _TOP, _FOOT = 460.0, 56.0, 120.0, 34.0, 44.0


@dataclass(frozen=True, slots=True)
class Progress:
    """Series over the number of finished trials; None where nothing is known yet.

    Attributes:
        achieved: hypervolume, or the best value of a single objective.
        achieved_label: what `achieved` is, with its reference.
        gaps: certificate gap as a fraction of the incumbent, where the search gave one.
        tolerance: the gap at which the search stops.
    """

    achieved: tuple[float | None, ...]
    achieved_label: str
    gaps: tuple[float | None, ...] = ()
    tolerance: float | None = None
    one: str = "synthesis"
    many: str = "syntheses"


def progress(series: Progress) -> Drawing:
    """Draw what was achieved, and below it the certificate's gap."""
    title = f"{series.achieved_label[:1].upper()}{series.achieved_label[1:]} and certificate, {series.one} by {series.one}"
    known = [value for value in series.achieved if value is not None]
    if not known:
        return empty(title, "Nothing feasible has been found yet.")
    count = max(len(series.achieved), 2)
    x = Scale(1, count, _LEFT, _WIDTH - 14)
    ticks = tuple(t for t in x.ticks(8) if t == int(t) and t >= 1)
    upper = scale(known, _TOP + _PANEL, _TOP)
    marks: list[Mark] = [*left_axis(upper, _LEFT, _WIDTH - 14, series.achieved_label, most=4)]
    marks.append(Line(_steps(series.achieved, x, upper), "best"))
    gaps = [gap for gap in series.gaps if gap is not None]
    base = _TOP + _PANEL
    if gaps:
        base = 2 * (_TOP + _PANEL)
        lower = scale([100 * g for g in (*gaps, series.tolerance or 0.0)], base, base - _PANEL, from_zero=True)
        marks += left_axis(lower, _LEFT, _WIDTH - 14, "certificate gap (%)", most=4)
        marks.append(Line(_steps(tuple(None if g is None else 100 * g for g in series.gaps), x, lower), "gap"))
        if series.tolerance is not None:
            at = lower(100 * series.tolerance)
            marks += [Line(((_LEFT, at), (_WIDTH - 14, at)), "target"), Text(_WIDTH - 14, at - 4, "tolerance", "tick", "end")]
    marks += bottom_axis(x, base, f"{series.many} finished", ticks=ticks)
    words = f"{series.achieved_label} now {known[-1]:.6g}"
    words += f"; certificate gap {gaps[-1]:.2%}" if gaps else "; this search gives no certificate"
    return Drawing(_WIDTH, base + _FOOT, title, words, tuple(marks))


def _steps(values: tuple[float | None, ...], x: Scale, y: Scale) -> tuple[Point, ...]:
    points: list[Point] = []
    for number, value in enumerate(values, 1):
        if value is not None:
            if points:
                points.append((x(number), points[-1][1]))
            points.append((x(number), y.clipped(value)))
    return (*points, (x(len(values)) + 3, points[-1][1])) if len(points) == 1 else tuple(points)
