"""A page that may be given away: its texts without the places, hosts and people behind them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from html import unescape
from typing import Any

from dse.bundle.redact import redactor
from dse.study.assemble import Question
from dse.study.fold import CampaignState
from dse.view.figures.svg import safe

# All text of others stands between tags or in labels, and is escaped: no `<`, `>` or quote in it is a mark of HTML.
_TEXT = re.compile(r'(?<=>)[^<>]+(?=<)|(?<=aria-label=")[^"]+')


def hidden(question: Question, state: CampaignState, body: str, rest: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a page's body (HTML) and the rest of what it says, redacted like a bundle."""
    texts = [*(unescape(found) for found in _TEXT.findall(body)), *_strings(rest)]
    hide = redactor(texts, _hosts(question, state))
    return _TEXT.sub(lambda found: safe(hide(unescape(found[0]))), body), _mapped(rest, hide)


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
