"""Commands that come in groups: `dse surrogate`, `dse nas`, `dse bench`. Each imports what it needs when it runs, as in `dse.cli`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dse.cli.options import AsJson, Overrides, Trust, app_of, leave

surrogate_app = app_of("Look into what the search believes.")


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

    leave(evaluate(corpus, surrogates=surrogate or DEFAULT, kinds=kind or (), start=start, seed=seed, as_json=as_json))


nas_app = app_of("Search network architectures, and deploy the best.")

NasFile = Annotated[Path, typer.Argument(metavar="SEARCH.toml", help="the architecture search's file")]


@nas_app.command("run")
def nas_run(
    search: NasFile,
    override: Overrides = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="start again; the old state is kept aside")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="stream one JSON event a line")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="no live board, no color")] = False,
    trust: Trust = False,
) -> None:
    """Start an architecture search, or go on with it. It is the same command every time."""
    from dse.commands.nas import nas_run as command

    leave(command(search, overrides=override or (), fresh=fresh, as_json=as_json, plain=plain, trust=trust))


@nas_app.command("status")
def nas_status(
    search: NasFile,
    as_json: AsJson = False,
    watch: Annotated[bool, typer.Option("--watch", help="show the board of the running search until it stops")] = False,
) -> None:
    """Show all candidates and the front."""
    from dse.commands.nas import nas_status as command

    leave(command(search, as_json=as_json, watch=watch))


@nas_app.command("front")
def nas_front(search: NasFile, as_json: AsJson = False) -> None:
    """Show the Pareto front."""
    from dse.commands.nas import nas_front as command

    leave(command(search, as_json=as_json))


@nas_app.command("deploy")
def nas_deploy(
    search: NasFile,
    override: Overrides = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="check bit by bit with hls4ml's C simulation; minutes each")] = False,
    bundles: Annotated[Path | None, typer.Option("--bundles", metavar="DIR", help="write a bundle of each design there")] = None,
    as_json: AsJson = False,
    trust: Trust = False,
) -> None:
    """Run a campaign for every network of the front, on any backend."""
    from dse.commands.nas import nas_deploy as command

    leave(command(search, overrides=override or (), simulate=simulate, bundles=bundles, as_json=as_json, trust=trust))


bench_app = app_of("Measure searches on spaces whose optimum is known.")

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
    leave(code)


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
    leave(bench.table4(tables, seeds=seeds, searches=searches, max_syntheses=max_syntheses, factors=factors, as_json=as_json))


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

    leave(bench.pareto(corpus, networks, seeds=seeds, searches=search or (), max_syntheses=max_syntheses, as_json=as_json))


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

    leave(bench.allocation(tables, corpus=corpus, surrogate=surrogate, trials=trials or (), seed=seed, as_json=as_json))


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

    leave(bench.overhead(corpus, networks, searches=search or (), results=results or (), seed=seed, as_json=as_json))
