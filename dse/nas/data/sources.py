"""Reads runs from files: DROPBEAR's pairs of text files, CSV with a header, NPZ; and from the simulated beam.

The frozen `...Source` classes are what `[data]` may say for each `kind`. Relative paths are seen from the file that names them, then
from the folders of DSE_DATA, then from the recorded data beside the project (`DSE_SHARED`, else `../shared`; its `data`).
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import SpecError
from dse.nas.data.cantilever import simulate
from dse.nas.data.signals import DataError, Run, check_set, make_run

MAXIMUM_BYTES = 1 << 30  # of one file, unpacked
_PAIR = ("_acc.txt", "_pin.txt")


@dataclass(frozen=True, slots=True)
class CantileverSource:
    """A simulated cantilever beam with a moving roller: acceleration in, roller position (mm) out."""

    runs: int = 8
    samples: int = 8192
    noise: float = 0.02
    seed: int = 0

    def __post_init__(self) -> None:
        if self.runs < 2 or self.samples < 256 or not 0 <= self.noise <= 10:
            raise SpecError("data: expected at least 2 runs of at least 256 samples, and noise from 0 to 10")


@dataclass(frozen=True, slots=True)
class DropbearSource:
    """A folder of `*_acc.txt` and `*_pin.txt`, plain or `.gz`: acceleration in, roller position out."""

    path: str


@dataclass(frozen=True, slots=True)
class CsvSource:
    """CSV files with a header line, one run each; `path` is a file or a folder of `*.csv`. An empty field is a missing value."""

    path: str
    inputs: tuple[str, ...]
    target: str


@dataclass(frozen=True, slots=True)
class NpzSource:
    """NPZ files, one run each, holding the arrays `inputs` (n,) or (n, channels) and `target` (n,); `path` as for CSV."""

    path: str
    inputs: str = "x"
    target: str = "y"


Source = CantileverSource | DropbearSource | CsvSource | NpzSource
SOURCES: Mapping[str, type[Any]] = MappingProxyType(
    {"cantilever": CantileverSource, "dropbear": DropbearSource, "csv": CsvSource, "npz": NpzSource}
)


def read_runs(source: Source, near: Path) -> tuple[Run, ...]:
    """Return all runs of a source, by name.

    Raises:
        DataError: a file is missing, broken, too large, or does not fit the others; names it.
    """
    if isinstance(source, CantileverSource):
        return simulate(source.runs, source.samples, noise=source.noise, seed=source.seed)
    path = find_data(source.path, near)
    if isinstance(source, DropbearSource):
        return check_set(list(_dropbear(path)), str(path))
    files = sorted(path.glob("*.csv" if isinstance(source, CsvSource) else "*.npz")) if path.is_dir() else [path]
    if isinstance(source, CsvSource):
        return check_set([_csv(file, source) for file in files], str(path))
    return check_set([_npz(file, source) for file in files], str(path))


def find_data(name: str, near: Path) -> Path:
    """Return where data lies.

    Raises:
        DataError: it is nowhere; says where it was looked for.
    """
    wanted = Path(name).expanduser()
    places = [near, *(Path(text) for text in os.environ.get("DSE_DATA", "").split(os.pathsep) if text)]
    places.append(Path(os.environ.get("DSE_SHARED", "../shared")) / "data")
    tried = [wanted] if wanted.is_absolute() else [place / wanted for place in places]
    found = next((path for path in tried if path.exists()), None)
    if found is None:
        raise DataError(
            f"data {name!r}: not found; looked at {', '.join(map(str, tried))}. Set DSE_DATA to the folder that holds it."
        )
    return found


def _dropbear(folder: Path) -> Iterable[Run]:
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of *{_PAIR[0]}[.gz] and *{_PAIR[1]}[.gz]")
    signals, positions = ({_stem(file, end): file for file in sorted(folder.iterdir()) if _stem(file, end)} for end in _PAIR)
    alone = sorted(signals.keys() ^ positions.keys())
    if alone:
        raise DataError(
            f"{folder}: {alone[0]!r} has only one of its two files, expected {alone[0]}{_PAIR[0]} and {alone[0]}{_PAIR[1]}"
        )
    for name, file in signals.items():
        acceleration, position = _numbers(file), _numbers(positions[name])
        if len(acceleration) != len(position):
            raise DataError(
                f"{file.name}: got {len(acceleration)} samples, but {positions[name].name} has {len(position)}; expected as many of both"
            )
        yield make_run(name, acceleration, position)


def _stem(file: Path, end: str) -> str:
    name = file.name.removesuffix(".gz")
    return name.removesuffix(end) if name.endswith(end) else ""


def _numbers(file: Path) -> NDArray[np.float64]:
    """Return the numbers of a text file, separated by commas, blanks or lines; `nan` is a missing value."""
    text = _read(file).decode("ascii", errors="replace")
    words = text.replace(",", " ").split()
    try:
        return np.array(words, dtype=np.float64)
    except ValueError:
        index, word = next((i, word) for i, word in enumerate(words) if not _is_number(word))
        raise DataError(f"{file.name}: value {index + 1} is {word[:40]!r}, expected a number") from None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _read(file: Path) -> bytes:
    try:
        if file.suffix != ".gz":
            if file.stat().st_size > MAXIMUM_BYTES:
                raise DataError(f"{file.name}: larger than 1 GiB")
            return file.read_bytes()
        with gzip.open(file) as stream:
            content = stream.read(MAXIMUM_BYTES + 1)
        if len(content) > MAXIMUM_BYTES:
            raise DataError(f"{file.name}: unpacks to more than 1 GiB")
        return content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file.name}: cannot be read ({str(error)[:100]}). Fetch it again.") from error


def _csv(file: Path, source: CsvSource) -> Run:
    rows = csv.reader(io.StringIO(_read(file).decode("utf-8", errors="replace")))
    header = [cell.strip() for cell in next(rows, [])]
    wanted = (*source.inputs, source.target)
    lost = [name for name in wanted if name not in header]
    if lost:
        raise DataError(f"{file.name}: no column {lost[0]!r}; got {', '.join(header)[:200] or 'an empty file'}")
    places = [header.index(name) for name in wanted]
    table: list[list[float]] = []
    for number, row in enumerate(rows, 2):
        if not any(cell.strip() for cell in row):
            continue
        try:
            table.append([float(row[place].strip() or "nan") for place in places])
        except (ValueError, IndexError):
            raise DataError(f"{file.name}:{number}: got {','.join(row)[:60]!r}, expected {len(header)} numbers") from None
    if not table:
        raise DataError(f"{file.name}: no rows below the header")
    values = np.array(table)
    return make_run(file.stem, values[:, :-1], values[:, -1])


def _npz(file: Path, source: NpzSource) -> Run:
    try:
        with np.load(io.BytesIO(_read(file)), allow_pickle=False) as arrays:
            lost = [name for name in (source.inputs, source.target) if name not in arrays]
            if lost:
                raise DataError(f"{file.name}: no array {lost[0]!r}; got {', '.join(arrays.files) or 'none'}")
            inputs, target = arrays[source.inputs], arrays[source.target]
            return make_run(file.stem, inputs, target)
    except (ValueError, TypeError, zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, NotImplementedError) as error:
        raise DataError(f"{file.name}: not a plain NPZ of numbers ({str(error)[:100]})") from error
