"""The template room of all pages: one file each, its own style and script allowed by their hashes, and nothing else.

Pages are Jinja templates, so what is put into one is escaped unless it is a drawing of ours; with that, text becomes `printable`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dse import __version__
from dse.campaign.times import utc_now
from dse.text import printable
from dse.view.figures import svg
from dse.view.figures.balance import axis_strip
from dse.view.figures.drawing import Drawing
from dse.view.figures.styles import N_LAYER_COLORS, rules, variables

# Beyond figures, a page needs a ground to lie on, lines around it, and a shade under the pointer.
_EXTRA = {"ground": ("#f3f5f8", "#0e1218"), "line": ("#dce1e8", "#2b333f"), "hover": ("#eef3fa", "#1f2732")}


def render(template: str, *, title: str, subtitle: str, data: Mapping[str, Any] | None = None, **content: Any) -> str:
    """Return a whole file: a template of this room that extends `page.html`, filled with `content`.

    Args:
        data: what the script needs to know of trials; the page works without it.
    """
    script, style = _asset("page.js"), _style()
    allowed = f"script-src '{_hash(script)}'; style-src '{_hash(style)}'"
    text = (
        _environment()
        .get_template(template)
        .render(
            policy=Markup(f"default-src 'none'; {allowed}; img-src data:; base-uri 'none'; form-action 'none'"),  # noqa: S704  ours
            title=title,
            subtitle=subtitle,
            style=Markup(style),  # noqa: S704  our own file
            script=Markup(script),  # noqa: S704  our own file
            hatch=Markup(svg.HATCH),  # noqa: S704  our own drawing
            data=embedded({"best": None, "trials": [], "layers": [], "columns": [], "colors": N_LAYER_COLORS, **(data or {})}),
            version=__version__,
            written=utc_now()[:16].replace("T", " ") + " UTC",
            **content,
        )
    )
    return text + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("dse.view.pages", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": _figure, "axis_strip": axis_strip, "pixels": svg.number}
    return environment


def _shown(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _figure(drawing: Drawing, *, is_picture: bool = True) -> Markup:
    return Markup(svg.inline(drawing, is_picture=is_picture))  # noqa: S704  svg.py escapes all text


def embedded(document: Mapping[str, Any]) -> Markup:
    """Return JSON that can stand in a script element: it holds none of the characters that HTML or JavaScript could take for an end.

    >>> print(embedded({"a": "</script>"}))
    {"a":"\\u003c/script>"}
    """
    text = json.dumps(document, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))  # noqa: S704  nothing of HTML is left


@cache
def _asset(name: str) -> str:
    return files("dse.view.pages").joinpath(name).read_text(encoding="utf-8").strip()


@cache
def _style() -> str:
    light, dark = (variables(is_dark) + "".join(f"--{k}:{v[is_dark]};" for k, v in _EXTRA.items()) for is_dark in (False, True))
    return (
        f":root{{{light}}}@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}:root[data-theme=dark]{{{dark}}}"
        f"@media print{{:root:root{{{light}}}}}{rules()}{_asset('page.css')}"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
