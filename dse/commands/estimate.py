"""`dse estimate`: what a network would cost, per layer and reuse factor and as a whole, with bands; no tool is run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from dse.commands.options import AsJson, NetworkFile
from dse.commands.output import console, number, print_json
from dse.design import STRATEGIES, Precision, Strategy
from dse.errors import SpecError
from dse.view.bands import band_text

if TYPE_CHECKING:
    from rich.table import Table

    from dse.estimation.bands import Band
    from dse.estimation.table import DesignEstimate, Estimation
    from dse.qor import Qor

_HEADINGS = ("cycles", "II", "LUT", "FF", "DSP", "BRAM")
_FACTORS = (1, 4, 16, 64)


def estimate(
    path: NetworkFile,
    *,
    reuse: Annotated[
        list[int] | None, typer.Option("--reuse", metavar="R", help="a reuse factor; may be given several times")
    ] = None,
    strategy: Annotated[str, typer.Option("--strategy", metavar="S", help="hls4ml's strategy of all layers")] = "resource",
    part: Annotated[str, typer.Option("--part", metavar="P", help="the device, or a board that is known")] = "xc7a200tfbg676-2",
    clock: Annotated[float, typer.Option("--clock", metavar="NS", help="the clock period in ns")] = 5.0,
    io_type: Annotated[str, typer.Option("--io-type", metavar="T", help="io_parallel or io_stream")] = "io_parallel",
    precision: Annotated[str, typer.Option("--precision", help="of weights and results")] = "ap_fixed<16,6>",
    toolchain: Annotated[str, typer.Option("--toolchain", help="the synthesis tool and its version")] = "vivado_hls 2019.2",
    measured: Annotated[
        list[str] | None, typer.Option("--measured", metavar="PLACE", help="a corpus or cache whose layers correct the estimate")
    ] = None,
    front: Annotated[bool, typer.Option("--front", help="show all designs that are worth it: none is faster and smaller")] = False,
    allow_code: Annotated[bool, typer.Option("--allow-code", help="read Lambda and custom layers too; runs nothing")] = False,
    as_json: AsJson = False,
) -> int:
    """Print estimates.

    Returns:
        0, or 1 if no design shown fits the device by its estimate.
    """
    from dse.api.estimating import estimate as estimation_of

    if any(factor < 1 for factor in reuse or ()):
        raise SpecError(f"--reuse: got {min(reuse or ())}, expected whole numbers from 1")
    found = estimation_of(
        path,
        strategy=_strategy(strategy),
        part=part,
        clock_period_ns=clock,
        io_type=io_type,
        precision=precision,
        toolchain=toolchain,
        measured=measured or (),
        allow_code=allow_code,
    )
    factors = tuple(sorted(set(reuse or _FACTORS)))
    if as_json:
        print_json("estimate", found.to_json(factors, with_front=front))
    else:
        _print(found, factors, with_front=front)
    designs = found.front if front else [found.design(found.homogeneous(factor)) for factor in factors]
    return 0 if any(_fits(design) for design in designs) else 1


def _strategy(text: str) -> Strategy:
    for strategy in STRATEGIES:
        if text == strategy:
            return strategy
    raise SpecError(f"--strategy: got {text!r}, expected one of {', '.join(STRATEGIES)}")


def _fits(design: DesignEstimate) -> bool:
    return all(share is None or share <= 1 for share in design.shares.values())


def _print(found: Estimation, factors: tuple[int, ...], *, with_front: bool) -> None:
    out, target = console(), found.target
    out.print(
        f"{found.network.name}: estimates for {found.part.device}, {target.clock_period_ns:g} ns, {target.io_type}, {found.strategy}, "
        f"{Precision.__str__(target.precision)}, {target.toolchain}. No tool was run."
    )
    out.print("In brackets what holds a figure in 9 of 10 cases.")
    layers = _table("layer", "reuse factor")
    for row in found.layers(factors):
        factor = "-" if row.choice is None else str(row.choice.reuse_factor)
        layers.add_row(row.layer.name, factor, *_cells(row.qor, row.bounds))
    out.print(layers)
    designs = _table("design", "reuse factors")
    shown = [(f"R = {factor}", found.design(found.homogeneous(factor))) for factor in factors]
    for name, design in shown:
        designs.add_row(name, str(design.point), *_cells(design.qor, design.bounds))
    out.print(designs)
    for name, design in shown:
        out.print(f"{name}: {_shares(design)}")
    if with_front:
        table = _table("front", "reuse factors")
        for n, design in enumerate(found.front, start=1):
            table.add_row(str(n), str(design.point), *_cells(design.qor, design.bounds))
        out.print(table)
    for note in found.learned.notes:
        out.print(f"note: {note}")
    levels = sorted({row.level for row in found.layers(factors)})
    out.print("Bands: " + "; ".join(_LEVELS[level] for level in levels) + ".")


_LEVELS = {
    "recorded": "recorded layers of this kind and target",
    "carried over": "recorded layers of this kind, built for another tool, clock, device or width",
    "derived": "layers that nobody recorded are derived from hls4ml's templates",
}


def _table(*first: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in first:
        table.add_column(heading, overflow="fold")
    for heading in _HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _cells(qor: Qor, around: Mapping[str, Band]) -> list[str]:
    from dse.estimation.table import SHOWN

    return [_cell(getattr(qor, metric), around.get(metric)) for metric in SHOWN]


def _cell(value: float | None, band: Band | None) -> str:
    return number(value) + (band_text(band) if value else "")


def _shares(design: DesignEstimate) -> str:
    names = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram_18k": "BRAM"}
    found = []
    for metric, share in design.shares.items():
        most = design.dominant.get(metric)
        text = f"{names[metric]} {'unknown' if share is None else f'{share:.0%}'}"
        found.append(text + (f" (most in {most[0]}, {most[1]:.0%})" if most else ""))
    return "of the device " + ", ".join(found) + ("" if _fits(design) else "; does not fit by its estimate")
