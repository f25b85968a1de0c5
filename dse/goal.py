"""What a study wants, and the only place that judges a result: objectives to minimise, limits to keep, on a part at a clock.

Notation: m objectives, all minimised; a result's values are one number per objective.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite

from dse.errors import SpecError
from dse.parts import Part
from dse.qor import CYCLES, RESOURCES, Failure, Learned, Qor

CLOCK = "clock_period_ns"
NS_METRICS = ("latency_ns_min", "latency_ns_max", "ii_ns_min", "ii_ns_max")
DERIVED = ("device_cost", *NS_METRICS)  # device_cost: sum of LUT, FF, DSP and BRAM, each as a fraction of the device
NAMES = (*RESOURCES, *CYCLES, *DERIVED, CLOCK)
DEVICE_COST_RESOURCES = ("lut", "ff", "dsp", "bram_18k")

Outcome = Qor | Learned | Failure | None
Evidence = Outcome | Mapping[str, Outcome]  # one outcome is that of the study's own step; a mapping holds outcomes by step
Values = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric to minimise, as one step measures it.

    Attributes:
        metric: its name.
        reference: the hypervolume's corner for the whole study; None: set from the first results.
        step: the step whose evidence counts (`csynth`, `vsynth`, ...); "" for the one that the study takes.

    Raises:
        SpecError: the reference is no finite number above 0.
    """

    metric: str
    reference: float | None = None
    step: str = ""

    def __post_init__(self) -> None:
        if self.reference is not None and not _is_finite(self.reference, above=True):
            raise SpecError(f"reference of {self.metric}: got {_short(self.reference)}, expected a finite number above 0")


@dataclass(frozen=True, slots=True)
class Limit:
    """A hard bound on a design, in the metric's own unit (a "device" limit is resolved to the part's capacity when read).

    An `implied` one nobody wrote: the device's capacities and the requested clock. What a report does not tell does not break it.

    Raises:
        SpecError: the maximum is no finite number, or negative.
    """

    metric: str
    maximum: float
    step: str = ""
    implied: bool = False

    def __post_init__(self) -> None:
        if not _is_finite(self.maximum):
            raise SpecError(f"maximum of {self.metric}: got {_short(self.maximum)}, expected a finite number, 0 or more")


@dataclass(frozen=True, slots=True)
class Budget:
    """A bound on effort: backend runs started, and hours of wall time over all sessions; None means unbounded."""

    syntheses: int | None = None
    hours: float | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """A limit that a result does not keep: `value` is None where the metric is unknown, `factor` = value / maximum."""

    metric: str
    value: float | None
    maximum: float
    factor: float | None


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wanted, on which part, at which clock."""

    objectives: tuple[Objective, ...]
    limits: tuple[Limit, ...]
    part: Part
    clock_period_ns: float

    def value(self, evidence: Evidence, metric: str, step: str = "") -> float | None:
        """Return one metric of a result; None where it is unknown, or the result is a failure.

        Nanoseconds are cycles times the slower of the target's and the achieved period: a design whose logic needs 9.5 ns does not
        run at 5.
        """
        qor = _of_step(evidence, step)
        if qor is None:
            return None
        if metric == "device_cost":
            shares = [_share(getattr(qor, name), self.part.capacity(name)) for name in DEVICE_COST_RESOURCES]
            return None if None in shares else float(sum(share for share in shares if share is not None))
        if metric in NS_METRICS:
            cycles = getattr(qor, metric.replace("_ns_", "_cycles_"))
            return None if cycles is None else float(cycles * max(self.clock_period_ns, qor.clock_period_ns or 0.0))
        number = getattr(qor, metric)
        return None if number is None else float(number)

    def measures(self, evidence: Evidence) -> Values | None:
        """Return the objectives of a result, whether it keeps the limits or not; None where one is unknown."""
        found = [self.value(evidence, objective.metric, objective.step) for objective in self.objectives]
        return None if None in found else tuple(value for value in found if value is not None)

    def values(self, evidence: Evidence) -> Values | None:
        """Return the objectives of a result that keeps all limits; None if it breaks one, or one of either is unknown."""
        return self.measures(evidence) if self.keeps(evidence) else None

    def keeps(self, evidence: Evidence) -> bool:
        """Whether a result keeps all limits; a failure keeps none, and neither does an unknown metric."""
        return _of_any(evidence) and not self.violations(evidence)

    def violations(self, evidence: Evidence) -> tuple[Violation, ...]:
        """Return the limits that a result does not keep, unknown ones too, in the order of the limits."""
        found = []
        for limit in self.limits:
            value = self.value(evidence, limit.metric, limit.step)
            if value is None and limit.implied:
                continue
            if value is None or value > limit.maximum:
                factor = None if value is None else value / limit.maximum if limit.maximum > 0 else inf
                found.append(Violation(limit.metric, value, limit.maximum, factor))
        return tuple(found)

    def slack(self, evidence: Evidence) -> tuple[float | None, ...]:
        """Return per limit the share of its maximum that is left, negative where it is broken; None where unknown.

        Of a maximum of 0 it is the value itself, negated.
        """
        values = [self.value(evidence, limit.metric, limit.step) for limit in self.limits]
        return tuple(
            None if value is None else 1.0 - value / limit.maximum if limit.maximum > 0 else -value
            for value, limit in zip(values, self.limits, strict=True)
        )

    def best(self, results: Sequence[Evidence]) -> int | None:
        """Return the place of the best result by the first objective, of equals by the next, then the earliest; None if none is feasible."""
        rows = [(values, place) for place, result in enumerate(results) if (values := self.values(result)) is not None]
        return min(rows)[1] if rows else None

    def front(self, results: Sequence[Evidence]) -> tuple[int, ...]:
        """Return the places of the feasible results that no other dominates, by the first objective."""
        return front([self.values(result) for result in results])

    def volume(self, results: Sequence[Evidence]) -> float | None:
        """Return the share of the box up to the references that the results dominate; see `volume`."""
        return volume([self.values(result) for result in results], [objective.reference for objective in self.objectives])

    def knee(self, results: Sequence[Evidence]) -> int | None:
        """Return the place of the front's knee: where less of one objective begins to cost much of another; None without a front."""
        from dse.pareto import knee

        places = self.front(results)
        rows = [values for place in places if (values := self.values(results[place])) is not None]
        return places[knee(rows)] if rows else None


