"""A moment of an architecture search and what follows from it; worked out once, for a board draws the same moment many times."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dse.nas.records import SPENT, Candidate, Outcome, front_of, volume_of
from dse.nas.spec import NasSpec


def axes_of(spec: NasSpec) -> tuple[str, str]:
    """Return the metrics across and upwards: the first that needs no training (without one, the multiplications), the first that does."""
    across = next((goal.metric for goal in spec.goals if not goal.is_learned), "workload")
    return across, next(goal.metric for goal in spec.goals if goal.is_learned)


@dataclass
class NasStory:
    """One moment.

    Attributes:
        candidates: all that were asked, as last heard.
    """

    spec: NasSpec
    candidates: tuple[Candidate, ...] = ()

    @cached_property
    def ended(self) -> tuple[Candidate, ...]:
        """Whatever took a training."""
        return tuple(candidate for candidate in self.candidates if candidate.outcome in SPENT)

    @cached_property
    def best_numbers(self) -> frozenset[int]:
        """Who is on the front."""
        return frozenset(candidate.number for candidate in front_of(self.ended, self.spec.goals))

    @cached_property
    def best_error(self) -> float | None:
        """The least error of a training that came to its end."""
        return min((c.error for c in self.ended if c.outcome is Outcome.TRAINED and c.error is not None), default=None)

    @cached_property
    def volume(self) -> float | None:
        """The hypervolume, None where no references are given."""
        return volume_of(self.ended, self.spec.goals)

    @cached_property
    def places(self) -> tuple[tuple[float, float, int], ...]:
        """What every training that came to its end costs, its error, its number."""
        across, upwards = axes_of(self.spec)
        whole = [c for c in self.ended if c.values(self.spec.goals) is not None]
        return tuple((x, y, c.number) for c in whole if (x := c.value(across)) is not None and (y := c.value(upwards)) is not None)

    @cached_property
    def past_epochs(self) -> tuple[int, ...]:
        """How many epochs each training took."""
        return tuple(len(candidate.curve) for candidate in self.ended if candidate.curve)

    @cached_property
    def past_seconds(self) -> tuple[float, ...]:
        """How long each training took, with asking for it."""
        return tuple(c.seconds + c.ask_seconds for c in self.ended if c.seconds is not None)
