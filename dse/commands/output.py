"""How commands speak: text for people on a console, one JSON document for programs."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

# Names and logs come from files of others: no control character of theirs reaches the terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def console(*, stderr: bool = False, plain: bool = False) -> Console:
    """Return a console that wraps nothing on a pipe and never interprets markup in data."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 160
    return Console(stderr=stderr, markup=False, highlight=False, width=width, no_color=True if plain else None, soft_wrap=False)


def print_json(command: str, document: dict[str, Any]) -> None:
    """Print the one document of a `--json` command, its schema first."""
    sys.stdout.write(json.dumps({"schema": f"dse.{command}/1", **document}, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def clean(text: str) -> str:
    """Return text that is safe to print: no control characters but newline and tab."""
    return _CONTROL.sub("�", text)


def number(value: float | None, digits: int = 0) -> str:
    """Return a number for people: thousands separated, `-` for unknown."""
    return "-" if value is None else f"{value:,.{digits}f}"


def points(size: float) -> str:
    """Return the size of a design space.

    >>> points(369600), points(1.3e11)
    ('369,600 points', '1.3e+11 points')
    """
    return f"{size:,.0f} points" if size < 1e7 else f"{size:.3g} points"


def share(value: float | None, capacity: int) -> str:
    """Return a resource with its share of the device, e.g. `642 (87 %)`."""
    return "-" if value is None else number(value) + (f" ({100 * value / capacity:.0f} %)" if capacity else "")
