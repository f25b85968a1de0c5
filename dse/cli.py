"""The command line: parse, call, exit. Every command imports what it needs when it runs, so that `dse --help` stays quick."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from dse.cli_groups import AsJson, Overrides, Trust, bench_app, leave, nas_app, surrogate_app

app = typer.Typer(
    name="dse",
    help="Find the reuse factors of an hls4ml design with a handful of syntheses.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

CampaignFile = Annotated[Path, typer.Argument(metavar="CAMPAIGN.toml", help="the campaign file")]


def _version(wanted: bool) -> None:
    if wanted:
        from dse import __version__

        sys.stdout.write(f"dse {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="show the version")] = False,
) -> None:
    """Find the reuse factors of an hls4ml design with a handful of syntheses."""


@app.command()
def init(
    network: Annotated[Path, typer.Argument(metavar="NETWORK", help="a Keras .json, .h5 or .keras, or a .toml of layers")],
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="the campaign file to write")] = None,
    part: Annotated[str, typer.Option("--part", help="the device")] = "xc7a200tfbg676-2",
    mode: Annotated[str, typer.Option("--mode", help="compact, performance or explore")] = "compact",
    clock: Annotated[float, typer.Option("--clock", metavar="NS", help="clock period")] = 5.0,
) -> None:
    """Write a commented campaign to start from; nothing that exists is touched."""
    from dse.commands.init import init as command

    leave(command(network, output=output, part=part, mode=mode, clock_period_ns=clock))


@app.command()
def run(
    campaign: CampaignFile,
    override: Overrides = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="start again; the old state is kept aside")] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="ask nothing")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="stream one JSON event a line")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="no live table, no color")] = False,
    trust: Trust = False,
) -> None:
    """Start a campaign, or go on with it: the same command every time."""
    from dse.commands.run import run_campaign

    leave(run_campaign(campaign, overrides=override or (), fresh=fresh, as_json=as_json, plain=plain, trust=trust))


@app.command()
def status(
    campaign: CampaignFile,
    watch: Annotated[bool, typer.Option("--watch", help="the board of `dse run`, only to look at; q leaves")] = False,
    as_json: AsJson = False,
) -> None:
    """Show trials, the best design so far, and the certificate."""
    from dse.commands.status import status as command

    leave(command(campaign, as_json=as_json, watch=watch))


@app.command()
def front(
    campaign: CampaignFile,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="print one row a design")] = False,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="write the figure instead")] = None,
) -> None:
    """Show the Pareto front."""
    if as_csv:
        from dse.commands.page import print_front

        leave(print_front(campaign))
    if svg is not None:
        from dse.commands.page import write_page

        leave(write_page(campaign, output=svg, figure="front"))
    from dse.commands.status import front as command

    leave(command(campaign, as_json=as_json))


@app.command()
def page(
    campaign: CampaignFile,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="default: page.html beside the journal")
    ] = None,
    figure: Annotated[str | None, typer.Option("--figure", metavar="NAME", help="only this figure, as .svg, .pdf or .png")] = None,
    is_shared: Annotated[bool, typer.Option("--share", help="leave out local paths, hosts, users and licence servers")] = False,
    is_opened: Annotated[bool, typer.Option("--open", help="open it in the browser")] = False,
) -> None:
    """Write the campaign as one HTML file that opens anywhere, or one of its figures."""
    from dse.commands.page import write_page

    leave(write_page(campaign, output=output, figure=figure, is_shared=is_shared, is_opened=is_opened))


@app.command()
def plan(campaign: CampaignFile, override: Overrides = None, as_json: AsJson = False) -> None:
    """Show what would run next and at most; start nothing."""
    from dse.commands.check import plan as command

    leave(command(campaign, as_json=as_json, overrides=override or ()))


@app.command()
def check(
    campaign: Annotated[Path | None, typer.Argument(metavar="CAMPAIGN.toml", help="the campaign file")] = None,
    override: Overrides = None,
    schema: Annotated[bool, typer.Option("--schema", help="print the JSON Schema of campaign files")] = False,
    as_json: AsJson = False,
) -> None:
    """Show all errors of a campaign file at once."""
    from dse.commands.check import check as command

    leave(command(campaign, as_json=as_json, schema=schema, overrides=override or ()))


@app.command()
def compare(
    campaigns: Annotated[list[Path], typer.Argument(metavar="CAMPAIGN.toml...", help="campaign files")],
    homogeneous: Annotated[
        list[int] | None, typer.Option("--homogeneous", metavar="R", help="add the design with R everywhere")
    ] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="compare different networks or targets too")] = False,
    as_json: AsJson = False,
    as_md: Annotated[bool, typer.Option("--md", help="print a Markdown table")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="print bare numbers, one row a design")] = False,
    page: Annotated[Path | None, typer.Option("--page", metavar="FILE", help="write an HTML file instead")] = None,
) -> None:
    """Put campaigns side by side: unoptimised, the best of each, homogeneous."""
    from dse.commands.compare import compare as command

    form = "json" if as_json else "md" if as_md else "csv" if as_csv else "text"
    leave(command(campaigns, homogeneous=tuple(homogeneous or ()), anyway=anyway, form=form, page=page))


@app.command()
def legal(
    network: Annotated[Path, typer.Argument(metavar="NETWORK", help="a Keras .json, .h5 or .keras, or a .toml of layers")],
    strategy: Annotated[str, typer.Option("--strategy", metavar="S", help="hls4ml's strategy of all layers")] = "resource",
    io_type: Annotated[str, typer.Option("--io-type", metavar="T", help="io_parallel or io_stream")] = "io_parallel",
    toolchain: Annotated[str, typer.Option("--toolchain", help="the synthesis tool and its version")] = "vivado_hls 2019.2",
    allow_code: Annotated[bool, typer.Option("--allow-code", help="read Lambda and custom layers too; runs nothing")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a network's layers, their multiplications, and which reuse factors are legal and why."""
    from dse.commands.legal import legal as command

    leave(command(network, strategy=strategy, io_type=io_type, toolchain=toolchain, allow_code=allow_code, as_json=as_json))


