"""`dse bench`: what a search needs on spaces whose optimum is known, and what its parts cost. Progress goes to stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from benchmarks.efficiency import FACTORS, Plan, sample_efficiency, summarize
from benchmarks.efficiency import table4 as run_table4
from dse.commands.options import AsJson
from dse.commands.output import console, number, print_json, write
from dse.errors import SpecError
from dse.synth_backends.replay import Replicates

DEFAULT_SEARCHES = ("explore",)

CorpusFolder = Annotated[Path, typer.Option("--corpus", help="recorded layers: a folder or a .jsonl file")]
NetworksFile = Annotated[Path, typer.Option("--networks", help="a TOML file of [[network]] tables")]
TableFolder = Annotated[Path, typer.Option("--tables", help="the folder of N-TORC's Table IV predictions")]
Searches = Annotated[
    list[str] | None, typer.Option("--search", metavar="KIND[+KEY=VALUE...]", help="a search to run; repeatable; default explore")
]
Seeds = Annotated[int, typer.Option("--seeds", help="repetitions of every run")]
MaxSyntheses = Annotated[int, typer.Option("--max-syntheses", help="where a search is given up")]
LimitFactors = Annotated[list[float] | None, typer.Option("--factor", help="latency limit over the least possible; repeatable")]


def efficiency(
    corpus: CorpusFolder,
    networks: Annotated[Path | None, typer.Option("--networks", help="a TOML file of [[network]] tables")] = None,
    *,
    random: Annotated[int, typer.Option("--random", metavar="N", help="instead: N networks drawn from the corpus's shapes")] = 0,
    seeds: Seeds = 1,
    searches: Searches = None,
    replicates: Annotated[str, typer.Option("--replicates", help="median, or sample: one of the recordings each time")] = "median",
    transfer: Annotated[bool, typer.Option("--transfer", help="let searches learn from the corpus's other shapes")] = False,
    max_syntheses: MaxSyntheses = 50,
    factors: LimitFactors = None,
    as_json: AsJson = False,
) -> int:
    """Print syntheses to the true optimum of recorded spaces; 0 if our own search missed none, else 1."""
    plan = _plan(seeds, searches or (), replicates, transfer, max_syntheses, factors or ())
    if (networks is None) == (random < 1):
        raise SpecError(
            "dse bench sample-efficiency: give --networks FILE, or --random N for networks drawn from the corpus's shapes"
        )
    runs = sample_efficiency(corpus, networks or random, plan, progress=_progress)
    return _print_runs(runs, "recorded spaces", as_json)


def table4(
    tables: TableFolder,
    *,
    seeds: Seeds = 1,
    searches: Searches = None,
    max_syntheses: MaxSyntheses = 50,
    factors: LimitFactors = None,
    as_json: AsJson = False,
) -> int:
    """The same on N-TORC's Table IV, taken as if measured."""
    plan = _plan(seeds, searches or (), "median", False, max_syntheses, factors or (*FACTORS, 8.0))
    runs = run_table4(tables, plan, progress=_progress)
    return _print_runs(runs, "Table IV taken as measured", as_json)


