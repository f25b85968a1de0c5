"""Fit the constants of the analytic estimate on the open recordings, and measure its errors on what was left out.

    python benchmarks/fit_estimate.py [--write] [--json] [--by shape|size|source] [--evaluate] [--ntorc CORPUS] [--dense FOLDER]

`--write` replaces dse/estimation/constants.toml. `--by size` leaves out all positions of a size together (harder: no sibling stays),
`--by source` foretells the stream recordings' kernels from those of io_parallel alone. Printed beside the errors: how many truths the
committed bands hold. `--evaluate` fits nothing: it measures the committed constants on the corpora, e.g. on shapes that they never saw.
Truth is the median over replicates. A fit is least absolute relative error (iteratively reweighted least squares), per metric one
regression over all kinds of one io_type, so that what the kinds share (the dense kernel) is learned from all of them.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from dense_io_parallel import NAME, read_dense_io_parallel
from scipy.optimize import nnls

from dse.corpus import find_corpus, medians, read_corpus
from dse.errors import CorpusError
from dse.estimation import constants, model, parallel
from dse.estimation.bands import METRICS, Regime, carried_over, regime_of
from dse.estimation.constants import Constants
from dse.estimation.context import alone
from dse.estimation.geometry import geometry, types_of
from dse.estimation.terms import area_terms, latency_terms, shortest_is_whole, shortest_latency_terms
from dse.layers._circuit import Terms
from dse.qor import LayerRecord, Qor
from dse.registry import layer_kind

Row = tuple[float, Terms, float]  # offset, terms, truth
CONSTANTS = Path(__file__).resolve().parent.parent / "dse" / "estimation" / "constants.toml"
TABLES = {"io_stream": ("lut", "ff", "latency_cycles"), "io_parallel": ("parallel.lut", "parallel.ff")}


@dataclass(frozen=True)
class Recordings:
    """One source of records, all of one io_type."""

    digest: str
    says: str
    records: tuple[LayerRecord, ...]

    def valid(self, family: str) -> dict[str, object]:
        """Return for what the recordings of a family hold."""
        own = [record for record in self.records if layer_kind(record.layer.kind).family == family]
        types = [types_of(record.layer, record.choice, record.target) for record in own]
        weights = [weight.width_bits for _, weight in types]
        target = own[0].target
        return {
            "toolchain": target.toolchain.name,
            "part": target.part[: target.part.index("f")],
            "clock_period_ns": target.clock_period_ns,
            "data_bits": types[0][0].width_bits,
            "weight_bits": [min(weights), max(weights)],
            "kinds": sorted({record.layer.kind for record in own}),
        }


# An adder is a LUT a bit. What no open recording of io_parallel holds, convolutions and recurrent layers, costs as in the stream recordings.
ASSUMED = {
    "parallel.lut": {
        "sum_latency": 16.0,
        "sum_resource": 16.0,
        "product_latency": 10.0,
        "product_resource": 10.0,
        "pixel_input": 4.3,
        "unit": 1500.0,
    },
    "parallel.ff": {"pixel": 16.0, "unit": 330.0},
}


def rows_of(record: LayerRecord, table: str) -> list[Row]:
    """Return what one record says of a table's constants."""
    g, q = geometry(record.layer, record.choice, record.target), record.qor
    context = alone(record.layer, record.choice.strategy, record.target)
    if table.startswith("parallel"):
        truth = getattr(q, table.removeprefix("parallel."))
        assumed, terms = ASSUMED[table], dict(parallel.area_terms(g, context))
        offset = sum(assumed[name] * terms.pop(name) for name in set(terms) & set(assumed))
        return [] if truth is None else [(offset, terms, truth)]
    if table != "latency_cycles":
        truth = getattr(q, table)
        return [] if truth is None else [(0.0, area_terms(g), truth)]
    rows = [] if q.latency_cycles_max is None else [(*latency_terms(g, context), q.latency_cycles_max)]
    if shortest_is_whole(g) and not g.is_unrolled and q.latency_cycles_min is not None:
        rows.append((*shortest_latency_terms(g), q.latency_cycles_min))
    return rows


