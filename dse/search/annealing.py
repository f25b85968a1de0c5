"""Simulated annealing with N-TORC's schedule: temperature from 100, cooled by 1 % a step, one layer changed a step.

N-TORC anneals on what its forests predict; here every step is a synthesis. Its energy is a sum of LUTs, FFs, BRAMs and DSPs; so that
any objective fits, the energy is in percent of the first measured design, 100 x merit, where merit is logarithmic. A broken limit adds
far more than any objective can win. The chain is recomputed from the finished trials, so nothing is remembered between calls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dse.errors import SpecError
from dse.search import _blackbox as box
from dse.search._ask import Indices, indices
from dse.search.base import Advice, Proposal, Searcher, View

_NEIGHBORS = 64


@dataclass(frozen=True, slots=True)
class Options:
    """`temperature`: to start from, in percent of merit; `cooling`: the share it loses a step."""

    temperature: float = 100.0
    cooling: float = 0.01

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise SpecError(f"[search].temperature: got {self.temperature!r}, expected more than 0.")
        if not 0 < self.cooling < 1:
            raise SpecError(f"[search].cooling: got {self.cooling!r}, expected a number between 0 and 1.")


def create(options: Options) -> Searcher:
    """Return the search."""
    return Annealing(options)


@dataclass(frozen=True, slots=True)
class Annealing:
    options: Options

    def propose(self, view: View, n: int) -> Advice:
        """Return neighbors of where the chain stands."""
        here, taken, proposals = self._chain(view), box.seen_indices(view), []
        for _ in range(max(n, 0)):
            rng = np.random.default_rng((view.seed, len(taken), 1))
            chosen = _neighbor(view, here, rng, taken) if here is not None else box.random_unseen(view, rng, taken)
            chosen = chosen or box.random_unseen(view, rng, taken)
            if chosen is None:
                break
            taken.add(chosen)
            proposals.append(Proposal(box.point(view, chosen), "annealing", "a neighbor of the design where the chain stands"))
        if not proposals and not view.pending and len(taken) >= view.space.size:
            return Advice(stop=box.EXHAUSTED)
        return Advice(tuple(proposals))

    def _chain(self, view: View) -> Indices | None:
        """Accept or refuse each finished trial in turn; return where that leads."""
        here, energy, temperature = None, np.inf, self.options.temperature
        for trial in sorted(view.finished, key=lambda trial: trial.number):
            merit = box.merit(view, trial)
            if merit is None:
                continue
            rise = 100.0 * merit - energy
            draw = np.random.default_rng((view.seed, trial.number, 2)).random()
            if here is None or rise <= 0 or draw < np.exp(-rise / temperature):
                here, energy = indices(view, trial), 100.0 * merit
            temperature *= 1.0 - self.options.cooling
        return here


def _neighbor(view: View, here: Indices, rng: np.random.Generator, taken: set[Indices]) -> Indices | None:
    """Return an untried design that differs in one layer."""
    sizes = box.counts(view)
    for _ in range(_NEIGHBORS):
        layer = int(rng.integers(len(here)))
        chosen = (*here[:layer], int(rng.integers(sizes[layer])), *here[layer + 1 :])
        if chosen not in taken:
            return chosen
    return None
