"""Fit the constants of the analytic estimate on a corpus, and measure its error with each layer shape left out in turn.

    python benchmarks/fit_estimate.py [--corpus ntorc] [--write] [--json] [--by size] [--evaluate]

`--write` replaces dse/estimate/constants.toml. `--by size` leaves out all positions of a size together (harder: no sibling stays).
`--evaluate` fits nothing: it measures the committed constants on the corpus, e.g. on shapes that they never saw.
Truth is the median over replicates. The fit is least absolute relative error (iteratively reweighted least squares), per metric one
regression over all kinds, so that what the kinds share (the dense kernel) is learned from all of them.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dse.corpus import Corpus, find_corpus, medians, read_corpus
from dse.errors import CorpusError
from dse.estimate.context import alone
from dse.estimate.geometry import geometry
from dse.estimate.model import count_blocks, count_dsps, estimate_layer, predict
from dse.estimate.terms import area_terms, latency_terms, shortest_latency_terms
from dse.layers._circuit import Terms
from dse.qor import LayerRecord

METRICS = ("lut", "ff", "latency_cycles")
REPORTED = ("lut", "ff", "dsp", "bram_18k", "latency_cycles_min", "latency_cycles_max")
Row = tuple[float, Terms, float]  # offset, terms, truth
CONSTANTS = Path(__file__).resolve().parent.parent / "dse" / "estimate" / "constants.toml"


def rows_of(record: LayerRecord, metric: str) -> list[Row]:
    """Return what one record says of a metric's constants."""
    g, q = geometry(record.layer, record.choice, record.target), record.qor
    if metric != "latency_cycles":
        truth = getattr(q, metric)
        return [] if truth is None else [(0.0, area_terms(g), truth)]
    context = alone(record.layer, record.choice.strategy, record.target)
    rows = [] if q.latency_cycles_max is None else [(*latency_terms(g, context), q.latency_cycles_max)]
    if g.family == "conv" and not g.is_unrolled and q.latency_cycles_min is not None:
        rows.append((*shortest_latency_terms(g), q.latency_cycles_min))
    return rows


def fit(rows: Sequence[Row]) -> dict[str, float]:
    """Return the constants of least absolute relative error; a term that no row has gets 0."""
    names = sorted({name for _, terms, _ in rows for name in terms})
    truth = np.array([row[2] for row in rows])
    design = np.array([[terms.get(name, 0.0) for name in names] for _, terms, _ in rows]) / truth[:, None]
    wanted = (truth - np.array([row[0] for row in rows])) / truth
    weights = np.ones(len(rows))
    for _ in range(40):
        found, *_rest = np.linalg.lstsq(design * weights[:, None], wanted * weights, rcond=None)
        weights = 1.0 / np.sqrt(np.maximum(np.abs(design @ found - wanted), 0.01))
    return dict(zip(names, (float(value) for value in found), strict=True))


def fit_all(records: Sequence[LayerRecord]) -> dict[str, dict[str, float]]:
    return {metric: fit([row for record in records for row in rows_of(record, metric)]) for metric in METRICS}


def errors(records: Sequence[LayerRecord], constants: Mapping[str, Mapping[str, float]]) -> list[tuple[str, str, float]]:
    """Return (kind, metric, relative error in percent) of every record and metric; a truth of 0 met exactly is no error."""
    found = []
    for record in records:
        g, own = geometry(record.layer, record.choice, record.target), record.qor
        guess = {"dsp": count_dsps(g), "bram_18k": count_blocks(g)}
        for metric in ("lut", "ff"):
            guess[metric] = predict(metric, 0.0, area_terms(g), constants=defaultdict(float, constants[metric]))
        cycles = defaultdict(float, constants["latency_cycles"])
        context = alone(record.layer, record.choice.strategy, record.target)
        longest = predict("", *latency_terms(g, context), constants=cycles)
        shorter = predict("", *shortest_latency_terms(g), constants=cycles)
        shortest = min(shorter, longest) if g.family == "conv" else longest - shorter
        guess |= {"latency_cycles_max": longest, "latency_cycles_min": longest if g.is_unrolled else shortest}
        for metric in REPORTED:
            truth = getattr(own, metric)
            if truth is not None and (truth > 0 or guess[metric] == 0):
                found.append((record.layer.kind, metric, 100 * abs(guess[metric] / truth - 1) if truth else 0.0))
    return found


