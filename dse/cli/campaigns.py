"""Commands about a campaign file, in the order in which one needs them. Each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dse.cli.options import AsJson, CampaignFile, Overrides, Trust, app_of, leave

app = app_of()


@app.command()
def init(
    network: Annotated[Path, typer.Argument(metavar="NETWORK", help="a Keras .json, .h5 or .keras, or a .toml of layers")],
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="the campaign file to write")] = None,
    part: Annotated[str, typer.Option("--part", help="the device")] = "xc7a200tfbg676-2",
    mode: Annotated[str, typer.Option("--mode", help="compact, performance or explore")] = "compact",
    clock: Annotated[float, typer.Option("--clock", metavar="NS", help="clock period")] = 5.0,
) -> None:
    """Write a commented campaign to start from. Nothing that exists is touched."""
    from dse.commands.init import init as command

    leave(command(network, output=output, part=part, mode=mode, clock_period_ns=clock))


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
def plan(campaign: CampaignFile, override: Overrides = None, as_json: AsJson = False) -> None:
    """Show what would run next and at most; start nothing."""
    from dse.commands.check import plan as command

    leave(command(campaign, as_json=as_json, overrides=override or ()))


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
    """Start a campaign, or go on with it. It is the same command every time."""
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
    """Write the campaign as one HTML file, or one of its figures."""
    from dse.commands.page import write_page

    leave(write_page(campaign, output=output, figure=figure, is_shared=is_shared, is_opened=is_opened))


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
    """Put campaigns side by side. Columns: unoptimised, the best of each, homogeneous."""
    from dse.commands.compare import compare as command

    form = "json" if as_json else "md" if as_md else "csv" if as_csv else "text"
    leave(command(campaigns, homogeneous=tuple(homogeneous or ()), anyway=anyway, form=form, page=page))


@app.command()
def bundle(
    campaign: CampaignFile,
    trial: Annotated[int | None, typer.Argument(metavar="[TRIAL]", help="its number; the best design unless given")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="a new or empty folder")] = Path("bundle"),
    as_json: AsJson = False,
) -> None:
    """Write a design as a folder that builds without dse. It holds hls4ml settings, model, expected results, a check."""
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
def logs(
    campaign: CampaignFile,
    job: Annotated[str, typer.Argument(metavar="JOB", help="the first letters of its key")],
    follow: Annotated[bool, typer.Option("-f", "--follow", help="go on until the job ends")] = False,
    trust: Trust = False,
) -> None:
    """Show what the tool printed."""
    from dse.commands.jobs import logs as command

    leave(command(campaign, job, follow=follow, trust=trust))


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
