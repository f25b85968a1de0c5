"""N-TORC's tables as published: `training_data_optimizer/*.csv` of HeRCLab/N-TORC (Singh et al., FPGA '25, FCCM '25).

Vivado HLS 2019.1, xczu7ev-ffvc1156-2-e, 4 ns, 16 bits with 8 fractional, io_stream, strategy Resource. Per kind there is one table
of latencies and one of resources; their rows join on shape and built reuse factor only, so each row becomes a record of its own
that knows its half.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any

from dse.corpus.base import Corpus, effective_factors
from dse.design import Fidelity, Layer, LayerChoice, Precision, Target, Toolchain, normalise_part
from dse.errors import CorpusError
from dse.qor import LayerRecord, Qor

FORMAT = "the published tables of N-TORC: their folder, or a clone of the repository"
HOW_TO_GET = "The N-TORC tables are public: git clone https://github.com/HeRCLab/N-TORC corpora/ntorc"

TARGET = Target(
    part=normalise_part("xczu7ev-ffvc1156-2-e"),
    clock_period_ns=4.0,
    io_type="io_stream",
    precision=Precision(16, 8),
    toolchain=Toolchain("vivado_hls", "2019.1"),
    hls4ml_version="",  # the tables do not say which
)

# Seen in the generator of the data set (`src/design_space_explorer.py`) and borne out by the latencies.
_QUIRKS = (
    "designs asked for at reuse factor 1 were built with strategy Latency, all others with Resource; the tables do not tell them apart",
    "convolutions behind a pooling by two are listed with the positions before that pooling: they run on half as many",
    "the values round and saturate (AP_RND, AP_SAT)",
)

_LATENCY = {"latency_min": "latency_cycles_min", "latency_max": "latency_cycles_max"}
_RESOURCES = {"bram_18k": "bram_18k", "lut": "lut", "ff": "ff", "dsp48e": "dsp"}

# The resource tables have no II and no clock; N-TORC did not keep them.
_MAX_FILE_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class _Table:
    """Where one table keeps what: its file, its columns, and what a row measures."""

    file: str
    kind: str
    built: str
    rows: str
    columns: str
    positions: str
    metrics: tuple[tuple[str, str], ...]
    repeats: tuple[tuple[str, str], ...] = ()  # (column, column that it must repeat)
    recurrent: str = ""  # a factor that must come to the same circuit


def _table(file: str, kind: str, built: str, rows: str, columns: str, positions: str, **more: object) -> _Table:
    metrics = _LATENCY if "latency" in file else _RESOURCES
    return _Table(file, kind, built, rows, columns, positions, tuple(metrics.items()), **more)  # type: ignore[arg-type]


_TABLES = (
    _table(
        "conv_latency_collapsed.csv",
        "conv1d",
        "correct_reuse_factor_latency",
        "n_inputs_latency",
        "cnn_filters_latency",
        "sequence_length_latency",
    ),
    _table(
        "collapsed_conv_resources.csv",
        "conv1d",
        "correct_reuse_factor_resource",
        "n_inputs_resources",
        "cnn_filters_resources",
        "sequence_length_resource",
    ),
    _table(
        "dense_latency_collapsed.csv",
        "dense",
        "correct_reuse_factor_dense_latency",
        "n_inputs_latency",
        "dense_size_latency",
        "sequence_length_latency",
        repeats=(("reuse_factor_1", "correct_reuse_factor_dense_latency"),),
    ),
    _table(
        "dense_resources_collapsed.csv",
        "dense",
        "correct_reuse_factor_dense_resource",
        "n_inputs_resources",
        "dense_size_resource",
        "sequence_length_resource",
    ),
    _table(
        "lstm_latency_collapsed.csv",
        "lstm",
        "correct_reuse_factor_lstm_latency",
        "n_inputs_latency",
        "lstm_size",
        "sequence_length_latency",
        repeats=(("n_inputs_latency_1", "n_inputs_latency"),),
        recurrent="reuse_factor_1",
    ),
    _table(
        "lstm_resources_collapsed.csv",
        "lstm",
        "correct_reuse_factor_lstm_resource",
        "n_inputs_resources",
        "lstm_size",
        "sequence_length_resource",
    ),
)


def is_readable(path: Path) -> bool:
    """Whether a folder (or a clone of the repository) holds these tables: at least one; a missing one is then an error with its name."""
    return _folder(path) is not None


def read(path: Path) -> Corpus:
    """Read all six tables of a folder, or of a clone of the repository.

    Raises:
        CorpusError: a table or column is missing, or a row holds no number where one must be or contradicts itself.
    """
    folder = _folder(path) or path
    digest = hashlib.sha256(b"ntorc/1")
    records: list[LayerRecord] = []
    notes: list[str] = []
    for table in _TABLES:
        path = folder / table.file
        if not path.is_file():
            raise CorpusError(f"{folder}: no {table.file}; expected all of {', '.join(t.file for t in _TABLES)}.")
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise CorpusError(f"{path}: {path.stat().st_size} bytes, expected at most {_MAX_FILE_BYTES}")
        data = path.read_bytes()
        digest.update(hashlib.sha256(data).digest())
        reader = _Reader(table, data)
        records += reader.records()
        notes += reader.notes
    return Corpus(folder.resolve().name, digest.hexdigest(), tuple(records), (), TARGET, (*notes, *_QUIRKS))


def _folder(path: Path) -> Path | None:
    places = (path, path / "training_data_optimizer")
    return next((place for place in places if any((place / table.file).is_file() for table in _TABLES)), None)


class _Reader:
    """Reads one table, counting what it skips and corrects."""

    def __init__(self, table: _Table, data: bytes) -> None:
        self.table = table
        self.notes: list[str] = []
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise CorpusError(f"{table.file}: not UTF-8 text ({error.reason} at byte {error.start})") from error
        self._rows = csv.DictReader(text.splitlines())
        wanted = ["model_number", "layer_index", table.built, table.rows, table.columns, table.positions]
        wanted += [name for name, _ in (*table.metrics, *table.repeats)] + ([table.recurrent] if table.recurrent else [])
        if missing := sorted(set(wanted) - set(self._rows.fieldnames or ())):
            raise CorpusError(
                f"{table.file}:1: no column {missing[0]!r}; got {', '.join(self._rows.fieldnames or ()) or 'nothing'}"
            )

    def records(self) -> Iterator[LayerRecord]:
        snapped = 0
        for row in self._rows:
            where = f"{self.table.file}:{self._rows.line_num}"
            if None in row or None in row.values():
                raise CorpusError(f"{where}: got another number of fields than the header has")
            if all(not row[name].strip() for name, _ in self.table.metrics):
                self.notes.append(f"{where}: measures nothing; skipped")
                continue
            record, was_snapped = self._record(row, where)
            snapped += was_snapped
            yield record
        if snapped:
            self.notes.append(
                f"{self.table.file}: {snapped} rows name a reuse factor that is not legal as built; "
                "taken as the closest legal one (hls4ml's rule)"
            )

    def _record(self, row: dict[str, str], where: str) -> tuple[LayerRecord, bool]:
        table = self.table
        count: Callable[[str], int] = lambda column: _count(row[column], column, where)  # noqa: E731
        for column, original in table.repeats:
            if count(column) != count(original):
                raise CorpusError(f"{where}: contradicts itself; {column} is {row[column]}, {original} is {row[original]}")
        layer = _layer(table.kind, count(table.rows), count(table.columns), count(table.positions))
        built = count(table.built)
        factors = effective_factors(layer.shape, _choice(built))
        if table.recurrent and effective_factors(layer.shape, _choice(count(table.recurrent))) != factors:
            raise CorpusError(f"{where}: contradicts itself; {table.built} is {built}, {table.recurrent} is {row[table.recurrent]}")
        qor = _qor(row, table.metrics, where)
        source = f"{where} (network {row['model_number']}, layer {row['layer_index']})"
        return LayerRecord(layer, _choice(factors[0]), TARGET, Fidelity.CSYNTH, qor, source), factors[0] != built


def _count(text: str, column: str, where: str) -> int:
    if not (text.isascii() and text.strip().isdecimal() and 1 <= int(text) < 2**31):
        raise CorpusError(f"{where}: {column} is {text!r}, expected a whole number from 1")
    return int(text)


def _qor(row: dict[str, str], metrics: tuple[tuple[str, str], ...], where: str) -> Qor:
    numbers: dict[str, Any] = {}
    for column, name in metrics:
        try:
            numbers[name] = float(row[column])
        except ValueError as error:
            raise CorpusError(f"{where}: {column} is {row[column]!r}, expected a number") from error
        if not (isfinite(numbers[name]) and 0 <= numbers[name] < 2**40):
            raise CorpusError(f"{where}: {column} is {row[column]!r}, expected a number from 0 to 2^40")
    if numbers.get("latency_cycles_min", 0.0) > numbers.get("latency_cycles_max", 0.0):
        raise CorpusError(
            f"{where}: contradicts itself; latency_min {row['latency_min']} is above latency_max {row['latency_max']}"
        )
    return Qor(**numbers)


@lru_cache(maxsize=4096)
def _choice(reuse_factor: int) -> LayerChoice:
    return LayerChoice(reuse_factor, "resource")


@lru_cache(maxsize=4096)
def _layer(kind: str, features: int, size: int, positions: int) -> Layer:
    """Build the layer of a row; the tables' convolutions all have kernels of width 3, stride 1 and `same` padding."""
    name = f"{kind}_{features}x{size}_{positions}"
    match kind:
        case "conv1d":
            attributes = (("kernel", 3), ("padding", "same"), ("stride", 1))
            return Layer(name, kind, 3 * features, size, positions, output_shape=(positions, size), attributes=attributes)
        case "lstm":
            return Layer(name, kind, features, 4 * size, positions, n_state=size)
    return Layer(name, kind, features, size, positions, output_shape=(size,))
