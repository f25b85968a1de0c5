"""Typed access to a layer's settings, with messages that say which layer and which key."""

from __future__ import annotations

from dse.errors import NetworkError
from dse.networks.graph import Node

Shape = tuple[int, ...]

MAXIMUM_SIZE = 2**31
MAXIMUM_ELEMENTS = 2**40


def problem(node: Node, key: str, got: object, expected: str) -> NetworkError:
    """Return the error for a setting that is not what it should be."""
    return NetworkError(f"{node.where}: {key} is {str(got)[:60]}, expected {expected}")


def whole(node: Node, key: str, default: int | None = None, *, minimum: int = 1) -> int:
    """Return a whole number; a list of one counts as its member."""
    got = node.config.get(key, default)
    got = got[0] if isinstance(got, list) and len(got) == 1 else got
    if isinstance(got, bool) or not isinstance(got, int) or not minimum <= got <= MAXIMUM_SIZE:
        raise problem(node, key, got, f"a whole number from {minimum}")
    return got


def wholes(node: Node, key: str, n: int, default: int | None = None, *, minimum: int = 1) -> Shape:
    """Return n whole numbers; a single one stands for all."""
    got = node.config.get(key)
    got = default if got is None else got
    parts = got if isinstance(got, list) else [got] * n
    sound = all(isinstance(part, int) and not isinstance(part, bool) and minimum <= part <= MAXIMUM_SIZE for part in parts)
    if len(parts) != n or not sound:
        raise problem(node, key, got, f"{n} whole numbers from {minimum}")
    return tuple(parts)


def flag(node: Node, key: str, default: bool) -> bool:
    """Return a truth value."""
    got = node.config.get(key, default)
    if not isinstance(got, bool):
        raise problem(node, key, got, "true or false")
    return got


def number(node: Node, key: str, default: float) -> float:
    """Return a finite number; a list of one counts as its member, null as the default."""
    got = node.config.get(key, default)
    got = got[0] if isinstance(got, list) and len(got) == 1 else got
    got = default if got is None else got
    if isinstance(got, bool) or not isinstance(got, int | float) or not abs(got) < 1e30:
        raise problem(node, key, got, "a number")
    return float(got)


def text(node: Node, key: str, default: str, choices: tuple[str, ...]) -> str:
    """Return one of some words."""
    got = node.config.get(key, default)
    if got not in choices:
        raise problem(node, key, got, f"one of {', '.join(choices)}")
    return str(got)


def shape_of(node: Node, key: str, got: object) -> Shape:
    """Return a shape without its batch from a list that begins with it.

    Raises:
        NetworkError: a size is unknown (null) or none at all: hls4ml needs all of them.
    """
    if isinstance(got, list) and len(got) == 1 and isinstance(got[0], list):
        got = got[0]
    if not isinstance(got, list) or len(got) < 2:
        raise problem(node, key, got, "a shape with its batch, e.g. [null, 16]")
    sizes = got[1:]
    if not all(isinstance(size, int) and not isinstance(size, bool) and 1 <= size <= MAXIMUM_SIZE for size in sizes):
        raise problem(node, key, got, "whole numbers after the batch (hls4ml needs fixed sizes)")
    return tuple(sizes)
