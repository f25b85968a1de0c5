"""Keras archives: the configuration inside, and a digest over all weights. The only importer of h5py.

HDF5 can point outside the file (external links, external storage, virtual datasets) and declare arrays far larger than the file;
a zip can expand without bound. All of that is refused before a byte of it is read.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from dse.errors import NetworkError

MAXIMUM_CONFIG_BYTES = 64 * 2**20
MAXIMUM_WEIGHTS_BYTES = 2 * 2**30
MAXIMUM_MEMBERS = 1000
MAXIMUM_OBJECTS = 100_000
MAXIMUM_RATIO = 200
_SLICE_BYTES = 16 * 2**20
_TRAINING = ("optimizer", "optimizer_weights", "_optimizer", "metrics", "loss_tracker")


def read_keras_zip(path: Path) -> tuple[object, str]:
    """Return (configuration, digest of the weights) of a Keras 3 `.keras` archive.

    Raises:
        NetworkError: no such archive, or one that expands beyond all measure.
    """
    from dse.networks.read import parse_json

    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if len(members) > MAXIMUM_MEMBERS or len(set(names)) != len(names):
                raise NetworkError(f"{path.name}: too many or repeated members")
            document = parse_json(_member(archive, "config.json", MAXIMUM_CONFIG_BYTES, path.name), path.name)
            if "model.weights.h5" not in names:
                return document, ""
            data = _member(archive, "model.weights.h5", MAXIMUM_WEIGHTS_BYTES, path.name)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise NetworkError(f"{path.name}: not a Keras archive ({str(error)[:100]})") from error
    return document, _hdf5_digest(io.BytesIO(data), path.name, "")


def read_hdf5(path: Path) -> tuple[object, str]:
    """Return (configuration, digest of the weights) of a Keras 2 or 3 `.h5` file.

    Raises:
        NetworkError: no such file, one that points outside itself, or one with weights alone.
    """
    from dse.networks.read import parse_json

    with path.open("rb") as file:
        try:
            with h5py.File(file, "r") as root:
                config = root.attrs.get("model_config")
        except Exception as error:  # h5py raises whatever the C library finds; all of it means a broken file
            raise NetworkError(f"{path.name}: not an HDF5 file ({str(error)[:100]})") from error
        if config is None:
            raise NetworkError(f"{path.name}: holds weights alone (no model_config). Save the whole model, or use its .json.")
        data = config.encode("utf-8") if isinstance(config, str) else bytes(config)
        document = parse_json(data, path.name)
        return document, _hdf5_digest(file, path.name, "model_weights")


def _member(archive: zipfile.ZipFile, name: str, maximum: int, where: str) -> bytes:
    info = archive.getinfo(name) if name in archive.namelist() else None
    if info is None:
        raise NetworkError(f"{where}: no {name} inside. Is it saved by Keras 3?")
    if info.file_size > maximum or info.file_size > MAXIMUM_RATIO * max(info.compress_size, 1000):
        raise NetworkError(f"{where}: {name} expands to {info.file_size} bytes, more than is sensible")
    with archive.open(info) as stream:
        data = stream.read(maximum + 1)
    if len(data) > maximum:
        raise NetworkError(f"{where}: {name} expands to more than {maximum} bytes")
    return data


def _hdf5_digest(file: BinaryIO, where: str, group: str) -> str:
    """Return the SHA-256 over the path, type, shape and bytes of every weight, in order of path."""
    total = hashlib.sha256()
    try:
        with h5py.File(file, "r") as root:
            start = root.get(group) if group else root
            if not isinstance(start, h5py.Group):
                raise NetworkError(f"{where}: no group {group}")
            n_bytes = 0
            for path, dataset in _datasets(start, where):
                n_bytes += _check_dataset(dataset, f"{where} {path}")
                if n_bytes > MAXIMUM_WEIGHTS_BYTES:
                    raise NetworkError(f"{where}: weights of more than {MAXIMUM_WEIGHTS_BYTES} bytes")
                total.update(f"{path}\n{dataset.dtype.str}\n{dataset.shape}\n".encode())
                for part in _slices(dataset):
                    total.update(part)
    except NetworkError:
        raise
    except Exception as error:  # as above: whatever the C library finds
        raise NetworkError(f"{where}: broken HDF5 ({type(error).__name__}: {str(error)[:100]})") from error
    return total.hexdigest()


def _datasets(group: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Yield (path, dataset) in order of path, following no link that leads elsewhere."""
    stack: list[tuple[str, Any]] = [("", group)]
    found: list[tuple[str, Any]] = []
    n_objects = 0
    while stack:
        path, here = stack.pop()
        for name in here:
            n_objects += 1
            place = f"{path}/{name}"
            if n_objects > MAXIMUM_OBJECTS or place.count("/") > 100:
                raise NetworkError(f"{where}: more HDF5 objects than a network has")
            link = here.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise NetworkError(f"{where} {place}: a link that leads elsewhere; Keras writes none")
            if name in _TRAINING:
                continue
            item = here[name]
            if isinstance(item, h5py.Group):
                stack.append((place, item))
            elif isinstance(item, h5py.Dataset):
                found.append((place, item))
    yield from sorted(found, key=lambda pair: pair[0])


def _check_dataset(dataset: Any, where: str) -> int:
    """Return a dataset's size in bytes after checking that it is plain numbers, stored here."""
    if dataset.is_virtual or dataset.external:
        raise NetworkError(f"{where}: data stored outside the file; Keras writes none")
    if dataset.dtype.kind not in "fiub" or dataset.shape is None:
        raise NetworkError(f"{where}: data of type {dataset.dtype}, expected numbers")
    stored = int(dataset.id.get_storage_size())
    n_bytes = int(dataset.size) * int(dataset.dtype.itemsize)
    if n_bytes > MAXIMUM_RATIO * max(stored, 1000):
        raise NetworkError(f"{where}: {n_bytes} bytes declared, {stored} stored")
    return n_bytes


def _slices(dataset: Any) -> Iterator[bytes]:
    """Yield a dataset's bytes in rows of at most some megabytes."""
    if not dataset.shape or dataset.size == 0:
        yield np.asarray(dataset[()]).tobytes()
        return
    row = max(1, int(dataset.size) // dataset.shape[0] * dataset.dtype.itemsize)
    step = max(1, _SLICE_BYTES // row)
    for start in range(0, dataset.shape[0], step):
        yield np.ascontiguousarray(dataset[start : start + step]).tobytes()
