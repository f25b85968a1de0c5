"""How long a campaign may still take: a range, from the times that its own syntheses took and what its budget leaves."""

from __future__ import annotations

from math import ceil
from statistics import quantiles

from dse.execution.phases import estimate_remaining
from dse.search.base import HasOwnGoal
from dse.study.assemble import Question
from dse.view.story import Story

_LEAST_SAMPLES = 3


def syntheses_at_most(question: Question) -> int | None:
    """Return the most syntheses that search and budget allow; None if nothing bounds them."""
    searcher = question.searcher
    own = searcher.most_trials if isinstance(searcher, HasOwnGoal) else None
    bounds = [n for n in (question.spec.budget.syntheses, own) if n is not None]
    return min(bounds) if bounds else None


def seconds_left(story: Story, since: float = 0.0, *, slots: int | None = None) -> tuple[float, float] | None:
    """Return the range of seconds that the campaign still runs.

    The low end is a search that stops as soon as the jobs under way are done, the high end one that uses up its budget at the slower
    quartile of the syntheses so far (a search may be content earlier at any time, so there is nothing to tell in between).
    None with fewer than three finished syntheses, without a bound on what is left, and for a campaign that has stopped.

    Args:
        since: seconds since the last event.
        slots: how many jobs run at once, where that is not what the campaign file says.
    """
    state, spec = story.state, story.question.spec
    past, ages = _times(story)
    most = syntheses_at_most(story.question)
    if state.stop is not None or len(past) < _LEAST_SAMPLES or (most is None and spec.budget.hours is None):
        return None
    running = [estimate_remaining(age + since, past) or (0.0, 0.0) for age in ages]
    low, high = (max((bounds[i] for bounds in running), default=0.0) for i in (0, 1))
    slow = quantiles(past, n=4)[2]
    bounds = []
    if most is not None:
        bounds.append(ceil(max(0, most - state.syntheses) / (slots or spec.slots)) * slow)
    if spec.budget.hours is not None:
        # what starts in the last moment still runs to its end
        rest = 3600 * spec.budget.hours - state.active_seconds - since
        bounds.append(rest + slow if rest > 0 else 0.0)
    return low, high + min(bounds)


def _times(story: Story) -> tuple[list[float], list[float]]:
    """Return the seconds that each synthesis took that no cache answered, and for how long each job under way has been so."""
    now, begun, past = 0.0, dict[int, float](), list[float]()
    for event in story.events:
        now += float(event["elapsed"])
        if event["event"] == "proposed":
            begun |= {int(trial["number"]): now for trial in event["trials"]}
        elif event["event"] == "finished":
            start = begun.pop(int(event["number"]))
            past += [] if event["cached"] else [now - start]
    return past, [now - start for start in begun.values()]
