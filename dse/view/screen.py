"""What all live views share: a board drawn over and over on a terminal, else lines; keys; and looking on from another terminal."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from dse.study.loop import Signals
from dse.text import one_line
from dse.view.keys import Keys

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_MOST_LINES = 40


class Screen:
    """A terminal that a view draws on; subclasses say what (`shown`) and what keys do (`press`).

    Attributes:
        signals: what the user's keys set; the loop reads it.
        is_plain: lines only: a pipe, a dumb terminal, or asked for.
    """

    def __init__(self, console: Console, *, plain: bool = False, signals: Signals | None = None) -> None:
        self.console = console
        self.signals = signals or Signals()
        dumb = os.environ.get("TERM", "") in ("dumb", "unknown")
        self.is_plain = plain or dumb or not console.is_terminal
        self._stack = ExitStack()
        self._keys: Keys | None = None

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def has_keys(self) -> bool:
        """Whether keys are heard."""
        return self._keys is not None and self._keys.is_open

    def show(self) -> None:
        """Begin to draw, unless there are lines only."""
        if not self.is_plain:
            from rich.live import Live

            self._stack.enter_context(
                Live(get_renderable=self.draw, console=self.console, refresh_per_second=4, transient=True, redirect_stdout=False)
            )
            self._keys = self._stack.enter_context(Keys(self.press))

    def draw(self) -> Text:
        """Draw the board at the size that the terminal has now; a board that cannot be drawn says so and stops nothing."""
        from rich.text import Text

        size = self.console.size
        try:
            shown = self.shown(size.width, max(1, min(size.height - 1, _MOST_LINES)))
        except Exception as error:
            shown = [Text(f"the board is broken: {type(error).__name__}"[: size.width])]
        return Text("\n", end="").join(shown)

    def shown(self, width: int, height: int) -> list[Text]:
        """Return the board's lines."""
        raise NotImplementedError

    def press(self, key: str) -> None:
        """Act on a key."""
        raise NotImplementedError

    def say(self, text: str) -> None:
        """Print a line for the record."""
        self.console.print(f"{time.strftime('%H:%M:%S')} {one_line(text, 2000)}", soft_wrap=self.is_plain, style=None)
