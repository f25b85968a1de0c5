"""An XML tree from untrusted text: DOCTYPE refused; size, elements and depth capped.

`xml.etree` never fetches anything, and without a DOCTYPE there are no entities of the document's own; what is left to a hostile
file is sheer size, and that is bounded here before and after parsing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeVar
from xml.etree import ElementTree

from dse.reports.text import MAX_CHARACTERS, Where

MAX_DEPTH = 64
MAX_ELEMENTS = 1_000_000

# A comment, CDATA, an instruction or a character reference may join digits that stand apart in the text. No tool writes such numbers.
_JOINED = re.compile(
    r"[0-9.]\s{0,9}(?:<!--|<!\[CDATA\[|<\?)|(?:-->|\]\]>|\?>)\s{0,9}[0-9.]|>\s{0,9}[0-9.]{0,30}&#x?[0-9a-fA-F]{1,8};"
)

Element = ElementTree.Element
T = TypeVar("T")


def parse_xml(text: str, root: str, file: str) -> Element:
    """Return the root element of a document.

    Raises:
        ReportError: if it is no XML, has another root, a DOCTYPE, or is too large or too deep.
    """
    where = Where(file)
    if len(text) > MAX_CHARACTERS:
        raise where.error(f"{len(text)} characters, expected at most {MAX_CHARACTERS}")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise where.error("a DOCTYPE, which no report has. Not read.")
    if text.count("<") - text.count("</") > MAX_ELEMENTS:
        raise where.error(f"more than {MAX_ELEMENTS} elements")
    if ("<!" in text or "<?" in text or "&#" in text) and (joined := _JOINED.search(text)):
        raise where.at("", text.count("\n", 0, joined.start()) + 1).error("a number broken by markup")
    try:
        tree = ElementTree.fromstring(text.removeprefix("\ufeff").strip())  # noqa: S314  see the module's docstring
    except ElementTree.ParseError as error:
        line = error.position[0]
        raise where.at("", line).error(f"not well-formed XML ({error.msg.split(':')[0]}): truncated?") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise where.error(f"not readable as XML: {str(error)[:120]}") from error
    if tree.tag != root:
        raise where.error(f"root element <{tree.tag[:60]}>, expected <{root}>. Not a synthesis report.")
    _check_depth(tree, where)
    return tree


def _check_depth(tree: Element, where: Where) -> None:
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise where.error(f"elements nested deeper than {MAX_DEPTH}")
        level = [child for parent in level for child in parent]


def only(parent: Element, path: str, where: Where) -> Element | None:
    """Return the one element at a path, None if there is none.

    Raises:
        ReportError: if there are several: nobody could say which one is meant.
    """
    found = parent.findall(path)
    if len(found) > 1:
        raise where.at(path).error(f"{len(found)} elements, expected one")
    return found[0] if found else None


def need(parent: Element, path: str, where: Where) -> Element:
    """Return the one element at a path.

    Raises:
        ReportError: if there is none, or several.
    """
    element = only(parent, path, where)
    if element is None:
        raise where.at(path).error("missing")
    return element


def or_empty(element: Element | None) -> Element:
    """Return the element, or one that holds nothing where there is none."""
    return element if element is not None else Element("empty")


def text_at(parent: Element, path: str, where: Where) -> str:
    """Return the text of the one element at a path, "" if there is none."""
    element = only(parent, path, where)
    return (element.text or "").strip() if element is not None else ""


def read_at(parent: Element, path: str, read: Callable[[str, Where], T], where: Where) -> T | None:
    """Read the text of the one element at a path with `read`; None if there is no such element."""
    element = only(parent, path, where)
    return read(element.text or "", where.at(path)) if element is not None else None


def elements(parent: Element | None) -> Iterator[Element]:
    """Iterate the children of an element that may not be there."""
    return iter(parent if parent is not None else ())


def issue_of(estimates: Element) -> str:
    """Return the first violation that a module is marked with (2023.2 and later), "" if there is none."""
    issue = (estimates.findtext("SummaryOfViolations/IssueType") or "").strip()
    return "" if issue == "-" else issue
