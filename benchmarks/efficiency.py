"""How many syntheses a search needs to find the known optimum, to say so, and whether it was right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.cases import Case, RecordedSpace, make_case, random_chance, record_network, record_table4, transfer_records
from benchmarks.drive import Run, drive, start_view
from benchmarks.networks import draw_networks, read_networks
from dse import registry
from dse.corpus import read_corpus
from dse.errors import SpecError
from dse.parts import find_part
from dse.qor import LayerRecord
from dse.synth_backends.replay import Replicates
from dse_ntorc.tables import TARGET

FACTORS = (1.3, 2.0, 4.0)
OURS = "explore"
_UNCERTIFIED_SYNTHESES = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        searches: kinds, each with optional settings: `explore`, `explore+probes=staggered+surrogate.start=plain`, `tpe`.
        seeds: repetitions; with sampled replicates each also draws other replicates.
        factors: latency limits as multiples of the least possible latency.
        replicates: what a synthesis answers where a circuit was recorded several times.
        has_transfer: whether a search may learn from the corpus's other shapes.
        max_syntheses: where a search is given up.
    """

    searches: tuple[str, ...] = (OURS,)
    seeds: int = 1
    factors: tuple[float, ...] = FACTORS
    replicates: Replicates = "median"
    has_transfer: bool = False
    max_syntheses: int = _UNCERTIFIED_SYNTHESES


Progress = Callable[[dict[str, Any]], None]


def sample_efficiency(
    corpus_path: Path, networks: Path | int, plan: Plan, part: str | None = None, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Run every search on every network and limit; return one record per run.

    `networks` is a file, or how many networks to draw at random from the corpus's shapes.

    Raises:
        CorpusError, NetworkError: the files do not fit.
        SpecError: an unknown search or setting.
    """
    corpus = read_corpus(corpus_path)
    device = find_part(part or (corpus.target.part if corpus.target else TARGET.part))

    def spaces() -> Iterable[tuple[RecordedSpace, int, tuple[LayerRecord, ...]]]:
        for network in draw_networks(corpus, networks) if isinstance(networks, int) else read_networks(networks):
            known = transfer_records(corpus, network) if plan.has_transfer else ()
            for seed in range(plan.seeds):
                salt = seed if plan.replicates == "sample" else 0
                yield record_network(corpus, network, device, plan.replicates, salt), seed, known

    return _run_all(spaces(), plan, progress)


def table4(folder: Path, plan: Plan, part: str | None = None, progress: Progress | None = None) -> list[dict[str, Any]]:
    """The same on N-TORC's Table IV, taken as if measured: 1e11 points, full legal sets, a rugged truth.

    Raises:
        CorpusError: the tables are not there.
    """
    recorded = record_table4(folder, find_part(part or TARGET.part), TARGET)
    return _run_all(((space, seed, ()) for space in recorded for seed in range(plan.seeds)), plan, progress)


def _run_all(
    spaces: Iterable[tuple[RecordedSpace, int, tuple[LayerRecord, ...]]], plan: Plan, progress: Progress | None
) -> list[dict[str, Any]]:
    records = []
    for recorded, seed, known in spaces:
        for factor in plan.factors:
            case = make_case(recorded, factor)
            chance = random_chance(case)
            for name in plan.searches:
                run = drive(case, make_searcher(name), start_view(case, seed, known), plan.max_syntheses)
                records.append(_record(case, name, seed, plan, run, chance))
                if progress:
                    progress(records[-1])
    return records


def make_searcher(text: str) -> Any:
    """Build a searcher of `kind+key=value+...`.

    Raises:
        SpecError: an unknown kind or key, or a value of the wrong type.

    >>> make_searcher("explore+probes=staggered").options.probes
    'staggered'
    """
    kind, *settings = text.split("+")
    module = registry.load("search", kind)
    types = {field.name: field for field in fields(module.Options)}
    chosen: dict[str, Any] = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        if key.startswith("surrogate.") and "surrogate_options" in types:
            chosen["surrogate_options"] = (*chosen.get("surrogate_options", ()), (key.removeprefix("surrogate."), value))
            continue
        if key not in types:
            raise SpecError(f"--search {text}: unknown key {key!r}, expected one of {', '.join(sorted(types)) or 'none'}")
        default = types[key].default
        try:
            chosen[key] = type(default)(value) if isinstance(default, int | float | str) else value
        except ValueError as error:
            raise SpecError(f"--search {text}: {key} is {value!r}, expected a {type(default).__name__}") from error
    return module.create(module.Options(**chosen))


def _record(case: Case, name: str, seed: int, plan: Plan, run: Run, chance: float) -> dict[str, Any]:
    return {
        "network": case.recorded.network.name,
        "limit_factor": case.limit_factor,
        "search": name,
        "seed": seed,
        "space_size": case.recorded.space.size,
        "syntheses": run.syntheses,
        "syntheses_to_optimum": run.syntheses_to_optimum,
        "syntheses_to_certificate": run.syntheses_to_certificate,
        "certificate_true": run.certificate_true,
        "gap_at": {str(n): gap for n, gap in run.gap_at},
        "overhead_seconds": round(run.overhead_seconds, 4),
        "overhead_cpu_seconds": round(run.overhead_cpu_seconds, 4),
        "worst_overhead_seconds": round(run.worst_seconds, 4),
        "replicates": plan.replicates,
        "transfer": plan.has_transfer,
        "random_expected": 1 / chance if chance else None,
        "stop": run.stop,
    }


def summarize(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per search: medians, worst, missed, honesty of the certificates, seconds per synthesis.

    A median over runs that missed the optimum counts these as worse than all others; it is None if half missed.
    """
    rows = []
    for name in dict.fromkeys(record["search"] for record in records):
        own = [record for record in records if record["search"] == name]
        hits = [record["syntheses_to_optimum"] for record in own]
        certificates = [record["syntheses_to_certificate"] for record in own]
        judged = [record["certificate_true"] for record in own if record["certificate_true"] is not None]
        rows.append(
            {
                "search": name,
                "runs": len(own),
                "median": _median(hits),
                "worst": max((hit for hit in hits if hit is not None), default=None),
                "missed": hits.count(None),
                "certificate_median": _median(certificates),
                "certificate_worst": max((c for c in certificates if c is not None), default=None),
                "certificates": len(judged),
                "certificates_true": sum(judged),
                "overhead_seconds": round(mean(record["overhead_seconds"] for record in own), 3),
                "overhead_cpu_seconds": round(mean(record["overhead_cpu_seconds"] for record in own), 3),
            }
        )
    return rows


def _median(values: Sequence[int | None]) -> float | None:
    found = median([float("inf") if value is None else value for value in values]) if values else float("inf")
    return None if found == float("inf") else found
