"""Explore: learn tables per layer from every synthesis, allocate exactly on them, and stop when even an optimist sees nothing better.

One synthesis measures one choice of every layer at once, so a design is worth trying for two reasons: it may be the best, and it
tells of every layer a choice that nobody has measured. Each step solves the allocation exactly on three versions of the tables:
  mean        the best design as believed; unless seen before it is the first candidate,
  optimistic  lower bounds at the asked confidence. If even their best unseen design cannot beat the verified incumbent by more than
              the tolerance, the search is over: that is the certificate. Otherwise this design is the next candidate,
  draws       one posterior sample each (Thompson sampling), for the further slots of a batch.
If a candidate would measure too few new choices, a *sweep* is built instead: each layer takes the unmeasured choice whose optimistic
value, at the dual prices of the limits, is lowest. So a space whose widest layer has C choices is known after about C syntheses,
however many points it has and however rugged it is.

Pending points count as known at their believed means. Several objectives: see `dse.search._fronts`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from dse import registry
from dse.allocation.exact import Allocation, Problem, allocate, conflict
from dse.allocation.prices import priced
from dse.errors import InfeasibleError, SpecError
from dse.search import _fronts
from dse.search._ask import Ask, Indices, ask, unasked
from dse.search._tables import Tables, build
from dse.search.base import Advice, Certificate, Proposal, Searcher, View

Probes = Literal["none", "staggered", "ends"]

_BLIND = 3  # so many trials without a number of an objective, and the search gives up
_THOMPSON_DRAWS = 16
_LOOSER = 1.05  # than the least possible, where a limit cannot be kept as believed


@dataclass(frozen=True, slots=True)
class Options:
    """What a campaign may set.

    Attributes:
        surrogate: kind of surrogate.
        surrogate_options: its keys, as pairs.
        tolerance: stop when nothing can be better by more than this share.
        confidence: of the bounds behind the certificate.
        probes: designs to start with: none (the best as believed), two that are staggered, or the smallest and the largest.
        limit_probability: how likely a believed best design must keep each limit to be tried.
        new_share: a candidate that measures less than this share of what a sweep would is put off for a sweep.
    """

    surrogate: str = "adaptive"
    tolerance: float = 0.01
    confidence: float = 0.95
    probes: Probes = "none"
    limit_probability: float = 0.5
    new_share: float = 0.5
    surrogate_options: tuple[tuple[str, Any], ...] = field(default=())

    def __post_init__(self) -> None:
        for name in ("confidence", "limit_probability"):
            if not 0 < getattr(self, name) < 1:
                raise SpecError(f"[search].{name}: got {getattr(self, name)!r}, expected a number between 0 and 1.")
        for name in ("tolerance", "new_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise SpecError(f"[search].{name}: got {getattr(self, name)!r}, expected a number from 0 to 1.")
        if self.probes not in ("none", "staggered", "ends"):
            raise SpecError(f'[search].probes: got {self.probes!r}, expected "none", "staggered" or "ends".')
        if self.surrogate not in registry.kinds("surrogates"):
            known = ", ".join(registry.kinds("surrogates"))
            raise SpecError(f"[search].surrogate: got {self.surrogate!r}, expected one of {known}.")


def create(options: Options) -> Searcher:
    """Return the search.

    Raises:
        SpecError: the surrogate has no such option, or the value has the wrong type.
    """
    _recipe(options)
    return Explorer(options)


def _recipe(options: Options) -> Any:
    """Return the surrogate's own options."""
    kind = registry.load("surrogates", options.surrogate).Options
    defaults: dict[str, Any] = {entry.name: entry.default for entry in fields(kind)}
    chosen = {}
    for name, value in options.surrogate_options:
        if name not in defaults:
            known = ", ".join(sorted(defaults)) or "none"
            raise SpecError(f"[search].surrogate_options: got {name!r}, expected one of {known} for {options.surrogate}.")
        try:
            chosen[name] = type(defaults[name])(value)  # a choice of words is an enum there and a text here
        except ValueError as error:
            raise SpecError(f"[search].surrogate_options: {name} is {value!r}: {error}.") from error
    return kind(**chosen)


