"""What every page is wrapped in: one file, its own style and script allowed by their hashes, and nothing else."""

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
from dse.view.figures import svg
from dse.view.figures.styles import N_LAYER_COLORS, rules, variables

# Beyond figures, a page needs a ground to lie on, lines around it, and a shade under the pointer.
_EXTRA = {"ground": ("#f3f5f8", "#0e1218"), "line": ("#dce1e8", "#2b333f"), "hover": ("#eef3fa", "#1f2732")}


def shell(*, title: str, subtitle: str, body: str, follow: str = "", data: Mapping[str, Any] | None = None) -> str:
    """Return a whole file; `body` and `follow` are HTML, all else is text that gets escaped."""
    script, style = _asset("page.js"), _style()
    allowed = f"script-src '{_hash(script)}'; style-src '{_hash(style)}'"
    return Template(_asset("page.html")).substitute(
        policy=f"default-src 'none'; {allowed}; img-src data:; base-uri 'none'; form-action 'none'",
        title=svg.safe(f"{title}: dse"),
        name=svg.safe(title),
        subtitle=svg.safe(subtitle),
        follow=follow,
        style=style,
        script=script,
        hatch=svg.HATCH,
        body=body,
        data=embedded({"best": None, "trials": [], "layers": [], "columns": [], "colors": N_LAYER_COLORS, **(data or {})}),
        version=svg.safe(__version__),
        written=svg.safe(utc_now()[:16].replace("T", " ") + " UTC"),
    )


def embedded(document: Mapping[str, Any]) -> str:
    """Return JSON that can stand in a script element: it holds none of the characters that HTML or JavaScript could take for an end.

    >>> embedded({"a": "</script>"})
    '{"a":"\\\\u003c/script>"}'
    """
    text = json.dumps(document, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace("&", "\\u0026")


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
