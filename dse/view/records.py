"""The page's records: every trial in a table, and where the numbers come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dse.estimation.bands import Band
from dse.qor import Failure
from dse.search.base import Trial
from dse.view.answer import goal
from dse.view.bands import band_text, bounds_of
from dse.view.beliefs import Beliefs
from dse.view.story import DEVICE, Story
from dse.view.text import part_name

COLUMNS = (
    ("II", "ii_cycles_max"),
    ("latency", "latency_cycles_max"),
    ("DSP", "dsp"),
    ("LUT", "lut"),
    ("FF", "ff"),
    ("BRAM", "bram_18k"),
    ("device cost", "device_cost"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A trial in the table; a cell is what it sorts by ("" for unknown), and what is shown."""

    number: int
    is_best: bool
    by: str
    point: str
    cells: tuple[tuple[str, str], ...]
    standing: str
    why: str


def trial_rows(story: Story) -> tuple[Row, ...]:
    """Return all trials; the same numbers as in the figures, for those who read rather than look."""
    best = story.summary.incumbent
    return tuple(
        Row(
            trial.number,
            best is not None and trial.number == best.number,
            trial.proposed_by,
            str(trial.point),
            tuple(_cell(metric, story.value(trial, metric), bounds_of(story.question, trial).get(metric)) for _, metric in COLUMNS),
            _standing(story, trial),
            trial.reason,
        )
        for trial in story.state.trials
    )


def _cell(metric: str, value: float | None, band: Band | None = None) -> tuple[str, str]:
    if value is None:
        return "", "–"
    return f"{value:.6g}", f"{value:,.4f}" if metric == "device_cost" else f"{value:,.0f}{band_text(band)}"


def _standing(story: Story, trial: Trial) -> str:
    best = story.summary.incumbent
    if isinstance(trial.outcome, Failure):
        return f"failed: {trial.outcome.kind.value.replace('_', ' ')}"
    if trial.outcome is None:
        return "under way"
    words = []
    if best is not None and trial.number == best.number:
        words.append("chosen")
    if trial.number in story.front_numbers:
        words.append("front")
    if not story.is_feasible(trial):
        words.append("beyond a limit")
    if any(story.is_larger_than_device(trial, metric) for metric in DEVICE):
        words.append("larger than the device")
    if trial.cached:
        words.append("from the cache")
    return ", ".join(words) or story.words.measured


def _moment(at: str) -> str:
    """Return a moment of the journal for people.

    >>> _moment("2026-03-01T12:00:05.250Z"), _moment("")
    ('2026-03-01 12:00:05 UTC', '')
    """
    return f"{at[:10]} {at[11:19]} UTC" if at else ""


def provenance(story: Story, beliefs: Beliefs | None) -> dict[str, Any]:
    """Return where the numbers come from (`facts`), and what one should know of them (`notes`)."""
    spec, state = story.question.spec, story.state
    records = [evaluation.provenance for _, evaluation in state.evaluations]
    facts = {
        "campaign": f"{spec.name}, seed {spec.seed}",
        "goal": goal(story),
        "network": f"{spec.network.name}, {len(story.layers)} layers with a choice, digest {spec.network.digest[:16]}",
        "space": f"{size:,} points" if (size := story.question.space.size) < 1e7 else f"{size:.3g} points",
        "part": f"{part_name(spec.target.part)} at {spec.target.clock_period_ns:g} ns, {spec.target.io_type}, {spec.target.precision}",
        "tool asked for": f"{spec.target.toolchain}, hls4ml {spec.target.hls4ml_version}",
        "tool that answered": ", ".join(dict.fromkeys(p.tool for p in records if p.tool)) or "none told its name",
        "hosts": ", ".join(dict.fromkeys(p.host for p in records if p.host)) or "this machine",
        "fidelity": f"{story.question.backend.fidelity.value}, from the {spec.backend_kind} backend",
        "search": f"{spec.search_kind}, {spec.mode} mode" + (f"; surrogate {beliefs.surrogate}" if beliefs else ""),
        "started": _moment(state.identity.rpartition("@")[2]) or "not yet",
        "last result": next((_moment(str(e.get("at"))) for e in reversed(story.events) if e.get("event") == "finished"), "none"),
    }
    notes = dict.fromkeys((*state.notes, *(note for p in records for note in p.notes), *(beliefs.notes if beliefs else ())))
    return {"facts": facts, "notes": list(notes)}
