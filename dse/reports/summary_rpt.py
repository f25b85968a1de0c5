"""`csynth.rpt` of Vitis HLS (2020.2 and later): the "Synthesis Summary Report", one tree of modules and loops in one table.

    |+ myproject*         |     -|  0.00|     2374|  1.187e+04|         -|     2356|  -|  dataflow|  58 (3%)|  18 (~0%)| ...
    | + conv_2d_config2_s |     -|  0.28|     2355|  1.178e+04|         -|     2355|  -|        no|        -|         -| ...
    |  o ReadInputHeight  |    II|  3.65|     2353|  1.176e+04|         5|        3|784|       yes|        -|         -| ...

The spaces before the mark give the depth; `+` is a module, `o` a loop, `*` a dataflow region. A `-` among the resources is none, elsewhere
it is unknown. Slack is against the target minus the uncertainty. Neither the clock nor what the device has stands here.
The titles of columns differ (`Latency` over two columns in 2025.1), their last header row does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dse.design import Fidelity
from dse.errors import ReportError
from dse.reports.csynth_rpt import usage_of_row
from dse.reports.records import Instance, Loop, Module, Span, ToolReport
from dse.reports.tables import Table, read_table
from dse.reports.text import Where, is_unknown, lines_of, signed_nanoseconds, span, version_in

_TITLE = re.compile(r"==\s+Synthesis Summary Report of '([^']{1,300})'\s*$")
_FIELD = re.compile(r"\s*\*\s+(Date|Version|Target device)\s*:\s*(.*?)\s*$")
_NODE = re.compile(r"( *)([+o])\s+(.*?)\s*$")


@dataclass(frozen=True, slots=True)
class _Node:
    depth: int
    module: Module | None
    loop: Loop | None


def is_summary(text: str) -> bool:
    """Whether a text calls itself a summary report."""
    return "Synthesis Summary Report of '" in text[:4096]


def parse_summary_rpt(text: str, file: str = "csynth.rpt") -> ToolReport:
    """Read a summary report: the top's numbers, all modules, and where each stands.

    Raises:
        ReportError: if it is no such report, cut off, or holds an impossible number.
    """
    where = Where(file)
    lines = lines_of(text, file)
    titles = [(index, match) for index, line in enumerate(lines) if line.startswith("==") and (match := _TITLE.match(line))]
    if len(titles) != 1:
        raise where.error(f'{len(titles)} titles "== Synthesis Summary Report of", expected one. Not a summary report.')
    start, title = titles[0]
    end = next((index for index in range(start + 2, len(lines)) if lines[index].startswith("== ")), len(lines))
    fields = {match[1]: match[2] for line in lines[start:end] if (match := _FIELD.match(line))}
    table, _ = read_table(lines[:end], start, where.at("Performance & Resource Estimates"))
    nodes = [_node(table, row, where.at("Modules", line)) for row, line in zip(table.rows, table.row_lines, strict=True)]
    top = title[1]
    if not nodes or nodes[0].module is None or any(node.depth <= nodes[0].depth for node in nodes[1:]):
        raise where.at("Modules", table.line).error("the first row is not the top, or not the only one")
    modules, instances = _tree(nodes)
    return ToolReport(
        grammar="summary_rpt",
        fidelity=Fidelity.CSYNTH,
        top=top,
        total=modules[0],
        tool="vitis_hls",
        version=version_in(fields.get("Version", "")),
        part_as_written=fields.get("Target device", ""),
        date=fields.get("Date", ""),
        modules=modules,
        instances=instances,
    )


def _node(table: Table, row: Sequence[str], where: Where) -> _Node:
    match = _NODE.match(row[0])
    if match is None:
        raise where.error(f"got {row[0].strip()[:60]!r}, expected a module (+) or a loop (o)")

    def cell(*names: str) -> str:
        index = next((found for name in names if (found := table.find(name)) is not None), None)
        return "" if index is None else row[index]

    latency = span(cell("(cycles)", "Latency(cycles)", "Latency (cycles)"), where)
    ii = span(cell("Interval"), where)
    name, depth = match[3], len(match[1])
    if match[2] == "o":
        pipelined = cell("Pipelined").strip()
        loop = Loop(
            name=name,
            depth=depth,
            trip_count=_lenient(cell("Count", "Trip Count"), where),
            latency_cycles=latency,
            iteration_cycles=_lenient(cell("Latency", "Iteration Latency"), where),
            ii_cycles=ii,
            is_pipelined=None if is_unknown(pipelined) else pipelined == "yes",
        )
        return _Node(depth, None, loop)
    if latency.maximum is None:
        ii = Span(ii.minimum or None, ii.maximum or None)  # a 0 beside an undefined latency is unknown too
    issue = cell("Type", "Issue Type").strip()
    module = Module(
        name=name.removesuffix("*"),
        used=usage_of_row(table, row, where),
        latency_cycles=latency,
        ii_cycles=ii,
        pipeline_type=cell("Pipelined").strip(),
        slack_ns=signed_nanoseconds(cell("Slack"), where),
        issue="" if issue == "-" else issue,
    )
    return _Node(depth, module, None)


def _lenient(cell: str, where: Where) -> Span:
    try:
        return span(cell, where)
    except ReportError:  # trip counts of loops that nobody bounded
        return Span()


def _tree(nodes: Sequence[_Node]) -> tuple[tuple[Module, ...], tuple[Instance, ...]]:
    """Hang loops below modules and modules below modules; the same module under two parents is two instances."""
    order: list[str] = []
    loops: dict[str, list[Loop]] = {}
    found: dict[str, Module] = {}
    instances: list[Instance] = []
    stack: list[tuple[int, str, bool]] = []  # depth, module, is it new: only a module's first row collects its loops
    for node in nodes:
        while stack and stack[-1][0] >= node.depth:
            stack.pop()
        if node.loop is not None:
            if stack and stack[-1][2]:
                loops[stack[-1][1]].append(node.loop)
            if stack:
                stack.append((node.depth, stack[-1][1], stack[-1][2]))
            continue
        module = node.module
        if module is None:
            continue
        if stack:
            path = tuple(name for index, (_, name, _) in enumerate(stack) if index == 0 or name != stack[index - 1][1])
            instances.append(_instance(module, (*path[1:], module.name)))
        is_new = module.name not in found
        if is_new:
            found[module.name] = module
            order.append(module.name)
            loops[module.name] = []
        stack.append((node.depth, module.name, is_new))
    return tuple(_with_loops(found[name], tuple(loops[name])) for name in order), tuple(instances)


def _instance(module: Module, path: tuple[str, ...]) -> Instance:
    return Instance(module.name, module.name, path, module.used, module.latency_cycles, module.ii_cycles, module.pipeline_type)


def _with_loops(module: Module, loops: tuple[Loop, ...]) -> Module:
    shallowest = min((loop.depth for loop in loops), default=0)
    return replace(module, loops=tuple(replace(loop, depth=loop.depth - shallowest) for loop in loops))
