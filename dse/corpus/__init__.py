"""Recorded results: what was measured before, by us or by others.

Each file is a reader of one format (other packages offer theirs in the entry-point group `dse.corpus`) and exposes `FORMAT` and
`HOW_TO_GET` for messages, `is_readable(path)` and `read(path)`.

`read_corpus(path)` reads any of the formats; `find_corpus(name)` looks a name up; `medians(records)` merges replicates.
"""

from __future__ import annotations

from dse.corpus._find import find_corpus, read_corpus
from dse.corpus.base import Corpus, circuit, medians
from dse.corpus.jsonl import write_records

__all__ = ["Corpus", "circuit", "find_corpus", "medians", "read_corpus", "write_records"]
