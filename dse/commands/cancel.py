"""`dse cancel`: ends jobs of a campaign; it speaks to hosts only if nobody runs the campaign."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from dse.campaign.spec import CampaignSpec
from dse.commands.jobs import find_job, is_open
from dse.commands.options import AsJson, CampaignFile, Trust
from dse.commands.output import console, print_json, question_of
from dse.commands.trust import agree_to_commands
from dse.consent import backend_commands
from dse.errors import CampaignLocked, SpecError
from dse.execution.jobdir import JobFolder, job_folders
from dse.store.journal import Journal
from dse.study.assemble import build_backend
from dse.study.question import is_search_file


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
    chosen = [find_job(spec, prefix)] if prefix else _open_folders(spec)
    if prefix and not is_open(chosen[0]):
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
        console().print(f"{how} {row['key'][:6]} on {row['place']} ({row['where']})")
    if not rows:
        console().print("nothing runs")
    return 0


def _open_folders(spec: CampaignSpec) -> list[JobFolder]:
    return [folder for folder in job_folders(spec.state / "work") if is_open(folder)]


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
    backend: Any = build_backend(spec)
    stop = getattr(backend, "stop_jobs", None)
    if stop is not None:
        stop([folder.key for folder in chosen])
    close = getattr(backend, "close", None)
    if close is not None:
        close()