def implied_limits(limits: Sequence[Limit], part: Part, clock_period_ns: float) -> tuple[Limit, ...]:
    """Return what holds of any design that is to run: the device's capacities and the clock, where no limit was written for the metric."""
    named = {limit.metric for limit in limits}
    most = {**{name: float(part.capacity(name)) for name in DEVICE_COST_RESOURCES}, CLOCK: clock_period_ns}
    return tuple(Limit(name, maximum, implied=True) for name, maximum in most.items() if name not in named)


def front(rows: Sequence[Values | None]) -> tuple[int, ...]:
    """Return the places of the rows that no other dominates, ascending by the first value; None stands for no result."""
    known = [(values, place) for place, values in enumerate(rows) if values is not None]
    if not known:
        return ()
    from dse.pareto import non_dominated  # brings numpy, which what only reads a file can do without

    mask = non_dominated([values for values, _ in known])
    kept = [pair for pair, keep in zip(known, mask, strict=True) if keep]
    return tuple(place for _, place in sorted(kept))


def volume(rows: Sequence[Values | None], references: Sequence[float | None]) -> float | None:
    """Return the share of the box between the origin and the references that the rows dominate; None without rows or a reference."""
    known = [values for values in rows if values is not None]
    corner = [reference for reference in references if reference is not None and reference > 0]
    if not known or len(corner) < len(references):
        return None
    from dse.pareto import hypervolume

    shares = [[value / reference for value, reference in zip(values, corner, strict=True)] for values in known]
    return hypervolume(shares, [1.0] * len(corner))


def _of_step(evidence: Evidence, step: str) -> Qor | None:
    outcome = evidence.get(step) if isinstance(evidence, Mapping) else None if step else evidence
    return outcome if isinstance(outcome, Qor) else None


def _of_any(evidence: Evidence) -> bool:
    outcomes = evidence.values() if isinstance(evidence, Mapping) else (evidence,)
    return any(isinstance(outcome, Qor) for outcome in outcomes)


def _share(used: float | None, capacity: float) -> float | None:
    """Return used / capacity; what needs something that the part has none of is infinitely dear."""
    if used is None or capacity > 0:
        return None if used is None else used / capacity
    return inf if used > 0 else 0.0


def _is_finite(number: float, *, above: bool = False) -> bool:
    try:
        value = float(number)
    except OverflowError:
        return False
    return isfinite(value) and (value > 0 if above else value >= 0)


def _short(number: float) -> str:
    return repr(number) if not abs(number) >= 1e30 else "a number of more than 30 digits"