def pareto(
    corpus: CorpusFolder,
    networks: NetworksFile,
    *,
    seeds: Seeds = 1,
    searches: Searches = None,
    max_syntheses: MaxSyntheses = 20,
    as_json: AsJson = False,
) -> int:
    """Print how much of the true front's hypervolume is uncovered after so many syntheses."""
    from benchmarks.pareto import AT
    from benchmarks.pareto import pareto as run

    runs = run(corpus, networks, tuple(searches or ()) or DEFAULT_SEARCHES, seeds, max_syntheses, _progress)
    if as_json:
        print_json("bench", {"runs": runs})
        return 0
    for kind in ("verified", "composed"):
        rows = []
        for name in dict.fromkeys(record["search"] for record in runs):
            own = [record for record in runs if record["search"] == name]
            shares = [sum(r[f"{kind}_at"].get(str(n), 0.0) for r in own) / len(own) for n in AT]
            reached = [r[f"syntheses_to_99_{kind}"] for r in own]
            known = sorted(n for n in reached if n is not None)
            rows.append(
                [name, *(f"{s:.1%}" for s in shares), f"{len(known)}/{len(own)}", str(known[len(known) // 2] if known else "-")]
            )
        _table(f"hypervolume, {kind} designs", ["search", *(str(n) for n in AT), "reach 99 %", "median"], rows)
    return 0


def allocation(
    tables: TableFolder,
    *,
    corpus: Annotated[Path | None, typer.Option("--corpus", help="records to train a second opinion on")] = None,
    surrogate: Annotated[str, typer.Option("--surrogate", metavar="KIND", help="who gives the second opinion")] = "gp",
    trials: Annotated[list[int] | None, typer.Option("--trials", help="of random search and annealing; repeatable")] = None,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    as_json: AsJson = False,
) -> int:
    """Print N-TORC's Table IV again: exact, random and annealed; with a corpus also what a surrogate of ours says of it."""
    from benchmarks.stochastic import compare, second_opinion

    models = compare(tables, tuple(trials or ()) or (1_000, 10_000, 100_000, 1_000_000), seed)
    opinions = second_opinion(tables, corpus, surrogate) if corpus else {}
    if as_json:
        print_json("bench", {"models": models, "second_opinion": opinions})
        return 0
    for name, model in models.items():
        rows = [
            [a["method"], number(a["trials"]), *(number(a[key]) for key in ("lut", "dsp", "latency_cycles")), f"{a['seconds']:.4f}"]
            for a in model["answers"]
        ]
        _table(f"{name}, {model['space_size']:.3g} points", ["method", "trials", "LUT", "DSP", "cycles", "seconds"], rows)
    for name, said in opinions.items():
        inside = said["optimum_inside"]
        lines = [
            f"{name}: the published optimum takes {said['published_predicted_cycles']:,.0f} cycles as its forests predict, "
            f"{said['surrogate_cycles']:,.0f} as {surrogate} does "
            f"({said['surrogate_cycles_lower']:,.0f} to {said['surrogate_cycles_upper']:,.0f}; limit {said['limit_cycles']:,.0f}); "
            f"{said['extrapolated_layers']} of its layers lie outside what was measured.",
            f"  the tie of largest reuse factors: {said['largest_tie_surrogate_cycles']:,.0f} cycles as {surrogate} predicts "
            f"({', '.join(map(str, said['largest_tie_reuse_factors']))}; {said['largest_tie_beyond_measured']} beyond any measured)",
            f"  optimum at measured reuse factors: {_sentence(inside)}",
            f"  optimum everywhere, as {surrogate} predicts: {_sentence(said['optimum_everywhere'])}",
        ]
        write("\n".join(lines) + "\n")
    return 0


def overhead(
    corpus: CorpusFolder,
    networks: NetworksFile,
    *,
    searches: Searches = None,
    results: Annotated[list[int] | None, typer.Option("--results", help="how many are in; repeatable")] = None,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    as_json: AsJson = False,
) -> int:
    """Print the seconds that one proposal takes after so many results."""
    from benchmarks.overhead import overhead as run

    rows = run(corpus, networks, tuple(searches or ()) or DEFAULT_SEARCHES, tuple(results or ()) or (10, 100, 1_000), seed)
    if as_json:
        print_json("bench", {"runs": rows})
        return 0
    table = [[row["search"], str(row["results"]), f"{row['seconds']:.3f}", f"{row['cpu_seconds']:.3f}"] for row in rows]
    _table("seconds per result", ["search", "results", "wall", "processor"], table)
    return 0


def _plan(
    seeds: int, searches: Sequence[str], replicates: str, transfer: bool, max_syntheses: int, factors: Sequence[float]
) -> Plan:
    if replicates not in ("median", "sample"):
        raise SpecError(f'--replicates: got {replicates!r}, expected "median" or "sample"')
    if seeds < 1 or max_syntheses < 1:
        raise SpecError(f"--seeds {seeds}, --max-syntheses {max_syntheses}: expected at least 1 each")
    chosen = cast(Replicates, replicates)
    return Plan(tuple(searches) or DEFAULT_SEARCHES, seeds, tuple(factors) or FACTORS, chosen, transfer, max_syntheses)


def _print_runs(runs: list[dict[str, Any]], title: str, as_json: bool) -> int:
    rows = summarize(runs)
    ours = next((row for row in rows if row["search"].split("+")[0] == "explore"), None)
    code = 1 if ours is not None and ours["missed"] else 0
    if as_json:
        print_json("bench", {"runs": runs, "summary": rows})
        return code
    head = ["search", "runs", "median", "worst", "missed", "certificate median", "worst", "true", "s/synthesis", "cpu s"]
    table = [
        [
            row["search"],
            str(row["runs"]),
            number(row["median"], 1),
            number(row["worst"]),
            str(row["missed"]),
            number(row["certificate_median"], 1),
            number(row["certificate_worst"]),
            f"{row['certificates_true']}/{row['certificates']}",
            f"{row['overhead_seconds']:.2f}",
            f"{row['overhead_cpu_seconds']:.2f}",
        ]
        for row in rows
    ]
    _table(f"syntheses to within 1 % of the optimum: {title}", head, table)
    return code


def _progress(record: dict[str, Any]) -> None:
    found = record.get("syntheses_to_optimum", record.get("syntheses_to_99_composed"))
    factor = f" x{record['limit_factor']:g}" if "limit_factor" in record else ""
    sys.stderr.write(f"{record['network']}{factor} {record['search']} seed {record['seed']}: {'-' if found is None else found}\n")


def _sentence(answer: dict[str, Any] | None) -> str:
    if answer is None:
        return "none keeps the limit"
    return (
        f"{answer['lut']:,.0f} LUT, {answer['dsp']:,.0f} DSP, {answer['latency_cycles']:,.0f} cycles "
        f"at reuse factors {', '.join(map(str, answer['reuse_factors']))}"
    )


def _table(title: str, head: list[str], rows: list[list[str]]) -> None:
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for place, name in enumerate(head):
        table.add_column(name, justify="left" if place == 0 else "right")
    for row in rows:
        table.add_row(*row)
    console().print(table)
