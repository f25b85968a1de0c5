"""How long a training, and a whole architecture search, may still take: ranges, from what its own trainings took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import quantiles

from dse.execution.phases import estimate_remaining
from dse.nas.records import Candidate
from dse.view.nas_story import NasStory

_LEAST_SAMPLES = 3
_LEAST_PACES = 2

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Flight:
    """A training under way.

    Attributes:
        curve: validation error after each epoch so far.
        seconds: since it was started; the first training of a worker waits for the worker too.
        since: seconds since the last epoch.
        paces: what each epoch after the first took, in seconds.
    """

    candidate: Candidate
    curve: tuple[float, ...] = ()
    seconds: float = 0.0
    since: float = 0.0
    paces: tuple[float, ...] = ()


def rest_of(flight: Flight, story: NasStory) -> Range | None:
    """Return the seconds that a training still takes: the epochs that earlier ones took beyond where it is, at its own paces.

    None with fewer than three trainings to learn from, or before its third epoch.
    """
    done = len(flight.curve)
    epochs = estimate_remaining(done, story.past_epochs)
    if epochs is None or len(flight.paces) < _LEAST_PACES:
        return None
    left = max(0, story.spec.training.epochs - done)
    low, high = epochs if any(epochs) else (0.0, float(left))  # longer than all before: only the end of its epochs is known
    bounds = [min(flight.paces) * min(low, left), max(flight.paces) * max(min(high, left), 1.0)]
    if story.spec.training.seconds is not None:
        bounds = [min(bound, max(0.0, story.spec.training.seconds - flight.seconds)) for bound in bounds]
    return max(0.0, bounds[0] - flight.since), max(0.0, bounds[1] - flight.since)


def seconds_left(story: NasStory, flights: Sequence[Flight], seconds: float, *, is_stopping: bool = False) -> Range | None:
    """Return the seconds that the search still takes, from the quicker to the slower quartile of its trainings.

    None with fewer than three finished trainings, and without a budget.

    Args:
        seconds: wall time so far.
        is_stopping: whether only what is under way goes on.
    """
    spec, past = story.spec, story.past_seconds
    trials, hours = spec.budget.trials, spec.budget.hours
    if len(past) < _LEAST_SAMPLES or (trials is None and hours is None and not is_stopping):
        return None
    running = [estimate_remaining(flight.seconds, past) or (0.0, 0.0) for flight in flights]
    low, high = (max((bounds[i] for bounds in running), default=0.0) for i in (0, 1))
    if is_stopping:
        return low, high
    quick, _, slow = quantiles(past, n=4)
    bounds = []
    if trials is not None:
        rounds = ceil(max(0, trials - len(story.ended) - len(flights)) / spec.search.workers)
        bounds.append((low + rounds * quick, high + rounds * slow))
    if hours is not None:
        rest = max(0.0, 3600 * float(hours) - seconds)
        bounds.append((rest, rest + slow))  # what starts in the last moment still runs to its end
    return min(bounds)
