"""What a figure is before it is ink: marks with places and class names, in pixels from the top left.

One drawing is written as SVG (`svg.py`, for the page and for files) or inked by matplotlib (`ink.py`, for PDF and PNG). Looks belong to
class names, in `styles.py`; marks never carry a color, so that one drawing serves light and dark pages under a strict policy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Line:
    """A polyline."""

    points: tuple[Point, ...]
    style: str


@dataclass(frozen=True, slots=True)
class Area:
    """A filled polygon."""

    points: tuple[Point, ...]
    style: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A filled rectangle; (x, y) is its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    style: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A disc, a ring (a style without fill), or a cross."""

    x: float
    y: float
    radius: float
    style: str
    shape: Literal["disc", "cross"] = "disc"


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; `turned` runs it upwards."""

    x: float
    y: float
    text: str
    style: str = "label"
    anchor: Anchor = "start"
    turned: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Marks that belong together: to a trial (`trial` is its number), or to what `title` says when pointed at."""

    marks: tuple[Mark, ...]
    trial: int | None = None
    title: str = ""


Mark = Line | Area | Bar | Dot | Text | Group


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure. `title` names it, `description` says in words what it shows, for those who do not see it."""

    width: float
    height: float
    title: str
    description: str
    marks: tuple[Mark, ...] = field(default=())


def text_width(text: str, size: float = 11) -> float:
    """Return about how wide a text is, in pixels; there is no font here to ask."""
    return 0.58 * size * len(text)


def empty(title: str, sentence: str) -> Drawing:
    """Return a figure that says why there is nothing to show."""
    width = max(260.0, text_width(sentence) + 20)
    return Drawing(width, 44, title, sentence, (Text(2, 26, sentence, "muted"),))
