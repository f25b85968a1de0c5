"""How level the layers of a design are, as bars of block characters for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dse.search.base import Trial
from dse.text import one_line
from dse.view.story import Story

if TYPE_CHECKING:
    from rich.text import Text

# Mid tones that read on light and dark terminals alike.
COLORS = ("#3f7fd0", "#d9792b", "#2a9d77", "#c0559a", "#8a6fd0", "#a8862a", "#2f9db8", "#cf5548", "#7d8a99", "#7a9a3a")
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"


def tall_bars(story: Story, trial: Trial, width: int) -> list[Text]:
    """One line a layer."""
    from rich.text import Text

    cycles = story.cycles(trial)
    most = max((c for c in cycles if c is not None), default=0.0)
    names = [one_line(name, 16) for name in story.layers]
    size = max(len(name) for name in names)
    factors = max(len(str(factor)) for factor in trial.point.reuse_factors)
    room = min(40, width - size - factors - 26)
    found = []
    for i, (name, factor, value) in enumerate(zip(names, trial.point.reuse_factors, cycles, strict=True)):
        line = Text(f"{name:<{size}} r {factor:>{factors}} ")
        if value is None or not most:
            line.append("?")
        else:
            line.append(bar(value / most, room), style=COLORS[i % len(COLORS)])
            line.append(f" {value:,.0f}")
        if story.layers[i] == story.anchor:
            line.append(" anchor", style="dim")
        found.append(line)
    word = "II" if story.metric == "ii_cycles_max" else "latency"
    target = f", target {story.target:,.0f}" if story.target is not None else ""
    return [Text(f"{word} of each layer in #{trial.number}{target}", style="dim"), *found]


def flat_bars(story: Story, trial: Trial, width: int) -> Text:
    """All layers on one line: five cells each where that fits, else one block each."""
    from rich.text import Text

    cycles = story.cycles(trial)
    most = max((c for c in cycles if c is not None), default=0.0)
    word = "II" if story.metric == "ii_cycles_max" else "lat"
    line = Text(f"{word} ")
    is_wide = width >= len(word) + 1 + 6 * len(cycles)
    for i, value in enumerate(cycles):
        share = None if value is None or not most else value / most
        if share is None:
            cell = "?"
        elif is_wide:
            cell = f"{bar(share, 5):<5}"
        else:
            cell = _LEVELS[min(7, int(share * 8))]
        line.append(cell, style=COLORS[i % len(COLORS)])
        if is_wide:
            line.append(" ")
    if story.target is not None and width - line.cell_len >= 14:
        line.append(f" target {story.target:,.0f}", style="dim")
    if story.anchor and width - line.cell_len >= len(story.anchor) + 9:
        line.append(f"  anchor {one_line(story.anchor)}", style="dim")
    return line


def bar(share: float, cells: int) -> str:
    """Return a horizontal bar in eighths of a cell.

    >>> bar(0.5, 3), bar(1, 2), bar(0.001, 2)
    ('█▌', '██', '▏')
    """
    eighths = max(1, round(min(max(share, 0.0), 1.0) * cells * 8))
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
