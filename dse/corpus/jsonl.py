"""Our own corpus format: JSON lines, a header `{"schema": "dse.corpus/2"}` and one record a line, as `dse.wire` writes it.

A layer:  {"layer": {...}, "choice": {...}, "target": {...}, "fidelity": "csynth", "qor": {...}, "source": "..."}
A design: {"network_digest": "...", "point": {"fc1": {...}, ...}, "target": {...}, "fidelity": "csynth",
           "outcome": {..., "layers": {"fc1": {...}}} or {"kind": "timeout", "message": "..."}, "source": "..."}
What is unknown is left out or null. Files of `dse.corpus/1` are read as well, and become `/2` when something is added to them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from dse.corpus.base import Corpus, common_target, effective_factors
from dse.errors import CorpusError
from dse.qor import CYCLES, DesignRecord, Failure, LayerRecord, Qor
from dse.store.codec import read_record
from dse.wire import dump_json, load_json, to_json

FORMAT = "our own JSON lines: a .jsonl file, or a folder of such files"
HOW_TO_GET = "give a folder or .jsonl file, or name a folder inside one of the directories of DSE_CORPORA."

SCHEMA = "dse.corpus/2"
_READABLE = ("dse.corpus/1", SCHEMA)
_HEADER = dump_json({"schema": SCHEMA})
_SAID = (
    "part",
    "clock_period_ns",
    "io_type",
    "precision",
    "toolchain",
)  # no default of ours may stand for what a recording leaves out
_MAX_FILE_BYTES = 1 << 30


def is_readable(path: Path) -> bool:
    """Whether a path is such a file, or a folder with at least one."""
    return bool(_files(path))


def read(path: Path) -> Corpus:
    """Read a file, or all files of a folder as one corpus.

    Raises:
        CorpusError: with file and line, for anything that is not exactly this format, and for a corpus without records.
    """
    paths, name = _files(path), path.stem if path.is_file() else path.resolve().name
    digest = hashlib.sha256(b"dse.corpus/1")  # as ever: keys of replays rest on it
    records: list[LayerRecord | DesignRecord] = []
    for path in paths:
        lines = _read_lines(path)
        digest.update(hashlib.sha256("\n".join(lines).encode()).digest())
        records += _records(path, lines)
    layers = tuple(record for record in records if isinstance(record, LayerRecord))
    designs = tuple(record for record in records if isinstance(record, DesignRecord))
    return Corpus(name, digest.hexdigest(), layers, designs, common_target(records))


def write_records(path: Path, records: Iterable[LayerRecord | DesignRecord]) -> int:
    """Add records to a file (made if it is not there), and return how many were new; one that is there already is not repeated.

    The file is replaced as a whole, so a reader never sees half a record, and writers take turns (a lock file beside it).

    Raises:
        CorpusError: the file that is there is broken, or the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(f".{path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            old = dict.fromkeys(_records(path, _read_lines(path)) if path.exists() else ())
            merged = old | dict.fromkeys(records)
            if len(merged) > len(old) or not path.exists():
                _replace(path, "\n".join([_HEADER, *(dump_json(to_json(record)) for record in merged)]) + "\n")
            return len(merged) - len(old)
    except OSError as error:
        raise CorpusError(f"{path}: cannot be written ({error.strerror})") from error


def _files(path: Path) -> tuple[Path, ...]:
    if path.is_file():
        return (path,) if path.suffix in (".jsonl", ".ndjson") else ()
    return tuple(sorted(path.glob("*.jsonl")))


def _replace(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _read_lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise CorpusError(f"{path}: {path.stat().st_size} bytes, expected at most {_MAX_FILE_BYTES}")
        lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines: a JSON string may hold U+2028
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from error
    if not lines[0].strip():
        raise CorpusError(f"{path}: empty; expected a first line {_HEADER}")
    header = _parse(lines[0], f"{path.name}:1")
    if header.get("schema") not in _READABLE:
        raise CorpusError(
            f"{path.name}:1: schema is {header.get('schema')!r}, expected {SCHEMA!r}. A newer dse may have written it."
        )
    return lines


def _parse(line: str, where: str) -> dict[str, object]:
    try:
        value = load_json(line)
    except ValueError as error:
        raise CorpusError(f"{where}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise CorpusError(f"{where}: got a JSON {type(value).__name__}, expected an object")
    return value


def _records(path: Path, lines: list[str]) -> Iterator[LayerRecord | DesignRecord]:
    return (_decode(line, f"{path.name}:{number}") for number, line in enumerate(lines[1:], start=2) if line.strip())


def _decode(line: str, where: str) -> LayerRecord | DesignRecord:
    document = _parse(line, where)
    try:
        record = read_record(_with_target(document))
        _refuse_contradictions(record.qor if isinstance(record, LayerRecord) else record.outcome)
    except ValueError as error:
        raise CorpusError(f"{where}: {error}") from error
    if isinstance(record, LayerRecord):
        factors = effective_factors(record.layer.shape, record.choice)
        if record.choice.reuse_factor not in factors:
            raise CorpusError(
                f"{where}: layer {record.layer.name} has reuse factor {record.choice.reuse_factor}, which hls4ml does not build; "
                f"the closest legal one is {factors[0]}"
            )
    return record


def _with_target(document: dict[str, object]) -> dict[str, object]:
    target = document.get("target")
    if not isinstance(target, dict):
        return document
    if missing := [key for key in _SAID if target.get(key) is None]:
        raise ValueError(f"target: no {missing[0]!r}")
    return {**document, "target": {**target, "hls4ml_version": target.get("hls4ml_version", "")}}


def _refuse_contradictions(outcome: Qor | Failure) -> None:
    if isinstance(outcome, Qor):
        for low, high in (CYCLES[:2], CYCLES[2:]):
            first, last = getattr(outcome, low), getattr(outcome, high)
            if first is not None and last is not None and first > last:
                raise ValueError(f"contradicts itself; {low} {first} is above {high} {last}")
        for _, layer in outcome.layers:
            _refuse_contradictions(layer)
