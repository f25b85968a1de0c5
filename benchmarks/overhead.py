"""What a search costs itself: seconds per result when 10, 100 and 1,000 results are in."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import make_case, record_network
from benchmarks.drive import start_view
from benchmarks.efficiency import make_searcher
from benchmarks.networks import read_networks
from dse.corpus import read_corpus
from dse.parts import find_part
from dse.search.base import Trial, TrialStatus
from dse.surrogates._work import forget
from dse_ntorc.tables import TARGET


def overhead(
    corpus_path: Path, networks: Path, searches: tuple[str, ...], counts: tuple[int, ...], seed: int
) -> list[dict[str, Any]]:
    """Time one proposal of each search after so many random results, on the largest network of the file.

    The surrogate is fitted anew: what a search remembers between calls is thrown away first. The second of two is taken, so that
    loading libraries does not count.

    Raises:
        CorpusError, NetworkError: the files do not fit.
    """
    corpus = read_corpus(corpus_path)
    part = find_part(corpus.target.part if corpus.target else TARGET.part)
    network = max(read_networks(networks), key=lambda network: len(network.layers))
    case = make_case(record_network(corpus, network, part), 2.0)
    start, rng, rows = start_view(case, seed), np.random.default_rng(seed), []
    sizes = [len(option.choices) for option in case.recorded.space.options]
    points = list(dict.fromkeys(tuple(int(i) for i in row) for row in rng.integers(0, sizes, (2 * max(counts), len(sizes)))))
    trials = [
        Trial(
            n, f"bench-{n}", case.recorded.point(p), "random", "", TrialStatus.DONE, case.recorded.evaluate(case.recorded.point(p))
        )
        for n, p in enumerate(points[: max(counts)], 1)
    ]
    for name in searches:
        searcher = make_searcher(name)
        for count in counts:
            view = replace(start, finished=tuple(trials[:count]))
            for _ in range(2):
                forget()
                began, busy = time.perf_counter(), time.process_time()
                searcher.propose(view, 1)
                seconds, cpu = time.perf_counter() - began, time.process_time() - busy
            row = {"search": name, "network": network.name, "results": count}
            rows.append({**row, "seconds": round(seconds, 4), "cpu_seconds": round(cpu, 4)})
    return rows
