"""Drawings as SVG text. Everything that comes from data is escaped; no inline style, no script, no link."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from dse.text import printable
from dse.view.figures.drawing import Area, Bar, Dot, Drawing, Group, Line, Mark, Point, Text
from dse.view.figures.styles import rules, variables

HATCH = (
    '<pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<path d="M0 0V5" class="f-cut"/></pattern>'
)


def escaped(text: str) -> str:
    """Return text for element content or a quoted attribute."""
    return escape(printable(text), quote=True)


def inline(drawing: Drawing, *, is_picture: bool = True) -> str:
    """Return the drawing for a page that holds the style sheet and the hatch pattern; it shrinks with its column, and never grows."""
    role = f'role="img" aria-label="{escaped(f"{drawing.title}. {drawing.description}")}"' if is_picture else 'aria-hidden="true"'
    return f'<svg {_box(drawing)} {role} class="figure">{"".join(_marks(drawing.marks))}</svg>'


def standalone(drawing: Drawing) -> str:
    """Return the drawing as an SVG file of its own, light or dark as the reader prefers."""
    sheet = (
        f":root{{{variables(False)}}}@media (prefers-color-scheme:dark){{:root{{{variables(True)}}}}}svg{{background:var(--paper)}}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {_box(drawing)} role="img">'
        f"<title>{escaped(drawing.title)}</title><desc>{escaped(drawing.description)}</desc>"
        f"<style>{sheet}{rules()}</style><defs>{HATCH}</defs>{''.join(_marks(drawing.marks))}</svg>\n"
    )


def _box(drawing: Drawing) -> str:
    width, height = number(drawing.width), number(drawing.height)
    return f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'


def number(value: float) -> str:
    """Return a coordinate to a tenth of a pixel.

    >>> number(3.04), number(-0.04), number(12.25)
    ('3', '0', '12.2')
    """
    text = f"{value:.1f}"
    text = text[:-2] if text.endswith(".0") else text
    return "0" if text == "-0" else text


def _marks(marks: Iterable[Mark]) -> Iterable[str]:
    for mark in marks:
        match mark:
            case Group():
                trial = "" if mark.trial is None else f' data-n="{mark.trial}"'
                title = f"<title>{escaped(mark.title)}</title>" if mark.title else ""
                yield f"<g{trial}>{title}{''.join(_marks(mark.marks))}</g>"
            case Bar():
                x, y, w, h = (number(v) for v in (mark.x, mark.y, mark.width, mark.height))
                yield f'<path class="f-{mark.style}" d="M{x} {y}h{w}v{h}h-{w}z"/>'
            case Line() | Area():
                close = "z" if isinstance(mark, Area) else ""
                yield f'<path class="f-{mark.style}" d="{_path(mark.points)}{close}"/>'
            case Dot():
                yield _dot(mark)
            case Text():
                yield _text(mark)


def _path(points: tuple[Point, ...]) -> str:
    places = [f"{number(x)} {number(y)}" for x, y in points]
    return "M" + "L".join(places) if places else ""


def _dot(dot: Dot) -> str:
    if dot.shape == "cross":
        r = dot.radius
        x, y, step = number(dot.x - r), number(dot.y - r), number(2 * r)
        return f'<path class="f-{dot.style}" d="M{x} {y}l{step} {step}m-{step} 0l{step} -{step}"/>'
    return f'<circle class="f-{dot.style}" cx="{number(dot.x)}" cy="{number(dot.y)}" r="{number(dot.radius)}"/>'


def _text(text: Text) -> str:
    x, y = number(text.x), number(text.y)
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    turned = f' transform="rotate(-90 {x} {y})"' if text.turned else ""
    return f'<text class="f-{text.style}" x="{x}" y="{y}"{anchor}{turned}>{escaped(text.text)}</text>'
