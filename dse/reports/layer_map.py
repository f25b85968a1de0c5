"""From modules to layers: which instance is which layer, and what a layer costs.

hls4ml writes a layer's index N into the names of its functions, as `configN`. The rules, each from real trees:

- A layer is the *outermost* instance that carries its index. A module's area includes its children, so they are never added to it.
- A module may stand in several places; each instance counts.
- Names are cut at 80 characters. A cut name inside a layer belongs to that layer. A cut name on the outside is recognised by the one
  index that everything inside it carries.
- What carries no index is glue (`Block_proc`, `Loop_1_proc`, ...); FIFOs and control are what remains of the total.
- A small layer is inlined: it has no module, and nothing is known of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dse.qor import RESOURCES, Qor
from dse.reports.records import Instance, Module, Span, Usage

MAX_INSTANCES = 200_000
MAX_DEPTH = 64

_INDEX = re.compile(r"config([0-9]{1,6})(?![0-9])")
_LAYER_FUNCTION = re.compile(
    r"(?:dense|conv_[123]d|pointwise_conv|depthwise|separable|pooling|global_pooling|relu|leaky|elu|selu|prelu|thresholded|softmax|sigmoid"
    r"|tanh|hard_|softplus|softsign|normalize|layernormalize|embedding|lstm|gru|simple_rnn|resize|zeropad|transpose|concatenate|add|"
    r"multiply|average|maximum|minimum|dot|garnet|einsum|linear|unary_lut|binary_tanh|ternary_tanh)"
)


# Modules that the tools and hls4ml put between layers; whatever else carries no index may be a layer under another name.
_GLUE = re.compile(
    r"Block_|Loop_|dataflow_|entry_proc|read_|write_|clone|fill_buffer|fifo_|start_for_|.*_(?:entry|exit|proc|Pipeline_|s_axi|m_axi|regslice)"
    r"|.*_(?:mux|mul|mac|add|sub|fpext|fpeq|ashr|lshr|shl|sitofp|udiv|sdiv)[a-zA-Z0-9_]{0,40}$"
)


def is_glue(module: str) -> bool:
    """Whether a module without an index is known to be no layer.

    >>> is_glue("Loop_1_proc351"), is_glue("attention")
    (True, False)
    """
    return _GLUE.match(module) is not None


@dataclass(slots=True)
class Node:
    """One instance and what stands inside it."""

    instance: Instance
    children: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Part:
    """One layer, or one piece of glue, as it stands in a design.

    Attributes:
        index: N of `configN`; None for glue.
        instances: the outermost instances that make it up.
        used: their sum; a resource that one of them does not know is None.
    """

    index: int | None
    instances: tuple[Instance, ...]
    used: Usage


def index_in(module_name: str) -> int | None:
    """Return the layer index in a module's name, None if there is none.

    >>> index_in("dense_latency_ap_fixed_16_6_5_3_0_config5_s"), index_in("relu_3"), index_in("config2_mult_s")
    (5, None, 2)
    """
    match = _INDEX.search(module_name)
    return int(match[1]) if match else None


def forest_of_paths(instances: Sequence[Instance]) -> list[Node]:
    """Build the hierarchy from instances with full paths, parents before children (Vitis HLS)."""
    roots: list[Node] = []
    stack: list[Node] = []
    for instance in instances:
        del stack[max(0, len(instance.path) - 1) :]
        node = Node(instance)
        (stack[-1].children if stack else roots).append(node)
        stack.append(node)
    return roots


def forest_of_tables(top: str, tables: Mapping[str, Sequence[Instance]]) -> list[Node]:
    """Build the hierarchy from each module's own table of instances (Vivado HLS)."""
    n_made = 0

    def expand(module: str, path: tuple[str, ...], above: frozenset[str]) -> list[Node]:
        nonlocal n_made
        nodes = []
        for instance in tables.get(module, ()):
            n_made += 1
            if (
                instance.module in above or n_made > MAX_INSTANCES or len(path) > MAX_DEPTH
            ):  # a table that holds itself is no hierarchy
                continue
            here = (*path, instance.name)
            inside = expand(instance.module, here, above | {instance.module})
            nodes.append(Node(replace(instance, path=here), inside))
        return nodes

    return expand(top, (), frozenset({top}))


