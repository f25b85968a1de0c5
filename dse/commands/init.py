"""`dse init`: a commented campaign to start from, written from a network's file."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Annotated

import typer

from dse import registry
from dse.campaign.spec import read_campaign
from dse.commands.options import NetworkFile
from dse.commands.output import console, points
from dse.design import IO_TYPES, IoType, Network, Strategy, Target, normalise_part
from dse.errors import SpecError
from dse.export import write_file
from dse.networks import read_network
from dse.parts import board_part, find_part, known_boards
from dse.study.assemble import assemble, refuse_folder

MODES = ("compact", "performance", "explore")
_STRATEGY: Strategy = "resource"

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


def init(
    network_file: NetworkFile,
    *,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="the campaign file to write")] = None,
    part: Annotated[str, typer.Option("--part", help="the device, or a board that is known")] = "xc7a200tfbg676-2",
    mode: Annotated[str, typer.Option("--mode", help="compact, performance or explore")] = "compact",
    clock_period_ns: Annotated[float, typer.Option("--clock", metavar="NS", help="clock period")] = 5.0,
) -> int:
    """Write a campaign for a network; it passes `dse check` as it is, and nothing that exists is touched.

    Raises:
        NetworkError, SpecError, SpaceError: the network cannot be read or has no legal design, or the folder of the campaign's name
            holds something else; nothing is left behind.
    """
    if mode not in MODES:
        raise SpecError(f"--mode: got {mode!r}, expected one of {', '.join(MODES)}")
    find_part(board_part(part) if part in known_boards() else part)
    network = read_network(network_file)
    if output is None:
        name = _name(network_file.stem)
        output = Path(f"{name}_campaign.toml" if network_file.suffix == ".toml" else f"{name}.toml")
    name = _name(output.stem)
    text = _text(network, network_file, output, name, part=part, mode=mode, clock_period_ns=clock_period_ns)
    write_file(output, text.encode())
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


def _name(stem: str) -> str:
    """Return an identifier made of a file's name."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", stem)[:60].strip("_") or "campaign"
    return plain if plain[0].isalpha() else f"n_{plain}"


def _text(network: Network, source: Path, output: Path, name: str, *, part: str, mode: str, clock_period_ns: float) -> str:
    relative = os.path.relpath(source, output.parent)
    io_type = _io_type(network, part, clock_period_ns)
    layers = "".join(_layer_lines(network, Target(normalise_part(part), clock_period_ns, io_type)))
    return f"""# Which reuse factor for each layer of {_name(source.stem)}? Written by `dse init`; all keys: docs/campaign.md.

[campaign]
name = {_quoted(name)}             # results go to a folder of this name beside this file
seed = 1

[network]
source = {_quoted(relative)}

[target]
{"board" if part in known_boards() else "part"} = {_quoted(part)}   # your device
clock_period_ns = {clock_period_ns!r}
io_type = "{io_type}"      # io_parallel or io_stream
precision = "ap_fixed<16,6>"
toolchain = "vivado_hls 2019.2"   # or e.g. "vitis_hls 2023.2"

{_SEARCH[mode]}
# Layers with weights, and how many reuse factors are legal for each (`dse legal` shows which, and why).
# Uncomment to fix or narrow one.
{layers}
[backend]
kind = "estimate"            # formulas: instant, never called a synthesis. For a real tool:
# kind = "local"
# setup = "/opt/Xilinx/Vivado/2019.2/settings64.sh"
# timeout_minutes = 240
slots = 2                    # syntheses at once

[budget]
syntheses = 20
# hours = 48

# [notify]
# on = ["done", "better", "failing"]
# command = ["notify-send", "dse"]   # facts are in the environment: DSE_EVENT, DSE_MESSAGE, ...
"""


def _layer_lines(network: Network, target: Target) -> list[str]:
    lines = []
    for layer in network.layers:
        kind = registry.layer_kind(layer.kind)
        if kind.matrices(layer):
            legal = kind.legal(layer, target, _STRATEGY).reuse_factors
            middle = legal[len(legal) // 2] if legal else 1
            lines.append(
                f"# [layer.{layer.name}]   # {layer.kind}, {layer.n_in} x {layer.n_out}: {len(legal)} legal\n# reuse_factor = {middle}\n"
            )
    return lines


def _io_type(network: Network, part: str, clock_period_ns: float) -> IoType:
    """Return the first data flow in which every layer has a legal reuse factor."""
    for io_type in IO_TYPES:
        target = Target(normalise_part(part), clock_period_ns, io_type)
        found = [(registry.layer_kind(layer.kind), layer) for layer in network.layers]
        if all(kind.legal(layer, target, _STRATEGY).reuse_factors for kind, layer in found if kind.matrices(layer)):
            return io_type
    return IO_TYPES[0]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
