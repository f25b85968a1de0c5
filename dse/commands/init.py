"""`dse init`: a commented campaign to start from, written from a network's file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import typer

from dse import registry
from dse.campaign.spec import read_campaign
from dse.commands.options import NetworkFile
from dse.commands.output import console, points
from dse.design import IO_TYPES, STRATEGIES, IoType, Network, Strategy, Target, normalise_part
from dse.errors import SpecError
from dse.export import write_file
from dse.networks import read_network
from dse.parts import board_part, find_part, known_boards
from dse.study.assemble import assemble, refuse_folder

MODES = ("compact", "performance", "explore")

_SEARCH = {
    "compact": """[search]
mode = "compact"             # the slowest layer may be slower; all others follow it
anchor_reuse_max = 2         # how much slower, as its reuse factor
probe_reuse_factor = 10      # reuse factor of the second probe
""",
    "performance": """[search]
mode = "performance"         # full speed: no layer faster than the slowest one needs
probe_reuse_factor = 10      # reuse factor of the second probe
""",
    "explore": """[search]
mode = "explore"             # minimise the objectives within the limits, learning from every synthesis

[[objective]]
metric = "device_cost"       # LUT, FF, DSP and BRAM, each as a share of the device, added up

[[limit]]
metric = "lut"
maximum = "device"           # what the part has; a number works too
# [[limit]]
# metric = "latency_ns_max"
# maximum = 1000
""",
}


_BACKEND = {
    "estimate": """kind = "estimate"            # formulas: instant, never called a synthesis. For a real tool:
# kind = "local"
# setup = "/opt/Xilinx/Vivado/2019.2/settings64.sh"
# timeout_minutes = 240
""",
    "local": """kind = "local"               # the tool on this machine
# setup = "/opt/Xilinx/Vivado/2019.2/settings64.sh"
# timeout_minutes = 240
""",
    "slurm": """kind = "slurm"               # the tool on a cluster; all keys: docs/backends.md
# login = "head"             # where sbatch is, if not here
# setup = "/opt/Xilinx/Vivado/2019.2/settings64.sh"
# timeout_minutes = 240
""",
}
_LONGEST_PERIOD_NS = 50.0  # a bare number beyond it is more likely megahertz


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a campaign is begun with; `io_type` "" is the first one in which every layer can be built."""

    part: str
    mode: str
    clock_period_ns: float
    io_type: str
    precision: str
    strategy: Strategy
    toolchain: str
    backend: str
    latency_ns: float | None


def init(
    network_file: NetworkFile,
    *,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="the campaign file to write")] = None,
    part: Annotated[str, typer.Option("--part", help="the device, or a board that is known")] = "xc7a200tfbg676-2",
    board: Annotated[str, typer.Option("--board", metavar="NAME", help="the board instead, e.g. pynq-z2")] = "",
    mode: Annotated[str, typer.Option("--mode", help="compact, performance or explore")] = "compact",
    clock: Annotated[str, typer.Option("--clock", metavar="NS", help="clock period in ns, or e.g. 200MHz")] = "5",
    io_type: Annotated[
        str, typer.Option("--io-type", help="io_parallel or io_stream; default: what the network can be built in")
    ] = "",
    precision: Annotated[str, typer.Option("--precision", help="of weights and results")] = "ap_fixed<16,6>",
    strategy: Annotated[str, typer.Option("--strategy", metavar="S", help="hls4ml's strategy of all layers")] = "resource",
    toolchain: Annotated[str, typer.Option("--toolchain", help="the synthesis tool and its version")] = "vivado_hls 2019.2",
    backend: Annotated[str, typer.Option("--backend", help="estimate, local or slurm")] = "estimate",
    latency_ns: Annotated[float | None, typer.Option("--latency", metavar="NS", help="limit of the latency; for explore")] = None,
) -> int:
    """Write a campaign for a network; it passes `dse check` as it is, and nothing that exists is touched.

    Raises:
        NetworkError, SpecError, SpaceError: the network cannot be read or has no legal design, or the folder of the campaign's name
            holds something else; nothing is left behind.
    """
    _expect("--mode", mode, MODES)
    _expect("--strategy", strategy, STRATEGIES)
    _expect("--io-type", io_type, ("", *IO_TYPES))
    _expect("--backend", backend, tuple(_BACKEND))
    if latency_ns is not None and mode != "explore":
        raise SpecError(f"--latency: {mode} mode balances layers and keeps no such limit. Pass --mode explore.")
    if board:
        board_part(board)  # refuses an unknown one
    part = board or part
    find_part(board_part(part) if part in known_boards() else part)
    network = read_network(network_file)
    if output is None:
        name = _name(network_file.stem)
        output = Path(f"{name}_campaign.toml" if network_file.suffix == ".toml" else f"{name}.toml")
    wishes = Wishes(part, mode, _period(clock), io_type, precision, cast(Strategy, strategy), toolchain, backend, latency_ns)
    write_file(output, _text(network, network_file, output, wishes).encode())
    try:
        question = assemble(read_campaign(output))
        refuse_folder(question)
    except BaseException:
        output.unlink()
        raise
    out = console()
    out.print(f"{output}: {len(question.space.options)} layers to choose for, {points(question.space.size)}")
    out.print(f"next: look through it, then  dse check {output}  and  dse run {output}")
    return 0


