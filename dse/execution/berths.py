"""Which station may take a job now, and if none, why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dse.execution.settings import ToolOptions
from dse.execution.stations import FULL, LOOKING, Station, why_not
from dse.execution.work import ON_PLACE, Work

ALONE = "memory: a job that ran out of it runs alone"
ORDINARY = (FULL, LOOKING)


def choose_station(
    work: Work, works: Iterable[Work], stations: Sequence[Station], options: ToolOptions, n_slots: int
) -> tuple[Station | None, str]:
    """Return the station with the most free slots, or None and the reason; a reason in `ORDINARY` needs no telling."""
    on_place = [other for other in works if other.stage in ON_PLACE]
    if len(on_place) >= min(n_slots, options.licences or n_slots):
        return None, FULL
    reasons: list[str] = []
    best: Station | None = None
    most_free = 0
    for station in stations:
        here = [other for other in on_place if other.station is station]
        why = _why_not_here(work, station, here, stations, options)
        free = station.place.slots - len(here)
        if why:
            reasons.append(why)
        elif free > most_free:
            best, most_free = station, free
    told = [reason for reason in reasons if reason not in ORDINARY]
    return best, (told or reasons or [FULL])[0]


def _why_not_here(work: Work, station: Station, here: Sequence[Work], stations: Sequence[Station], options: ToolOptions) -> str:
    limit = options.memory_bytes() or 0
    memory = [((other.sighting and other.sighting.memory_bytes) or 0, int(limit * other.memory_factor)) for other in here]
    needed = 0 if work.alone else limit  # the second try of one that ran out of memory gets what there is
    why = why_not(station, options, len(here), memory, needed)
    if why:
        return why
    if here and (work.alone or any(other.alone for other in here)):
        return ALONE
    others = [other for other in stations if other is not station and other.error is None and other.silent_since is None]
    # Tried again elsewhere, even if that means waiting for a slot there.
    return FULL if others and station.place.name == work.avoid else ""
