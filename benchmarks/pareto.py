"""How fast a search uncovers the whole front of latency against device cost.

The true front is exact (`dse.allocation.knapsack.whole_front` over the recorded table). Hypervolumes are shares of the true front's, up
to a corner 10 % beyond its worst values. `verified` counts designs that were synthesised; `composed` counts every design whose layers
were all measured, since its totals are known sums.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import LATENCY, RecordedSpace, record_network
from benchmarks.efficiency import make_searcher
from benchmarks.networks import read_networks
from dse.allocation.knapsack import whole_front
from dse.corpus import read_corpus
from dse.goal import Goal, Objective
from dse.pareto import hypervolume
from dse.parts import find_part
from dse.search.base import Trial, TrialStatus, View
from dse_ntorc.tables import TARGET

Floats = NDArray[np.float64]
AT = (2, 4, 6, 8, 10, 12, 16, 20)


def pareto(
    corpus_path: Path,
    networks: Path,
    searches: tuple[str, ...],
    seeds: int,
    max_syntheses: int,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> list[dict[str, Any]]:
    """Run every search on every network, without limits; return one record per run.

    Raises:
        CorpusError, NetworkError: the files do not fit.
    """
    corpus = read_corpus(corpus_path)
    part = find_part(corpus.target.part if corpus.target else TARGET.part)
    records = []
    for network in read_networks(networks):
        recorded = record_network(corpus, network, part)
        for seed in range(seeds):
            for name in searches:
                records.append({"network": network.name, "search": name, "seed": seed, **_run(recorded, name, seed, max_syntheses)})
                if progress:
                    progress(records[-1])
    return records


def _run(recorded: RecordedSpace, name: str, seed: int, max_syntheses: int) -> dict[str, Any]:
    front = whole_front(recorded.column(LATENCY), recorded.cost)
    true = np.column_stack([front.first, front.second])
    corner = true.max(axis=0) * 1.1
    most = hypervolume(true, corner)
    searcher = make_searcher(name)
    goal = Goal((Objective(LATENCY), Objective("device_cost")), (), recorded.part, recorded.target.clock_period_ns)
    start = View(recorded.network, recorded.target, recorded.space, goal, (), (), seed)
    finished: list[Trial] = []
    verified: list[float] = []
    composed: list[float] = []
    while len(finished) < max_syntheses:
        advice = searcher.propose(replace(start, finished=tuple(finished)), 1)
        if not advice.proposals:
            break
        point = advice.proposals[0].point
        qor = recorded.evaluate(point)
        finished.append(Trial(len(finished) + 1, f"bench-{len(finished)}", point, name, "", TrialStatus.DONE, qor))
        verified.append(_volume(goal, finished, corner) / most)
        composed.append(_composed(recorded, finished, corner) / most)
    return {
        "space_size": recorded.space.size,
        "front_size": len(true),
        "syntheses": len(finished),
        "verified_at": {str(n): verified[min(n, len(verified)) - 1] for n in AT if verified},
        "composed_at": {str(n): composed[min(n, len(composed)) - 1] for n in AT if composed},
        "syntheses_to_99_verified": _first(verified),
        "syntheses_to_99_composed": _first(composed),
    }


def _first(shares: list[float]) -> int | None:
    return next((n for n, share in enumerate(shares, 1) if share >= 0.99), None)


def _volume(goal: Goal, finished: list[Trial], corner: Floats) -> float:
    return hypervolume([values for trial in finished if (values := goal.measures(trial.outcome)) is not None], corner)


def _composed(recorded: RecordedSpace, finished: list[Trial], corner: Floats) -> float:
    """Return the hypervolume of all designs made of measured layers; a circuit measured in one layer is known in its twins."""
    seen: set[tuple[object, int]] = set()
    for trial in finished:
        for layer, index in enumerate(recorded.indices(trial.point)):
            seen.add((recorded.network.layers[layer].shape, index))
    known = []
    for layer, option in enumerate(recorded.space.options):
        known.append(np.array([i for i in range(len(option.choices)) if (recorded.network.layers[layer].shape, i) in seen]))
    latency, cost = recorded.column(LATENCY), recorded.cost
    front = whole_front([t[i] for t, i in zip(latency, known, strict=True)], [t[i] for t, i in zip(cost, known, strict=True)])
    return hypervolume(np.column_stack([front.first, front.second]), corner)