def _expect(option: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise SpecError(f"{option}: got {value!r}, expected one of {', '.join(filter(None, allowed))}")


def _period(clock: str) -> float:
    """Return a clock period in ns from `5`, `5ns` or `200MHz`; a bare number that is more likely megahertz is asked about.

    >>> _period("5"), _period("62.5ns"), _period("200 MHz")
    (5.0, 62.5, 5.0)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ns|mhz)?\s*", clock, re.IGNORECASE)
    value = float(found[1]) if found else 0.0
    if not found or value <= 0:
        raise SpecError(f"--clock: got {clock!r}, expected a period in ns, e.g. 5, or a frequency, e.g. 200MHz")
    unit = (found[2] or "").lower()
    if not unit and value >= _LONGEST_PERIOD_NS:
        raise SpecError(f"--clock {clock}: a period of {value:g} ns is {1000 / value:g} MHz. Pass {value:g}MHz or {value:g}ns.")
    return 1000 / value if unit == "mhz" else value


def _name(stem: str) -> str:
    """Return an identifier made of a file's name."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", stem)[:60].strip("_") or "campaign"
    return plain if plain[0].isalpha() else f"n_{plain}"


def _text(network: Network, source: Path, output: Path, wishes: Wishes) -> str:
    relative = os.path.relpath(source, output.parent)
    name, part = _name(output.stem), wishes.part
    io_type = cast(IoType, wishes.io_type) if wishes.io_type else _io_type(network, wishes)
    layers = "".join(_layer_lines(network, Target(normalise_part(part), wishes.clock_period_ns, io_type), wishes.strategy))
    limit = "" if wishes.latency_ns is None else f'\n[[limit]]\nmetric = "latency_ns_max"\nmaximum = {wishes.latency_ns:g}\n'
    return f"""# Which reuse factor for each layer of {_name(source.stem)}? Written by `dse init`; all keys: docs/campaign.md.

[campaign]
name = {_quoted(name)}             # results go to a folder of this name beside this file
seed = 1

[network]
source = {_quoted(relative)}

[target]
{"board" if part in known_boards() else "part"} = {_quoted(part)}   # your device
clock_period_ns = {wishes.clock_period_ns!r}
io_type = "{io_type}"      # io_parallel or io_stream
precision = {_quoted(wishes.precision)}
strategy = "{wishes.strategy}"
toolchain = {_quoted(wishes.toolchain)}   # or e.g. "vitis_hls 2023.2"

{_SEARCH[wishes.mode]}{limit}
# Layers with weights, and how many reuse factors are legal for each (`dse legal` shows which, and why).
# Uncomment to fix or narrow one.
{layers}
[backend]
{_BACKEND[wishes.backend]}slots = 2                    # syntheses at once

[budget]
syntheses = 20
# hours = 48

# [notify]
# on = ["done", "better", "failing"]
# command = ["notify-send", "dse"]   # facts are in the environment: DSE_EVENT, DSE_MESSAGE, ...
"""


def _layer_lines(network: Network, target: Target, strategy: Strategy) -> list[str]:
    lines = []
    for layer in network.layers:
        kind = registry.layer_kind(layer.kind)
        if kind.matrices(layer):
            legal = kind.legal(layer, target, strategy).reuse_factors
            middle = legal[len(legal) // 2] if legal else 1
            lines.append(
                f"# [layer.{layer.name}]   # {layer.kind}, {layer.n_in} x {layer.n_out}: {len(legal)} legal\n# reuse_factor = {middle}\n"
            )
    return lines


def _io_type(network: Network, wishes: Wishes) -> IoType:
    """Return the first data flow in which every layer has a legal reuse factor."""
    for io_type in IO_TYPES:
        target = Target(normalise_part(wishes.part), wishes.clock_period_ns, io_type)
        kinds = [(registry.layer_kind(layer.kind), layer) for layer in network.layers]
        if all(kind.legal(layer, target, wishes.strategy).reuse_factors for kind, layer in kinds if kind.matrices(layer)):
            return io_type
    return IO_TYPES[0]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