def fit(rows: Sequence[Row], *, is_physical: bool = False) -> dict[str, float]:
    """Return the constants of least absolute relative error; a term that no row has gets 0. Physical ones are not negative."""
    names = sorted({name for _, terms, _ in rows for name in terms})
    truth = np.array([max(row[2], 1.0) for row in rows])
    design = np.array([[terms.get(name, 0.0) for name in names] for _, terms, _ in rows]) / truth[:, None]
    wanted = (truth - np.array([row[0] for row in rows])) / truth
    weights = np.ones(len(rows))
    for _ in range(40):
        if is_physical:
            found, _ = nnls(design * weights[:, None], wanted * weights)
        else:
            found, *_rest = np.linalg.lstsq(design * weights[:, None], wanted * weights, rcond=None)
        weights = 1.0 / np.sqrt(np.maximum(np.abs(design @ found - wanted), 0.1 if is_physical else 0.01))
    return dict(zip(names, (float(value) for value in found), strict=True))


def fit_all(records: Sequence[LayerRecord]) -> dict[str, dict[str, float]]:
    """Return every table of the records' io_type, with what is assumed of terms that no recording has."""
    tables = TABLES[records[0].target.io_type]
    fitted = {
        table: fit([row for record in records for row in rows_of(record, table)], is_physical=table.startswith("parallel"))
        for table in tables
    }
    return {table: {**own, **ASSUMED.get(table, {})} for table, own in fitted.items()}


def estimate(record: LayerRecord, fitted: Constants | None) -> Qor:
    """Return the estimate of a record's layer under some constants; None: the committed ones."""
    with constants.replaced(fitted or {}):
        return model.estimate_layer.__wrapped__(record.layer, record.choice, record.target)


Residual = tuple[Regime, str, float, float]  # regime, metric, estimate, truth


def residuals(records: Sequence[LayerRecord], fitted: Constants | None) -> list[Residual]:
    """Return estimate and truth of every record and metric."""
    found = []
    for record in records:
        guess, regime = estimate(record, fitted), regime_of(record.layer, record.choice, record.target)
        for metric in METRICS:
            truth, own = getattr(record.qor, metric), getattr(guess, metric)
            if truth is not None:
                found.append((regime, metric, own, truth))
    return found


def leave_out(records: Sequence[LayerRecord], by: str) -> list[Residual]:
    """Return the residuals of every record under constants fitted without its shape (or size)."""
    groups: dict[tuple[object, ...], list[LayerRecord]] = defaultdict(list)
    for record in records:
        layer = record.layer
        groups[layer.shape if by == "shape" else (layer.kind, layer.n_in, layer.n_out, layer.n_state)].append(record)
    found = []
    for name, group in groups.items():
        rest = [record for other, members in groups.items() if other != name for record in members]
        found += residuals(group, fit_all(rest))
    return found


def foretold(records: Sequence[LayerRecord]) -> list[Residual]:
    """Return the residuals of stream records under what the other source alone says of the kernels: as if for a device nobody recorded."""
    found = []
    for record in records:
        precision = replace(record.target.precision, modes=("AP_RND", "AP_SAT"))  # the recordings' own
        target = replace(record.target, part="xczu9egffvb11562e", precision=precision)
        layer = replace(record.layer, n_positions=geometry(record.layer, record.choice, record.target).pixels)
        found += residuals([replace(record, layer=layer, target=target)], None)
    return found


def percent(own: float, truth: float) -> float | None:
    """Return the relative error; a truth of 0 met exactly is no error, one that is missed has none."""
    return 100 * abs(own / truth - 1) if truth else 0.0 if own == 0 else None