@dataclass(frozen=True, slots=True)
class Explorer:
    """The search as a pure function of the view."""

    options: Options

    def propose(self, view: View, n: int) -> Advice:
        """Return the most telling designs, or the certificate that ends the search."""
        if len(view.seen) >= view.space.size:
            return Advice(stop="every point of the space has been tried") if not view.pending else Advice()
        probes = [point for point in _probes(self.options.probes, view) if view.space.point(point) not in view.seen]
        if probes and n > 0:
            texts = "a probe: each layer at another place of its range, so that every synthesis tells most"
            return Advice(tuple(Proposal(view.space.point(point), "probe", texts) for point in probes[:n]))
        tables = build(view, self.options.surrogate, _recipe(self.options), self.options.confidence)
        asked = ask(view, tables)
        blind = asked.needs(tables)
        unknown = [t for t in view.finished if t.qor is not None and asked.values(t) is None and _lacks(view, t)]
        if blind or len(unknown) >= _BLIND:
            missing = ", ".join(blind or sorted({o.metric for o in view.objectives}))
            return Advice(stop=f"no trial and no record tells of {missing}, so nothing can be allocated", notes=tables.notes)
        if len(view.objectives) > 1:
            return _fronts.propose(asked, tables, n, self.options.tolerance, self.options.confidence)
        return _Step(self.options, asked, tables).advise(n)


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """One turn with one objective."""

    options: Options
    ask: Ask
    tables: Tables

    def advise(self, n: int) -> Advice:
        incumbent = self._incumbent()
        optimist = _allocate(self._optimistic(self.ask.seen))
        notes = self.tables.notes
        if optimist is None:
            return self._without_optimist(n, incumbent)
        certificate = self._certificate(incumbent, optimist)
        if certificate.reached and incumbent is not None:
            if self.ask.view.pending:
                return Advice(certificate=certificate, notes=notes)
            stop = (
                f"certificate: no untried design beats trial {incumbent[1]} by more than {self.options.tolerance:.1%} "
                f"(gap {certificate.gap:.2%}, confidence {self.options.confidence:.0%})"
            )
            return Advice(stop=stop, certificate=certificate, notes=notes)
        return Advice(tuple(self._batch(n, optimist)), certificate=certificate, notes=notes)

    def _incumbent(self) -> tuple[float, int] | None:
        """Return (value, trial number) of the best verified design."""
        found = [(values[0], trial.number) for trial in self.ask.view.finished if (values := self.ask.values(trial)) is not None]
        return min(found, default=None)

    def _optimistic(self, excluded: tuple[Indices, ...]) -> Problem:
        z = NormalDist().inv_cdf(0.5 + self.options.confidence / 2)
        return self.ask.problem(self.tables.lower, self.tables.glue, optimism=z, excluded=excluded)

    def _certificate(self, incumbent: tuple[float, int] | None, optimist: Allocation | None) -> Certificate:
        tolerance, confidence = self.options.tolerance, self.options.confidence
        if incumbent is None:
            return Certificate(None, tolerance, confidence)
        if optimist is None:
            return Certificate(0.0, tolerance, confidence)
        z = NormalDist().inv_cdf(0.5 + confidence / 2)
        bound = optimist.objective + self.ask.constant(self.tables.glue, optimism=z)
        gap = (incumbent[0] - bound) / incumbent[0] if incumbent[0] > 0 else 0.0
        return Certificate(max(0.0, gap), tolerance, confidence)

    def _without_optimist(self, n: int, incumbent: tuple[float, int] | None) -> Advice:
        """Not even the optimistic tables hold an untried design: believe that only of measured choices, so try the nearest miss."""
        certificate, notes = self._certificate(incumbent, None), self.tables.notes
        if self.ask.view.pending:
            return Advice(certificate=certificate, notes=notes)
        core = conflict(self._optimistic(()))
        if not core and incumbent is not None:
            stop = f"every other design that could keep the limits was tried; trial {incumbent[1]} is the best"
            return Advice(stop=stop, certificate=certificate, notes=notes)
        if not core:
            return Advice(stop="every design that could keep the limits was tried or contains what failed", notes=notes)
        names = " and ".join(limit.name for limit in core)
        nearest = _allocate(Problem(core[0].table, core[1:], core[0].combine, (*self.ask.failed, *self.ask.seen)))
        new = unasked(self.tables, ())
        if nearest is not None and any(fresh[i] for fresh, i in zip(new, nearest.choices, strict=True)):
            reason = f"the nearest to keeping {names}, which seems impossible: measure before saying so"
            proposal = Proposal(self._point(nearest.choices), "optimistic", reason)
            return Advice((proposal,) if n > 0 else (), notes=notes)
        stop = f"no design can keep {names} (confidence {self.options.confidence:.0%})"
        return Advice(stop=stop, certificate=certificate if incumbent else None, notes=notes)

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
            proposals.append(Proposal(self._point(point), rule, reason, self._warnings(point)))
        return proposals

    def _next(
        self, taken: tuple[Indices, ...], chosen: list[Indices], best: Indices | None, optimist: Allocation
    ) -> tuple[Indices, str, str] | None:
        """Return the first candidate that tells enough, else a sweep."""
        pending = tuple(point for point in taken if point not in self._finished())
        new = unasked(self.tables, pending)
        sweep, n_worth = self._sweep(new, best or optimist.choices)
        chance = f"{self.ask.chance(self.tables, best, self.options.confidence):.0%}" if best else ""
        candidates = [(best, "allocation", f"the best design as believed; keeps all limits with probability {chance}")]
        candidates.append((optimist.choices, "optimistic", "the only kind of design that could still beat the incumbent: ask it"))
        candidate = next((c for c in candidates if c[0] is not None and c[0] not in taken), None)
        if candidate is not None and candidate[0] is not None:
            n_new = sum(bool(fresh[index]) for fresh, index in zip(new, candidate[0], strict=True))
            if n_new == 0 or n_new >= self.options.new_share * n_worth or sweep in taken:
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
        z = NormalDist().inv_cdf(self.options.limit_probability)
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
        z = NormalDist().inv_cdf(0.5 + self.options.confidence / 2)
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

    def _point(self, point: Indices) -> Any:
        options = self.ask.view.space.options
        return self.ask.view.space.point(tuple(option.choices[i] for option, i in zip(options, point, strict=True)))

    def _warnings(self, point: Indices) -> tuple[str, ...]:
        options = self.ask.view.space.options
        beyond = [o.layer.name for o, outside, i in zip(options, self.tables.extrapolates, point, strict=True) if outside[i]]
        return (f"believed beyond what was measured: {', '.join(beyond)}",) if beyond else ()


def _allocate(problem: Problem) -> Allocation | None:
    try:
        return allocate(problem)
    except InfeasibleError:
        return None


def _lacks(view: View, trial: Any) -> bool:
    from dse.objectives import metric_value

    values = [metric_value(trial.qor, o.metric, view.part, view.target.clock_period_ns) for o in view.objectives]
    return None in values


def _probes(kind: Probes, view: View) -> list[tuple[Any, ...]]:
    """Return the designs to start with. Staggered: layers of a kind take different quantiles, the second probe the mirror image."""
    options = view.space.options
    if kind == "none":
        return []
    if kind == "ends":
        return [tuple(option.choices[end] for option in options) for end in (0, -1)]
    first = []
    for option in options:
        peers = [other.layer.name for other in options if other.layer.kind == option.layer.kind]
        share = (peers.index(option.layer.name) + 0.5) / len(peers) if len(peers) > 1 else 0.25
        first.append(min(int(share * len(option.choices)), len(option.choices) - 1))
    second = [len(option.choices) - 1 - index for option, index in zip(options, first, strict=True)]
    return [tuple(option.choices[i] for option, i in zip(options, point, strict=True)) for point in (first, second)]
