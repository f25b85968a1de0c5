"""Finds what is on offer in a room: one module per file, checked against the room's contract when it is loaded.

A file's name is its kind; only `layers` has modules that know several kinds (`KINDS`). Other packages offer theirs by an entry
point in the group `dse.<room>`, named after the kind and pointing to a module.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType, ModuleType
from typing import cast

from dse.errors import DseError, NetworkError, SpecError
from dse.layers._keras import Builder
from dse.layers._kind import LayerKind

CONTRACTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "synth_backends": ("Options", "create"),
        "surrogates": ("Options", "create"),
        "search": ("Options", "create"),
        "layers": ("KINDS",),
        "corpus": ("FORMAT", "HOW_TO_GET", "is_readable", "read"),
    }
)


def kinds(room: str) -> tuple[str, ...]:
    """Return the kinds of a room, in alphabetical order, without importing any of them (`layers`: its modules).

    Raises:
        DseError: two packages offer the same kind.
    """
    return tuple(sorted(_origins(room)))


@cache
def load(room: str, kind: str) -> ModuleType:
    """Import the module of a kind.

    Raises:
        SpecError: there is no such kind; names those there are.
        DseError: the module lacks a name that the room's contract asks for.
    """
    origins = _origins(room)
    if kind not in origins:
        raise SpecError(f"{room}: unknown kind {kind!r}, expected one of {', '.join(sorted(origins))}")
    origin = origins[kind]
    module = import_module(origin) if isinstance(origin, str) else origin.load()
    missing = [name for name in CONTRACTS[room] if not hasattr(module, name)]
    if missing:
        raise DseError(f"{room}: module {getattr(module, '__name__', origin)} lacks {', '.join(missing)}")
    return cast(ModuleType, module)


def layer_kind(kind: str) -> LayerKind:
    """Return what is known of a kind of layer.

    Raises:
        NetworkError: no module knows it.
        DseError: two modules claim the same kind.
    """
    found = _layer_kinds().get(kind)
    if found is None:
        raise NetworkError(f"unknown layer kind {kind!r}, expected one of {', '.join(layer_kinds())}")
    return found


def layer_kinds() -> tuple[str, ...]:
    """Return all kinds of layers, in alphabetical order."""
    return tuple(sorted(_layer_kinds()))


@cache
def keras_classes() -> Mapping[str, Builder]:
    """Return what reads each class of Keras layers.

    Raises:
        DseError: two modules read the same class.
    """
    found: dict[str, Builder] = {}
    for kind in {id(kind): kind for kind in _layer_kinds().values()}.values():
        for name, builder in kind.keras.items():
            if name in found:
                raise DseError(f"layers: two modules read the Keras class {name!r}; remove one of the packages")
            found[name] = builder
    return MappingProxyType(found)


@cache
def _layer_kinds() -> Mapping[str, LayerKind]:
    found: dict[str, LayerKind] = {}
    for name in kinds("layers"):
        module = LayerKind.of(load("layers", name))
        for kind in module.kinds:
            if kind in found:
                raise DseError(f"layers: two modules claim the kind {kind!r}; remove one of the packages")
            found[kind] = module
    return MappingProxyType(found)


@cache
def _offered() -> tuple[EntryPoint, ...]:
    """Return what other packages offer to all rooms. Looking for it opens a file of every installed package, so it is done once."""
    installed = entry_points()
    return tuple(point for room in CONTRACTS for point in installed.select(group=f"dse.{room}"))


def _origins(room: str) -> dict[str, str | EntryPoint]:
    """Return kind -> dotted module name (our own) or entry point (an outsider's)."""
    if room not in CONTRACTS:
        raise DseError(f"no room {room!r}, expected one of {', '.join(CONTRACTS)}")
    package = import_module(f"dse.{room}")
    own = (info.name for info in pkgutil.iter_modules(package.__path__))
    found: dict[str, str | EntryPoint] = {name: f"dse.{room}.{name}" for name in own if name != "base" and not name.startswith("_")}
    for point in (point for point in _offered() if point.group == f"dse.{room}"):
        if point.name in found:
            raise DseError(
                f"{room}: the kind {point.name!r} is offered twice, again by {point.value!r}; remove one of the packages"
            )
        found[point.name] = point
    return found
