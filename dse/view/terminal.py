"""The terminal's border: a console from which no text of others can steer the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from dse.text import printable


class Terminal(Console):
    """A console that shows text `printable`; its own control sequences (colors, the live board) are no text and stay."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError  # rich would leave with exit code 1; what it means that nobody reads is the command line's to say
