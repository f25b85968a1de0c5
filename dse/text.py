"""The way out for text. Files and tools of others are read as they are; what leaves `dse` goes through one of three borders.

The terminal shows `printable` text (`dse.view.terminal`), pages escape it in their templates, and JSON escapes without loss (`json_text`).
What must not get out are characters that steer whoever shows them: control characters, which a terminal obeys; marks that turn the
writing direction, so that a line reads otherwise than it is; and code points that are no text, which nothing can encode.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from typing import Any

# C0 and C1 but newline and tab; line and paragraph separator; direction marks, embeddings, overrides and isolates; surrogates, non-characters
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes a cell for that begins so


def printable(text: str) -> str:
    """Return text in which every character that steers is replaced by U+FFFD; newline and tab stay.

    >>> printable("a\\x1b[2J\\u202eb\\n")
    'a�[2J�b\\n'
    """
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str, most: int = 400) -> str:
    """Return printable text on one line, cut to `most` characters.

    >>> one_line("a\\x1b]52;c;x\\x07b\\nc")
    'a�]52;c;x�b c'
    """
    shown = printable(text.replace("\n", " ").replace("\t", " "))
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def json_text(document: Any, *, indent: int | None = None) -> str:
    r"""Return a document as JSON that may be shown: what steers is escaped, so it reads back as it was.

    Raises:
        ValueError: a number is not finite.

    >>> json_text({"name": "a\u202eb é"})
    '{"name": "a\\u202eb é"}'
    """
    text = json.dumps(document, indent=indent, ensure_ascii=False, allow_nan=False)
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as CSV (RFC 4180, UTF-8, newlines): None is an empty field, truth is true or false, and no text is a formula.

    >>> csv_text([("a", "b"), ("=cmd", -1.0), (None, True)])
    "a,b\\n'=cmd,-1\\n,true\\n"
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return printable(f"'{value}" if value.startswith(_FORMULA) else value)
    return int(value) if isinstance(value, float) and value.is_integer() else value
