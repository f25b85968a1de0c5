"""Where a corpus lies, and which reader its files need."""

from __future__ import annotations

import os
from pathlib import Path

from dse.corpus.base import Corpus
from dse.corpus.jsonl import read_jsonl
from dse.corpus.ntorc import is_ntorc, read_ntorc
from dse.corpus.table4 import is_table4, read_table4_corpus
from dse.errors import CorpusError

_HOW_TO_GET = (
    "Next: give a folder or .jsonl file, or name a folder inside one of the directories of DSE_CORPORA. "
    "The N-TORC tables are public: git clone https://github.com/HeRCLab/N-TORC corpora/ntorc"
)


def read_corpus(path: Path) -> Corpus:
    """Read a corpus: the N-TORC tables (their folder, or a clone of that repository), table IV, or our JSON lines.

    Raises:
        CorpusError: nothing readable is there, or what is there is empty, broken or contradicts itself.
    """
    if path.is_file():
        if path.suffix in (".jsonl", ".ndjson"):
            return read_jsonl((path,), name=path.stem)
        raise CorpusError(f"{path}: not a corpus; got a {path.suffix or 'plain'} file, expected a folder or .jsonl. {_HOW_TO_GET}")
    if not path.is_dir():
        raise CorpusError(f"{path}: no such corpus. {_HOW_TO_GET}")
    for folder in (path, path / "training_data_optimizer"):
        if is_ntorc(folder):
            return read_ntorc(folder)
    if is_table4(path):
        return read_table4_corpus(path)
    if lines := sorted(path.glob("*.jsonl")):
        return read_jsonl(tuple(lines), name=path.resolve().name)
    raise CorpusError(f"{path}: empty; got no N-TORC table and no .jsonl file. {_HOW_TO_GET}")


def find_corpus(name_or_path: str | Path, *, near: Path | None = None) -> Path:
    """Return where a corpus lies: the path itself, seen from here or from `near`, else that name in a place where corpora are kept.

    Places, in order: the directories of the environment variable DSE_CORPORA, `corpora`, the recorded data beside the project
    (`DSE_SHARED`, else `../shared`; its `data`).

    Raises:
        CorpusError: it is nowhere; says where it was looked for and how to get it.
    """
    wanted = Path(name_or_path).expanduser()
    places = [Path(text) for text in os.environ.get("DSE_CORPORA", "").split(os.pathsep) if text]
    places += [Path("corpora"), Path(os.environ.get("DSE_SHARED", "../shared")) / "data"]
    direct = [wanted] if near is None or wanted.is_absolute() else [wanted, near / wanted]
    tried = [*direct, *((place / wanted) for place in places if not wanted.is_absolute())]
    for candidate in tried:
        for path in (candidate, candidate.with_name(candidate.name + ".jsonl")):
            if path.exists():
                return path
    raise CorpusError(f"corpus {str(name_or_path)!r}: not found; looked at {', '.join(map(str, tried))}. {_HOW_TO_GET}")
