"""One turn of explore with one objective: certificate, candidates, sweeps, posterior draws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np

from dse.allocation.exact import Allocation, Problem, allocate, conflict
from dse.allocation.prices import priced
from dse.errors import InfeasibleError
from dse.search._ask import Ask, Indices, unasked, unmeasured
from dse.search._miss import without_hope
from dse.search._tables import Tables
from dse.search.base import Advice, Certificate, Proposal

_THOMPSON_DRAWS = 16
_NOISE = 0.005  # deviation of repeated measurements that is worth a word
_LOOSER = 1.05  # than the least possible, where a limit cannot be kept as believed


@dataclass(frozen=True, slots=True)
class Rules:
    """What of a campaign's options decides a turn; see `dse.search.explore.Options`."""

    tolerance: float
    confidence: float
    limit_probability: float
    new_share: float


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One turn: what is asked, and what is believed."""

    rules: Rules
    ask: Ask
    tables: Tables

    def advise(self, n: int) -> Advice:
        incumbent = self._incumbent()
        optimist = _allocate(self._optimistic(self.ask.seen))
        notes = self.tables.notes
        if optimist is None:
            return without_hope(self.ask, self.tables, n, self.rules.tolerance, self.rules.confidence)
        certificate = self._certificate(incumbent, optimist)
        if certificate.reached and incumbent is not None:
            if self.ask.view.pending:
                return Advice(certificate=certificate, notes=notes)
            noise = (
                f", up to the {self.tables.noise:.0%} by which repeated measurements differ" if self.tables.noise > _NOISE else ""
            )
            stop = (
                f"certificate: no untried design beats trial {incumbent[1]} by more than {self.rules.tolerance:.1%} "
                f"(gap {certificate.gap:.2%}, confidence {self.rules.confidence:.0%}{noise}{rests_on(certificate)})"
            )
            return Advice(stop=stop, certificate=certificate, notes=notes)
        return Advice(tuple(self._batch(n, optimist)), certificate=certificate, notes=notes)

    def _incumbent(self) -> tuple[float, int] | None:
        """Return (value, trial number) of the best verified design."""
        found = [(values[0], trial.number) for trial in self.ask.view.finished if (values := self.ask.values(trial)) is not None]
        return min(found, default=None)

    def _optimistic(self, excluded: tuple[Indices, ...]) -> Problem:
        z = NormalDist().inv_cdf(0.5 + self.rules.confidence / 2)
        return self.ask.problem(self.tables.hope, self.tables.glue, optimism=z, excluded=excluded)

    def _certificate(self, incumbent: tuple[float, int] | None, optimist: Allocation) -> Certificate:
        tolerance, confidence = self.rules.tolerance, self.rules.confidence
        if incumbent is None or self.tables.unseen:
            return Certificate(None, tolerance, confidence)
        z = NormalDist().inv_cdf(0.5 + confidence / 2)
        bound = optimist.objective + self.ask.constant(self.tables.glue, optimism=z)
        gap = (incumbent[0] - bound) / incumbent[0] if incumbent[0] > 0 else 0.0
        found = Certificate(max(0.0, gap), tolerance, confidence)
        return replace(found, unmeasured=unmeasured(self.ask.view, self.tables)) if found.reached else found

    def _batch(self, n: int, optimist: Allocation) -> list[Proposal]:
        """Choose up to n designs, each as if those before it were known already."""
        chosen: list[Indices] = []
        proposals: list[Proposal] = []
        best = self._believed_best()
        for slot in range(n):
            taken = (*self.ask.seen, *chosen)
            found = self._thompson(taken, slot) if slot % 2 else None
            if found is None:
                found = self._next(taken, chosen, best, optimist) or self._thompson(taken, slot)
            if found is None:
                last = _allocate(self._optimistic(taken))
                if last is None:
                    break
                found = last.choices, "optimistic", "the best untried design on optimistic tables"
            point, rule, reason = found
            chosen.append(point)
            proposals.append(Proposal(self.ask.design(point), rule, reason, self._warnings(point)))
        return proposals

    def _next(
        self, taken: tuple[Indices, ...], chosen: list[Indices], best: Indices | None, optimist: Allocation
    ) -> tuple[Indices, str, str] | None:
        """Return the first candidate that tells enough, else a sweep."""
        finished = self._finished()
        pending = tuple(point for point in taken if point not in finished)
        new = unasked(self.tables, pending)
        sweep, n_worth = self._sweep(new, best or optimist.choices)
        chance = f"{self.ask.chance(self.tables, best, self.rules.confidence):.0%}" if best else ""
        candidates = [(best, "allocation", f"the best design as believed; keeps all limits with probability {chance}")]
        candidates.append((optimist.choices, "optimistic", "the only kind of design that could still beat the incumbent: ask it"))
        candidate = next((c for c in candidates if c[0] is not None and c[0] not in taken), None)
        if candidate is not None and candidate[0] is not None:
            n_new = sum(bool(fresh[index]) for fresh, index in zip(new, candidate[0], strict=True))
            if n_new == 0 or n_new >= self.rules.new_share * n_worth or sweep in taken:
                return candidate[0], candidate[1], candidate[2]
        if sweep not in taken and any(fresh[i] for fresh, i in zip(new, sweep, strict=True)):
            return sweep, "sweep", f"measures the most promising unmeasured choice of every layer; {n_worth} could matter"
        return None

    def _finished(self) -> frozenset[Indices]:
        n_done = len(self.ask.view.finished)
        return frozenset(self.ask.seen[:n_done])

    def _believed_best(self) -> Indices | None:
        """Return the best design on mean tables that keeps each limit with the asked probability; None if there is none."""
        margin = [0.0] * len(self.ask.limits)
        best: Indices | None = None
        z = NormalDist().inv_cdf(self.rules.limit_probability)
        for _ in range(1 if z == 0 else 3):
            found = _allocate(self._mean_problem(margin))
            if found is None:
                return best or self._nearest_miss()
            best = found.choices
            margin = [z * self._deviation(place, best) for place in range(len(margin))]
        return best

    def _nearest_miss(self) -> Indices | None:
        """Return the best design under the tightest limit that the mean tables can keep, one limit at a time."""
        problem = self._mean_problem([])
        core = conflict(problem)
        if not core:
            return None
        least = _allocate(Problem(core[0].table, core[1:], core[0].combine, problem.excluded))
        if least is None:
            return None
        reached = replace(core[0], maximum=least.objective * _LOOSER)
        found = _allocate(replace(problem, limits=tuple(reached if limit is core[0] else limit for limit in problem.limits)))
        return found.choices if found else None

    def _mean_problem(self, margin: list[float]) -> Problem:
        blame = self._incumbent()
        spread = blame[0] if blame else sum(float(c.max()) for c in self.ask.objectives[0].of(self.tables.mean))
        return self.ask.problem(self.tables.mean, self.tables.glue, margin=margin, suspicion=spread)

    def _deviation(self, place: int, point: Indices) -> float:
        z = NormalDist().inv_cdf(0.5 + self.rules.confidence / 2)
        limited = self.ask.limits[place][0]
        pairs = zip(limited.of(self.tables.upper), limited.of(self.tables.lower), point, strict=True)
        parts = [(float(high[i]) - float(low[i])) / (2 * z) for high, low, i in pairs]
        return max(parts) if limited.combine == "max" else float(np.sqrt(np.sum(np.square(parts))))

    def _sweep(self, new: tuple[Any, ...], base: Indices) -> tuple[Indices, int]:
        """Return the point of most promising unmeasured choices, and of how many layers one of them could matter."""
        mean, low = self._mean_problem([]), self._optimistic(())
        believed, hoped = priced(mean) or priced(low), priced(mean, low) or priced(low)
        if believed is None or hoped is None:
            return base, 0
        point, n_worth, used = [], 0, set()
        for n, (fresh, believed_column, hoped_column) in enumerate(zip(new, believed, hoped, strict=True)):
            circuits = self.tables.circuits[n]
            open_ = [int(i) for i in np.argsort(hoped_column, kind="stable") if fresh[i] and np.isfinite(hoped_column[i])]
            index = next((i for i in open_ if circuits[i] not in used), base[n])
            n_worth += bool(open_) and bool(hoped_column[open_[0]] < np.min(believed_column))
            used.add(circuits[index])
            point.append(index)
        return tuple(point), n_worth

    def _thompson(self, taken: tuple[Indices, ...], slot: int) -> tuple[Indices, str, str] | None:
        """Return the best design of the first posterior draw whose best nobody has tried."""
        rng = np.random.default_rng((self.ask.view.seed, len(taken), slot))
        for _ in range(_THOMPSON_DRAWS):
            found = _allocate(self.ask.problem(self.tables.draw(self.ask.view, rng), self.tables.glue))
            if found is not None and found.choices not in taken:
                return found.choices, "thompson", "the best design of a posterior draw"
        return None

    def _warnings(self, point: Indices) -> tuple[str, ...]:
        options = self.ask.view.space.options
        beyond = [o.layer.name for o, outside, i in zip(options, self.tables.extrapolates, point, strict=True) if outside[i]]
        return (f"believed beyond what was measured: {', '.join(beyond)}",) if beyond else ()


def rests_on(certificate: Certificate) -> str:
    """Return how much of a certificate is belief, as the end of a sentence."""
    n = len(certificate.unmeasured)
    return f"; believed of {n} choices that nobody measured" if n else "; every choice was measured"


def _allocate(problem: Problem) -> Allocation | None:
    try:
        return allocate(problem)
    except InfeasibleError:
        return None
