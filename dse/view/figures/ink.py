"""Drawings inked by matplotlib, mark by mark, in the light palette: for papers that want PDF, and for PNG."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dse.view.figures.drawing import Area, Bar, Dot, Drawing, Group, Line, Mark, Text
from dse.view.figures.styles import PALETTE, STYLES

_PER_INCH = 96.0  # CSS pixels
_ALIGN = {"start": "left", "middle": "center", "end": "right"}


def ink(drawing: Drawing, file_format: str) -> bytes:
    """Return the file's bytes; `file_format` is pdf or png."""
    figure = Figure(figsize=(drawing.width / _PER_INCH, drawing.height / _PER_INCH), dpi=_PER_INCH, facecolor=PALETTE["paper"][0])
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, drawing.width)
    axes.set_ylim(drawing.height, 0)
    axes.set_axis_off()
    for order, mark in enumerate(_flat(drawing.marks)):
        _ink(axes, mark, order)
    out = BytesIO()
    # no date: the same figure is the same file
    metadata: dict[str, Any] = {"Title": drawing.title, "CreationDate": None} if file_format == "pdf" else {"Title": drawing.title}
    figure.savefig(out, format=file_format, dpi=2 * _PER_INCH, metadata=metadata)
    return out.getvalue()


def _flat(marks: Iterable[Mark]) -> Iterable[Mark]:
    for mark in marks:
        if isinstance(mark, Group):
            yield from _flat(mark.marks)
        else:
            yield mark


def _ink(axes: Any, mark: Mark, order: int) -> None:
    from matplotlib.patches import Circle, Polygon, Rectangle

    match mark:
        case Bar():
            axes.add_patch(Rectangle((mark.x, mark.y), mark.width, mark.height, zorder=order, **_look(mark.style)))
        case Area():
            axes.add_patch(Polygon(mark.points, closed=True, zorder=order, **_look(mark.style)))
        case Line():
            axes.plot(*zip(*mark.points, strict=True), zorder=order, **_stroke(mark.style))
        case Dot(shape="cross"):
            for sign in (1, -1):
                xs, ys = (mark.x - mark.radius, mark.x + mark.radius), (mark.y - sign * mark.radius, mark.y + sign * mark.radius)
                axes.plot(xs, ys, zorder=order, **_stroke(mark.style))
        case Dot():
            axes.add_patch(Circle((mark.x, mark.y), mark.radius, zorder=order, **_look(mark.style)))
        case Text():
            style = STYLES[mark.style]
            axes.text(
                mark.x,
                mark.y,
                # matplotlib takes dollar signs for formulas
                mark.text.replace("$", r"\$"),
                color=PALETTE[style.fill][0],
                fontsize=style.size * 72 / _PER_INCH,
                fontweight="bold" if style.is_bold else "normal",
                ha="right" if mark.turned else _ALIGN[mark.anchor],
                va="baseline" if not mark.turned else "top" if mark.anchor == "end" else "bottom",
                rotation=90 if mark.turned else 0,
                zorder=order,
            )


def _look(name: str) -> dict[str, Any]:
    style = STYLES[name]
    if style.fill == "hatch":
        return {"facecolor": "none", "edgecolor": PALETTE["paper"][0], "hatch": "//", "linewidth": 0}
    return {
        "facecolor": PALETTE[style.fill][0] if style.fill else "none",
        "edgecolor": PALETTE[style.stroke][0] if style.stroke else "none",
        "linewidth": _points(style.width),
        "alpha": style.opacity,
    }


def _stroke(name: str) -> dict[str, Any]:
    style = STYLES[name]
    look: dict[str, Any] = {"color": PALETTE[style.stroke][0], "linewidth": _points(style.width), "alpha": style.opacity}
    if style.dash:
        look["linestyle"] = (0, tuple(float(part) / style.width for part in style.dash.split()))
    return look


def _points(pixels: float) -> float:
    return pixels * 72 / _PER_INCH
