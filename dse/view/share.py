"""A page that may be given away: its texts without the places, hosts and people behind them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from html import unescape
from typing import Any

from markupsafe import escape

from dse.bundle.redact import redactor
from dse.study.assemble import Question
from dse.study.fold import CampaignState
from dse.view.pages import embedded

# All text of others stands between tags or in labels, and is escaped: no `<`, `>` or quote in it is a mark of HTML.
_TEXT = re.compile(r'(?<=>)[^<>]+(?=<)|(?<=aria-label=")[^"]+')
_OURS = re.compile(r"(<style>.*?</style>|<script.*?</script>)", re.DOTALL)
_DATA = re.compile(r"(<script[^>]* id=\"data\">)(.*)(</script>)", re.DOTALL)


def hidden(question: Question, state: CampaignState, page: str) -> str:
    """Return a page whose text, and what its script knows, is redacted like a bundle; style and script stay as they are."""
    pieces = _OURS.split(page)  # text of others is in every second piece, and in the data
    data: list[Any] = [json.loads(found[2]) for piece in pieces if (found := _DATA.fullmatch(piece))]
    texts = [unescape(found) for piece in pieces[::2] for found in _TEXT.findall(piece)]
    hide = redactor([*texts, *_strings(data)], _hosts(question, state))
    for i, piece in enumerate(pieces):
        if i % 2 == 0:
            pieces[i] = _TEXT.sub(lambda found: str(escape(hide(unescape(found[0])))), piece)
        else:
            pieces[i] = _DATA.sub(lambda found: found[1] + str(embedded(_mapped(json.loads(found[2]), hide))) + found[3], piece)
    return "".join(pieces)


def _hosts(question: Question, state: CampaignState) -> set[str]:
    """Return the names of all machines that the campaign knows of."""
    options = question.spec.backend_options
    found = {evaluation.provenance.host for _, evaluation in state.evaluations}
    found |= {str(entry.host) for entry in getattr(options, "hosts", ())}
    return {name for name in (*found, str(getattr(options, "login", ""))) if name}


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _mapped(inner, change) for key, inner in value.items()}
    return [_mapped(inner, change) for inner in value] if isinstance(value, list | tuple) else value
