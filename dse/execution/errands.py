"""Errands to a place on behalf of one job; they run with its courier, and may fail as its connection does."""

from __future__ import annotations

from collections.abc import Callable

from dse.execution.harvest import Circumstances, Judgement, judge, lost
from dse.execution.places import Place, Ref, Sighting
from dse.execution.settings import ToolOptions
from dse.execution.work import Work


def collect(work: Work, backend: str, options: ToolOptions) -> Judgement:
    """Bring an ended attempt's files here and say what they mean."""
    station, ref = work.berth
    station.place.fetch(ref)
    return judge(ref.local, Circumstances(work.job, work.plan, work.attempt, options, backend, station.tool))


def bury(work: Work, sighting: Sighting) -> Judgement:
    """An attempt whose shim is gone without a word: end what it left behind, and keep its log."""
    station, ref = work.berth
    station.place.stop(ref, True)
    if sighting.state == "gone":
        station.place.fetch(ref)
    return lost(ref.local, sighting)


def end_stray(place: Place, ref: Ref, then: Callable[[], None]) -> None:
    """End an attempt that nobody wants, and only then forget it."""
    place.stop(ref, True)
    then()
