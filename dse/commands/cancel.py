"""`dse cancel`: ends jobs of a campaign; it speaks to hosts only if nobody runs the campaign."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dse.campaign.spec import CampaignSpec
from dse.commands.jobs import backend_with_jobs, find_job
from dse.commands.options import AsJson, CampaignFile, Trust
from dse.commands.output import console, print_json, question_of
from dse.commands.trust import agree_to_commands
from dse.consent import backend_commands
from dse.errors import CampaignLocked, SpecError
from dse.store.journal import Journal
from dse.study.question import is_search_file
from dse.synth_backends.base import Closes, KnownJob


def cancel(
    path: CampaignFile,
    prefix: Annotated[
        str | None, typer.Argument(metavar="[JOB]", help="the first letters of its key; all that run unless given")
    ] = None,
    *,
    as_json: AsJson = False,
    trust: Trust = False,
) -> int:
    """End one job of a campaign, or all that run; a running `dse run` records them as cancelled.

    Raises:
        SpecError: there is no such job, or nothing runs.
    """
    if is_search_file(path):
        from dse.commands.searches import cancel as of_search

        return of_search(path, prefix, as_json=as_json)
    spec = question_of(path).spec
    backend = backend_with_jobs(spec)
    chosen = [find_job(backend, prefix)] if prefix else [job for job in backend.known_jobs() if job.is_open]
    if prefix and not chosen[0].is_open:
        raise SpecError(f"job {chosen[0].key[:12]}: does not run. `dse logs {path} {chosen[0].key[:6]}` shows how it ended.")
    rows = [_described(job) for job in chosen]
    keys = [job.key for job in chosen]
    backend.ask_to_end(keys)
    runner = _is_run_by_somebody(spec)
    if chosen and not runner:
        # Nobody runs the campaign: the jobs are ended from here, and the next run starts them anew.
        agree_to_commands(path, backend_commands(spec.backend_options), is_trusted=trust)
        backend.stop_jobs(keys)
        if isinstance(backend, Closes):
            backend.close()
    if as_json:
        print_json("cancel", {"campaign": spec.name, "jobs": rows, "ended": not runner})
        return 0
    how = "asked the running `dse run` to end" if runner else "ended"
    for row in rows:
        console().print(f"{how} {row['key'][:6]} on {row['place']} ({row['where']})")
    if not rows:
        console().print("nothing runs")
    return 0


def _described(job: KnownJob) -> dict[str, Any]:
    """Return what a cancelled job is called and where it runs, so that the user sees what is killed."""
    return {"key": job.key, "place": job.host, "attempt": job.attempt, "where": job.process or "not yet started or far away"}


def _is_run_by_somebody(spec: CampaignSpec) -> bool:
    try:
        Journal(spec.state / "journal.jsonl").close()
    except CampaignLocked:
        return True
    return False
