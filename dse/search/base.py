"""The seam to how the next points are chosen.

A searcher keeps nothing between calls: all it may know is in the frozen `View`, so the sequence of its proposals is a function of
(campaign, ordered results), and resuming is replaying. A search module exposes
    Options                         frozen; its fields are the search's keys in `[search]`
    create(options) -> Searcher
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from dse.design import DesignPoint, Network, Target
from dse.goal import Goal, Objective
from dse.qor import LayerRecord, Outcome, Qor
from dse.space import DesignSpace

PROBE = "probe"  # what a trial that only looks around is proposed by


class TrialStatus(StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Trial:
    """One numbered point of a study, by evidence of one step. `outcome` is None while it is pending.

    Attributes:
        facts: what the searcher knew of the point before any work, as JSON values, e.g. what a network costs on the device.
    """

    number: int
    key: str
    point: DesignPoint
    proposed_by: str
    reason: str
    status: TrialStatus
    outcome: Outcome | None = None
    cached: bool = False
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def qor(self) -> Qor | None:
        """The quality of results, None if there is none (yet)."""
        return self.outcome if isinstance(self.outcome, Qor) else None


@dataclass(frozen=True, slots=True)
class View:
    """All that a searcher may know.

    Attributes:
        finished: trials with an outcome, in the order in which the outcomes arrived.
        pending: trials proposed and not finished, in the order proposed.
        transfer: layers measured elsewhere (other campaigns, a corpus), never of this network's own trials.
    """

    network: Network
    target: Target
    space: DesignSpace
    goal: Goal
    finished: tuple[Trial, ...]
    pending: tuple[Trial, ...]
    seed: int
    transfer: tuple[LayerRecord, ...] = ()

    @property
    def seen(self) -> frozenset[DesignPoint]:
        """All points proposed so far."""
        return frozenset(trial.point for trial in (*self.finished, *self.pending))


@dataclass(frozen=True, slots=True)
class Proposal:
    """A point worth a synthesis: which rule proposes it (`probe`, `anchor`, `thompson`, ...) and why, in one sentence."""

    point: DesignPoint
    proposed_by: str
    reason: str
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Certificate:
    """How much better anything else could be: (incumbent - optimistic bound) / incumbent, at a stated confidence.

    Of designs whose layers were all measured it is a fact. Of the others it rests on belief: of what stands in `unmeasured`.

    Attributes:
        gap: None while there is no incumbent or no bound.
        unmeasured: (layer, choice) pairs that nobody measured, the choice in words; empty while the certificate is not reached.
    """

    gap: float | None
    tolerance: float
    confidence: float | None = None
    unmeasured: tuple[tuple[str, str], ...] = ()

    @property
    def reached(self) -> bool:
        return self.gap is not None and self.gap <= self.tolerance

    @property
    def basis(self) -> str:
        """What it rests on, in words: "" where nothing was left to belief."""
        layers: dict[str, list[str]] = {}
        for layer, choice in self.unmeasured:
            layers.setdefault(layer, []).append(choice)
        return "; ".join(f"{layer} at {', '.join(choices)}" for layer, choices in layers.items())


@dataclass(frozen=True, slots=True)
class Advice:
    """A searcher's answer: points to try now, or the reason why it is done, or neither (it waits for pending results).

    Attributes:
        refused: points that were looked at and are not worth any work, with `reason`, as JSON values; the search remembers them.
    """

    proposals: tuple[Proposal, ...] = ()
    stop: str | None = None
    certificate: Certificate | None = None
    notes: tuple[str, ...] = ()
    refused: tuple[Mapping[str, Any], ...] = ()


class Searcher(Protocol):
    """A way to choose what to try next."""

    def propose(self, view: View, n: int) -> Advice:
        """Return at most n proposals, none of them seen before unless the search means to say "again" by stopping."""
        ...


@dataclass(frozen=True, slots=True)
class Aim:
    """What all layers are brought to: the cycles that one of them, the anchor, is expected to take; None while nobody can tell."""

    layer: str
    cycles: float | None


@runtime_checkable
class HasOwnGoal(Protocol):
    """A searcher that knows what is best where the campaign names no objective, and what it works towards."""

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What fronts are over where the campaign names no objective; the first is the cycles that it balances."""
        ...

    @property
    def most_trials(self) -> int:
        """After so many trials it is done whatever they say."""
        ...

    def best(self, view: View) -> Trial | None:
        """Return the best finished trial by the searcher's own goal; None if none keeps the limits."""
        ...

    def aim(self, view: View) -> Aim | None:
        """Return what it works towards; None while too little is measured to tell."""
        ...