def leave_out(records: Sequence[LayerRecord], by: str) -> list[tuple[str, str, float]]:
    """Return the errors of every record under constants fitted without its shape (or size)."""
    groups: dict[tuple[object, ...], list[LayerRecord]] = defaultdict(list)
    for record in records:
        layer = record.layer
        groups[layer.shape if by == "shape" else (layer.kind, layer.n_in, layer.n_out, layer.n_state)].append(record)
    found = []
    for name, group in groups.items():
        rest = [record for other, members in groups.items() if other != name for record in members]
        found += errors(group, fit_all(rest))
    return found


def table(found: Sequence[tuple[str, str, float]]) -> dict[str, dict[str, float]]:
    """Return the mean absolute percentage error per kind and metric."""
    kinds = sorted({kind for kind, _, _ in found})
    means = {}
    for kind in kinds:
        own = {metric: [error for k, m, error in found if (k, m) == (kind, metric)] for metric in REPORTED}
        means[kind] = {metric: round(statistics.fmean(values), 2) for metric, values in own.items() if values}
    return means


def committed(records: Sequence[LayerRecord]) -> list[tuple[str, str, float]]:
    """Return the errors of the estimate as it is committed."""
    found = []
    for record in records:
        guess = estimate_layer(record.layer, record.choice, record.target)
        for metric in REPORTED:
            truth, own = getattr(record.qor, metric), getattr(guess, metric)
            if truth is not None and (truth > 0 or own == 0):
                found.append((record.layer.kind, metric, 100 * abs(own / truth - 1) if truth else 0.0))
    return found


def write(corpus: Corpus, records: Sequence[LayerRecord], constants: Mapping[str, Mapping[str, float]], means: object) -> None:
    lines = [
        "# Constants of the analytic estimate; written by benchmarks/fit_estimate.py, not by hand.",
        "# What each counts: terms.py.",
    ]
    for metric, own in constants.items():
        lines += ["", f"[{metric}]", *(f"{name} = {value:.6g}" for name, value in own.items())]
    lines += ["", "[fitted_on]", f'corpus = "{corpus.digest}"', f"n_circuits = {len(records)}"]
    lines += [f"n_shapes = {len({record.layer.shape for record in records})}"]
    lines += ["", "# Mean absolute error in percent, each shape left out of the fit in turn."]
    assert isinstance(means, dict)
    for kind, own in means.items():
        lines += [f"[error_percent.{kind}]", *(f"{metric} = {value}" for metric, value in own.items())]
    CONSTANTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="ntorc")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--evaluate", action="store_true")
    parser.add_argument("--by", choices=("shape", "size"), default="shape")
    options = parser.parse_args()
    try:
        corpus = read_corpus(find_corpus(options.corpus))
    except CorpusError as error:
        raise SystemExit(f"error: {error}") from None
    records = medians(corpus.layers)
    means = table(committed(records) if options.evaluate else leave_out(records, options.by))
    if options.write:
        write(corpus, records, fit_all(records), means)
    if options.json:
        print(json.dumps({"schema": "dse.fit_estimate/1", "by": options.by, "mape_percent": means}))
        return
    print(f"{'MAPE %':8s}" + "".join(f"{metric:>20s}" for metric in REPORTED))
    for kind, own in means.items():
        print(f"{kind:8s}" + "".join(f"{own.get(metric, float('nan')):20.2f}" for metric in REPORTED))


if __name__ == "__main__":
    main()