def by_regime(found: Sequence[Residual]) -> dict[Regime, dict[str, list[tuple[float, float]]]]:
    """Return (estimate, truth) pairs by regime and metric."""
    table: dict[Regime, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for regime, metric, own, truth in found:
        table[regime][metric].append((own, truth))
    return table


def means(found: Sequence[Residual]) -> dict[Regime, dict[str, float]]:
    """Return the mean absolute percentage error per regime and metric."""
    table: dict[Regime, dict[str, float]] = {}
    for regime, own in by_regime(found).items():
        known = {metric: [e for pair in pairs if (e := percent(*pair)) is not None] for metric, pairs in own.items()}
        table[regime] = {metric: round(statistics.fmean(errors), 2) for metric, errors in known.items() if errors}
    return table


def kind_means(found: Sequence[Residual]) -> dict[str, float]:
    """Return the mean absolute percentage error per metric over all regimes."""
    known = {metric: [e for _, m, *pair in found if m == metric and (e := percent(*pair)) is not None] for metric in METRICS}
    return {metric: statistics.fmean(errors) for metric, errors in known.items() if errors}


def band(pairs: Sequence[tuple[float, float]]) -> list[float]:
    """Return the factors on an estimate between which 90 % of the truths lie, at least a hundredth from 1.

    Of few pairs the quantiles say too little: there it is the worst of them, and more the fewer they are.
    """
    logs = np.log([(truth + 1) / (own + 1) for own, truth in pairs])
    low, high = np.quantile(logs, [0.05, 0.95])
    if len(logs) < 20:
        worst = float(np.abs(logs).max()) * (1 + 3 / len(logs))
        low, high = -worst, worst
    return [round(float(np.exp(min(low, -0.01))), 3), round(float(np.exp(max(high, 0.01))), 3)]


def written(sources: Sequence[Recordings], found: Sequence[Residual]) -> str:
    """Return the text of constants.toml."""
    lines = [
        "# Constants of the analytic estimate; written by benchmarks/fit_estimate.py, not by hand.",
        "# What each counts: terms.py, parallel.py.",
    ]
    for source in sources:
        for name, own in fit_all(source.records).items():
            lines += ["", f"[{name}]", *(f"{term} = {value:.6g}" for term, value in own.items())]
    shapes = {record.layer.shape for source in sources for record in source.records}
    lines += [
        "",
        "[fitted_on]",
        f'corpus = "{sources[0].digest}"',
        f"n_circuits = {sum(len(s.records) for s in sources)}",
        f"n_shapes = {len(shapes)}",
    ]
    errors = means(found)
    for regime, own in by_regime(found).items():
        source = next(s for s in sources if s.records[0].target.io_type == regime.io_type)
        lines += [
            "",
            "# Each shape left out of the fit in turn: mean absolute error in percent, and the factors that hold 90 % of the truths.",
            "[[regime]]",
        ]
        lines += [
            f'family = "{regime.family}"',
            f'io_type = "{regime.io_type}"',
            f'built = "{regime.built}"',
            f'recorded = "{source.says}"',
        ]
        lines += [f"target = {{ {', '.join(f'{k} = {json.dumps(v)}' for k, v in source.valid(regime.family).items())} }}"]
        lines += [f"error_percent = {{ {', '.join(f'{m} = {v}' for m, v in errors[regime].items())} }}"]
        lines += [f"band = {{ {', '.join(f'{m} = {band(pairs)}' for m, pairs in own.items())} }}"]
    return "\n".join(lines) + "\n"


def open_recordings(ntorc: str, dense: str) -> list[Recordings]:
    """Return the open recordings."""
    corpus = read_corpus(find_corpus(ntorc))
    records = tuple(read_dense_io_parallel(find_corpus(dense)))
    return [
        Recordings(corpus.digest, "N-TORC: Vivado HLS 2019.1, xczu7ev, 4 ns, 16 bits", medians(corpus.layers)),
        Recordings("", "wa-hls4ml-search: Vivado HLS 2020.1, xcu250, 5 ns, data of 16 bits, weights of 2 to 14", records),
    ]


def held(found: Sequence[Residual], *, is_recorded: bool) -> dict[tuple[str, str], float]:
    """Return the share of truths within the bands, per regime and metric: the regime's own, or those for what it carries over to."""
    own = {str(Regime(e["family"], e["io_type"], e["built"])): e["band"] for e in constants.committed()["regime"]}
    rows: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for regime, metric, guess, truth in found:
        low, high = own[str(regime)][metric] if is_recorded else carried_over(metric)
        rows[str(regime), metric].append(low * (guess + 1) <= truth + 1 <= high * (guess + 1))
    return {key: statistics.fmean(values) for key, values in rows.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ntorc", default="ntorc")
    parser.add_argument("--dense", default=NAME)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--evaluate", action="store_true")
    parser.add_argument("--by", choices=("shape", "size", "source"), default="shape")
    options = parser.parse_args()
    try:
        sources = open_recordings(options.ntorc, options.dense)
    except CorpusError as error:
        raise SystemExit(f"error: {error}") from None
    found: list[Residual] = []
    for source in sources:
        if options.evaluate:
            found += residuals(source.records, None)
        elif options.by != "source":
            found += leave_out(source.records, options.by)
        elif source.records[0].target.io_type == "io_stream":
            found += foretold(source.records)
    if options.write:
        CONSTANTS.write_text(written(sources, found), encoding="utf-8")
    table = {str(regime): own for regime, own in means(found).items()}
    if options.json:
        print(json.dumps({"schema": "dse.fit_estimate/2", "by": options.by, "mean_error_percent": table}))
        return
    shown = [metric for metric in METRICS if not metric.endswith("min")]
    print("| mean error %, bands hold | " + " | ".join(shown) + " |\n|---" + "|---" * len(shown) + "|")
    share = held(found, is_recorded=options.by != "source")
    for name, own in table.items():
        cells = [f"{own[metric]:.2f}, {share[name, metric]:.0%}" if metric in own else "-" for metric in shown]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
