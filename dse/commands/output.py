"""How commands speak: text for people on a console, one JSON document for programs."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dse.text import json_text, printable

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from dse.study.assemble import Question

_LONGEST_HEAD = 8  # letters of a column's name that stay on one line
_BETWEEN = 2  # blanks between columns
_LONGEST_WORD = 20  # letters that stay together; a network's name has more


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
    schema = {"schema": f"dse.{command}/1"}
    sys.stdout.write(json_text(schema | event | schema) + "\n")  # an event may tell the journal's own
    sys.stdout.flush()


def print_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, texts: Collection[str], given_up: Sequence[str] = (), wide: bool = False
) -> None:
    """Print a table in which no number is ever folded: where it does not fit, columns are left out and texts are broken between words.

    Args:
        texts: heads of columns that hold words; all others hold numbers, aligned at the right.
        given_up: heads of columns that may be left out, the first ones first; a last line names those that were.
        wide: leave out nothing, however wide the terminal is.
    """
    from rich.table import Table

    out, table_rows = console(), list(rows)
    if wide:
        out.width = 10_000

    def width(name: str) -> int:
        cells = [row[heads.index(name)] for row in table_rows]
        if name not in texts:
            return max(map(len, (*_words(name), *cells)))
        return min(max(len(word) for cell in (name or " ", *cells) for word in cell.split(" ")), _LONGEST_WORD)

    kept, left_out = list(heads), []
    for name in given_up:
        if name in kept and sum(map(width, kept)) + _BETWEEN * (len(kept) - 1) > out.width:
            kept.remove(name)
            left_out.append(name)
    table = Table(box=None, pad_edge=False)
    for name in kept:
        is_text = name in texts
        head = name if is_text else "\n".join(_words(name))
        table.add_column(head, justify="left" if is_text else "right", no_wrap=not is_text, overflow="fold", min_width=width(name))
    for row in table_rows:
        table.add_row(*(cell for name, cell in zip(heads, row, strict=True) if name in kept))
    out.print(table)
    if left_out:
        out.print(f"no room for: {', '.join(left_out)}", style="dim")


def _words(head: str) -> list[str]:
    return head.replace("_", " ").split() if len(head) > _LONGEST_HEAD else [head]


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
