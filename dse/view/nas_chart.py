"""Curves and the front of an architecture search in characters, for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log
from typing import TYPE_CHECKING

from dse.view.nas_figures import WORDS
from dse.view.nas_story import NasStory, axes_of

if TYPE_CHECKING:
    from rich.text import Text

BEST = "bold #2a9d77"  # a mid tone that reads on light and dark terminals alike
_BARS = "▁▂▃▄▅▆▇█"
_ROWS, _COLUMNS, _LEFT = 10, 72, 9
_LOG_FROM = 8.0  # ratio of errors from which a logarithm reads better


def chart(story: NasStory, width: int, room: int) -> list[Text]:
    """Return error against cost, both from their smallest to their largest; nothing where there is no room for it."""
    from rich.text import Text

    rows, columns = min(room - 2, _ROWS), min(width - _LEFT - 1, _COLUMNS)
    if not story.places or rows < 3 or columns < 20:
        return []
    xs, ys = [x for x, _, _ in story.places], [y for _, y, _ in story.places]
    low, high = min(ys), max(ys)
    right, up = _placer(min(xs), max(xs), columns, is_log=True), _placer(low, high, rows, is_log=high > _LOG_FROM * low)
    field = {}
    for x, y, number in sorted(story.places, key=lambda place: place[2] in story.best_numbers):
        field[rows - 1 - up(y), right(x)] = "*" if number in story.best_numbers else "·"
    across, upwards = axes_of(story.spec)
    found = [Text(f"{WORDS[upwards]} against {WORDS[across]}: * front, · others", style="dim")]
    for row in range(rows):
        label = f"{high:.4g}" if row == 0 else f"{low:.4g}" if row == rows - 1 and high > low else ""
        line = Text(f"{label:>{_LEFT - 2}} │", style="dim")
        line.append("".join(field.get((row, column), " ") for column in range(columns)))
        line.highlight_regex(r"\*", f"not dim {BEST}")
        found.append(line)
    first, last = f"{min(xs):.4g}", f"{max(xs):.4g}" if max(xs) > min(xs) else ""
    found.append(Text(f"{' ' * _LEFT}{first}{'─' * (columns - len(first) - len(last))}{last}", style="dim"))
    return found


def _placer(low: float, high: float, cells: int, *, is_log: bool) -> Callable[[float], int]:
    """Return what tells a value's cell."""
    if high <= low:
        return lambda value: cells // 2
    if is_log and low > 0:
        return lambda value: min(cells - 1, int(log(value / low) / log(high / low) * cells))
    return lambda value: min(cells - 1, int((value - low) / (high - low) * cells))


def sparkline(curve: Sequence[float], width: int = 16) -> str:
    """Return a curve as little bars from its smallest to its largest value; a long one is thinned, its last value stays.

    >>> sparkline((4.0, 2.0, 1.0)), sparkline(range(100, 0, -1), 4)
    ('█▃▁', '█▅▃▁')
    """
    n = len(curve)
    shown = [curve[(i + 1) * n // width - 1] for i in range(width)] if n > width else list(curve)
    low, high = min(shown, default=0.0), max(shown, default=0.0)
    return "".join(_BARS[int((value - low) / (high - low) * 7) if high > low else 0] for value in shown)
