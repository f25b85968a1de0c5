"""`dse logs`: what the tool printed for a job; read from files, or from the job's host where the log is still there."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from dse.commands.jobs import backend_with_jobs, find_job
from dse.commands.options import CampaignFile, Trust
from dse.commands.output import question_of, write
from dse.commands.trust import agree_to_commands
from dse.consent import backend_commands
from dse.study.question import is_search_file

FOLLOW_SECONDS = 0.5
OVERLAP = 200


def logs(
    path: CampaignFile,
    prefix: Annotated[str, typer.Argument(metavar="JOB", help="the first letters of its key")],
    *,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="go on until the job ends")] = False,
    trust: Trust = False,
) -> int:
    """Print a job's log; with `follow`, go on until the job ends.

    Raises:
        SpecError: there is no such job.
    """
    if is_search_file(path):
        from dse.commands.searches import logs as of_search

        return of_search(path, prefix, follow=follow)
    spec = question_of(path).spec
    backend = backend_with_jobs(spec)
    job = find_job(backend, prefix)
    if not job.has_log:  # it lies on the job's host
        agree_to_commands(path, backend_commands(spec.backend_options), is_trusted=trust)
    before = ""
    while True:
        text = backend.log(job.key)
        write(_news(text, before))
        before = text
        if not follow or not find_job(backend, job.key).is_open:
            break
        time.sleep(FOLLOW_SECONDS)
    return 0


def _news(text: str, before: str) -> str:
    """Return what a log has gained; of one that lies far away only the end is known."""
    start = text.rfind(before[-OVERLAP:]) if before else -1
    return text if start < 0 else text[start + len(before[-OVERLAP:]) :]
