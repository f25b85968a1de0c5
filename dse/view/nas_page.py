"""The page of an architecture search, of one family with a campaign's: the front and the training curves, then all in tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dse.nas.deploy import Deployed, table_row
from dse.nas.records import SPENT, Candidate, Outcome, front_of, volume_of
from dse.nas.spec import NasSpec
from dse.view.figures.axes import LABELS as AXES
from dse.view.nas_figures import WORDS, draw_nas_curves, draw_nas_front
from dse.view.nas_story import axes_of
from dse.view.pages import render
from dse.view.text import part_name

Cell = tuple[str, str]  # text, and what it sorts by
_DEPLOYED = (
    "trial",
    "network",
    "error",
    "test",
    "fixed",
    "workload",
    "LUT",
    "FF",
    "DSP",
    "BRAM",
    "latency µs",
    "reuse factors",
)
_CANDIDATES = ("trial", "network", "error", "test", "workload", "device cost", "latency µs", "epochs", "seconds", "ended")
_TEXTS = frozenset(("network", "reuse factors", "ended"))


def nas_page(spec: NasSpec, candidates: Sequence[Candidate], deployed: Sequence[Deployed], *, is_running: bool = False) -> str:
    """Return the whole file as text."""
    front = front_of(candidates, spec.goals)
    shown = [candidate for candidate in candidates if candidate.outcome is not Outcome.REFUSED]
    across, upwards = axes_of(spec)
    data = {"best": front[0].number if front else None, "columns": ["network", "error"], "trials": [_told(c) for c in shown]}
    return render(
        "search.html",
        title=spec.name,
        subtitle=_target_line(spec),
        data=data,
        is_followed=is_running,
        lead=_lead(spec, front),
        sure=_sure(spec, candidates),
        front={
            "hint": f"{WORDS[upwards]} against {WORDS[across]}; the lower left is best. Point at a network to see it everywhere.",
            "drawing": draw_nas_front(spec, candidates),
        },
        curves=draw_nas_curves(spec, candidates),
        deployed=_deployed(spec, [one for one in deployed if one.question is not None]),
        candidates=_candidates(candidates, shown, {candidate.number for candidate in front}),
        texts=_TEXTS,
    )


def _target_line(spec: NasSpec) -> str:
    limits = [f"{AXES.get(limit.metric, limit.metric)} ≤ {limit.maximum:,.0f}" for limit in spec.limits]
    target = [
        f"{part_name(spec.target.part)} at {spec.target.clock_period_ns:g} ns",
        spec.target.io_type,
        str(spec.target.precision),
    ]
    return " · ".join(["architecture search", *target, *limits, f"{spec.search.sampler} sampler"])


def _sure(spec: NasSpec, candidates: Sequence[Candidate]) -> str:
    counts = {outcome: sum(candidate.outcome is outcome for candidate in candidates) for outcome in Outcome}
    facts = [f"{sum(counts[outcome] for outcome in SPENT)} trainings"]
    words = ((Outcome.HOPELESS, "given up early"), (Outcome.FAILED, "failed"), (Outcome.RUNNING, "under way"))
    facts += [f"{counts[outcome]} {word}" for outcome, word in words if counts[outcome]]
    volume = volume_of(candidates, spec.goals)
    facts += [f"hypervolume {volume:.4f}"] if volume is not None else []
    about = f"Costs: exact allocation of reuse factors over the {spec.cost.tables}, not verified by synthesis."
    return f"{', '.join(facts)}. {about}"


def _lead(spec: NasSpec, front: Sequence[Candidate]) -> list[tuple[str, str, str]]:
    """Return the first sentence in pieces of (words, figure, words)."""
    across, upwards = axes_of(spec)

    def told(candidate: Candidate) -> tuple[str, str]:
        error, cost = candidate.value(upwards), candidate.value(across)
        return f"{WORDS[upwards]} {_short(error)}", f" at {WORDS[across]} {_short(cost)}"

    if len(front) < 2:
        return [("One network: ", *told(one)) for one in front]
    return [(f"{len(front)} networks, from ", *told(front[0])), (" to ", *told(front[-1]))]


def _deployed(spec: NasSpec, deployed: Sequence[Deployed]) -> dict[str, Any]:
    if not deployed:
        return {"hint": "None yet.", "rows": []}
    found = [table_row(spec, one) for one in deployed]
    sources = sorted({row["fidelity"] for row in found if row["fidelity"]})
    hint = (
        f"Each by a campaign of its own; figures: {', '.join(sources) or 'none'}. Fixed: the test error in hls4ml's C simulation."
    )
    hint += " Block RAM in 18 Kb halves."
    rows = []
    for one, row in zip(deployed, found, strict=True):
        fixed = (row["simulation"] or {}).get("fixed_error")
        errors = [_text(_short(value)) for value in (row["error"], row["test_error"], fixed)]
        sizes = [_number(row[key]) for key in ("workload", "lut", "ff", "dsp", "bram_18k")]
        factors = " ".join(map(str, row["reuse_factors"] or ())) or (one.problem or "no design keeps the limits")
        last = [_number(row["latency_us"], 1), _text(factors)]
        rows.append({"number": None, "cells": [_number(row["trial"]), _text(row["architecture"]), *errors, *sizes, *last]})
    return {"hint": hint, "heads": _DEPLOYED, "rows": rows}


def _candidates(candidates: Sequence[Candidate], shown: Sequence[Candidate], best: set[int]) -> dict[str, Any]:
    rows = []
    for candidate in shown:
        latency = (candidate.cost or {}).get("latency_ns")
        cells = [
            (str(candidate.number), str(candidate.number)),
            _text(str(candidate.architecture)),
            _number(candidate.error, 4),
            _number(candidate.test_error, 4),
            _number(candidate.value("workload")),
            _number(candidate.value("device_cost"), 4),
            _number(None if latency is None else latency / 1000, 1),
            _number(len(candidate.curve)),
            _number(candidate.seconds, 1),
            _text(candidate.reason if candidate.outcome is Outcome.TRAINED else _outcome(candidate)),
        ]
        rows.append({"number": candidate.number, "is_best": candidate.number in best, "cells": cells})
    refused = sum(candidate.outcome is Outcome.REFUSED for candidate in candidates)
    hint = "Errors in the unit of the target. A bar at the left marks the front."
    hint += f" {refused} more were refused without a training." if refused else ""
    return {"hint": hint, "heads": _CANDIDATES, "rows": rows}


def _outcome(candidate: Candidate) -> str:
    return f"failed: {candidate.reason}" if candidate.outcome is Outcome.FAILED else candidate.outcome.value


def _told(candidate: Candidate) -> dict[str, Any]:
    return {"n": candidate.number, "v": [str(candidate.architecture), _short(candidate.error)]}


def _text(text: str) -> Cell:
    return text, ""


def _number(value: Any, digits: int = 0) -> Cell:
    return ("–", "") if value is None else (f"{value:,.{digits}f}", f"{value:.6g}")


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
