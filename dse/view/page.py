"""One campaign as one HTML file: the answer first, then the figures. It loads nothing and opens from anywhere.

Whatever comes from logs, networks or campaign files is escaped: as HTML text, and as JSON in which no `<` is left. The policy in the
file allows its own script and styles by their hashes and forbids everything else, so that even a hole in the escaping runs nothing.
"""

from __future__ import annotations

from typing import Any

from dse.view.answer import target_line
from dse.view.beliefs import Beliefs
from dse.view.figures.axes import LABELS
from dse.view.pages import render
from dse.view.records import COLUMNS
from dse.view.sections import sections
from dse.view.share import hidden
from dse.view.story import Story


def page(story: Story, beliefs: Beliefs | None = None, *, is_shared: bool = False) -> str:
    """Return the whole file as text; a shared one tells of no place, host or person and does not follow the campaign."""
    said = {"title": story.question.spec.name, "subtitle": target_line(story)}
    text = render(
        "campaign.html",
        **said,
        data=_data(story),
        is_followed=story.state.stop is None and not is_shared,
        **sections(story, beliefs),
    )
    return hidden(story.question, story.state, text) if is_shared else text


def _data(story: Story) -> dict[str, Any]:
    best = story.summary.incumbent
    return {
        "best": best.number if best else None,
        "layers": list(story.layers),
        "columns": [title for title, _ in COLUMNS],
        "cycles": LABELS[story.metric],
        "trials": [_trial(story, number) for number in range(len(story.state.trials))],
    }


def _trial(story: Story, index: int) -> dict[str, Any]:
    trial, part = story.state.trials[index], story.question.spec.part
    document: dict[str, Any] = {"n": trial.number, "r": trial.point.reuse_factors}
    if trial.qor is None:
        kind = getattr(trial.outcome, "kind", None)
        return {**document, "failed": "pending" if kind is None else f"failed: {kind.value}"}
    values = [story.value(trial, metric) for _, metric in COLUMNS]
    shares = [
        round(100 * value / part.capacity(metric)) if value is not None and metric in ("lut", "ff", "dsp", "bram_18k") else 0
        for value, (_, metric) in zip(values, COLUMNS, strict=True)
    ]
    return {**document, "v": [_short(v) for v in values], "p": shares, "c": [_short(c) for c in story.cycles(trial)]}


def _short(value: float | None) -> float | int | None:
    if value is None:
        return None
    return int(value) if value == int(value) else float(f"{value:.6g}")
