"""Random search: every untried point is as likely as any other (N-TORC's stochastic search, one synthesis a draw)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dse.search import _blackbox as box
from dse.search.base import Advice, Proposal, Searcher, View


@dataclass(frozen=True, slots=True)
class Options:
    """Nothing to set."""


def create(options: Options) -> Searcher:
    """Return the search."""
    return RandomSearch()


@dataclass(frozen=True, slots=True)
class RandomSearch:
    """Draws depend on the campaign's seed and on how many points were proposed before."""

    def propose(self, view: View, n: int) -> Advice:
        """Return n points nobody has tried."""
        taken, proposals = box.seen_indices(view), []
        for _ in range(max(n, 0)):
            chosen = box.random_unseen(view, np.random.default_rng((view.seed, len(taken))), taken)
            if chosen is None:
                break
            taken.add(chosen)
            proposals.append(Proposal(box.point(view, chosen), "random", "drawn at random from what is untried"))
        if not proposals and not view.pending and len(taken) >= view.space.size:
            return Advice(stop=box.EXHAUSTED)
        return Advice(tuple(proposals))
