"""Value -> canonical bytes -> digest.

Every part is written with its type tag and its length, so that ("a", "bc") and ("ab", "c") differ, and floats by their
shortest repr, so that a digest is the same on every machine. `VERSION` comes first: a change of the rule changes all digests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import Field, fields, is_dataclass
from enum import Enum
from typing import Any

VERSION = "dse-1"


def encode(value: object) -> bytes:
    """Return the canonical bytes of a value built of scalars, tuples, enums and dataclasses.

    Raises:
        TypeError: for any other type; a value without one meaning must not get into a key.
    """
    match value:
        case None:
            return _part(b"n", b"")
        case Enum():
            return encode(value.value)
        case bool():
            return _part(b"b", b"1" if value else b"0")
        case int():
            return _part(b"i", str(value).encode())
        case float():
            return _part(b"f", repr(value).encode())
        case str():
            return _part(b"s", value.encode())
        case bytes():
            return _part(b"y", value)
        case tuple():
            return _part(b"t", b"".join(encode(item) for item in value))
    if is_dataclass(value) and not isinstance(value, type):
        members = (part for field in fields(value) if _counts(value, field) for part in (field.name, getattr(value, field.name)))
        return _part(b"d", _join(type(value).__name__, members))
    raise TypeError(f"no canonical form for {type(value).__name__}")


def digest(value: object) -> str:
    """Return the SHA-256 of a value as 64 hexadecimal digits.

    >>> digest((1, "a")) == digest((1, "a")), digest(("a", "bc")) == digest(("ab", "c"))
    (True, False)
    """
    return hashlib.sha256(encode((VERSION, encode(value)))).hexdigest()


# What a field's metadata may say of keys: a field that came later counts only where it says something, so that the keys of all
# questions that do not use it stay what they were; and what is derived from something that counts already does not count again.
COUNTS_IF_SAID = {"counts": "if said"}
NEVER_COUNTS = {"counts": "never"}


def _counts(value: Any, field: Field[Any]) -> bool:
    rule = field.metadata.get("counts", "always")
    return rule == "always" or (rule == "if said" and bool(getattr(value, field.name) != field.default))


def _join(name: str, members: Iterable[object]) -> bytes:
    return encode(name) + b"".join(encode(member) for member in members)


def _part(tag: bytes, body: bytes) -> bytes:
    return tag + str(len(body)).encode() + b":" + body
