"""What does not fit together in a tree. Each check is one function that yields sentences for the user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dse.qor import RESOURCES
from dse.reports.layer_map import index_in
from dse.reports.records import Span
from dse.reports.text import date_of

if TYPE_CHECKING:
    from dse.reports.layer_rows import LayerReport
    from dse.reports.tree import TreeReport

_NAMES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram_18k": "BRAM", "uram": "URAM"}


def warnings_of(tree: TreeReport) -> tuple[str, ...]:
    """Return all warnings, the gravest first."""
    return tuple(
        warning
        for check in (
            _undefined,
            impossible,
            nothing_left,
            of_another_build,
            _sums,
            _capacity,
            _clock,
            _requested,
            _wanted,
            _cosim,
            _dates,
        )
        for warning in check(tree)
    )


def _undefined(tree: TreeReport) -> Iterator[str]:
    if not tree.is_defined:
        yield "the tool gave no latency or no interval: synthesised, but no use as an observation"


def of_another_build(tree: TreeReport) -> Iterator[str]:
    """Say that the sources beside the reports are not those that were built."""
    if tree.unknown_layers:
        names = ", ".join(f"config{index}" for index in tree.unknown_layers[:5])
        yield f"the reports have layers that parameters.h does not know ({names}): it is of another build, so nothing says what was built"


def impossible(tree: TreeReport) -> Iterator[str]:
    """Say why numbers cannot be a result of this design."""
    total = tree.csynth.total
    for what, span in (("latency", total.latency_cycles), ("interval", total.ii_cycles)):
        if _is_reversed(span):
            yield f"the {what}'s minimum {span.minimum} is above its maximum {span.maximum}"
    if total.ii_cycles.maximum == 0:
        yield "an interval of 0 cycles is impossible"


def nothing_left(tree: TreeReport) -> Iterator[str]:
    """Say that the tool removed the whole design."""
    if tree.csynth.total.used.lut == 0 and tree.csynth.total.used.ff == 0:
        yield "neither LUTs nor FFs: the design was optimised away"


def _is_reversed(span: Span) -> bool:
    return span.minimum is not None and span.maximum is not None and span.minimum > span.maximum


def _sum(row: LayerReport) -> str:
    return ", ".join(f"{number:g} {_NAMES[name]}" for name in RESOURCES if (number := getattr(row.qor, name)) is not None)


def _sums(tree: TreeReport) -> Iterator[str]:
    rows = (*tree.layers, *tree.groups, *tree.glue)
    for name in RESOURCES:
        whole = getattr(tree.csynth.total.used, name)
        numbers = [getattr(row.qor, name) for row in rows]
        known = [number for number in numbers if number is not None]
        if whole is not None and sum(known) > whole:
            yield f"{_NAMES[name]}: the parts use {sum(known):g}, more than the total of {whole:g}; a part is of another build"
    for row in tree.groups:
        yield f"not told apart: {row.name}; together they use {_sum(row)} ({', '.join(row.modules[:5])})"
    several = [row.name for row in tree.layers if row.n_instances > 1]
    if several:
        yield f"several instances make up {', '.join(several[:5])}: areas are added, latency and interval are unknown"


def _capacity(tree: TreeReport) -> Iterator[str]:
    total = tree.csynth.total
    for name in RESOURCES:
        used, available = getattr(total.used, name), getattr(total.available, name)
        if used is not None and available is not None and used > available:
            share = f" ({100 * used / available:.0f} %)" if available else ""
            yield f"{_NAMES[name]}: {used:g} of {available:g}{share}: the HLS estimate does not fit the device"


def _clock(tree: TreeReport) -> Iterator[str]:
    total = tree.csynth.total
    if (
        total.clock_estimated_ns is not None
        and total.clock_target_ns is not None
        and total.clock_estimated_ns > total.clock_target_ns
    ):
        yield f"estimated clock {total.clock_estimated_ns:g} ns is above the target of {total.clock_target_ns:g} ns"
    elif total.slack_ns is not None and total.slack_ns < 0:
        yield f"slack {total.slack_ns:g} ns against the target minus its uncertainty"
    timing = tree.timing
    if timing is not None and timing.total.slack_ns is not None and timing.total.slack_ns < 0:
        yield f"timing is violated after {timing.step}: slack {timing.total.slack_ns:g} ns"


def _requested(tree: TreeReport) -> Iterator[str]:
    """In the latency strategy the requested interval is the reuse factor; anything else means that two builds were mixed."""
    latency_layers = [config for config in tree.parameters if config.strategy == "latency" and config.reuse_factor is not None]
    requested = tree.csynth.total.ii_target_cycles
    factors = {config.reuse_factor for config in latency_layers if config.base == "dense_config"}
    if requested is not None and factors and not _is_one_module(tree) and max(factor or 0 for factor in factors) != requested:
        found = ", ".join(str(factor) for factor in sorted(factor or 0 for factor in factors))
        yield f"the tool was asked for an interval of {requested}, but parameters.h has reuse factors {found}: sources of another build?"


def _is_one_module(tree: TreeReport) -> bool:
    return index_in(tree.csynth.top) is not None


def _wanted(tree: TreeReport) -> Iterator[str]:
    built = {config.name: config for config in tree.parameters if config.name}
    for wanted in tree.wanted:
        config = built.get(wanted.name)
        if config is None or config.function:
            continue
        if wanted.reuse_factor is not None and config.reuse_factor is not None and wanted.reuse_factor != config.reuse_factor:
            yield (
                f"{wanted.name}: hls4ml_config.yml asks for reuse factor {wanted.reuse_factor}, "
                f"parameters.h was built with {config.reuse_factor}, which counts"
            )
        if wanted.strategy and config.strategy and wanted.strategy != config.strategy:
            yield f"{wanted.name}: hls4ml_config.yml asks for strategy {wanted.strategy}, parameters.h was built with {config.strategy}"


def _cosim(tree: TreeReport) -> Iterator[str]:
    if tree.cosim is not None and tree.cosim.status.lower() == "fail":
        yield "co-simulation failed"


def _dates(tree: TreeReport) -> Iterator[str]:
    csynth = date_of(tree.csynth.date)
    for report in (tree.vsynth, tree.impl):
        other = date_of(report.date) if report is not None else None
        if report is not None and csynth is not None and other is not None and (csynth - other).total_seconds() > 86_400:
            yield f"the {report.step} report is older ({report.date}) than C synthesis ({tree.csynth.date}): of an earlier build?"
