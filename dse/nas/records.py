"""What is known of a candidate: asked, weighed, trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from dse.goal import front, volume
from dse.nas.cost import Cost
from dse.nas.spec import Goal, NasSpec
from dse.networks.architecture import Architecture
from dse.qor import Evaluation, Failure, Learned, Qor
from dse.search.base import Trial
from dse.store.codec import qor_to_json
from dse.wire import from_json, to_json


class Outcome(StrEnum):
    """How a candidate ended. Only those above the line took a training."""

    TRAINED = "trained"
    HOPELESS = "hopeless"  # given up early: half of all networks that cost no more were better at that epoch
    FAILED = "failed"  # the training died, diverged or took too long

    REFUSED = "refused"  # cannot be built, cannot keep the limits, or was tried before; nothing was trained
    RUNNING = "running"


SPENT = (Outcome.TRAINED, Outcome.HOPELESS, Outcome.FAILED)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One numbered candidate.

    Attributes:
        number: 0 for one that was refused: nothing was done for it.
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
    key: str = ""

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


def candidate_of(spec: NasSpec, trial: Trial, evaluation: Evaluation | None = None) -> Candidate:
    """Return what a trial of a search's journal is; with its evaluation, also how long the training took."""
    point: Any = trial.point
    facts, outcome = trial.facts, trial.outcome
    known = Candidate(
        trial.number,
        Outcome.RUNNING,
        point,
        cost=facts.get("cost"),
        ask_seconds=facts.get("ask_seconds", 0.0),
        cost_seconds=facts.get("cost_seconds", 0.0),
        seconds=evaluation.provenance.tool_seconds if evaluation else None,
        key=trial.key,
    )
    if isinstance(outcome, Failure):
        return replace(known, outcome=Outcome.FAILED, reason=outcome.message)
    if not isinstance(outcome, Learned):
        return known
    return replace(
        known,
        outcome=Outcome.HOPELESS if outcome.ended == "hopeless" else Outcome.TRAINED,
        error=outcome.error,
        test_error=outcome.test_error,
        curve=outcome.curve,
        reason=outcome.ended,
        file=str(network_file(spec, trial.key).relative_to(spec.state)) if outcome.has_network else "",
    )


def refused_candidate(document: Mapping[str, Any]) -> Candidate:
    """Return a candidate that was refused, as the journal has it."""
    architecture = from_json(Architecture, document["architecture"]) if "architecture" in document else None
    return Candidate(0, Outcome.REFUSED, architecture, reason=str(document["reason"]), cost=document.get("cost"))


def network_file(spec: NasSpec, key: str) -> Path:
    """Return where the network of a training lies."""
    return spec.state / "networks" / f"{key[:16]}.keras"


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
