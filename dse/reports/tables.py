"""Tables between borders of `+---+`, as the tools draw them: titles may stand in several rows, and span columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dse.reports.text import Where

_BORDER = re.compile(r"\+(?:-+\+)+")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its own title and the title that spans it and its neighbours."""

    name: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table between borders of `+---+`; all its lines were there, the closing border included."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    row_lines: tuple[int, ...]
    line: int

    def find(self, name: str, group: Sequence[str] = ()) -> int | None:
        """Return the index of a column by title (and any of some group titles), None if there is none."""
        for index, column in enumerate(self.columns):
            if column.name.lower() == name.lower() and (not group or column.group.lower() in group):
                return index
        return None


def is_border(line: str) -> bool:
    """Whether a line is a table's border."""
    return _BORDER.fullmatch(line.strip()) is not None


def read_table(lines: Sequence[str], start: int, where: Where) -> tuple[Table, int]:
    """Read the table whose first border stands at or after `start`; return it and the index behind it.

    The header is what stands between the first two borders; the last header row gives the columns, the row above it the groups.
    Inner borders between rows are allowed; the table ends with the last border before a line that is no part of it.

    Raises:
        ReportError: if there is no table, it is cut off, or a row does not have the header's columns.
    """
    first = next((index for index in range(start, len(lines)) if is_border(lines[index])), None)
    if first is None:
        raise where.error("expected a table, found none: truncated?")
    end = first
    while end < len(lines) and (is_border(lines[end]) or lines[end].strip().startswith("|")):
        end += 1
    body = [(index, lines[index]) for index in range(first, end)]
    borders = [index for index, line in body if is_border(line)]
    if len(borders) < 3 or borders[-1] != end - 1:
        raise where.at(where.section, end).error("the table is cut off")
    columns = _columns(lines[borders[0] + 1 : borders[1]], where.at(where.section, borders[0] + 2))
    rows, row_lines = [], []
    for index, line in body[borders[1] - first :]:
        if not is_border(line):
            rows.append(_cells(line, len(columns), where.at(where.section, index + 1)))
            row_lines.append(index + 1)
    return Table(columns, tuple(rows), tuple(row_lines), first + 1), end


def _cells(line: str, n_columns: int, where: Where) -> tuple[str, ...]:
    bare = line.strip()
    cells = bare[1:-1].split("|")
    if len(bare) < 2 or bare[-1] != "|" or len(cells) != n_columns:
        raise where.error(f"a row of {len(cells)} cells, expected {n_columns}")
    return tuple(cells)


def _columns(header: Sequence[str], where: Where) -> tuple[Column, ...]:
    if not header or not header[-1].strip().endswith("|"):
        raise where.error("a table without a header")
    spans = list(_spans(header[-1]))
    above = list(_spans(header[-2])) if len(header) > 1 else []
    columns = []
    for name, left, right in spans:
        middle = (left + right) / 2
        group = next((title for title, low, high in above if low <= middle <= high), "")
        columns.append(Column(name, group))
    return tuple(columns)


def _spans(line: str) -> Iterator[tuple[str, int, int]]:
    bars = [index for index, char in enumerate(line) if char == "|"]
    for left, right in pairwise(bars):
        yield " ".join(line[left + 1 : right].split()), left, right
