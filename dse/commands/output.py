"""How commands speak: text for people on a console, one JSON document for programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from dse.text import json_text, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from dse.study.assemble import Question


def console(*, stderr: bool = False, plain: bool = False) -> Console:
    """Return a console that wraps nothing on a pipe, interprets no markup in data, and is not steered by it."""
    from dse.view.terminal import Terminal

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 160
    return Terminal(
        stderr=stderr, markup=False, emoji=False, highlight=False, width=width, no_color=True if plain else None, soft_wrap=False
    )


def write(text: str) -> None:
    """Write text to standard output as it is, but printable."""
    sys.stdout.write(printable(text))
    sys.stdout.flush()


def question_of(path: Path) -> Question:
    """Return the question of a campaign for reading; where its journal and its file differ, say so on stderr and keep to the journal."""
    from dse.study.question import read_question

    question = read_question(path)
    tell_differences(path, question.differences)
    return question


def tell_differences(path: Path, differences: Sequence[str]) -> None:
    """Say where a file and its journal part."""
    if differences:
        rows = "".join(f"\n  {line}" for line in differences)
        text = f"{path}: the file now asks something else; this answers what its journal records (journal -> file):{rows}"
        console(stderr=True).print(text)


def print_json(command: str, document: dict[str, Any]) -> None:
    """Print the one document of a `--json` command, its schema first."""
    sys.stdout.write(json_text({"schema": f"dse.{command}/1", **document}, indent=2) + "\n")


def print_event(command: str, event: dict[str, Any]) -> None:
    """Print one line of a `--json` command that streams events, at once."""
    sys.stdout.write(json_text({"schema": f"dse.{command}/1", **event}) + "\n")
    sys.stdout.flush()


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