def split(roots: Sequence[Node]) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Return the layers (by index) and the glue (by module) below the top."""
    by_index: dict[int, list[Instance]] = {}
    glue: dict[str, list[Instance]] = {}
    todo = list(reversed(roots))
    while todo:
        node = todo.pop()
        index = index_in(node.instance.module)
        inside: set[int] = set(_indices_below(node)) if index is None else set()
        if index is None and len(inside) == 1 and _LAYER_FUNCTION.match(node.instance.module):
            index = inside.pop()
        if index is not None:
            by_index.setdefault(index, []).append(node.instance)
        elif inside or _wraps_layers(node):
            todo.extend(reversed(node.children))
        else:
            glue.setdefault(node.instance.module, []).append(node.instance)
    layers = tuple(Part(index, tuple(found), add_up(found)) for index, found in sorted(by_index.items()))
    return layers, tuple(Part(None, tuple(found), add_up(found)) for found in glue.values())


def _wraps_layers(node: Node) -> bool:
    """Whether a module without an index is a top inside the top (`myproject` in `myproject_axi`) whose layers carry none, either."""
    is_layer = _LAYER_FUNCTION.match(node.instance.module) is not None
    return not is_layer and sum(_LAYER_FUNCTION.match(child.instance.module) is not None for child in node.children) > 1


def _indices_below(node: Node) -> Iterator[int]:
    todo = list(node.children)
    while todo:
        child = todo.pop()
        index = index_in(child.instance.module)
        if index is not None:
            yield index
        else:
            todo.extend(child.children)


def add_up(instances: Sequence[Instance]) -> Usage:
    """Return the sum of what instances use; a resource that one of them does not know is unknown for all."""

    def total(name: str) -> float | None:
        numbers = [getattr(instance.used, name) for instance in instances]
        return sum(numbers) if numbers and None not in numbers else None

    return Usage(**{name: total(name) for name in RESOURCES})


def part_qor(part: Part, modules: Mapping[str, Module]) -> Qor:
    """Return what is known of a layer or a piece of glue.

    Several instances: their areas add; whether they work one after the other or side by side is not said anywhere, so latency and
    interval are unknown.
    """
    cycles = (Span(), Span())
    clock = None
    if len(part.instances) == 1:
        instance = part.instances[0]
        module = modules.get(instance.module)
        cycles = (instance.latency_cycles, instance.ii_cycles)
        clock = module.clock_estimated_ns if module else None
    return Qor(
        **{name: getattr(part.used, name) for name in RESOURCES},
        latency_cycles_min=cycles[0].minimum,
        latency_cycles_max=cycles[0].maximum,
        ii_cycles_min=cycles[1].minimum,
        ii_cycles_max=cycles[1].maximum,
        clock_period_ns=clock,
    )


def remainder(total: Usage, parts: Sequence[Part]) -> Usage:
    """Return what the top uses beside its parts: FIFOs, memories, control. None where a part is unknown or the sum exceeds the total."""

    def rest(name: str) -> float | None:
        whole = getattr(total, name)
        numbers = [getattr(part.used, name) for part in parts]
        if whole is None or None in numbers or sum(numbers) > whole:
            return None
        return float(whole - sum(numbers)) if isinstance(whole, float) else whole - sum(numbers)

    return Usage(**{name: rest(name) for name in RESOURCES})


def bound_of(part: Part, modules: Mapping[str, Module]) -> str:
    """Say in a few words what sets the interval of a part; "" where that is not known."""
    if len({instance.module for instance in part.instances}) != 1:
        return ""
    instance = part.instances[0]
    # Where a module has no report of its own, its parent's table still says how it is pipelined.
    module = modules.get(instance.module) or Module(instance.module)
    kind = (module.pipeline_type or instance.pipeline_type).lower()
    if kind in ("function", "yes"):
        wanted = module.ii_target_cycles
        return "pipelined" if wanted is None else f"pipelined, requested II {wanted}"
    outer = [loop for loop in module.loops if loop.depth == 0 and loop.latency_cycles.maximum is not None]
    if outer:
        slowest = max(outer, key=lambda loop: loop.latency_cycles.maximum or 0)
        trips, ii = slowest.trip_count.maximum, slowest.ii_cycles.maximum
        if trips is not None and ii is not None:
            return f"loop {slowest.name}: {trips} x II {ii}"
        return f"loop {slowest.name}: {slowest.latency_cycles.maximum} cycles"
    if kind == "dataflow":
        return "slowest part inside"
    return "latency, not pipelined" if kind in ("none", "no") else ""
