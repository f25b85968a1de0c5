"""The seam to how the next points are chosen.

A searcher keeps nothing between calls: all it may know is in the frozen `View`, so the sequence of its proposals is a function of
(campaign, ordered results), and resuming is replaying. A search module exposes
    Options                         frozen; its fields are the search's keys in `[search]`
    create(options) -> Searcher
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from dse.design import DesignPoint, Network, Target
from dse.objectives import Limit, Objective
from dse.parts import Part
from dse.qor import Failure, LayerRecord, Qor
from dse.space import DesignSpace


class TrialStatus(StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Trial:
    """One numbered proposal of a campaign. `outcome` is None while it is pending."""

    number: int
    key: str
    point: DesignPoint
    proposed_by: str
    reason: str
    status: TrialStatus
    outcome: Qor | Failure | None = None
    cached: bool = False
    notes: tuple[str, ...] = ()

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
    part: Part
    space: DesignSpace
    objectives: tuple[Objective, ...]
    limits: tuple[Limit, ...]
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


@dataclass(frozen=True, slots=True)
class Certificate:
    """How much better anything else could be: (incumbent - optimistic bound) / incumbent, at a stated confidence.

    `gap` is None while there is no incumbent or no bound.
    """

    gap: float | None
    tolerance: float
    confidence: float | None = None

    @property
    def reached(self) -> bool:
        return self.gap is not None and self.gap <= self.tolerance


@dataclass(frozen=True, slots=True)
class Advice:
    """A searcher's answer: points to try now, or the reason why it is done, or neither (it waits for pending results)."""

    proposals: tuple[Proposal, ...] = ()
    stop: str | None = None
    certificate: Certificate | None = None
    notes: tuple[str, ...] = ()


class Searcher(Protocol):
    """A way to choose what to try next."""

    def propose(self, view: View, n: int) -> Advice:
        """Return at most n proposals, none of them seen before unless the search means to say "again" by stopping."""
        ...
