"""An architecture search under the names of every study: what `dse plan`, `page`, `export`, `logs` and `cancel` do with its file."""

from __future__ import annotations

import sys
import time
import webbrowser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dse.commands.jobs import SHORTEST_PREFIX
from dse.commands.nas import read_for_commands, write_page
from dse.commands.nas_report import candidate_document
from dse.commands.output import console, print_json, write
from dse.errors import CampaignLocked, SpecError
from dse.export import trials_csv, write_file
from dse.nas.records import front_of
from dse.nas.session import SearchQuestion, read_search, refuse_folder
from dse.nas.spec import NasSpec, read_nas
from dse.nas.trainer import Trainer, read_json
from dse.store.cache import Cache
from dse.store.journal import Journal

FOLLOW_SECONDS = 0.5


def plan(path: Path, *, overrides: Iterable[str], as_json: bool) -> int:
    """Print what would be trained next and at most, and which of it the cache can answer."""
    spec = read_nas(path, overrides)
    refuse_folder(spec)
    state, _ = read_search(spec)
    question, cache = SearchQuestion.of(spec), Cache(spec.cache)
    free = 0 if state.stop else max(0, spec.search.workers - len(state.pending))
    advice = question.searcher.propose(state, free) if free else None
    asked: list[tuple[Any, str]] = [(trial.point, trial.reason) for trial in state.pending]
    asked += [(proposal.point, proposal.reason) for proposal in (advice.proposals if advice else ())]
    rows: list[dict[str, Any]] = []
    for point, reason in asked:
        key = question.job(point).key
        rows.append({"network": str(point), "reason": reason, "key": key, "cached": cache.get(key) is not None})
    seconds = [e.provenance.tool_seconds for _, e in state.evaluations if e.provenance.tool_seconds is not None]
    document: dict[str, Any] = {
        "search": spec.name,
        "trainings": state.syntheses,
        "trainings_at_most": spec.budget.trials,
        "training_seconds_each": {"min": min(seconds), "max": max(seconds), "n": len(seconds)} if seconds else None,
        "next": rows,
        "stop_reason": state.stop[1] if state.stop else advice.stop if advice else None,
    }
    if as_json:
        print_json("plan", document)
        return 0
    out = console()
    most = "no bound" if spec.budget.trials is None else f"at most {spec.budget.trials}"
    out.print(
        f"{spec.name} · {len(spec.space.parameters)} parameters · {spec.search.sampler} sampler · {spec.search.workers} workers"
    )
    out.print(f"trainings   {state.syntheses} so far, {most}")
    for row in rows:
        out.print(f"next        {row['network']}  {row['reason']}  [{'cached' if row['cached'] else 'to do'} {row['key'][:6]}]")
    if document["stop_reason"]:
        out.print(f"stopped     {document['stop_reason']}")
    out.print(f"nothing was started.  dse run {path}")
    return 0


def page(path: Path, *, output: Path | None, is_opened: bool) -> int:
    """Write the page."""
    spec, candidates = read_for_commands(path)
    output = output or spec.state / "page.html"
    write_page(spec, candidates, None, output=output)
    console(stderr=True).print(f"{output}: {len(candidates)} candidates")
    if is_opened and not webbrowser.open(output.absolute().as_uri()):
        console(stderr=True).print("no browser was found; open the file yourself")
    return 0


def export(path: Path, kind: str, output: Path | None) -> int:
    """Write all candidates that took a training as CSV."""
    if kind != "csv":
        raise SpecError(f"--format {kind}: an architecture search is exported as csv only")
    spec, candidates = read_for_commands(path)
    front = {candidate.number for candidate in front_of(candidates, spec.goals)}
    left_out = ("architecture", "point", "qor", "curve")
    rows = []
    for candidate in candidates:
        if candidate.number:
            row = {name: value for name, value in candidate_document(spec, candidate).items() if name not in left_out}
            rows.append({**row, "epochs": len(candidate.curve), "on_front": candidate.number in front})
    if not rows:
        raise SpecError(f"{path}: nothing to export: no training yet. Run it: dse run {path}")
    if output is None:
        write(trials_csv(rows))
    else:
        write_file(output, trials_csv(rows).encode())
        console(stderr=True).print(f"{output}: {len(rows)} candidates")
    return 0


def logs(path: Path, prefix: str, *, follow: bool) -> int:
    """Print what a training under way said, epoch by epoch; with `follow`, go on until it ends."""
    spec, _ = read_for_commands(path)
    folder, shown = _find(spec, prefix), {"log": 0, "curve.jsonl": 0}
    while True:
        is_over = read_json(folder / "answer.json") is not None or not folder.is_dir()
        for name in shown:
            text = (folder / name).read_text(encoding="utf-8", errors="replace") if (folder / name).is_file() else ""
            write(text[shown[name] :])
            shown[name] = len(text)
        sys.stdout.flush()
        if is_over or not follow:
            return 0
        time.sleep(FOLLOW_SECONDS)


def cancel(path: Path, prefix: str | None, *, as_json: bool) -> int:
    """End one training, or all; a running `dse run` records them as cancelled, and the next one starts them anew."""
    spec, _ = read_for_commands(path)
    chosen = [_find(spec, prefix)] if prefix else _jobs(spec)
    is_run = _is_run_by_somebody(spec)
    trainer = None if is_run else Trainer(spec)
    for folder in chosen:
        if trainer is None:
            (folder / "cancel").touch()
        else:
            trainer.end(folder.name)
    if as_json:
        print_json("cancel", {"search": spec.name, "jobs": [{"key": folder.name} for folder in chosen], "ended": not is_run})
        return 0
    for folder in chosen:
        console().print(f"{'asked the running `dse run` to end' if is_run else 'ended'} {folder.name[:6]}")
    if not chosen:
        console().print("nothing runs")
    return 0


def _jobs(spec: NasSpec) -> list[Path]:
    return sorted(folder for folder in (spec.state / "work" / "jobs").glob("*") if folder.is_dir())


def _find(spec: NasSpec, prefix: str) -> Path:
    if len(prefix) < SHORTEST_PREFIX:
        raise SpecError(f"job {prefix!r}: give at least {SHORTEST_PREFIX} characters of its key.")
    found = [folder for folder in _jobs(spec) if folder.name.startswith(prefix.lower())]
    if len(found) == 1:
        return found[0]
    known = ", ".join(folder.name[:6] for folder in _jobs(spec)[:20]) or "none"
    raise SpecError(f"job {prefix!r}: {'several jobs begin so' if found else 'no such training under way'}; known are {known}.")


def _is_run_by_somebody(spec: NasSpec) -> bool:
    try:
        Journal(spec.state / "journal.jsonl").close()
    except CampaignLocked:
        return True
    return False
