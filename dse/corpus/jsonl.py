"""Our own corpus format: JSON lines, a header `{"schema": "dse.corpus/1"}` and one record a line.

A layer:  {"record": "layer", "layer": {...}, "choice": {...}, "target": {...}, "fidelity": "csynth", "qor": {...}, "source": "..."}
A design: {"record": "design", "network_digest": "...", "point": [["fc1", {...}], ...], "target": {...}, "fidelity": "csynth",
           "qor": {..., "layers": {"fc1": {...}}} or "failure": {"kind": ..., "message": ...}, "source": "..."}
What is unknown is left out or null.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from dse.corpus.base import Corpus, common_target, effective_factors
from dse.corpus.codec import decode_record, encode_record
from dse.errors import CorpusError
from dse.qor import DesignRecord, LayerRecord

SCHEMA = "dse.corpus/1"
_HEADER = json.dumps({"schema": SCHEMA})
_MAX_FILE_BYTES = 1 << 30


def read_jsonl(paths: Sequence[Path], *, name: str) -> Corpus:
    """Read one or several files as one corpus.

    Raises:
        CorpusError: with file and line, for anything that is not exactly this format, and for a corpus without records.
    """
    digest, records = hashlib.sha256(SCHEMA.encode()), []
    for path in paths:
        lines = _read_lines(path)
        digest.update(hashlib.sha256("\n".join(lines).encode()).digest())
        records += [_decode(line, f"{path.name}:{number}") for number, line in enumerate(lines[1:], start=2) if line.strip()]
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
            old = [line for line in _read_lines(path)[1:] if line.strip()] if path.exists() else []
            for number, line in enumerate(old, start=2):
                _decode(line, f"{path.name}:{number}")
            merged = dict.fromkeys(old) | dict.fromkeys(json.dumps(encode_record(record), sort_keys=True) for record in records)
            if len(merged) > len(old) or not path.exists():
                _replace(path, "\n".join([_HEADER, *merged]) + "\n")
            return len(merged) - len(old)
    except OSError as error:
        raise CorpusError(f"{path}: cannot be written ({error.strerror})") from error


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
    if header.get("schema") != SCHEMA:
        raise CorpusError(f"{path.name}:1: schema is {header.get('schema')!r}, expected {SCHEMA!r}")
    return lines


def _parse(line: str, where: str) -> dict[str, object]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{where}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise CorpusError(f"{where}: got a JSON {type(value).__name__}, expected an object")
    return value


def _decode(line: str, where: str) -> LayerRecord | DesignRecord:
    record = decode_record(_parse(line, where), where)
    if isinstance(record, LayerRecord):
        factors = effective_factors(record.layer.shape, record.choice)
        if record.choice.reuse_factor not in factors:
            raise CorpusError(
                f"{where}: layer {record.layer.name} has reuse factor {record.choice.reuse_factor}, which hls4ml does not build; "
                f"the closest legal one is {factors[0]}"
            )
    return record
