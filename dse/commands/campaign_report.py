"""What campaigns have found, for people and for programs: trials, the best design, the certificate."""

from __future__ import annotations

from typing import Any

from dse.campaign.times import seconds_since
from dse.commands.output import console, number, points, print_table, share
from dse.qor import Failure, Qor
from dse.search.base import Trial
from dse.store.codec import qor_to_json
from dse.study.assemble import Question
from dse.study.fold import CampaignState, evidence_of
from dse.summary import Summary, summarise
from dse.view.bands import band_text, bounds_of
from dse.view.outlook import seconds_left
from dse.view.story import Story
from dse.view.text import part_name, remaining
from dse.view.words import ESTIMATES, words_of
from dse.wire import to_json

_BANDED = (
    ("II", "ii_cycles_max"),
    ("latency", "latency_cycles_max"),
    ("DSP", "dsp"),
    ("LUT", "lut"),
    ("FF", "ff"),
    ("BRAM", "bram_18k"),
)


def eta_of(story: Story) -> tuple[float, float] | None:
    """Return the range of seconds that the campaign still runs, None where nobody can say."""
    # with nothing under way the clock stands still
    return seconds_left(story, seconds_since(story.events[-1]["at"]) if story.state.pending else 0.0)


def state_word(state: CampaignState) -> str:
    """Return `new`, `unfinished` or `finished`."""
    if not state.trials and state.stop is None:
        return "new"
    return "unfinished" if state.stop is None else "finished"


def status_document(story: Story) -> dict[str, Any]:
    """Return the document of `dse status --json`."""
    question, state, summary = story.question, story.state, story.summary
    spec, certificate, eta = question.spec, state.certificate, eta_of(story)
    return {
        "campaign": spec.name,
        "state": state_word(state),
        "search": {"mode": spec.mode, "kind": spec.search_kind},
        "backend": spec.backend_kind,
        "fidelity": question.backend.fidelity.value,
        "syntheses": 0 if story.words is ESTIMATES else state.syntheses,
        "estimates": state.syntheses if story.words is ESTIMATES else 0,
        "cache_hits": state.cache_hits,
        "trials": [trial_document(trial, question) for trial in state.trials],
        "incumbent": trial_document(summary.incumbent, question) if summary.incumbent else None,
        "front": [trial_document(trial, question) for trial in summary.front],
        "objectives": list(summary.objectives),
        "hypervolume": summary.hypervolume,
        "certificate": None
        if certificate is None
        else {
            "gap": certificate.gap,
            "tolerance": certificate.tolerance,
            "confidence": certificate.confidence,
            "reached": certificate.reached,
            "unmeasured": [list(pair) for pair in certificate.unmeasured],
        },
        "stop_reason": state.stop[1] if state.stop else None,
        "stop_kind": state.stop[0] if state.stop else None,
        "notes": list(notes_of(state)),
        "space_size": question.space.size,
        "earlier": [_earlier_document(question, earlier) for earlier in state.earlier],
        "seconds": round(state.active_seconds, 3),
        "eta_seconds": None if eta is None else [round(bound, 3) for bound in eta],
    }


def _earlier_document(question: Question, state: CampaignState) -> dict[str, Any]:
    """Return what was found by evidence of a step before the present one; its figures stand beside no others."""
    incumbent = summarise(question, state).incumbent
    return {
        "fidelity": evidence_of(dict(state.meaning))[0],
        "trials": [trial_document(trial) for trial in state.trials],
        "incumbent": trial_document(incumbent) if incumbent else None,
    }


def notes_of(state: CampaignState) -> tuple[str, ...]:
    """Return what the user should know of the numbers, each sentence once."""
    from_results = (note for _, evaluation in state.evaluations for note in evaluation.provenance.notes)
    return tuple(dict.fromkeys((*state.notes, *from_results)))


def trial_document(trial: Trial, question: Question | None = None) -> dict[str, Any]:
    """Return one trial as JSON values; with `question`, estimates have their bounds (`bounds`: metric -> [low, high])."""
    around = bounds_of(question, trial) if question else {}
    failure = trial.outcome if isinstance(trial.outcome, Failure) else None
    return {
        "number": trial.number,
        "key": trial.key,
        "point": to_json(trial.point),
        "proposed_by": trial.proposed_by,
        "reason": trial.reason,
        "status": trial.status.value,
        "cached": trial.cached,
        "qor": qor_to_json(trial.outcome) if isinstance(trial.outcome, Qor) else None,
        "failure": None
        if failure is None
        else {"kind": failure.kind.value, "message": failure.message, "log_tail": failure.log_tail},
        "notes": list(trial.notes),
    } | ({"bounds": {metric: list(band) for metric, band in around.items()}} if around else {})


