"""The command line: parse, call, exit. Every command imports what it needs when it runs, so that `dse --help` stays quick."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="dse",
    help="Find the reuse factors of an hls4ml design with a handful of syntheses.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

CampaignFile = Annotated[Path, typer.Argument(metavar="CAMPAIGN.toml", help="the campaign file")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document")]
Overrides = Annotated[list[str] | None, typer.Option("-o", metavar="KEY=VALUE", help="override a key, e.g. -o search.mode=compact")]


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

    _exit(command(network, output=output, part=part, mode=mode, clock_period_ns=clock))


@app.command()
def run(
    campaign: CampaignFile,
    override: Overrides = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="start again; the old state is kept aside")] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="ask nothing")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="stream one JSON event a line")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="no live table, no color")] = False,
    trust: Annotated[bool, typer.Option("--trust", help="let the campaign's [notify] command be called; ask nothing")] = False,
) -> None:
    """Start a campaign, or go on with it: the same command every time."""
    from dse.commands.run import run_campaign

    _exit(run_campaign(campaign, overrides=override or (), fresh=fresh, as_json=as_json, plain=plain, trust=trust))


@app.command()
def status(
    campaign: CampaignFile,
    watch: Annotated[bool, typer.Option("--watch", help="print again every two seconds until it stops")] = False,
    as_json: AsJson = False,
) -> None:
    """Show trials, the best design so far, and the certificate."""
    from dse.commands.status import status as command

    _exit(command(campaign, as_json=as_json, watch=watch))


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

        _exit(print_front(campaign))
    if svg is not None:
        from dse.commands.page import write_page

        _exit(write_page(campaign, output=svg, figure="front"))
    from dse.commands.status import front as command

    _exit(command(campaign, as_json=as_json))


@app.command()
def page(
    campaign: CampaignFile,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="default: page.html beside the journal")
    ] = None,
    figure: Annotated[str | None, typer.Option("--figure", metavar="NAME", help="only this figure, as .svg, .pdf or .png")] = None,
    is_opened: Annotated[bool, typer.Option("--open", help="open it in the browser")] = False,
) -> None:
    """Write the campaign as one HTML file that opens anywhere, or one of its figures."""
    from dse.commands.page import write_page

    _exit(write_page(campaign, output=output, figure=figure, is_opened=is_opened))


@app.command()
def plan(campaign: CampaignFile, override: Overrides = None, as_json: AsJson = False) -> None:
    """Show what would run next and at most; start nothing."""
    from dse.commands.check import plan as command

    _exit(command(campaign, as_json=as_json, overrides=override or ()))


@app.command()
def check(
    campaign: Annotated[Path | None, typer.Argument(metavar="CAMPAIGN.toml", help="the campaign file")] = None,
    override: Overrides = None,
    schema: Annotated[bool, typer.Option("--schema", help="print the JSON Schema of campaign files")] = False,
    as_json: AsJson = False,
) -> None:
    """Show all errors of a campaign file at once."""
    from dse.commands.check import check as command

    _exit(command(campaign, as_json=as_json, schema=schema, overrides=override or ()))


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
    _exit(command(campaigns, homogeneous=tuple(homogeneous or ()), anyway=anyway, form=form, page=page))


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

    _exit(command(network, strategy=strategy, io_type=io_type, toolchain=toolchain, allow_code=allow_code, as_json=as_json))


@app.command()
def report(
    path: Annotated[Path, typer.Argument(help="a report, a folder or archive of one build: hls4ml project, solution, component")],
    as_json: AsJson = False,
) -> None:
    """Show what the tools reported: totals, layers, HLS estimate beside logic synthesis."""
    from dse.commands.report import report as command

    _exit(command(path, as_json=as_json))


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="report trees (one, a folder of many, an archive) or the N-TORC tables")],
    to: Annotated[Path, typer.Option("--to", metavar="CORPUS", help="a folder or .jsonl file; added to, never replaced")],
    as_json: AsJson = False,
) -> None:
    """Add recorded builds to a corpus for replay and training."""
    from dse.commands.import_reports import import_reports

    _exit(import_reports(path, to, as_json=as_json))


@app.command()
def bundle(
    campaign: CampaignFile,
    trial: Annotated[int | None, typer.Argument(metavar="[TRIAL]", help="its number; the best design unless given")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="a new or empty folder")] = Path("bundle"),
    as_json: AsJson = False,
) -> None:
    """Write a design as a folder that builds without dse: hls4ml settings, model, expected results, a check."""
    from dse.commands.bundle import bundle as command

    _exit(command(campaign, trial, output, as_json=as_json))


@app.command()
def export(
    campaign: CampaignFile,
    kind: Annotated[str, typer.Option("--format", metavar="F", help="csv, parquet (one row a trial), or jsonl (a corpus)")] = "csv",
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="a new file; csv may go to stdout")] = None,
) -> None:
    """Write the trials for other programs."""
    from dse.commands.export import export as command

    _exit(command(campaign, kind, output))


@app.command()
def completion(shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish")]) -> None:
    """Print what your shell needs to complete dse: eval "$(dse completion bash)"."""
    from dse.commands.completion import completion as command

    _exit(command(shell))


@app.command()
def doctor(
    campaign: Annotated[Path | None, typer.Argument(metavar="[CAMPAIGN.toml]", help="the campaign file")] = None,
    probe: Annotated[bool, typer.Option("--probe", help="also log in to the hosts and ask the tool for its version")] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether this machine, and a campaign's hosts, are ready."""
    from dse.commands.doctor import doctor as command

    _exit(command(campaign, probe=probe, as_json=as_json))


