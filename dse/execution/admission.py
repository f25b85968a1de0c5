"""Taking up a job: what its ticket says decides whether it is new, still running somewhere, or done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from dse.design import Job
from dse.errors import ConversionError
from dse.execution import policy, records
from dse.execution.jobdir import JobFolder, Ticket, job_folders
from dse.execution.stations import Station
from dse.execution.work import Work, key_of
from dse.project.plan import load_plan
from dse.qor import FailureKind


def take_up(work_directory: Path, job: Job, stations: Sequence[Station]) -> Work:
    """Return a job as an earlier process left it."""
    folder = JobFolder.of(work_directory, key_of(job))
    ticket = folder.load()
    work = Work(job, folder, ticket)
    work.evaluation = records.load_evaluation(folder, len(ticket.attempts))
    if work.evaluation is not None:
        work.stage = "done"
        return work
    last = ticket.last
    if last is None or not last.is_open:
        folder.cancel_mark.unlink(missing_ok=True)  # it came too late for what it meant, and this is a new wish
    if last is None:
        return work
    work.memory_factor = last.memory_factor
    if last.is_open:
        _adopt(work, stations)
    elif not policy.may_retry(last.cause, ticket.count(last.cause)):
        work.ticket = records.pardon(ticket)  # nobody remembered that failure: the user mended something and asks again
    return work


def _adopt(work: Work, stations: Sequence[Station]) -> None:
    """Find the place of an attempt that an earlier process started."""
    last = work.attempt
    station = _named(stations, last.place)
    if station is None:
        message = f"{last.place} is no longer a host of this campaign"
        work.ticket = work.ticket.amended(cause=str(FailureKind.LOST), message=message)
        work.folder.save(work.ticket)
        return
    work.station, work.ref = station, station.place.ref(work.key, last.number, last.token, work.folder.attempt(last.number))
    work.stage = "running"
    with suppress(ConversionError):
        work.plan = load_plan(work.folder.project)


def mark_strays(work_directory: Path, stations: Sequence[Station], is_meant: Callable[[str], bool]) -> None:
    """Give the stations what an earlier process left running; each attempt is closed once its place has ended it.

    Args:
        is_meant: whether the job of a key is to be ended.
    """
    for folder in job_folders(work_directory):
        last = folder.load().last if is_meant(folder.key) else None
        station = _named(stations, last.place) if last is not None and last.is_open else None
        if last is None or station is None:
            continue
        ticket = folder.load().amended(cause=str(FailureKind.CANCELLED), message="no longer wanted")
        ref = station.place.ref(folder.key, last.number, last.token, folder.attempt(last.number))
        station.strays.append((ref, partial(_forget, folder, ticket)))


def _forget(folder: JobFolder, ticket: Ticket) -> None:
    folder.save(ticket)
    folder.cancel_mark.unlink(missing_ok=True)


def _named(stations: Sequence[Station], name: str) -> Station | None:
    return next((station for station in stations if station.place.name == name), None)
