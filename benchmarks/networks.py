"""Reads a file of networks made of layer shapes: `[[network]] name`, `[[network.layer]] kind, sizes`.

kind       sizes
dense      n_in, n_out (or units)
conv1d     channels (or n_in = kernel x channels), filters (or n_out), positions, kernel (default 3)
lstm       n_in, units (n_out = 4 x units), positions
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dse.canonical import digest
from dse.corpus import Corpus
from dse.design import Layer, LayerChoice, Network
from dse.errors import CorpusError, DseError, NetworkError

_LEAST_CHOICES = 3
_ORDER = {"conv2d": 0, "conv1d": 0, "dense": 2}

_KEYS = {"kind", "name", "n_in", "n_out", "units", "channels", "filters", "positions", "kernel"}


def read_networks(path: Path) -> tuple[Network, ...]:
    """Return the networks of a file, in its order.

    Raises:
        NetworkError: the file is missing, no TOML, or a layer lacks a size.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NetworkError(f"{path}: cannot be read ({error}); expected a TOML file with [[network]] tables") from error
    tables = document.get("network")
    if not isinstance(tables, list) or not tables:
        raise NetworkError(f"{path}: no [[network]]; expected at least one with [[network.layer]] tables")
    return tuple(_network(table, f"{path}: network {number}") for number, table in enumerate(tables, 1))


def make_network(name: str, layers: tuple[Layer, ...], salt: int = 0) -> Network:
    """Return a network without weights; `salt` makes another identity of the same structure."""
    return Network(name, layers, digest((name, layers, salt)))


def draw_networks(corpus: Corpus, count: int, seed: int = 0) -> tuple[Network, ...]:
    """Return networks of 5 to 12 layers drawn at random from the shapes of a corpus that have at least three recorded choices.

    Convolutions come first, then recurrent layers, then dense ones, as in real networks; sizes need not fit each other, since recorded
    layers compose anyhow.

    Raises:
        CorpusError: no shape has three recorded choices.
    """
    choices: dict[Layer, set[LayerChoice]] = {}
    for record in corpus.layers:
        choices.setdefault(replace(record.layer, name=record.layer.kind, inputs=()), set()).add(record.choice)
    shapes = {layer.shape: layer for layer, known in choices.items() if len(known) >= _LEAST_CHOICES}
    if not shapes:
        raise CorpusError(f"corpus {corpus.name}: no layer shape has {_LEAST_CHOICES} recorded choices")
    menu, rng = [shapes[shape] for shape in sorted(shapes)], np.random.default_rng(seed)
    kinds = sorted({layer.kind for layer in menu}, key=lambda kind: (_ORDER.get(kind, 1), kind))
    networks = []
    for number in range(1, count + 1):
        wanted = sorted((kinds[int(i)] for i in rng.integers(0, len(kinds), int(rng.integers(5, 13)))), key=kinds.index)
        layers = []
        for place, kind in enumerate(wanted, 1):
            own = [layer for layer in menu if layer.kind == kind]
            layers.append(replace(own[int(rng.integers(len(own)))], name=f"{kind}_{place}"))
        networks.append(make_network(f"random_{number}", tuple(layers)))
    return tuple(networks)


def _network(table: Any, where: str) -> Network:
    if not isinstance(table, dict) or not isinstance(table.get("layer"), list) or not table["layer"]:
        raise NetworkError(f"{where}: no [[network.layer]]; expected one table per layer")
    name = table.get("name")
    if not isinstance(name, str) or not name:
        raise NetworkError(f"{where}: name is {name!r}, expected a text")
    layers = tuple(_layer(entry, number, f"{where} ({name}), layer {number}") for number, entry in enumerate(table["layer"], 1))
    try:
        return make_network(name, layers)
    except DseError as error:
        raise NetworkError(f"{where}: {error}") from error


def _layer(entry: Any, number: int, where: str) -> Layer:
    if not isinstance(entry, dict) or (unknown := sorted(set(entry) - _KEYS)):
        got = unknown[0] if isinstance(entry, dict) else repr(entry)
        raise NetworkError(f"{where}: got {got}, expected some of {', '.join(sorted(_KEYS))}")
    kind = entry.get("kind")
    name = str(entry.get("name", f"{kind}_{number}"))
    positions = _size(entry, ("positions",), where, 1)
    match kind:
        case "dense":
            n_out = _size(entry, ("n_out", "units"), where)
            return Layer(name, "dense", _size(entry, ("n_in",), where), n_out, positions, output_shape=(n_out,))
        case "conv1d":
            kernel = _size(entry, ("kernel",), where, 3)
            rows = kernel * _size(entry, ("channels",), where) if "channels" in entry else _size(entry, ("n_in",), where)
            filters = _size(entry, ("filters", "n_out"), where)
            attributes = (("kernel", kernel), ("padding", "same"), ("stride", 1))
            return Layer(name, "conv1d", rows, filters, positions, output_shape=(positions, filters), attributes=attributes)
        case "lstm":
            units = _size(entry, ("units",), where) if "units" in entry else _size(entry, ("n_out",), where) // 4
            return Layer(name, "lstm", _size(entry, ("n_in",), where), 4 * units, positions, n_state=units)
    raise NetworkError(f"{where}: kind is {kind!r}, expected dense, conv1d or lstm")


def _size(entry: dict[str, Any], keys: tuple[str, ...], where: str, default: int | None = None) -> int:
    value = next((entry[key] for key in keys if key in entry), default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise NetworkError(f"{where}: {' or '.join(keys)} is {value!r}, expected a whole number from 1")
    return value
