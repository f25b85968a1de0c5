"""The page's records: every trial in a table, and where the numbers come from."""

from __future__ import annotations

from dse.qor import Failure
from dse.search.base import Trial
from dse.view.answer import goal
from dse.view.beliefs import Beliefs
from dse.view.figures.svg import safe
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


def trials_table(story: Story) -> str:
    """Return all trials; the same numbers as in the figures, for those who read rather than look."""
    heads = "".join(f'<th scope="col" data-sort>{safe(title)}</th>' for title, _ in COLUMNS)
    rows = "".join(_row(story, trial) for trial in story.state.trials)
    return (
        '<section class="long"><h2 id="trials">Trials</h2><p class="hint">Cycles and primitives; block RAM in 18 Kb halves.'
        " Front: nothing measured is better in every objective.</p>"
        '<div class="trials" tabindex="0" role="group" aria-labelledby="trials"><table><thead><tr>'
        '<th scope="col" data-sort>#</th><th scope="col" class="l">by</th><th scope="col" class="l">reuse factors</th>'
        f'{heads}<th scope="col" class="l">standing</th><th scope="col" class="l">why it was tried</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _row(story: Story, trial: Trial) -> str:
    best = story.summary.incumbent
    is_best = best is not None and trial.number == best.number
    cells = []
    for _, metric in COLUMNS:
        value = story.value(trial, metric)
        exact = "" if value is None else f"{value:.6g}"
        shown = "–" if value is None else f"{value:,.4f}" if metric == "device_cost" else f"{value:,.0f}"
        cells.append(f'<td data-v="{exact}">{shown}</td>')
    return (
        f'<tr data-n="{trial.number}"{" class=best" if is_best else ""}><td data-v="{trial.number}">'
        f'<button type="button" aria-label="Show trial {trial.number}">{trial.number}</button></td>'
        f'<td class="l by">{safe(trial.proposed_by)}</td><td class="l point">{safe(str(trial.point))}</td>{"".join(cells)}'
        f'<td class="l stands">{safe(_standing(story, trial))}</td><td class="l why">{safe(trial.reason)}</td></tr>'
    )


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
    return ", ".join(words) or "measured"


def _moment(at: str) -> str:
    """Return a moment of the journal for people.

    >>> _moment("2026-03-01T12:00:05.250Z"), _moment("")
    ('2026-03-01 12:00:05 UTC', '')
    """
    return f"{at[:10]} {at[11:19]} UTC" if at else ""


def provenance(story: Story, beliefs: Beliefs | None) -> str:
    """Return where the numbers come from, and what one should know of them."""
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
    rows = "".join(f"<dt>{safe(what)}</dt><dd>{safe(said)}</dd>" for what, said in facts.items())
    notes = dict.fromkeys((*state.notes, *(note for p in records for note in p.notes), *(beliefs.notes if beliefs else ())))
    listed = "".join(f"<li>{safe(note)}</li>" for note in notes)
    worth = f'<h3>Worth knowing</h3><ul class="notes">{listed}</ul>' if notes else ""
    return f'<section><h2>Where the numbers come from</h2><dl class="facts">{rows}</dl>{worth}</section>'
