"""Reads an HDF5 file of Keras: its configuration and a digest over all weights. The only importer of h5py.

HDF5 can point outside the file (external links, external storage, virtual datasets) and declare arrays far larger than the file:
all of that is refused before a byte of it is read. A damaged file can also make the C library loop or crash, so this module runs as
a process of its own (see `dse.networks.archive`), with limits on time and memory:

    python -m dse.networks.weights GROUP < file.h5      prints {"config": ..., "digest": ..., "matrices": ...} or {"error": ...}

`matrices` lists, in order of path, (path, shape, weights that are not zero with 0, 1, ... bits after the point).
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import h5py
import numpy as np

from dse.errors import NetworkError

MAXIMUM_CONFIG_BYTES = 64 * 2**20
MAXIMUM_WEIGHTS_BYTES = 2 * 2**30
MAXIMUM_OBJECTS = 100_000
MAXIMUM_RATIO = 200
MAXIMUM_MEMORY_BYTES = 8 * 2**30
_SLICE_BYTES = 16 * 2**20
FRACTION_BITS = 24
_TRAINING = ("optimizer", "optimizer_weights", "_optimizer", "metrics", "loss_tracker")


Matrix = tuple[str, tuple[int, ...], list[int]]  # path, shape, counts of weights that are not zero


def read_hdf5(file: BinaryIO, group: str) -> tuple[str | None, str, list[Matrix]]:
    """Return (text of `model_config`, None if there is none; SHA-256 over the weights under a group, "" for the whole file; its matrices).

    The digest covers path, type, shape and bytes of every array, in order of path, but nothing of the optimizer.

    Raises:
        NetworkError: a broken file, or one that points outside itself or is larger than it looks.
    """
    total, n_bytes = hashlib.sha256(), 0
    matrices: list[Matrix] = []
    with h5py.File(file, "r") as root:
        config = root.attrs.get("model_config")
        text = config.decode("utf-8") if isinstance(config, bytes) else None if config is None else str(config)
        if text is not None and len(text) > MAXIMUM_CONFIG_BYTES:
            raise NetworkError(f"model_config of more than {MAXIMUM_CONFIG_BYTES} bytes")
        start = root.get(group) if group else root
        if text is None and group:
            return None, "", []
        if not isinstance(start, h5py.Group):
            raise NetworkError(f"no group {group}")
        for path, dataset in _datasets(start):
            n_bytes += _check_dataset(dataset, path)
            if n_bytes > MAXIMUM_WEIGHTS_BYTES:
                raise NetworkError(f"weights of more than {MAXIMUM_WEIGHTS_BYTES} bytes")
            total.update(f"{path}\n{dataset.dtype.str}\n{dataset.shape}\n".encode())
            counts = np.zeros(FRACTION_BITS + 1, dtype=np.int64)
            for part in _slices(dataset):
                total.update(part.tobytes())
                counts += _count(part) if len(dataset.shape) > 1 else 0
            if len(dataset.shape) > 1:
                matrices.append((path, tuple(dataset.shape), counts.tolist()))
    return text, total.hexdigest(), matrices


def _count(part: Any) -> Any:
    """Return how many values round to something else than zero with 0, 1, ... bits after the point."""
    # The exponent e of 0.5 <= |w| 2^-e < 1 says it: |w| >= 2^-(f + 1) where e > -(f + 1).
    _, exponents = np.frexp(np.abs(part[part != 0]).astype(np.float64))
    return np.array([np.count_nonzero(exponents > -(bits + 1)) for bits in range(FRACTION_BITS + 1)], dtype=np.int64)


def _datasets(group: Any) -> Iterator[tuple[str, Any]]:
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
                raise NetworkError("more HDF5 objects than a network has")
            link = here.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise NetworkError(f"{place}: a link that leads elsewhere; Keras writes none")
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


def _slices(dataset: Any) -> Iterator[Any]:
    """Yield a dataset in rows of at most some megabytes."""
    if not dataset.shape or dataset.size == 0:
        yield np.asarray(dataset[()])
        return
    row = max(1, int(dataset.size) // dataset.shape[0] * dataset.dtype.itemsize)
    step = max(1, _SLICE_BYTES // row)
    for start in range(0, dataset.shape[0], step):
        yield np.ascontiguousarray(dataset[start : start + step])


def main() -> int:
    """Read standard input, print one JSON document."""
    _limit_memory()
    try:
        config, digest, matrices = read_hdf5(sys.stdin.buffer, sys.argv[1] if len(sys.argv) > 1 else "")
        answer: dict[str, object] = {"config": config, "digest": digest, "matrices": matrices}
    except NetworkError as error:
        answer = {"error": str(error)}
    except Exception as error:  # h5py raises whatever the C library finds; all of it means a broken file
        answer = {"error": f"not an HDF5 file of Keras ({type(error).__name__}: {str(error)[:100]})"}
    sys.stdout.write(json.dumps(answer))
    return 0


def _limit_memory() -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MAXIMUM_MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MAXIMUM_MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


if __name__ == "__main__":
    sys.exit(main())
