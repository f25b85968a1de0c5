"""A made-up cost formula: deterministic, monotone enough to be searched, and of no meaning for any device.

For a matrix of n_in x n_out with reuse factor R, numbers of w bits:
    multipliers m = ceil(n_in * n_out / R)
    DSP  = m if w > 9 else 0
    LUT  = 24 m + 9 n_out + 160 (+ 30 m without DSPs)
    FF   = 3 w m / 2 + w n_out + 220
    BRAM = 0 for the latency strategy or R = 1, else max(ceil(m w / 36), ceil(n_in n_out w / 18432))
    depth = 3 + ceil(log2(n_in)); one use takes R + depth cycles and the next may start after R
A convolution uses its matrix once per output pixel, a recurrent layer uses two matrices once per time step, one after another.
Other layers: 12 LUT and w FF per element, 1 cycle in parallel, one cycle per element in a stream.
Top, dataflow: latency adds, interval is the slowest layer's + 1. Top, pipeline: latency is the sum of depths + the largest R,
interval the largest R. 90 LUT and 60 FF of glue per call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, log2

from fake_project import Call, Config, Project, type_name, width_bits


@dataclass
class Cost:
    lut: int = 0
    ff: int = 0
    dsp: int = 0
    bram_18k: int = 0
    latency_min: int = 0
    latency_max: int = 0
    interval: int = 1

    def add_area(self, other: Cost) -> None:
        self.lut += other.lut
        self.ff += other.ff
        self.dsp += other.dsp
        self.bram_18k += other.bram_18k


@dataclass
class Module:
    """One function that became a module; area includes that of its children."""

    name: str
    instance: str
    pipeline_type: str
    cost: Cost
    requested_interval: int
    children: list[Module] = field(default_factory=list)


def matrix_cost(n_in: int, n_out: int, reuse_factor: int, width: int, strategy: str) -> Cost:
    multipliers = ceil(n_in * n_out / reuse_factor)
    has_dsp = width > 9
    depth = 3 + ceil(log2(max(2, n_in)))
    bram = 0
    if strategy != "latency" and reuse_factor > 1:
        bram = max(ceil(multipliers * width / 36), ceil(n_in * n_out * width / 18432))
    return Cost(
        lut=24 * multipliers + 9 * n_out + 160 + (0 if has_dsp else 30 * multipliers),
        ff=3 * width * multipliers // 2 + width * n_out + 220,
        dsp=multipliers if has_dsp else 0,
        bram_18k=bram,
        latency_min=reuse_factor + depth,
        latency_max=reuse_factor + depth,
        interval=reuse_factor,
    )


def build_modules(project: Project) -> tuple[Module, list[Module]]:
    """The top module and the outermost module of every call."""
    modules = [_module(project, call) for call in project.calls]
    total = Cost()
    for module in modules:
        total.add_area(module.cost)
    total.lut += 90 * len(modules)
    total.ff += 60 * len(modules)
    slowest = max((module.cost.interval for module in modules), default=1)
    if project.is_dataflow:
        total.latency_min = sum(module.cost.latency_min for module in modules)
        total.latency_max = sum(module.cost.latency_max for module in modules)
        total.interval = slowest + 1
    else:
        depths = sum(module.cost.latency_max - module.cost.interval for module in modules)
        total.latency_min = total.latency_max = depths + slowest
        total.interval = slowest
    kind = "dataflow" if project.is_dataflow else "function"
    return Module(project.name, project.name, kind, total, slowest, modules), modules


def _module(project: Project, call: Call) -> Module:
    if call.config.base.startswith("dense"):
        return _dense(project, call)
    if call.config.base.startswith(("conv1d", "conv2d")):
        return _conv(project, call)
    if call.config.base.startswith(("lstm", "gru")):
        return _recurrent(project, call)
    return _elementwise(project, call)


def _dense(project: Project, call: Call) -> Module:
    config, strategy = call.config, call.config.words.get("strategy", "latency")
    cost = matrix_cost(config.get("n_in"), config.get("n_out"), config.get("reuse_factor"), width_bits(call.input_type), strategy)
    if not project.is_stream:
        return _named(project, call, f"dense_{strategy}", cost, "function" if strategy == "latency" else "none")
    inner = Module(f"dense_wrapper_{_types(call)}_{config.name}_s", "", "function", cost, config.get("reuse_factor"))
    outer = Cost(
        cost.lut + 120, cost.ff + 40, cost.dsp, cost.bram_18k, cost.latency_min + 2, cost.latency_max + 2, cost.interval + 1
    )
    return _named(project, call, "dense", outer, "none", [inner])


def _conv(project: Project, call: Call) -> Module:
    config = call.config
    mult = project.configs.get(f"{config.name}_mult", config)
    strategy = mult.words.get("strategy", config.words.get("strategy", "latency"))
    if mult is config:
        n_in = config.get("n_chan") * config.get("filt_width") * config.get("filt_height")
        n_out = config.get("n_filt")
    else:
        n_in, n_out = mult.get("n_in"), mult.get("n_out")
    positions = config.get("out_width") * config.get("out_height")
    reuse = config.get("reuse_factor")
    cost = matrix_cost(n_in, n_out, reuse, width_bits(call.input_type), strategy)
    inner = Module(f"dense_{strategy}_{_types(call)}_{mult.name}_s", "", "function", cost, reuse)
    cycles = positions * reuse + cost.latency_max - reuse
    outer = Cost(cost.lut + 210, cost.ff + 95, cost.dsp, cost.bram_18k, cycles, cycles + positions, positions * reuse)
    size = "2d" if config.base.startswith("conv2d") else "1d"
    function = f"conv_{size}_cl" if project.is_stream else f"conv_{size}_{strategy}_cl"
    return _named(project, call, function, outer, "none", [inner])


def _recurrent(project: Project, call: Call) -> Module:
    config = call.config
    width, cost, children = width_bits(call.input_type), Cost(), []
    for which in ("1", "2"):
        mult = project.configs[f"{config.name}_{which}"]
        strategy = mult.words.get("strategy", "latency")
        part = matrix_cost(mult.get("n_in"), mult.get("n_out"), mult.get("reuse_factor"), width, strategy)
        cost.add_area(part)
        cost.latency_max += part.latency_max
        cost.interval = max(cost.interval, part.interval)
        children.append(Module(f"dense_{strategy}_{_types(call)}_{mult.name}_s", "", "function", part, mult.get("reuse_factor")))
    state = config.get("n_state", config.get("n_out"))
    cost.lut += 55 * state + 300
    cost.ff += 2 * width * state
    cost.bram_18k += 2
    per_step = cost.latency_max + 9
    cost.latency_min = cost.latency_max = cost.interval = per_step * config.get("n_sequence") + 2
    kind = "lstm" if config.base.startswith("lstm") else "gru"
    return _named(project, call, f"{kind}_stack", cost, "none", children)


def _elementwise(project: Project, call: Call) -> Module:
    config, width = call.config, width_bits(call.input_type)
    elements = next((config.get(key) for key in ("n_in", "n_elem", "n_filt") if key in config.numbers), 1)
    cycles = elements if project.is_stream else 1
    bram = 2 if call.function == "softmax" else 0
    cost = Cost(12 * elements + 20, width * elements + 8, 0, bram, cycles, cycles + (8 if bram else 0), cycles)
    return _named(project, call, call.function, cost, "function")


def _named(project: Project, call: Call, function: str, cost: Cost, kind: str, children: list[Module] | None = None) -> Module:
    name = f"{function}_{_types(call, project.is_stream)}_{call.config.name}_s"
    instance = f"{name}_U0" if project.is_dataflow else f"grp_{name}_fu_{100 + len(name)}"
    return Module(name, instance, kind, cost, call.config.get("reuse_factor"), children or [])


def _types(call: Call, is_stream: bool = False) -> str:
    if is_stream:
        return f"array_array_{type_name(call.output_type)}_{_elements(call.output_type)}u"
    return f"{type_name(call.input_type)}_{type_name(call.output_type)}"


def _elements(type_text: str) -> str:
    return type_text.rsplit(",", 1)[-1].strip(" >").split("*")[0] or "1"


__all__ = ["Config", "Cost", "Module", "build_modules", "matrix_cost"]
