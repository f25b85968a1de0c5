"""What the readers of TOML layers share: typed access to a table's keys, and the sizes that a table says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dse.design import Attribute
from dse.errors import NetworkError

MAXIMUM_SIZE = 2**31
POSITIONS = ("positions", "n_positions")

Table = Mapping[str, object]


class Sizes(NamedTuple):
    """A layer's sizes (see `Layer`) and what its table says beside them."""

    n_in: int
    n_out: int
    n_positions: int = 1
    n_state: int = 0
    output_shape: tuple[int, ...] = ()
    attributes: Mapping[str, Attribute] = {}


def rows(n_positions: int, width: int) -> tuple[int, ...]:
    """Return the shape of a tensor of so many positions; one position has no axis of its own."""
    return (width,) if n_positions == 1 else (n_positions, width)


def matrix_sizes(kind: str, table: Table) -> Sizes:
    """Read a layer with one matrix: n_in, units (or n_out), positions."""
    n_in, n_out, positions = one(table, ("n_in",)), one(table, ("units", "n_out")), one(table, POSITIONS, 1)
    return Sizes(n_in, n_out, positions, 0, rows(positions, n_out))


def weightless_sizes(kind: str, table: Table) -> Sizes:
    """Read a layer without weights: channels (or n_in), n_out, positions, pool, stride."""
    n_in, positions = one(table, ("channels", "n_in")), one(table, POSITIONS, 1)
    n_out = one(table, ("n_out",), n_in)
    given: dict[str, Attribute] = {key: one(table, (key,)) for key in ("pool", "stride") if key in table}
    return Sizes(n_in, n_out, positions, 0, rows(positions, n_out), given)


def one(table: Table, keys: tuple[str, ...], default: int | None = None) -> int:
    """Return the whole number that goes by one of several keys; those given must agree.

    Raises:
        NetworkError: no whole number from 1, two that contradict each other, or none and no default.
    """
    found = {key: table[key] for key in keys if key in table}
    for key, got in found.items():
        if not is_whole(got):
            raise NetworkError(f"{key} is {str(got)[:60]!r}, expected a whole number from 1")
    if len(set(found.values())) > 1:
        raise NetworkError(" and ".join(f"{key} = {got}" for key, got in found.items()) + " contradict each other")
    if found:
        return int(str(next(iter(found.values()))))
    if default is None:
        raise NetworkError(f"{keys[0]} is missing" + (f" (or {', '.join(keys[1:])})" if keys[1:] else ""))
    return default


def is_whole(got: object) -> bool:
    """Whether a value is a size."""
    return isinstance(got, int) and not isinstance(got, bool) and 1 <= got <= MAXIMUM_SIZE


def text(table: Table, key: str, default: str) -> str:
    """Return a text."""
    got = table.get(key, default)
    if not isinstance(got, str):
        raise NetworkError(f"{key} is {str(got)[:60]}, expected text")
    return got


def flag(table: Table, key: str, default: bool) -> bool:
    """Return a truth value."""
    got = table.get(key, default)
    if not isinstance(got, bool):
        raise NetworkError(f"{key} is {str(got)[:60]}, expected true or false")
    return got


def names(table: Table, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return a list of layer names."""
    got = table.get(key)
    if got is None:
        return default
    if not isinstance(got, list) or not all(isinstance(name, str) for name in got):
        raise NetworkError(f"{key} is {str(got)[:60]}, expected a list of layer names")
    return tuple(got)