@app.command()
def report(
    path: Annotated[Path, typer.Argument(help="a report, a folder or archive of one build: hls4ml project, solution, component")],
    as_json: AsJson = False,
) -> None:
    """Show what the tools reported: totals, layers, HLS estimate beside logic synthesis."""
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
def bundle(
    campaign: CampaignFile,
    trial: Annotated[int | None, typer.Argument(metavar="[TRIAL]", help="its number; the best design unless given")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="a new or empty folder")] = Path("bundle"),
    as_json: AsJson = False,
) -> None:
    """Write a design as a folder that builds without dse: hls4ml settings, model, expected results, a check."""
    from dse.commands.bundle import bundle as command

    leave(command(campaign, trial, output, as_json=as_json))


@app.command()
def export(
    campaign: CampaignFile,
    kind: Annotated[str, typer.Option("--format", metavar="F", help="csv, parquet (one row a trial), or jsonl (a corpus)")] = "csv",
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="a new file; csv may go to stdout")] = None,
) -> None:
    """Write the trials for other programs."""
    from dse.commands.export import export as command

    leave(command(campaign, kind, output))


@app.command()
def completion(shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish")]) -> None:
    """Print what your shell needs to complete dse: eval "$(dse completion bash)"."""
    from dse.commands.completion import completion as command

    leave(command(shell))


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
def cancel(
    campaign: CampaignFile,
    job: Annotated[
        str | None, typer.Argument(metavar="[JOB]", help="the first letters of its key; all that run unless given")
    ] = None,
    as_json: AsJson = False,
    trust: Trust = False,
) -> None:
    """End a job, or all that run; the campaign can go on later."""
    from dse.commands.jobs import cancel as command

    leave(command(campaign, job, as_json=as_json, trust=trust))


@app.command()
def logs(
    campaign: CampaignFile,
    job: Annotated[str, typer.Argument(metavar="JOB", help="the first letters of its key")],
    follow: Annotated[bool, typer.Option("-f", "--follow", help="go on until the job ends")] = False,
    trust: Trust = False,
) -> None:
    """Show what the tool printed."""
    from dse.commands.jobs import logs as command

    leave(command(campaign, job, follow=follow, trust=trust))


cache_app = typer.Typer(help="Look after the store of results.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(cache_app, name="cache")


@cache_app.command("check")
def cache_check(
    root: Annotated[Path, typer.Argument(help="the cache's folder")] = Path("cache"),
    as_json: AsJson = False,
) -> None:
    """Read every entry and say which are damaged; change nothing."""
    from dse.commands.cache import check as command

    leave(command(root, as_json=as_json))


for name, group in (("surrogate", surrogate_app), ("nas", nas_app), ("bench", bench_app)):
    app.add_typer(group, name=name)


def main() -> None:
    """Entry point of the `dse` script: every error that is the user's to mend is one message and an exit code."""
    from dse.errors import DseError

    if "_DSE_COMPLETE" in os.environ:  # the shell asks, see `dse completion`
        from typer.completion import completion_init  # type: ignore[attr-defined]  # no other way in

        completion_init()
    try:
        app(standalone_mode=True, prog_name="dse")
    except DseError as error:
        from dse.commands.output import clean

        sys.stderr.write(clean(f"{error}\n"))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # `dse ... | head`: nobody reads any more, and nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        from dse.commands.crash import write_report

        sys.stderr.write(f"internal error: {type(error).__name__}. Nothing was lost. Please report it with {write_report(error)}\n")
        sys.exit(4)


if __name__ == "__main__":
    main()
