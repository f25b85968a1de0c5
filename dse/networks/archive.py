"""Keras archives: the configuration inside, and a digest over the weights.

A zip can expand without bound, so its members are measured before and while they are read. HDF5 is read by a process of its own,
because a damaged file can make the C library loop for ever or crash: that process is ended, and the file is refused.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import dse
from dse.errors import NetworkError

MAXIMUM_CONFIG_BYTES = 64 * 2**20
MAXIMUM_WEIGHTS_BYTES = 2 * 2**30
MAXIMUM_MEMBERS = 1000
MAXIMUM_RATIO = 200
READ_SECONDS = 60.0  # and a second more for every 20 MB
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_PIECE_BYTES = 2**20


Matrix = tuple[str, tuple[int, ...], tuple[int, ...]]  # path, shape, weights that are not zero with 0, 1, ... bits after the point


@dataclass(frozen=True, slots=True)
class Weights:
    """What is known of a file's weights: their digest ("": there are none), and their matrices."""

    digest: str = ""
    matrices: tuple[Matrix, ...] = ()


NO_WEIGHTS = Weights()


def read_keras_zip(path: Path) -> tuple[bytes, Weights]:
    """Return the text of the configuration and the weights of a Keras 3 `.keras` archive.

    Raises:
        NetworkError: no such archive, or one that expands beyond all measure.
    """
    where = path.name
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryFile() as config, tempfile.TemporaryFile() as weights:
            members = archive.infolist()
            names = [member.filename for member in members]
            if len(members) > MAXIMUM_MEMBERS or len(set(names)) != len(names):
                raise NetworkError(f"{where}: too many or repeated members")
            _unpack(archive, "config.json", MAXIMUM_CONFIG_BYTES, config, where)
            document = config.read()
            if "model.weights.h5" not in names:
                return document, NO_WEIGHTS
            _unpack(archive, "model.weights.h5", MAXIMUM_WEIGHTS_BYTES, weights, where)
            return document, _ask(weights, where, "")[1]
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise NetworkError(f"{where}: not a Keras archive ({str(error)[:100]})") from error


def read_hdf5(path: Path) -> tuple[bytes, Weights]:
    """Return the text of the configuration and the weights of a Keras 2 or 3 `.h5` file.

    Raises:
        NetworkError: no such file, one that points outside itself, or one with weights alone.
    """
    with path.open("rb") as file:
        config, weights = _ask(file, path.name, "model_weights")
    if config is None:
        raise NetworkError(f"{path.name}: holds weights alone (no model_config). Save the whole model, or use its .json.")
    return config.encode("utf-8"), weights


def _unpack(archive: zipfile.ZipFile, name: str, maximum: int, to: BinaryIO, where: str) -> None:
    """Write a member to a file, and go back to the file's start."""
    if name not in archive.namelist():
        raise NetworkError(f"{where}: no {name} inside. Is it saved by Keras 3?")
    info = archive.getinfo(name)
    if info.file_size > maximum or info.file_size > MAXIMUM_RATIO * max(info.compress_size, 1000):
        raise NetworkError(f"{where}: {name} expands to {info.file_size} bytes, more than is sensible")
    n_bytes = 0
    with archive.open(info) as stream:
        while piece := stream.read(_PIECE_BYTES):
            n_bytes += len(piece)
            if n_bytes > maximum:
                raise NetworkError(f"{where}: {name} expands to more than {maximum} bytes")
            to.write(piece)
    to.seek(0)


def _ask(file: BinaryIO, where: str, group: str) -> tuple[str | None, Weights]:
    """Return configuration and weights as a process of its own reads them."""
    if file.read(len(_HDF5_SIGNATURE)) != _HDF5_SIGNATURE:
        raise NetworkError(f"{where}: not an HDF5 file")
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    seconds = READ_SECONDS + size / 20e6
    # The child gets no more of our surroundings than it needs to import this package.
    surroundings = {"PYTHONPATH": str(Path(dse.__file__).resolve().parent.parent), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "dse.networks.weights", group]
    try:
        done = subprocess.run(command, stdin=file, capture_output=True, timeout=seconds, env=surroundings, check=False)
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise NetworkError(f"{where}: broken HDF5 (reading it did not end within {seconds:.0f} s)") from error
    except ValueError as error:
        raise NetworkError(f"{where}: broken HDF5 (reading it ended with status {done.returncode})") from error
    if "error" in answer:
        raise NetworkError(f"{where}: {answer['error']}")
    matrices = tuple((name, tuple(shape), tuple(counts)) for name, shape, counts in answer["matrices"])
    return answer["config"], Weights(answer["digest"], matrices)
