"""Reads a network file: Keras 2 and 3 `.json`, `.h5`, `.keras`, or our own `.toml`, without importing Keras or running any of it.

Files are read with caps on size, depth and expansion, because a network often comes from somebody else.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path

from dse.design import Layer, Network
from dse.errors import NetworkError, SpecError
from dse.layers._keras import Node, Shape
from dse.networks import archive
from dse.networks.archive import NO_WEIGHTS, Matrix, Weights
from dse.networks.build import build
from dse.networks.graph import flatten, refuse_code
from dse.networks.table import folded, network_from_tables, structure_digest
from dse.registry import layer_kind

SUFFIXES = (".json", ".h5", ".hdf5", ".keras", ".toml")
MAXIMUM_BYTES = {".json": 64 * 2**20, ".toml": 2**20, ".h5": 2 * 2**30, ".hdf5": 2 * 2**30, ".keras": 2 * 2**30}


def read_network(path: Path, *, allow_code: bool = False) -> Network:
    """Return the network that a file describes, named after the file (a `.toml` may say `name`).

    The digest covers structure and, for `.h5` and `.keras`, the values of all weights; layers with a matrix then have the attribute
    `has_weights` set to true. A `.json` or `.toml` has no weights, so its digest covers structure alone.

    Args:
        path: the file; its suffix says the format.
        allow_code: read Lambda, custom and foreign layers too (as kind `custom`, where the file says what they put out). Nothing
            is run here even then.

    Raises:
        NetworkError: the file is missing, broken, too large, hostile, or holds what hls4ml does not build; says where.
    """
    where = path.name
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise NetworkError(f"{where}: cannot read {suffix or 'a file without a suffix'}, expected one of {', '.join(SUFFIXES)}")
    _check_file(path, MAXIMUM_BYTES[suffix])
    try:
        if suffix == ".toml":
            return _from_toml(path)
        document, weights = _keras_document(path, suffix)
        return network_from_keras(document, path.stem, where, weights=weights, allow_code=allow_code)
    except NetworkError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, OSError) as error:
        # The formats have no schema, so whatever an odd file trips over is the file's fault, never a stack trace for the user.
        raise NetworkError(f"{where}: not a network file as expected ({type(error).__name__}: {str(error)[:100]})") from error


def network_from_keras(
    document: object, name: str, where: str, *, weights: Weights = NO_WEIGHTS, allow_code: bool = False
) -> Network:
    """Return the network of a parsed Keras configuration; `weights` is what is known of its weights.

    Raises:
        NetworkError: as `read_network`.
    """
    if not allow_code:
        refuse_code(document, where)
    layers = _layers(flatten(document, where), allow_code)
    if weights.digest:
        layers = _with_counts([_with_weights(layer) for layer in layers], weights.matrices)
    _check_names(layers, where)
    if not any(layer_kind(layer.kind).matrices(layer) for layer in layers):
        raise NetworkError(f"{where}: no layer has weights, so there is nothing to choose")
    try:
        return Network(name, tuple(layers), structure_digest(layers, weights.digest))
    except SpecError as error:
        raise NetworkError(f"{where}: {error}") from error


def _layers(nodes: Sequence[Node], allow_code: bool) -> list[Layer]:
    """Build all nodes in order, passing shapes on; a node that became two layers is read by the name of the second."""
    shapes: dict[str, Shape] = {}
    outputs: dict[str, str] = {}
    layers: list[Layer] = []
    for node in nodes:
        if node.name in shapes:
            raise NetworkError(f"{node.where}: layer name {node.name!r} is used more than once. Rename one of them.")
        read = tuple(shapes[source] for source in node.inputs)
        renamed = replace(node, inputs=tuple(outputs[source] for source in node.inputs))
        made = build(renamed, read, allow_code=allow_code)
        layers.extend(made)
        shapes[node.name], outputs[node.name] = made[-1].output_shape, made[-1].name
    return folded(layers)


def _with_weights(layer: Layer) -> Layer:
    if not layer_kind(layer.kind).matrices(layer):
        return layer
    return replace(layer, attributes=tuple(sorted((*layer.attributes, ("has_weights", True)))))


def _with_counts(layers: Sequence[Layer], matrices: Sequence[Matrix]) -> list[Layer]:
    """Return the layers with `n_nonzero` where the file's matrices tell it.

    Keras 2 names a matrix by its layer; Keras 3 by class and number, in the order of the layers, so there the first matrix of the right
    size that no earlier layer has taken is a layer's. A layer whose matrices are not all there stays uncounted.
    """
    left = sorted(matrices, key=lambda matrix: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", matrix[0])])
    counted = []
    for layer in layers:
        own = []
        for rows, columns in layer_kind(layer.kind).matrices(layer):
            fitting = [matrix for matrix in left if prod(matrix[1]) == rows * columns]
            named = [matrix for matrix in fitting if layer.name in matrix[0].split("/")]
            if fitting:
                own.append((named or fitting)[0])
                left.remove(own[-1])
        is_whole = own and len(own) == len(layer_kind(layer.kind).matrices(layer))
        counts = tuple(map(sum, zip(*(matrix[2] for matrix in own), strict=True))) if is_whole else None
        counted.append(replace(layer, n_nonzero=counts))
    return counted


def _check_names(layers: Sequence[Layer], where: str) -> None:
    """Refuse names that hls4ml takes for the same one: it looks up settings by name in lower case."""
    seen: dict[str, str] = {}
    for layer in layers:
        other = seen.setdefault(layer.name.lower(), layer.name)
        if other != layer.name:
            raise NetworkError(f"{where}: layer names {other!r} and {layer.name!r} are the same to hls4ml. Rename one of them.")


def _check_file(path: Path, maximum: int) -> None:
    try:
        if not path.is_file():
            raise NetworkError(f"{path.name}: no such file. Check the path.")
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise NetworkError(f"{path.name}: cannot be read ({error})") from error
    if size > maximum:
        raise NetworkError(f"{path.name}: {size} bytes, expected at most {maximum}")
    if size == 0:
        raise NetworkError(f"{path.name}: the file is empty")


def _from_toml(path: Path) -> Network:
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NetworkError(f"{path.name}: not TOML ({error})") from error
    many = document.get("network")
    if many is not None and "layer" not in document:
        if not isinstance(many, list) or len(many) != 1 or not isinstance(many[0], dict):
            raise NetworkError(f"{path.name}: holds several networks, expected one (name and [[layer]])")
        document = many[0]
    unknown = sorted(set(document) - {"name", "layer"})
    if unknown:
        raise NetworkError(f"{path.name}: unknown key {unknown[0]!r}, expected name and [[layer]]")
    name, tables = document.get("name", path.stem), document.get("layer", [])
    if not isinstance(name, str) or not isinstance(tables, list):
        raise NetworkError(f"{path.name}: expected name as text and [[layer]] tables")
    network = network_from_tables(name, tables, path.name)
    _check_names(network.layers, path.name)
    return network


def _keras_document(path: Path, suffix: str) -> tuple[object, Weights]:
    """Return the configuration and the weights."""
    if suffix == ".json":
        data, weights = path.read_bytes(), NO_WEIGHTS
    else:
        data, weights = archive.read_keras_zip(path) if suffix == ".keras" else archive.read_hdf5(path)
    return _parse_json(data, path.name), weights


def _parse_json(data: bytes, where: str) -> object:
    try:
        return json.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise NetworkError(f"{where}: not JSON ({str(error)[:100]})") from error
