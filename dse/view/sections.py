"""What the sections of a campaign's page show: words and figures. How it looks is said in `pages/campaign.html`."""

from __future__ import annotations

from typing import Any

from dse.qor import Failure
from dse.view.answer import answer
from dse.view.beliefs import Beliefs
from dse.view.figures import campaign as figures
from dse.view.figures.axes import LABELS
from dse.view.figures.curves import curves, key
from dse.view.figures.drawing import Drawing
from dse.view.figures.styles import layer_style
from dse.view.records import COLUMNS, provenance, trial_rows
from dse.view.story import Story
from dse.view.words import ESTIMATES

_MOST_FAILURES = 6  # told with their logs; the others are in the table
_MANY_PANELS = 48  # layers times metrics; more, and the page would grow past what a mail takes


def sections(story: Story, beliefs: Beliefs | None) -> dict[str, Any]:
    """Return what `campaign.html` shows; before the first result there is little."""
    shown: dict[str, Any] = {
        "answer": answer(story),
        "balance": None,
        "trials": trial_rows(story),
        "measured": story.words.measured,
        "columns": [title for title, _ in COLUMNS],
        "provenance": provenance(story, beliefs),
    }
    if story.state.finished:
        shown |= {
            "layers": _legend(story),
            "balance": _balance(story),
            "front": _front(story, beliefs),
            "curves": _curves(story, beliefs),
            "progress": _progress(story),
            "shares": figures.draw_shares(story),
            # formulas are not what a surrogate is judged by
            "belief": figures.draw_belief(story, beliefs) if beliefs and story.words is not ESTIMATES else None,
            "failures": _failures(story),
            "spend": _spend(story),
        }
    return shown


def _balance(story: Story) -> dict[str, Any]:
    plain = figures.draw_balance(story, has_legend=False)
    panes = [("without the large probe", "Balance", plain)]
    whole = figures.draw_balance(story, with_probe=True, has_legend=False)
    if whole != plain:
        panes.append(("with the large probe", "Balance, with the large probe", whole))
    hint = f"One group of bars per {story.words.one}, one bar a layer, its reuse factor below it."
    if story.target is not None:
        hint += f" Dashed: {story.target:,.0f} cycles, as slow as layer {story.anchor} may become; the others are slowed down towards it."
    elif story.is_balancing:
        hint += " Level bars are a balanced design: no layer waits for another."
    title = f"{'II' if story.metric == 'ii_cycles_max' else 'Latency'} of every layer"
    return {"title": title, "hint": hint, "panes": panes}


def _legend(story: Story) -> list[dict[str, Any]]:
    return [{"name": name, "style": layer_style(i), "is_anchor": name == story.anchor} for i, name in enumerate(story.layers)]


def _front(story: Story, beliefs: Beliefs | None) -> dict[str, Any]:
    across, upwards = story.axes
    hint = f"{LABELS[upwards]} against {LABELS[across]}; the lower left is best. Point at a trial to see it everywhere."
    return {"hint": hint, "drawing": figures.draw_front(story, beliefs)}


def _curves(story: Story, beliefs: Beliefs | None) -> dict[str, Any]:
    metrics = list(figures.CURVES.values())
    metrics.sort(key=lambda metric: metric != story.metric)  # what is balanced comes first
    panes: list[tuple[str, Drawing, list[Drawing]]] = []
    room = _MANY_PANELS
    for metric in metrics:
        panels = figures.curve_panels(story, metric, beliefs)
        if not any(panel.measured for panel in panels) or (panes and room < len(panels)):
            continue
        room -= len(panels)
        legend = key(any(p.band for p in panels), any(p.after for p in panels), story.words.measured)
        panes.append((LABELS[metric], legend, [curves((panel,), metric=metric, measured=story.words.measured) for panel in panels]))
    if not panes:
        return {"hint": "", "panes": []}
    hint = "Both axes are logarithmic where values span far."
    if beliefs:
        hint += f" The band is what surrogate {beliefs.surrogate} believes when fitted to all of them (90 %)."
    elif story.state.finished:
        hint += " What a surrogate believes is added by dse page."
    return {"hint": hint, "panes": panes}


def _progress(story: Story) -> dict[str, Any]:
    label, _ = story.achieved
    hint = f"{label[:1].upper()}{label[1:]} after each {story.words.one}"
    hint += ", and how much better anything else could still be." if any(g is not None for g in story.gaps) else "."
    return {"hint": hint, "drawing": figures.draw_progress(story)}


def _failures(story: Story) -> dict[str, Any]:
    failed = [(trial.number, trial.outcome) for trial in story.state.finished if isinstance(trial.outcome, Failure)]
    told = [
        (f"Trial {number}: {failure.kind.value.replace('_', ' ')}", failure.message, failure.log_tail[-2000:])
        for number, failure in failed[:_MOST_FAILURES]
    ]
    return {"drawing": figures.draw_failures(story), "told": told, "n_more": len(failed) - len(told)}


def _spend(story: Story) -> dict[str, Any]:
    state = story.state
    started = f"{story.words.counted(state.syntheses)} started"
    hint = f"{started}, {state.cache_hits} answered by the cache, {_duration(state.active_seconds)} of wall time."
    return {"hint": hint, "drawing": figures.draw_spend(story)}


def _duration(seconds: float) -> str:
    """Return a time for people.

    >>> _duration(42), _duration(4000), _duration(0.25)
    ('42 s', '1 h 06 min', '0.2 s')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
