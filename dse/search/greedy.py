"""The greedy bottleneck rule of folding tools (SAMO's rule-based optimizer, FINN's folding): start small, speed up the slowest layer.

Start with every layer at its largest reuse factor. Each synthesis names the layer with the most cycles; it takes its next smaller
reuse factor. With limits on time the walk ends at the first design that keeps them, else where the bottleneck has no choice left or a
limit on area is broken. A design that failed is taken back: its layer stays where it was. Sequential by nature: one design at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

from dse.qor import CYCLES
from dse.search import _blackbox as box
from dse.search._ask import Indices
from dse.search.base import Advice, Proposal, Searcher, Trial, View


@dataclass(frozen=True, slots=True)
class Options:
    """Nothing to set."""


def create(options: Options) -> Searcher:
    """Return the search."""
    return Greedy()


@dataclass(frozen=True, slots=True)
class Greedy:
    """The walk is retraced from the finished trials each time."""

    def propose(self, view: View, n: int) -> Advice:
        """Return the next design of the walk, or why it ends."""
        known = {trial.point: trial for trial in (*view.finished, *view.pending)}
        here: Indices = tuple(len(option.choices) - 1 for option in view.space.options)
        frozen: set[int] = set()
        last: tuple[Indices, int] | None = None
        while (trial := known.get(box.point(view, here))) is not None:
            if trial.outcome is None:
                return Advice()
            if trial.qor is None:
                if last is None:
                    return Advice(stop="the smallest design of all failed")
                here, layer = last
                frozen.add(layer)
                qor_trial = known[box.point(view, here)]
            else:
                qor_trial = trial
                if (stop := _arrived(view, trial)) is not None:
                    return Advice(stop=stop)
            layer = _bottleneck(view, qor_trial, here, frozen)
            if layer < 0:
                return Advice(stop="the bottleneck has no smaller reuse factor left")
            last = here, layer
            here = tuple(index - (place == layer) for place, index in enumerate(here))
        if n < 1:
            return Advice()
        name = "the start: every layer as small as it can be" if last is None else view.space.options[last[1]].layer.name
        reason = name if last is None else f"speeds up the bottleneck, {name}"
        return Advice((Proposal(box.point(view, here), "greedy", reason),))


def _arrived(view: View, trial: Trial) -> str | None:
    """Return why a measured design ends the walk, None if it does not."""
    if trial.qor is None:
        return None
    timed = [limit.metric for limit in view.goal.limits if limit.metric.replace("_ns_", "_cycles_") in CYCLES]
    broken = view.goal.violations(trial.qor)
    for one in broken:
        if one.metric not in timed and one.value is not None:
            return f"trial {trial.number} breaks {one.metric}: faster designs are larger still"
    is_slow = any(one.metric in timed for one in broken)
    return f"trial {trial.number} is the first to keep the limits" if timed and not is_slow else None


def _bottleneck(view: View, trial: Trial, here: Indices, frozen: set[int]) -> int:
    """Return the slowest layer; -1 if it cannot become faster. Unmeasured cycles are positions times reuse factor."""
    measured = dict(trial.qor.layers) if trial.qor else {}

    def cycles(layer: int) -> float:
        option = view.space.options[layer]
        qor = measured.get(option.layer.name)
        known = qor and (qor.ii_cycles_max or qor.latency_cycles_max)
        return float(known or option.layer.n_positions * option.choices[here[layer]].reuse_factor)

    slowest = max((layer for layer in range(len(here)) if layer not in frozen), key=cycles, default=-1)
    return slowest if slowest >= 0 and here[slowest] > 0 else -1
