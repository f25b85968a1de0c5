"""Loops as the XML reports nest them: the loop's name is the tag, its loops stand inside.

    <HeightLoop><TripCount>29</TripCount><Latency><range><min>949547</min><max>1945291</max></range></Latency> ... </HeightLoop>

Loop numbers come from trip counts that the tool may not know, so one beyond the cap is unknown here rather than an error.
"""

from __future__ import annotations

from collections.abc import Iterator

from dse.errors import ReportError
from dse.reports.records import Loop, Span
from dse.reports.text import Where, cycles, span
from dse.reports.xml import Element, only, text_at

_VALUES = ("TripCount", "Latency", "IterationLatency", "PipelineII")


def loops_of(summary: Element | None, where: Where) -> tuple[Loop, ...]:
    """Return the loops below `SummaryOfLoopLatency`, outer before inner."""
    return tuple(_walk(summary, 0, where)) if summary is not None else ()


def span_of(element: Element | None, where: Where) -> Span:
    """Read a number, a text like `0 ~ 35`, or `<range><min>..</min><max>..</max></range>`."""
    if element is None:
        return Span()
    bounds = only(element, "range", where)
    if bounds is None:
        return span(element.text or "", where)
    return Span(cycles(text_at(bounds, "min", where), where), cycles(text_at(bounds, "max", where), where))


def _walk(parent: Element, depth: int, where: Where) -> Iterator[Loop]:
    for element in parent:
        if any(element.find(tag) is not None for tag in _VALUES):
            yield _loop(element, depth, where.at(f"SummaryOfLoopLatency/{element.tag[:60]}"))
            yield from _walk(element, depth + 1, where)


def _loop(element: Element, depth: int, where: Where) -> Loop:
    ii = _lenient(element, "PipelineII", where)
    return Loop(
        name=text_at(element, "Name", where) or element.tag,
        depth=depth,
        trip_count=_lenient(element, "TripCount", where),
        latency_cycles=_lenient(element, "Latency", where),
        iteration_cycles=_lenient(element, "IterationLatency", where),
        ii_cycles=ii,
        is_pipelined=None if element.find("PipelineII") is None else ii.maximum is not None,
    )


def _lenient(element: Element, tag: str, where: Where) -> Span:
    try:
        return span_of(only(element, tag, where), where)
    except ReportError:
        return Span()