@app.command()
def cancel(
    campaign: CampaignFile,
    job: Annotated[
        str | None, typer.Argument(metavar="[JOB]", help="the first letters of its key; all that run unless given")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """End a job, or all that run; the campaign can go on later."""
    from dse.commands.jobs import cancel as command

    _exit(command(campaign, job, as_json=as_json))


@app.command()
def logs(
    campaign: CampaignFile,
    job: Annotated[str, typer.Argument(metavar="JOB", help="the first letters of its key")],
    follow: Annotated[bool, typer.Option("-f", "--follow", help="go on until the job ends")] = False,
) -> None:
    """Show what the tool printed."""
    from dse.commands.jobs import logs as command

    _exit(command(campaign, job, follow=follow))


cache_app = typer.Typer(help="Look after the store of results.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(cache_app, name="cache")


@cache_app.command("check")
def cache_check(
    root: Annotated[Path, typer.Argument(help="the cache's folder")] = Path("cache"),
    as_json: AsJson = False,
) -> None:
    """Read every entry and say which are damaged; change nothing."""
    from dse.commands.cache import check as command

    _exit(command(root, as_json=as_json))


surrogate_app = typer.Typer(help="Look into what the search believes.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(surrogate_app, name="surrogate")


@surrogate_app.command("evaluate")
def surrogate_evaluate(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="recorded layers: a folder or .jsonl file, or its name")],
    surrogate: Annotated[list[str] | None, typer.Option("--surrogate", metavar="KIND", help="only this one; repeatable")] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", metavar="KIND", help="only layers of this kind; repeatable")] = None,
    start: Annotated[str, typer.Option("--start", help="estimate: its fitted constants; plain: round numbers; auto")] = "auto",
    seed: Annotated[int, typer.Option("--seed", help="of the forests")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show how well each surrogate predicts shapes that it has not seen: every shape is left out in turn, never a row."""
    from dse.commands.surrogate import DEFAULT, evaluate

    _exit(evaluate(corpus, surrogates=surrogate or DEFAULT, kinds=kind or (), start=start, seed=seed, as_json=as_json))


nas_app = typer.Typer(help="Search network architectures, and deploy the best.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(nas_app, name="nas")

NasFile = Annotated[Path, typer.Argument(metavar="SEARCH.toml", help="the architecture search's file")]


@nas_app.command("run")
def nas_run(
    search: NasFile,
    override: Overrides = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="start again; the old state is kept aside")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="stream one JSON event a line")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="no live line, no color")] = False,
) -> None:
    """Start an architecture search, or go on with it: the same command every time."""
    from dse.commands.nas import nas_run as command

    _exit(command(search, overrides=override or (), fresh=fresh, as_json=as_json, plain=plain))


@nas_app.command("status")
def nas_status(search: NasFile, as_json: AsJson = False) -> None:
    """Show all candidates and the front."""
    from dse.commands.nas import nas_status as command

    _exit(command(search, as_json=as_json))


@nas_app.command("front")
def nas_front(search: NasFile, as_json: AsJson = False) -> None:
    """Show the Pareto front."""
    from dse.commands.nas import nas_front as command

    _exit(command(search, as_json=as_json))


@nas_app.command("deploy")
def nas_deploy(
    search: NasFile,
    override: Overrides = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="check bit by bit with hls4ml's C simulation; minutes each")] = False,
    bundles: Annotated[Path | None, typer.Option("--bundles", metavar="DIR", help="write a bundle of each design there")] = None,
    as_json: AsJson = False,
) -> None:
    """Run a campaign for every network of the front, on any backend."""
    from dse.commands.nas import nas_deploy as command

    _exit(command(search, overrides=override or (), simulate=simulate, bundles=bundles, as_json=as_json))


bench_app = typer.Typer(help="Measure searches on spaces whose optimum is known.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(bench_app, name="bench")

CorpusFolder = Annotated[Path, typer.Option("--corpus", help="recorded layers: a folder or a .jsonl file")]
NetworksFile = Annotated[Path, typer.Option("--networks", help="a TOML file of [[network]] tables")]
TableFolder = Annotated[Path, typer.Option("--tables", help="the folder of N-TORC's Table IV predictions")]
Searches = Annotated[
    list[str] | None, typer.Option("--search", metavar="KIND[+KEY=VALUE...]", help="a search to run; repeatable; default explore")
]
Seeds = Annotated[int, typer.Option("--seeds", help="repetitions of every run")]
MaxSyntheses = Annotated[int, typer.Option("--max-syntheses", help="where a search is given up")]
LimitFactors = Annotated[list[float] | None, typer.Option("--factor", help="latency limit over the least possible; repeatable")]


@bench_app.command("sample-efficiency")
def bench_sample_efficiency(
    corpus: CorpusFolder,
    networks: Annotated[Path | None, typer.Option("--networks", help="a TOML file of [[network]] tables")] = None,
    random: Annotated[int, typer.Option("--random", metavar="N", help="instead: N networks drawn from the corpus's shapes")] = 0,
    seeds: Seeds = 1,
    search: Searches = None,
    replicates: Annotated[str, typer.Option("--replicates", help="median, or sample: one of the recordings each time")] = "median",
    transfer: Annotated[bool, typer.Option("--transfer", help="let searches learn from the corpus's other shapes")] = False,
    max_syntheses: MaxSyntheses = 50,
    factor: LimitFactors = None,
    as_json: AsJson = False,
) -> None:
    """Count syntheses to the true optimum, and to the certificate."""
    from dse.commands import bench

    code = bench.efficiency(
        corpus,
        networks,
        random=random,
        seeds=seeds,
        searches=search or (),
        replicates=replicates,
        transfer=transfer,
        max_syntheses=max_syntheses,
        factors=factor or (),
        as_json=as_json,
    )
    _exit(code)


@bench_app.command("table4")
def bench_table4(
    tables: TableFolder,
    seeds: Seeds = 1,
    search: Searches = None,
    max_syntheses: MaxSyntheses = 50,
    factor: LimitFactors = None,
    as_json: AsJson = False,
) -> None:
    """Do the same on N-TORC's Table IV, taken as if measured: 1e11 points, rugged."""
    from dse.commands import bench

    searches, factors = search or (), factor or ()
    _exit(bench.table4(tables, seeds=seeds, searches=searches, max_syntheses=max_syntheses, factors=factors, as_json=as_json))


@bench_app.command("pareto")
def bench_pareto(
    corpus: CorpusFolder,
    networks: NetworksFile,
    seeds: Seeds = 1,
    search: Searches = None,
    max_syntheses: MaxSyntheses = 20,
    as_json: AsJson = False,
) -> None:
    """Show how much of the true front is uncovered after so many syntheses."""
    from dse.commands import bench

    _exit(bench.pareto(corpus, networks, seeds=seeds, searches=search or (), max_syntheses=max_syntheses, as_json=as_json))


@bench_app.command("allocation")
def bench_allocation(
    tables: TableFolder,
    corpus: Annotated[Path | None, typer.Option("--corpus", help="records to train a second opinion on")] = None,
    surrogate: Annotated[str, typer.Option("--surrogate", metavar="KIND", help="who gives the second opinion")] = "gp",
    trials: Annotated[list[int] | None, typer.Option("--trials", help="of random search and annealing; repeatable")] = None,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    as_json: AsJson = False,
) -> None:
    """Solve N-TORC's Table IV exactly, by chance and by annealing."""
    from dse.commands import bench

    _exit(bench.allocation(tables, corpus=corpus, surrogate=surrogate, trials=trials or (), seed=seed, as_json=as_json))


@bench_app.command("overhead")
def bench_overhead(
    corpus: CorpusFolder,
    networks: NetworksFile,
    search: Searches = None,
    results: Annotated[list[int] | None, typer.Option("--results", help="how many are in; repeatable")] = None,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    as_json: AsJson = False,
) -> None:
    """Time what a search itself costs per result."""
    from dse.commands import bench

    _exit(bench.overhead(corpus, networks, searches=search or (), results=results or (), seed=seed, as_json=as_json))


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


def _exit(code: int) -> None:
    raise typer.Exit(code)


if __name__ == "__main__":
    main()
