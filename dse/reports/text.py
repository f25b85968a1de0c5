"""Numbers, tables and titles as the tools write them. Strict in numbers, liberal in layout.

| text | meaning |
|---|---|
| `-`, `?`, `undef`, `NA`, `N/A`, empty | unknown; in a column of resources `-` means that none are used |
| `4294967295` (2^32 - 1) | unset |
| `~0`, `<0.01` | a share, never a count |
| `0 ~ 35` | a range |
| `36 (54%)`, `(~0%)` | a count and its share of the device |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from dse.errors import ReportError
from dse.reports.records import Span

LIMIT = 2**40
UNSET = 2**32 - 1
MAX_CHARACTERS = 64 * 2**20

_UNKNOWN = frozenset({"", "-", "?", "undef", "na", "n/a", "none", "inf", "infinite", "unknown"})
_INTEGER = re.compile(r"[0-9]{1,20}")
_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,12})?")
_SIGNED = re.compile(r"[-+]?[0-9]{1,20}(?:\.[0-9]{1,12})?")
_NANOSECONDS = {"": 1.0, "ps": 1e-3, "ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9, "sec": 1e9}
_PERIOD = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,12})?)\s*([a-z]{0,3})")
_SHARE = re.compile(r"\(\s{0,9}[~<]?[0-9.]{0,20}\s{0,9}%\s{0,9}\)")
_BORDER = re.compile(r"\+(?:-+\+)+")
_VERSION = re.compile(r"[0-9]{4}\.[0-9](?:\.[0-9])?")
_DATE = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) +([0-9]{1,2}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) (?:[A-Z+\-0-9]{1,6} )?([0-9]{4})")
_CONFLICT = re.compile(r"^(?:<{7} |>{7} |={7}$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Where:
    """The place that is being read, for messages."""

    file: str
    section: str = ""
    line: int | None = None

    def error(self, message: str) -> ReportError:
        """Return the error to raise for something wrong at this place."""
        return ReportError(message, file=self.file, section=self.section, line=self.line)

    def at(self, section: str, line: int | None = None) -> Where:
        """Return a place in the same file."""
        return Where(self.file, section, line)


def is_unknown(text: str) -> bool:
    """Whether a cell says that the tool does not know."""
    return text.strip().lower() in _UNKNOWN


def count(text: str, where: Where, *, dash: float | None = 0) -> float | None:
    """Return a number of primitives; a share in brackets behind it is dropped.

    Args:
        dash: what a lone `-` means: none used (0) in a table of resources.

    >>> count("36 (54%)", Where("x")), count("-", Where("x")), count("60.5", Where("x")), count("undef", Where("x"))
    (36, 0, 60.5, None)
    """
    cell, bracket, share = text.strip().partition("(")
    cell = cell.strip()
    if bracket and _SHARE.fullmatch(bracket + share) is None:
        raise where.error(f"got {text[:60]!r}, expected a number of primitives")
    if cell == "-":
        return dash
    if is_unknown(cell):
        return None
    if _NUMBER.fullmatch(cell) is None:
        raise where.error(f"got {cell[:60]!r}, expected a number of primitives")
    number = float(cell)
    if number >= LIMIT:
        raise where.error(f"got {cell}, expected less than 2^40")
    return int(number) if number.is_integer() else number


def cycles(text: str, where: Where) -> int | None:
    """Return a number of clock cycles, None where it is undefined or unset.

    >>> cycles(" 58 ", Where("x")), cycles("undef", Where("x")), cycles("4294967295", Where("x"))
    (58, None, None)
    """
    cell = text.strip()
    if is_unknown(cell):
        return None
    if _INTEGER.fullmatch(cell) is None:
        raise where.error(f"got {cell[:60]!r}, expected a number of clock cycles")
    number = int(cell)
    if number == UNSET:
        return None
    if number >= LIMIT:
        raise where.error(f"got {cell}, expected less than 2^40")
    return number


def span(text: str, where: Where) -> Span:
    """Return one number of cycles or a range.

    >>> span("0 ~ 35", Where("x")), span("7", Where("x"))
    (Span(minimum=0, maximum=35), Span(minimum=7, maximum=7))
    """
    parts = text.split("~")
    if len(parts) == 1:
        number = cycles(text, where)
        return Span(number, number)
    if len(parts) != 2:
        raise where.error(f"got {text[:60]!r}, expected a number of cycles or a range")
    return Span(cycles(parts[0], where), cycles(parts[1], where))


def nanoseconds(text: str, where: Where) -> float | None:
    """Return a period in nanoseconds; a bare number is in nanoseconds.

    >>> nanoseconds("5.00 ns", Where("x")), nanoseconds("3.245 us", Where("x")), nanoseconds("?", Where("x"))
    (5.0, 3245.0, None)
    """
    cell = text.strip().lower()
    if is_unknown(cell):
        return None
    match = _PERIOD.fullmatch(cell)
    if match is None or match[2] not in _NANOSECONDS:
        raise where.error(f"got {cell[:60]!r}, expected a time")
    number = float(match[1])
    if number >= LIMIT:
        raise where.error(f"got {cell[:60]}, expected less than 2^40")
    return number if _NANOSECONDS[match[2]] == 1.0 else round(number * _NANOSECONDS[match[2]], 6)


def signed_nanoseconds(text: str, where: Where) -> float | None:
    """Return a slack in nanoseconds, which may be negative.

    >>> signed_nanoseconds("-0.87", Where("x"))
    -0.87
    """
    cell = text.strip().lower().removesuffix("ns").strip()
    if is_unknown(cell):
        return None
    if _SIGNED.fullmatch(cell) is None or abs(float(cell)) >= LIMIT:
        raise where.error(f"got {cell[:60]!r}, expected a slack in ns")
    return float(cell)


def version_in(text: str) -> str:
    """Return the first tool version in a line, "" if there is none.

    >>> version_in("2023.2 (Build 4023990 on Oct 11 2023)")
    '2023.2'
    """
    match = _VERSION.search(text)
    return match[0] if match else ""


def date_of(text: str) -> datetime | None:
    """Return the time in a line like `Sun Mar 19 07:48:36 2023`, None if there is none; zones are dropped.

    >>> date_of("Wed Feb 24 13:15:48 CST 2021")
    datetime.datetime(2021, 2, 24, 13, 15, 48)
    """
    match = _DATE.search(text)
    if match is None:
        return None
    try:
        month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"].index(match[1]) + 1
        return datetime(int(match[6]), month, int(match[2]), int(match[3]), int(match[4]), int(match[5]))
    except ValueError:
        return None


def lines_of(text: str, file: str) -> list[str]:
    """Split a report into lines; CR LF and LF both end one, and a byte-order mark is dropped.

    Raises:
        ReportError: for a text that is too long or holds merge-conflict markers.
    """
    if len(text) > MAX_CHARACTERS:
        raise ReportError(f"{len(text)} characters, expected at most {MAX_CHARACTERS}", file=file)
    if "<<<<<<< " in text and _CONFLICT.search(text):
        raise ReportError("holds merge-conflict markers. Restore one of the two versions.", file=file)
    return [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]


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
