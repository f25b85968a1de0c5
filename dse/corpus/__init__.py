"""Recorded results: what was measured before, by us or by others.

`read_corpus(path)` reads any of the formats; `find_corpus(name)` looks a name up; `medians(records)` merges replicates.
"""

from __future__ import annotations

from dse.corpus.base import Corpus, circuit, medians
from dse.corpus.find import find_corpus, read_corpus
from dse.corpus.jsonl import write_records

__all__ = ["Corpus", "circuit", "find_corpus", "medians", "read_corpus", "write_records"]
