"""Where a corpus lies, and which reader its files need: a module of this room, or one that another package offers."""

from __future__ import annotations

import os
from pathlib import Path

from dse import registry
from dse.corpus.base import Corpus
from dse.errors import CorpusError


def read_corpus(path: Path) -> Corpus:
    """Read a corpus of any format that a reader knows; our own JSON lines are looked for last.

    Raises:
        CorpusError: nothing readable is there, or what is there is empty, broken or contradicts itself.
    """
    if not path.exists():
        raise CorpusError(f"{path}: no such corpus. {_how_to_get()}")
    for kind in sorted(registry.kinds("corpus"), key=lambda kind: kind == "jsonl"):
        reader = registry.load("corpus", kind)
        if reader.is_readable(path):
            corpus: Corpus = reader.read(path)
            return corpus
    raise CorpusError(f"{path}: not a corpus; got no file that a reader knows, expected one of {_formats()}. {_how_to_get()}")


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
    raise CorpusError(f"corpus {str(name_or_path)!r}: not found; looked at {', '.join(map(str, tried))}. {_how_to_get()}")


def _formats() -> str:
    return "; ".join(registry.load("corpus", kind).FORMAT for kind in registry.kinds("corpus"))


def _how_to_get() -> str:
    hints = [registry.load("corpus", kind).HOW_TO_GET for kind in registry.kinds("corpus")]
    return " ".join(["Next:", *(hint for hint in hints if hint)])
