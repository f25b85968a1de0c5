"""`dse logs`: what the tool printed for a job; read from files, or from the job's host where the log is still there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from dse.campaign.spec import CampaignSpec
from dse.commands.jobs import find_job, is_open
from dse.commands.options import CampaignFile, Trust
from dse.commands.output import question_of, write
from dse.commands.trust import agree_to_commands
from dse.consent import backend_commands
from dse.errors import SpecError
from dse.execution.jobdir import LOGS, Attempt, JobFolder, read_log
from dse.study.assemble import build_backend
from dse.study.question import is_search_file

FOLLOW_SECONDS = 0.5


def logs(
    path: CampaignFile,
    prefix: Annotated[str, typer.Argument(metavar="JOB", help="the first letters of its key")],
    *,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="go on until the job ends")] = False,
    trust: Trust = False,
) -> int:
    """Print a job's log; with `follow`, go on until the job ends.

    Raises:
        SpecError: there is no such job, or it has no log yet.
    """
    if is_search_file(path):
        from dse.commands.searches import logs as of_search

        return of_search(path, prefix, follow=follow)
    spec = question_of(path).spec
    folder = find_job(spec, prefix)
    ticket = folder.load()
    if ticket.last is None:
        raise SpecError(f"job {folder.key[:12]}: has not started, so it has no log.")
    attempt = folder.attempt(ticket.last.number)
    if not _has_log(attempt):
        agree_to_commands(path, backend_commands(spec.backend_options), is_trusted=trust)
    read = _LocalTail(attempt) if _has_log(attempt) else _RemoteTail(spec, folder, ticket.last)
    while True:
        text = read()
        write(text)
        if not follow or not is_open(folder):
            break
        time.sleep(FOLLOW_SECONDS)
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
        backend: Any = build_backend(spec)
        places = {name: host.place for name, host in getattr(backend, "hosts", {}).items()}
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