def print_status(story: Story, *, wide: bool = False) -> None:
    """Print the same for people."""
    question, state, summary = story.question, story.state, story.summary
    spec = question.spec
    out = console()
    fidelity = question.backend.fidelity.value
    backend = spec.backend_kind if spec.backend_kind == fidelity else f"{spec.backend_kind} ({fidelity})"
    out.print(f"{spec.name} · {spec.mode} · {part_name(spec.target.part)} @ {spec.target.clock_period_ns:g} ns · {backend}")
    left = f" · ETA {remaining(eta_of(story))}" if state_word(state) == "unfinished" else ""
    out.print(
        f"{state_word(state)} · {story.words.counted(state.syntheses)}, {state.cache_hits} from the cache · {points(question.space.size)}{left}"
    )
    for earlier in state.earlier:
        _print_earlier(question, earlier)
    if not state.trials:
        out.print(f"nothing has been tried yet; start with: dse run {spec.path}")
        return
    print_trials(question, state.trials, summary, wide=wide)
    print_answer(question, state, summary)


def _print_earlier(question: Question, state: CampaignState) -> None:
    trial, word = summarise(question, state).incumbent, evidence_of(dict(state.meaning))[0]
    best = "none keeps the limits"
    if trial and trial.qor:
        best = f"best trial {trial.number} {trial.point}: II {number(trial.qor.ii_cycles_max)} · DSP {number(trial.qor.dsp)}"
    console().print(f"before, by {word}: {len(state.order)} designs, {best}")


def print_answer(question: Question, state: CampaignState, summary: Summary) -> None:
    """Print why it stopped and what the best design is."""
    out = console()
    if state.stop:
        out.print(f"stopped: {state.stop[1]}")
    if summary.incumbent and summary.incumbent.qor:
        trial, qor = summary.incumbent, summary.incumbent.qor
        notes = next((e.provenance.notes for number, e in state.evaluations if number == trial.number), ())
        words = words_of(question, notes)
        part = question.spec.part
        shares = (("DSP", "dsp"), ("LUT", "lut"), ("FF", "ff"), ("BRAM", "bram_18k"))
        used = " · ".join(f"{name} {share(getattr(qor, metric), part.capacity(metric))}" for name, metric in shares)
        out.print(f"best: trial {trial.number} {trial.point}, {words.verdict}")
        out.print(f"  II {number(qor.ii_cycles_max)} · latency {number(qor.latency_cycles_max)} cycles · {used}")
        around = bounds_of(question, trial)
        if around:
            told = (f"{name}{band_text(around.get(metric))}" for name, metric in _BANDED)
            out.print(f"  in 9 of 10 cases within: {' · '.join(told)}")
    elif state.trials:
        out.print(f"best: none of the designs {words_of(question).measured} so far keeps the limits")
    if (certificate := state.certificate) and certificate.gap is not None:
        level = f" at {certificate.confidence:.0%} confidence" if certificate.confidence else ""
        out.print(
            f"certificate: nothing else is better by more than {certificate.gap:.2%}{level} (tolerance {certificate.tolerance:.2%})"
        )
        if certificate.basis:
            out.print(f"  believed where nobody measured: {certificate.basis}", soft_wrap=True)
    for note in notes_of(state):
        out.print(f"note: {note}")


_TEXTS = ("", "by", "reuse factors")
_GIVEN_UP = ("by", "FF", "BRAM", "LUT", "latency", "DSP", "II")


def print_trials(
    question: Question, trials: tuple[Trial, ...], summary: Summary, *, with_bands: bool = False, wide: bool = False
) -> None:
    """Print a table of trials; `*` marks the Pareto front, `>` the incumbent; with bands, between what estimates may lie."""
    titles = {metric: title for title, metric in _BANDED}
    extra = [metric for metric in summary.objectives if metric not in titles]
    front = {trial.number for trial in summary.front}
    rows = []
    for trial in trials:
        is_best = summary.incumbent is not None and trial.number == summary.incumbent.number
        mark = (">" if is_best else " ") + ("*" if trial.number in front else " ")
        around = bounds_of(question, trial) if with_bands else {}
        if trial.qor:
            cells = [number(getattr(trial.qor, metric)) + band_text(around.get(metric)) for _, metric in _BANDED]
            cells += [number(question.goal.value(trial.qor, metric), 4 if metric == "device_cost" else 0) for metric in extra]
            point = str(trial.point)
        else:
            cells = ["-"] * (len(_BANDED) + len(extra))
            why = f"failed: {trial.outcome.kind.value}" if isinstance(trial.outcome, Failure) else "pending"
            point = f"{trial.point} {why}"
        rows.append([mark, str(trial.number), trial.proposed_by, point, *cells])
    wanted = {titles[metric] for metric in summary.objectives if metric in titles}
    print_table(
        ("", "#", "by", "reuse factors", *titles.values(), *extra),
        rows,
        texts=_TEXTS,
        given_up=[name for name in _GIVEN_UP if name not in wanted],
        wide=wide,
    )
    if summary.incumbent:
        console().print("> best, * on the Pareto front", style="dim")
