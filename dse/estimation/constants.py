"""The fitted constants (`constants.toml`): per metric what each term costs, and the regimes that they were fitted in."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from dse.canonical import digest
from dse.layers._circuit import Terms

Constants = Mapping[str, Mapping[str, float]]  # by table: `lut`, `ff`, `latency_cycles` (io_stream), `parallel.lut`, `parallel.ff`

VERSION = 2  # raise it when a formula changes, so that no cached estimate outlives it

_TABLES = ("lut", "ff", "latency_cycles", "parallel.lut", "parallel.ff")
_instead: ContextVar[Constants | None] = ContextVar("instead", default=None)


@cache
def committed() -> Mapping[str, Any]:
    """Return all of `constants.toml`."""
    return MappingProxyType(tomllib.loads(files("dse.estimation").joinpath("constants.toml").read_text(encoding="utf-8")))


def table(name: str) -> Mapping[str, float]:
    """Return the constants of one table."""
    instead = _instead.get()
    if instead is not None and name in instead:
        return instead[name]
    found: Any = committed()
    for part in name.split("."):
        found = found[part]
    return MappingProxyType(found)


@contextmanager
def replaced(constants: Constants) -> Iterator[None]:
    """Estimate with other constants for a while: for fits, which leave shapes out."""
    token = _instead.set(constants)
    try:
        yield
    finally:
        _instead.reset(token)


@cache
def basis() -> str:
    """Return the digest of the constants and the formulas' version: `Job.basis` of every estimate."""
    numbers = tuple(
        (name, tuple((term, cost) for term, cost in sorted(table(name).items()) if isinstance(cost, float))) for name in _TABLES
    )
    return digest(("estimate", VERSION, numbers))


def fitting() -> Mapping[str, Any]:
    """Return what the constants were fitted on: `corpus` (its digest), `n_circuits`, `n_shapes`."""
    return MappingProxyType(dict(committed()["fitted_on"]))


def predict(name: str, offset: float, terms: Terms) -> float:
    """Return offset + sum of constant x term, with the constants of a table.

    >>> with replaced({"lut": {"output": 10.0}}):
    ...     predict("lut", 1.0, {"output": 2.0})
    21.0
    """
    own = table(name)
    return offset + sum(own.get(term, 0.0) * count for term, count in terms.items())
