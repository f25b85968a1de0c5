"""One campaign as one HTML file: the answer first, then the figures. It loads nothing and opens from anywhere.

Whatever comes from logs, networks or campaign files is escaped: as HTML text, and as JSON in which no `<` is left. The policy in the
file allows its own script and styles by their hashes and forbids everything else, so that even a hole in the escaping runs nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from dse import __version__
from dse.campaign.times import utc_now
from dse.view.answer import target_line
from dse.view.beliefs import Beliefs
from dse.view.figures import svg
from dse.view.figures.axes import LABELS
from dse.view.figures.styles import N_LAYER_COLORS, rules, variables
from dse.view.records import COLUMNS
from dse.view.sections import sections
from dse.view.story import Story

# Beyond figures, a page needs a ground to lie on, lines around it, and a shade under the pointer.
_EXTRA = {"ground": ("#f3f5f8", "#0e1218"), "line": ("#dce1e8", "#2b333f"), "hover": ("#eef3fa", "#1f2732")}


def page(story: Story, beliefs: Beliefs | None = None) -> str:
    """Return the whole file as text."""
    script, style = _asset("page.js"), _style()
    spec = story.question.spec
    is_open = story.state.stop is None
    follow = '<label class="pick"><input type="checkbox" id="follow"> reload while it runs</label>' if is_open else ""
    return Template(_asset("page.html")).substitute(
        policy=f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; base-uri 'none'; form-action 'none'",
        title=svg.safe(f"{spec.name}: dse"),
        name=svg.safe(spec.name),
        subtitle=svg.safe(target_line(story)),
        follow=follow,
        style=style,
        script=script,
        hatch=svg.HATCH,
        body=sections(story, beliefs),
        data=embedded(_data(story)),
        version=svg.safe(__version__),
        written=svg.safe(utc_now()),
    )


def embedded(document: Mapping[str, Any]) -> str:
    """Return JSON that can stand in a script element: it holds none of the characters that HTML or JavaScript could take for an end.

    >>> embedded({"a": "</script>"})
    '{"a":"\\\\u003c/script>"}'
    """
    text = json.dumps(document, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace("&", "\\u0026")


def _data(story: Story) -> dict[str, Any]:
    best = story.summary.incumbent
    return {
        "best": best.number if best else None,
        "layers": list(story.layers),
        "colors": N_LAYER_COLORS,
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


@cache
def _asset(name: str) -> str:
    return files("dse.view").joinpath(name).read_text(encoding="utf-8").strip()


@cache
def _style() -> str:
    light, dark = (variables(is_dark) + "".join(f"--{k}:{v[is_dark]};" for k, v in _EXTRA.items()) for is_dark in (False, True))
    return (
        f":root{{{light}}}@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}:root[data-theme=dark]{{{dark}}}"
        f"@media print{{:root:root{{{light}}}}}{rules()}{_asset('page.css')}"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
