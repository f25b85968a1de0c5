"""What a campaign wants: objectives to minimise, limits to keep, a budget of effort."""

from __future__ import annotations

from dataclasses import dataclass

from dse.parts import Part
from dse.qor import CYCLES, RESOURCES, Qor

NS_METRICS = ("latency_ns_min", "latency_ns_max", "ii_ns_min", "ii_ns_max")
DERIVED = ("device_cost", *NS_METRICS)  # device_cost: sum of LUT, FF, DSP and BRAM, each as a fraction of the device
NAMES = RESOURCES + CYCLES + DERIVED
DEVICE_COST_RESOURCES = ("lut", "ff", "dsp", "bram_18k")


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric to minimise. `reference` fixes the hypervolume's corner for the whole campaign; None: set from the first probes."""

    metric: str
    reference: float | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """A hard bound on a design, in the metric's own unit (a "device" limit is resolved to the part's capacity when read)."""

    metric: str
    maximum: float


@dataclass(frozen=True, slots=True)
class Budget:
    """A bound on effort: backend runs started, and hours of wall time over all sessions; None means unbounded."""

    syntheses: int | None = None
    hours: float | None = None


def metric_value(qor: Qor, metric: str, part: Part, clock_period_ns: float) -> float | None:
    """Return one metric of a Qor, None where it is unknown.

    Nanoseconds are cycles times the *target* period, because that is the clock the design will run at.
    """
    if metric == "device_cost":
        shares = [(getattr(qor, name), part.capacity(name)) for name in DEVICE_COST_RESOURCES]
        if any(used is None for used, _ in shares):
            return None
        return float(sum(used / capacity for used, capacity in shares))
    if metric in NS_METRICS:
        cycles = getattr(qor, metric.replace("_ns_", "_cycles_"))
        return None if cycles is None else float(cycles * clock_period_ns)
    number = getattr(qor, metric)
    return None if number is None else float(number)


def keeps(qor: Qor, limits: tuple[Limit, ...], part: Part, clock_period_ns: float) -> bool:
    """Whether a measured design keeps all limits; an unknown metric keeps none."""
    values = [(metric_value(qor, limit.metric, part, clock_period_ns), limit.maximum) for limit in limits]
    return all(value is not None and value <= maximum for value, maximum in values)
