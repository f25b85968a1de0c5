"""Commands that need no campaign: networks, reports, this machine, the store. Each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dse.cli.options import AsJson, Trust, app_of, leave

app = app_of()
cache_app = app_of("Look after the store of results.")


@app.command()
def legal(
    network: Annotated[Path, typer.Argument(metavar="NETWORK", help="a Keras .json, .h5 or .keras, or a .toml of layers")],
    strategy: Annotated[str, typer.Option("--strategy", metavar="S", help="hls4ml's strategy of all layers")] = "resource",
    io_type: Annotated[str, typer.Option("--io-type", metavar="T", help="io_parallel or io_stream")] = "io_parallel",
    toolchain: Annotated[str, typer.Option("--toolchain", help="the synthesis tool and its version")] = "vivado_hls 2019.2",
    allow_code: Annotated[bool, typer.Option("--allow-code", help="read Lambda and custom layers too; runs nothing")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a network's layers and their legal reuse factors. Also their multiplications, and what narrows the choice."""
    from dse.commands.legal import legal as command

    leave(command(network, strategy=strategy, io_type=io_type, toolchain=toolchain, allow_code=allow_code, as_json=as_json))


@app.command()
def report(
    path: Annotated[Path, typer.Argument(help="a report, a folder or archive of one build: hls4ml project, solution, component")],
    as_json: AsJson = False,
) -> None:
    """Show what the tools reported of a build. Totals and layers, the HLS estimate beside logic synthesis."""
    from dse.commands.report import report as command

    leave(command(path, as_json=as_json))


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="report trees (one, a folder of many, an archive) or the N-TORC tables")],
    to: Annotated[Path, typer.Option("--to", metavar="CORPUS", help="a folder or .jsonl file; added to, never replaced")],
    as_json: AsJson = False,
) -> None:
    """Add recorded builds to a corpus for replay and training."""
    from dse.commands.import_reports import import_reports

    leave(import_reports(path, to, as_json=as_json))


@app.command()
def doctor(
    campaign: Annotated[Path | None, typer.Argument(metavar="[CAMPAIGN.toml]", help="the campaign file")] = None,
    probe: Annotated[bool, typer.Option("--probe", help="also log in to the hosts and ask the tool for its version")] = False,
    as_json: AsJson = False,
    trust: Trust = False,
) -> None:
    """Say whether this machine, and a campaign's hosts, are ready."""
    from dse.commands.doctor import doctor as command

    leave(command(campaign, probe=probe, as_json=as_json, trust=trust))


@app.command()
def completion(shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish")]) -> None:
    """Print what your shell needs to complete dse. In your ~/.bashrc: eval "$(dse completion bash)"."""
    from dse.commands.completion import completion as command

    leave(command(shell))


@cache_app.command("check")
def cache_check(
    root: Annotated[Path, typer.Argument(help="the cache's folder")] = Path("cache"),
    as_json: AsJson = False,
) -> None:
    """Read every entry and say which are damaged; change nothing."""
    from dse.commands.cache import check as command

    leave(command(root, as_json=as_json))
