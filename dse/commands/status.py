"""`dse status` and `dse front`: what a campaign has found. They read files only, so they work while it runs and after a crash."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from dse.assemble import Question, assemble, read_state
from dse.campaign.spec import read_campaign
from dse.campaign.state import CampaignState
from dse.commands.output import clean, console, number, print_json
from dse.qor import Failure, Qor
from dse.search.base import Trial
from dse.store.codec import point_to_json, qor_to_json
from dse.summary import Summary, summarise, value_of


def status(path: Path, *, as_json: bool, watch: bool = False) -> int:
    """Print trials, incumbent and certificate of a campaign."""
    while True:
        question = assemble(read_campaign(path))
        state = read_state(question.spec)
        if as_json:
            print_json("status", status_document(question, state))
        else:
            print_status(question, state)
        if not watch or state.stop is not None:
            return 0
        time.sleep(2)


def front(path: Path, *, as_json: bool) -> int:
    """Print the Pareto front."""
    question = assemble(read_campaign(path))
    state = read_state(question.spec)
    summary = summarise(question, state)
    if as_json:
        rows = [trial_document(trial) for trial in summary.front]
        document = {"campaign": question.spec.name, "objectives": list(summary.objectives), "front": rows}
        print_json("front", {**document, "hypervolume": summary.hypervolume, "fidelity": question.backend.fidelity.value})
    else:
        print_trials(question, summary.front, summary)
    return 0


def state_word(state: CampaignState) -> str:
    """Return `new`, `unfinished` or `finished`."""
    if not state.trials and state.stop is None:
        return "new"
    return "unfinished" if state.stop is None else "finished"


def status_document(question: Question, state: CampaignState) -> dict[str, Any]:
    """Return the document of `dse status --json`."""
    spec, summary = question.spec, summarise(question, state)
    certificate = state.certificate
    return {
        "campaign": spec.name,
        "state": state_word(state),
        "search": {"mode": spec.mode, "kind": spec.search_kind},
        "backend": spec.backend_kind,
        "fidelity": question.backend.fidelity.value,
        "syntheses": state.syntheses,
        "cache_hits": state.cache_hits,
        "trials": [trial_document(trial) for trial in state.trials],
        "incumbent": trial_document(summary.incumbent) if summary.incumbent else None,
        "front": [trial_document(trial) for trial in summary.front],
        "objectives": list(summary.objectives),
        "hypervolume": summary.hypervolume,
        "certificate": None
        if certificate is None
        else {
            "gap": certificate.gap,
            "tolerance": certificate.tolerance,
            "confidence": certificate.confidence,
            "reached": certificate.reached,
        },
        "stop_reason": state.stop[1] if state.stop else None,
        "stop_kind": state.stop[0] if state.stop else None,
        "notes": list(notes_of(state)),
        "space_size": question.space.size,
        "seconds": round(state.active_seconds, 3),
    }


def notes_of(state: CampaignState) -> tuple[str, ...]:
    """Return what the user should know of the numbers, each sentence once."""
    from_results = (note for _, evaluation in state.evaluations for note in evaluation.provenance.notes)
    return tuple(dict.fromkeys((*state.notes, *from_results)))


def trial_document(trial: Trial) -> dict[str, Any]:
    """Return one trial as JSON values."""
    failure = trial.outcome if isinstance(trial.outcome, Failure) else None
    return {
        "number": trial.number,
        "key": trial.key,
        "point": point_to_json(trial.point),
        "proposed_by": trial.proposed_by,
        "reason": trial.reason,
        "status": trial.status.value,
        "cached": trial.cached,
        "qor": qor_to_json(trial.outcome) if isinstance(trial.outcome, Qor) else None,
        "failure": None
        if failure is None
        else {"kind": failure.kind.value, "message": failure.message, "log_tail": failure.log_tail},
        "notes": list(trial.notes),
    }


def print_status(question: Question, state: CampaignState) -> None:
    """Print the same for people."""
    spec, summary = question.spec, summarise(question, state)
    out = console()
    fidelity = question.backend.fidelity.value
    out.print(
        f"{spec.name} · {spec.mode} · {spec.target.part} @ {spec.target.clock_period_ns:g} ns · {spec.backend_kind} ({fidelity})"
    )
    out.print(
        f"{state_word(state)} · {state.syntheses} syntheses, {state.cache_hits} from the cache · {question.space.size:.3g} points"
    )
    print_trials(question, state.trials, summary)
    print_answer(question, state, summary)


def print_answer(question: Question, state: CampaignState, summary: Summary) -> None:
    """Print why it stopped and what the best design is."""
    out = console()
    if state.stop:
        out.print(f"stopped: {clean(state.stop[1])}")
    if summary.incumbent and summary.incumbent.qor:
        trial, qor = summary.incumbent, summary.incumbent.qor
        word = "estimated, not verified by synthesis" if question.backend.fidelity == "estimate" else "verified by the backend"
        out.print(
            f"best: trial {trial.number} {trial.point} · II {number(qor.ii_cycles_max)} · latency {number(qor.latency_cycles_max)} cycles"
            f" · DSP {number(qor.dsp)} · LUT {number(qor.lut)} · FF {number(qor.ff)} · BRAM {number(qor.bram_18k)} ({word})"
        )
    elif state.trials:
        out.print("best: none of the designs measured so far keeps the limits")
    if (certificate := state.certificate) and certificate.gap is not None:
        level = f" at {certificate.confidence:.0%} confidence" if certificate.confidence else ""
        out.print(
            f"certificate: nothing else is better by more than {certificate.gap:.2%}{level} (tolerance {certificate.tolerance:.2%})"
        )
    for note in notes_of(state):
        out.print(f"note: {clean(note)}")


def print_trials(question: Question, trials: tuple[Trial, ...], summary: Summary) -> None:
    """Print a table of trials; `*` marks the Pareto front, `>` the incumbent."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    extra = [m for m in summary.objectives if m not in ("ii_cycles_max", "latency_cycles_max", "dsp", "lut", "ff", "bram_18k")]
    for name in ("", "#", "by", "reuse factors", "II", "latency", "DSP", "LUT", "FF", "BRAM", *extra):
        table.add_column(name, justify="left" if name in ("", "by", "reuse factors") else "right", overflow="fold")
    front = {trial.number for trial in summary.front}
    for trial in trials:
        is_best = summary.incumbent is not None and trial.number == summary.incumbent.number
        mark = (">" if is_best else " ") + ("*" if trial.number in front else " ")
        cells = [mark, str(trial.number), trial.proposed_by, str(trial.point)]
        if trial.qor:
            qor = trial.qor
            values = (qor.ii_cycles_max, qor.latency_cycles_max, qor.dsp, qor.lut, qor.ff, qor.bram_18k)
            cells += [number(value) for value in values]
            cells += [number(value_of(question.spec, qor, metric), 4 if metric == "device_cost" else 0) for metric in extra]
        else:
            cells.append(trial.outcome.kind.value if isinstance(trial.outcome, Failure) else "pending")
        table.add_row(*cells)
    console().print(table)
