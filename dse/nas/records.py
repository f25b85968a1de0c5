"""What is known of a candidate: asked, weighed, trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from dse.goal import front, volume
from dse.nas.cost import Cost
from dse.nas.spec import Goal
from dse.networks.architecture import Architecture
from dse.qor import Qor
from dse.store.codec import qor_to_json
from dse.wire import to_json


class Outcome(StrEnum):
    """How a candidate ended. Only those above the line took a training."""

    TRAINED = "trained"
    HOPELESS = "hopeless"  # given up early: half of all networks that cost no more were better at that epoch
    FAILED = "failed"  # the training died, diverged or took too long

    REFUSED = "refused"  # cannot be built, cannot keep the limits, or was tried before; nothing was trained
    LOST = "lost"  # in training when the search was killed; asked again
    RUNNING = "running"


SPENT = (Outcome.TRAINED, Outcome.HOPELESS, Outcome.FAILED)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One numbered candidate.

    Attributes:
        architecture: None if the parameters make none.
        error: on the validation windows, in the target's own unit (rmse), or the share of wrong classes; None before it is trained.
        test_error: the same on the test windows, which the search never looks at; None without a test split.
        curve: validation error after each epoch.
        reason: why it was refused or failed, or why the training ended.
        file: the trained network, relative to the search's folder; "" if there is none.
        cost: as JSON values: workload, device_cost, latency_ns, least_latency_ns, point, qor.
        seconds: of the training; `ask_seconds` of proposing it, `cost_seconds` of weighing it.
    """

    number: int
    outcome: Outcome
    architecture: Architecture | None = None
    error: float | None = None
    test_error: float | None = None
    curve: tuple[float, ...] = ()
    reason: str = ""
    file: str = ""
    cost: dict[str, Any] | None = None
    seconds: float | None = None
    ask_seconds: float = 0.0
    cost_seconds: float = 0.0

    def value(self, metric: str) -> float | None:
        """Return one metric in the sense in which it is minimised, None if it is unknown."""
        if metric in ("rmse", "accuracy"):
            return self.error
        if self.cost is None:
            return None
        found = self.cost.get("least_latency_ns" if metric == "latency_ns" else metric)
        return None if found is None else float(found)

    def values(self, goals: Sequence[Goal]) -> tuple[float, ...] | None:
        """Return all objectives, None if one is unknown or the candidate was not trained to its end."""
        found = [self.value(goal.metric) for goal in goals]
        if self.outcome is not Outcome.TRAINED or None in found:
            return None
        return tuple(value for value in found if value is not None)

    @property
    def name(self) -> str:
        return f"trial_{self.number:04d}"


def cost_to_json(cost: Cost) -> dict[str, Any]:
    """Return what is kept of a cost."""
    point, qor = cost.point, cost.qor
    return {
        "workload": cost.workload,
        "device_cost": cost.device_cost,
        "latency_ns": cost.latency_ns,
        "least_latency_ns": cost.least_latency_ns,
        "point": None if point is None else to_json(point),
        "qor": None if not isinstance(qor, Qor) else {k: v for k, v in qor_to_json(qor).items() if k != "layers"},
    }


def front_of(candidates: Sequence[Candidate], goals: Sequence[Goal]) -> tuple[Candidate, ...]:
    """Return the trained candidates that no other dominates, by the first objective."""
    return tuple(candidates[place] for place in front([candidate.values(goals) for candidate in candidates]))


def volume_of(candidates: Sequence[Candidate], goals: Sequence[Goal]) -> float | None:
    """Return the share of the box up to the references that the front dominates; None without references or candidates."""
    return volume([candidate.values(goals) for candidate in candidates], [goal.reference for goal in goals])


def is_hopeless(
    epoch_curve: Sequence[float], costs: Sequence[float], rivals: Sequence[tuple[Sequence[float], Sequence[float]]]
) -> bool:
    """Whether a training may be given up: its best error so far is worse than the median of its rivals' at the same epoch.

    Rivals are the trained candidates that cost no more in any other objective: what they beat, the candidate could only join the
    front by passing half of them. At least four rivals are asked for.

    Args:
        epoch_curve: validation error after each epoch so far.
        costs: the other objectives.
        rivals: (costs, curve) of trained candidates.

    >>> is_hopeless([9.0, 8.0], [1.0], [([1.0], [5.0, 4.0])] * 4), is_hopeless([9.0], [0.5], [([1.0], [5.0])] * 4)
    (True, False)
    """
    epoch = len(epoch_curve)
    bests = [min(curve[:epoch]) for other, curve in rivals if curve and all(a <= b for a, b in zip(other, costs, strict=True))]
    return len(bests) >= 4 and min(epoch_curve) > float(np.median(bests))
