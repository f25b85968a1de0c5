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
from dataclasses import dataclass
from datetime import datetime

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
