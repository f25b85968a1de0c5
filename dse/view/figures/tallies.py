"""Sums and shares as horizontal bars and steps: who uses the device, what failed, what it cost."""

from __future__ import annotations

from dataclasses import dataclass

from dse.view.figures.axes import Scale, bottom_axis, left_axis, plain, scale
from dse.view.figures.drawing import Bar, Drawing, Group, Line, Mark, Point, Text, empty, text_width
from dse.view.figures.styles import layer_style

_WIDTH = 460.0


@dataclass(frozen=True, slots=True)
class Share:
    """One resource of a design: what each layer uses (None unknown), the whole design, and the device."""

    label: str
    by_layer: tuple[float | None, ...]
    total: float | None
    capacity: int


def shares(layers: tuple[str, ...], resources: tuple[Share, ...]) -> Drawing:
    """Draw each resource as one bar of the design's total, cut into its layers; what no layer accounts for is gray."""
    title = "Who uses the device: each layer's share of the best design"
    known = [share for share in resources if share.total]
    if not known:
        return empty(title, "No design with known resources yet.")
    left, right, row = 86.0, 96.0, 30.0
    marks: list[Mark] = []
    words = []
    for index, share in enumerate(known):
        y = 8 + index * row
        total = max(share.total or 0.0, sum(v for v in share.by_layer if v is not None))
        percent = f"{100 * total / share.capacity:.0f} % of device" if share.capacity else ""
        words.append(f"{share.label} {plain(total)} {percent}".strip())
        marks.append(Text(left - 8, y + 14, share.label, "label", "end"))
        marks += _stack(layers, share, total, left, y, _WIDTH - left - right)
        marks.append(Text(_WIDTH - right + 8, y + 9, plain(total), "label"))
        marks.append(Text(_WIDTH - right + 8, y + 20, percent, "small"))
    return Drawing(_WIDTH, 8 + len(known) * row, title, "; ".join(words), tuple(marks))


def _stack(layers: tuple[str, ...], share: Share, total: float, x: float, y: float, width: float) -> list[Mark]:
    marks: list[Mark] = []
    for i, (name, used) in enumerate(zip(layers, share.by_layer, strict=True)):
        if used:
            piece = width * used / total
            bar: list[Mark] = [Bar(x, y, piece, 20, layer_style(i))]
            marks.append(Group(tuple(bar), title=f"{name}: {plain(used)} {share.label} ({used / total:.0%} of the design)"))
            x += piece
    rest = total - sum(v for v in share.by_layer if v is not None)
    if rest > 0.005 * total:
        bar = [Bar(x, y, width * rest / total, 20, "rest")]
        marks.append(Group(tuple(bar), title=f"no layer of these: {plain(rest)} {share.label} ({rest / total:.0%} of the design)"))
    return marks


def tally(title: str, rows: tuple[tuple[str, float, str], ...], nothing: str) -> Drawing:
    """Draw counts: (what, how many, style) a row; `nothing` is the sentence where there is no row."""
    if not rows:
        return empty(title, nothing)
    left = 24 + max(text_width(what) for what, _, _ in rows)
    most = max(count for _, count, _ in rows)
    marks: list[Mark] = []
    for index, (what, count, style) in enumerate(rows):
        y = 6 + index * 26
        width = (_WIDTH - left - 60) * count / most
        marks += [Text(left - 8, y + 13, what, "label", "end"), Bar(left, y, max(width, 1.5), 18, style)]
        marks.append(Text(left + max(width, 1.5) + 6, y + 13, plain(count), "label"))
    words = ", ".join(f"{what}: {plain(count)}" for what, count, _ in rows)
    return Drawing(_WIDTH, 12 + len(rows) * 26, title, words, tuple(marks))


def spend(hours: tuple[float | None, ...], saved_hours: float, *, budget_syntheses: int | None, many: str = "syntheses") -> Drawing:
    """Draw the sum of tool hours over the trials that ran a tool, in the order finished.

    Args:
        hours: tool hours of each trial; None where nobody told.
        many: what the results are called.
        saved_hours: what the cached results had cost when they were made.
    """
    title = "Tool hours spent"
    known = [hour for hour in hours if hour is not None]
    if not known:
        return empty(title, f"{len(hours)} trials; this backend tells no tool time.")
    top, base, left = 34.0, 164.0, 56.0
    total = 0.0
    sums = []
    for hour in hours:
        total += hour or 0.0
        sums.append(total)
    unit, factor = ("tool hours", 1.0) if total >= 1 else ("tool minutes", 60.0) if total >= 1 / 60 else ("tool seconds", 3600.0)
    is_near = budget_syntheses is not None and budget_syntheses <= 3 * len(hours)
    count = max(len(hours), budget_syntheses if is_near and budget_syntheses else 0, 2)
    x = Scale(0, count, left, _WIDTH - 14)
    y = scale([factor * v for v in sums], base, top, from_zero=True)
    points: list[Point] = [(x(0), base)]
    for number, value in enumerate(sums, 1):
        points += [(x(number), points[-1][1]), (x(number), y(factor * value))]
    ticks = tuple(t for t in x.ticks(8) if t == int(t))
    marks: list[Mark] = [*left_axis(y, left, _WIDTH - 14, unit, most=4), *bottom_axis(x, base, "trials finished", ticks=ticks)]
    marks.append(Line(tuple(points), "best"))
    if budget_syntheses and is_near:
        at = x(budget_syntheses)
        marks += [Line(((at, base), (at, top)), "limit"), Text(at - 3, top + 9, "budget", "limit-text", "end")]
    words = f"{factor * total:,.3g} {unit} over {len(hours)} trials"
    words += f"; the cache saved {factor * saved_hours:,.3g} {unit}" if saved_hours else ""
    unknown = len(hours) - len(known)
    words += f"; budget: {budget_syntheses} {many}" if budget_syntheses else ""
    words += f"; {unknown} trials told no time" if unknown else ""
    return Drawing(_WIDTH, base + 44, title, words, tuple(marks))
