"""`dse cancel` and `dse logs`: single jobs of a campaign. `logs` reads files only; `cancel` also speaks to hosts if nobody runs the campaign."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dse.assemble import assemble
from dse.campaign.spec import CampaignSpec, read_campaign
from dse.commands.output import clean, console, print_json
from dse.commands.trust import agree_to_commands
from dse.consent import backend_commands
from dse.errors import CampaignLocked, SpecError
from dse.execution.jobdir import LOGS, Attempt, JobFolder, job_folders, read_log
from dse.store.journal import Journal

SHORTEST_PREFIX = 4
FOLLOW_SECONDS = 0.5


def cancel(path: Path, prefix: str | None, *, as_json: bool = False, trust: bool = False) -> int:
    """End one job of a campaign, or all that run; a running `dse run` records them as cancelled.

    Raises:
        SpecError: there is no such job, or nothing runs.
    """
    spec = read_campaign(path)
    chosen = [_find(spec, prefix)] if prefix else _open_folders(spec)
    if prefix and not _is_open(chosen[0]):
        raise SpecError(f"job {chosen[0].key[:12]}: does not run. `dse logs {path} {chosen[0].key[:6]}` shows how it ended.")
    rows = [_described(folder) for folder in chosen]
    for folder in chosen:
        folder.cancel_mark.write_text(json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds")}))
    runner = _is_run_by_somebody(spec)
    if chosen and not runner:
        agree_to_commands(path, backend_commands(spec.backend_options), is_trusted=trust)
        _stop_ourselves(spec, chosen)
    if as_json:
        print_json("cancel", {"campaign": spec.name, "jobs": rows, "ended": not runner})
        return 0
    how = "asked the running `dse run` to end" if runner else "ended"
    for row in rows:
        console().print(clean(f"{how} {row['key'][:6]} on {row['place']} ({row['where']})"))
    if not rows:
        console().print("nothing runs")
    return 0


def logs(path: Path, prefix: str, *, follow: bool = False, trust: bool = False, sleep: Callable[[float], None] = time.sleep) -> int:
    """Print a job's log; with `follow`, go on until the job ends.

    Raises:
        SpecError: there is no such job, or it has no log yet.
    """
    spec = read_campaign(path)
    folder = _find(spec, prefix)
    ticket = folder.load()
    if ticket.last is None:
        raise SpecError(f"job {folder.key[:12]}: has not started, so it has no log.")
    attempt = folder.attempt(ticket.last.number)
    if not _has_log(attempt):
        agree_to_commands(path, backend_commands(spec.backend_options), is_trusted=trust)
    read = _LocalTail(attempt) if _has_log(attempt) else _RemoteTail(spec, folder, ticket.last)
    while True:
        text = read()
        sys.stdout.write(clean(text))
        sys.stdout.flush()
        if not follow or not _is_open(folder):
            break
        sleep(FOLLOW_SECONDS)
    return 0


class _LocalTail:
    """What a log has gained since the last call."""

    def __init__(self, attempt: Path) -> None:
        self.attempt, self.seen = attempt, 0

    def __call__(self) -> str:
        text = read_log(self.attempt)
        new, self.seen = text[self.seen :] if len(text) >= self.seen else text, len(text)
        return new


class _RemoteTail:
    """The end of a log that lies on another machine; each call gives the newest part that was not given before."""

    def __init__(self, spec: CampaignSpec, folder: JobFolder, attempt: Attempt) -> None:
        backend: Any = assemble(spec).backend
        places = {station.place.name: station.place for station in getattr(backend, "stations", ())}
        if attempt.place not in places:
            raise SpecError(f"job {folder.key[:12]}: ran on {attempt.place!r}, which is no longer a host of this campaign.")
        self.place = places[attempt.place]
        self.ref = self.place.ref(folder.key, attempt.number, attempt.token, folder.attempt(attempt.number))
        self.before = ""

    def __call__(self) -> str:
        text = str(self.place.survey([self.ref]).sightings[self.ref].tail)
        start = text.rfind(self.before[-200:]) if self.before else -1
        new = text if start < 0 else text[start + len(self.before[-200:]) :]
        self.before = text
        return new


def _has_log(attempt: Path) -> bool:
    return any((attempt / name).exists() for name in LOGS)


def _open_folders(spec: CampaignSpec) -> list[JobFolder]:
    return [folder for folder in job_folders(spec.state / "work") if _is_open(folder)]


def _is_open(folder: JobFolder) -> bool:
    last = folder.load().last
    return last is not None and last.is_open


def _find(spec: CampaignSpec, prefix: str) -> JobFolder:
    folders = [folder for folder in job_folders(spec.state / "work") if folder.key.startswith(prefix.lower())]
    if len(prefix) < SHORTEST_PREFIX:
        raise SpecError(f"job {prefix!r}: give at least {SHORTEST_PREFIX} characters of its key.")
    if len(folders) == 1:
        return folders[0]
    known = [folder.key[:6] for folder in job_folders(spec.state / "work")]
    what = "several jobs begin so" if folders else "no such job"
    raise SpecError(f"job {prefix!r}: {what}; known are {', '.join(known[:20]) or 'none'}.")


def _described(folder: JobFolder) -> dict[str, Any]:
    """Return what a cancelled job is called and where it runs, so that the user sees what is killed."""
    last = folder.load().last
    assert last is not None
    identity = folder.attempt(last.number) / "identity.json"
    known: dict[str, Any] = json.loads(identity.read_text()) if identity.exists() else {}
    where = f"{known['host']}, pid {known['pid']}" if {"host", "pid"} <= known.keys() else "not yet started or far away"
    return {"key": folder.key, "place": last.place, "attempt": last.number, "where": where}


def _is_run_by_somebody(spec: CampaignSpec) -> bool:
    try:
        Journal(spec.state / "journal.jsonl").close()
    except CampaignLocked:
        return True
    return False


def _stop_ourselves(spec: CampaignSpec, chosen: list[JobFolder]) -> None:
    """Nobody runs the campaign: end the jobs from here; their attempts are closed, so that the next run starts them anew."""
    backend: Any = assemble(spec).backend
    stop = getattr(backend, "stop_jobs", None)
    if stop is not None:
        stop([folder.key for folder in chosen])
    close = getattr(backend, "close", None)
    if close is not None:
        close()
