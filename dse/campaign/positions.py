"""Where a key or value stands in a TOML file, so that a message can point at it.

`tomllib` gives places for syntax errors only. This scanner is run after tomllib accepted the text, so it may assume valid TOML; it
knows tables, arrays of tables, dotted and quoted keys, multi-line strings and arrays, and nothing of values beyond where they end.
Inline tables are not entered: their keys get the place of the whole value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]

_HEADER = re.compile(r"[ \t]*(\[\[?)[ \t]*(?P<keys>[^\]\n]*?)[ \t]*\]\]?")
_KEY_PART = re.compile(r"""[ \t]*(?:"(?P<basic>(?:[^"\\]|\\.)*)"|'(?P<literal>[^']*)'|(?P<bare>[A-Za-z0-9_-]+))[ \t]*""")
_STRINGS = re.compile(r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column of a key and of its value, counted from 1, and their lengths in characters."""

    line: int
    key_column: int
    key_length: int
    value_line: int
    value_column: int
    value_length: int


def find_places(text: str) -> dict[KeyPath, Place]:
    """Return the place of every table header and key of a valid TOML text, by its full path.

    >>> find_places('[a]\\nb = 3\\n')[("a", "b")].line
    2
    """
    places: dict[KeyPath, Place] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    offset = 0
    while offset < len(text):
        end = text.find("\n", offset)
        end = len(text) if end < 0 else end
        stripped = text[offset:end].strip()
        if not stripped or stripped.startswith("#"):
            offset = end + 1
            continue
        if stripped.startswith("["):
            table = _enter(text, offset, counts, places)
            offset = end + 1
            continue
        keys, after = _keys(text, offset)
        value_start = after + 1 + len(text[after + 1 :]) - len(text[after + 1 :].lstrip(" \t"))
        value_end = _value_end(text, value_start)
        places[(*table, *keys)] = _place(text, offset, after, value_start, value_end)
        newline = text.find("\n", value_end)
        offset = len(text) if newline < 0 else newline + 1
    return places


def _enter(text: str, offset: int, counts: dict[KeyPath, int], places: dict[KeyPath, Place]) -> KeyPath:
    match = _HEADER.match(text, offset)
    if match is None:
        return ()
    names, _ = _keys(match["keys"], 0)
    path: KeyPath = ()
    for name in names[:-1]:
        path = (*path, name)
        if path in counts:  # the newest element of an array of tables
            path = (*path, counts[path] - 1)
    path = (*path, names[-1])
    if match[1] == "[[":
        counts[path] = counts.get(path, 0) + 1
        path = (*path, counts[path] - 1)
    start = match.start(1)
    places[path] = _place(text, start, match.end(), start, match.end())
    return path


def _keys(text: str, offset: int) -> tuple[tuple[str, ...], int]:
    names: list[str] = []
    while True:
        match = _KEY_PART.match(text, offset)
        if match is None:
            return tuple(names) or ("",), offset
        names.append(next(group for group in match.groups() if group is not None))
        offset = match.end()
        if text[offset : offset + 1] != ".":
            return tuple(names), offset
        offset += 1


def _value_end(text: str, offset: int) -> int:
    depth = 0
    last = offset
    while offset < len(text):
        string = _STRINGS.match(text, offset)
        if string:
            offset = last = string.end()
            continue
        char = text[offset]
        if char == "#":
            newline = text.find("\n", offset)
            offset = len(text) if newline < 0 else newline
            continue
        if char == "\n" and depth == 0:
            break
        depth += (char in "[{") - (char in "]}")
        offset += 1
        if not char.isspace():
            last = offset
    return last


def _place(text: str, key_start: int, key_end: int, value_start: int, value_end: int) -> Place:
    key_start += len(text[key_start:key_end]) - len(text[key_start:key_end].lstrip())
    key_length = len(text[key_start:key_end].rstrip())
    first_line = text[value_start:value_end].split("\n", 1)[0]
    line, column = _line_column(text, key_start)
    value_line, value_column = _line_column(text, value_start)
    return Place(line, column, key_length, value_line, value_column, max(1, len(first_line)))


def _line_column(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1
