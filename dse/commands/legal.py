"""`dse legal`: what a network's layers are to the hardware, which reuse factors hls4ml builds for them, and why not others."""

from __future__ import annotations

from math import prod
from typing import Annotated, Any

import typer

from dse.commands.options import AsJson, NetworkFile
from dse.commands.output import console, number, print_json
from dse.design import IO_TYPES, STRATEGIES, Layer, Network, Strategy, Target, Toolchain
from dse.errors import SpecError
from dse.faults import known_faults, sentence
from dse.layers.base import Legal
from dse.networks import read_network
from dse.registry import layer_kind


def legal(
    path: NetworkFile,
    *,
    strategy: Annotated[str, typer.Option("--strategy", metavar="S", help="hls4ml's strategy of all layers")] = "resource",
    io_type: Annotated[str, typer.Option("--io-type", metavar="T", help="io_parallel or io_stream")] = "io_parallel",
    toolchain: Annotated[str, typer.Option("--toolchain", help="the synthesis tool and its version")] = "vivado_hls 2019.2",
    allow_code: Annotated[bool, typer.Option("--allow-code", help="read Lambda and custom layers too; runs nothing")] = False,
    as_json: AsJson = False,
) -> int:
    """Print every layer with its sizes, multiplications, legal reuse factors and the rules that narrowed them.

    Returns:
        0, or 1 if a layer with weights has no legal reuse factor at all, or hls4ml is known to build one wrongly.
    """
    if strategy not in STRATEGIES:
        raise SpecError(f"--strategy: got {strategy!r}, expected one of {', '.join(STRATEGIES)}")
    if io_type not in IO_TYPES:
        raise SpecError(f"--io-type: got {io_type!r}, expected one of {', '.join(IO_TYPES)}")
    # The part and the clock change no legal set; they are here because a target has them.
    target = Target("xc7a200tfbg4842", 5.0, io_type, toolchain=Toolchain.parse(toolchain))
    network = read_network(path, allow_code=allow_code)
    chosen: Strategy = strategy
    found = [(layer, layer_kind(layer.kind).legal(layer, target, chosen)) for layer in network.layers]
    if as_json:
        print_json("legal", _document(network, found, target, chosen))
    else:
        _print(network, found, target, chosen)
    is_stuck = any(_has_matrix(layer) and not allowed.reuse_factors for layer, allowed in found)
    return 1 if is_stuck or known_faults(network, target) else 0


def _has_matrix(layer: Layer) -> bool:
    return bool(layer_kind(layer.kind).matrices(layer))


def _space_size(found: list[tuple[Layer, Legal]]) -> int:
    return prod(len(allowed.reuse_factors) for layer, allowed in found if _has_matrix(layer))


def _document(network: Network, found: list[tuple[Layer, Legal]], target: Target, strategy: Strategy) -> dict[str, Any]:
    return {
        "network": network.name,
        "digest": network.digest,
        "strategy": strategy,
        "io_type": target.io_type,
        "toolchain": str(target.toolchain),
        "layers": [_layer_document(layer, allowed) for layer, allowed in found],
        "multiplications": sum(layer_kind(layer.kind).multiplications(layer) for layer, _ in found),
        "space_size": _space_size(found),
        "faults": [
            {"layer": layer.name, "name": fault.name, "what": fault.what, "instead": fault.instead, "source": fault.source}
            for layer, fault in known_faults(network, target)
        ],
    }


def _layer_document(layer: Layer, allowed: Legal) -> dict[str, Any]:
    kind = layer_kind(layer.kind)
    return {
        "name": layer.name,
        "kind": layer.kind,
        "n_in": layer.n_in,
        "n_out": layer.n_out,
        "positions": layer.n_positions,
        "n_state": layer.n_state,
        "matrices": [list(matrix) for matrix in kind.matrices(layer)],
        "multiplications": kind.multiplications(layer),
        "has_choice": _has_matrix(layer),
        "reuse_factors": list(allowed.reuse_factors),
        "hls4ml_reuse_factors": sorted({*allowed.reuse_factors, *(factor for rule in allowed.rules for factor in rule.removed)}),
        "rules": [{"name": rule.name, "reason": rule.reason, "removed": list(rule.removed)} for rule in allowed.rules],
    }


def _print(network: Network, found: list[tuple[Layer, Legal]], target: Target, strategy: Strategy) -> None:
    from rich.table import Table

    out = console()
    out.print(f"{network.name}: strategy {strategy}, {target.io_type}, {target.toolchain}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("layer", "kind"):
        table.add_column(heading, no_wrap=True)
    for heading in ("n_in", "n_out", "positions", "multiplications"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("legal reuse factors", overflow="fold")
    for layer, allowed in found:
        kind = layer_kind(layer.kind)
        sizes = (number(layer.n_in), number(layer.n_out), number(layer.n_positions), number(kind.multiplications(layer)))
        table.add_row(layer.name, layer.kind, *sizes, _factors(layer, allowed))
    out.print(table)
    total = sum(layer_kind(layer.kind).multiplications(layer) for layer, _ in found)
    out.print(f"{number(total)} multiplications per inference; {number(_space_size(found))} points in the design space")
    out.print("A reuse factor is legal if it divides n_in, or is n_in times a divisor of n_out; what narrows that:")
    for text, layers in _reasons(found).items():
        out.print(f"  {text}")
        for line in layers:
            out.print(f"    {line}")
    if not _reasons(found):
        out.print("  nothing")
    for layer, fault in known_faults(network, target):
        out.print(f"not built as it is: {sentence(layer, fault, target)}", style="red")


def _factors(layer: Layer, allowed: Legal) -> str:
    if not _has_matrix(layer):
        return "(no choice)"
    return " ".join(str(factor) for factor in allowed.reuse_factors) or "none"


def _reasons(found: list[tuple[Layer, Legal]]) -> dict[str, list[str]]:
    """Return reason -> what it took from which layers, each reason once."""
    reasons: dict[str, list[str]] = {}
    for layer, allowed in found:
        for rule in allowed.rules:
            took = " ".join(str(factor) for factor in rule.removed)
            reasons.setdefault(f"{rule.name}: {rule.reason}", []).append(
                f"{layer.name}: " + (f"without {took}" if took else "takes none away")
            )
    return reasons
