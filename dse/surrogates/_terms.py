"""The mean function of the Gaussian processes: each metric as a sum of terms that hardware adds up.

    y(x) = sum_j w_j * phi_j(x),    w_j = w0_j * exp(z_j * tau_j),    z_j ~ N(0, 1)

The terms phi are those of the analytic estimate (`dse.estimation`), counts that hls4ml's templates state. Its constants are where the weights
start (w0), the records move them, and tau says how far: little where a template leaves no freedom (DSPs, memory blocks, turns of a loop),
much where the tool decides. Where the estimate has no terms of its own (io_parallel, layers without weights) its number is the term.

The constants were fitted on a corpus. An evaluation on that corpus must not start from them: `Start.PLAIN` starts from round numbers that
are the same for every kind and shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from dse.errors import SpecError
from dse.estimation.bands import trust
from dse.estimation.constants import predict
from dse.estimation.context import alone
from dse.estimation.model import count_blocks, count_dsps, estimate_layer
from dse.estimation.terms import area_terms, latency_terms, shortest_latency_terms
from dse.layers._circuit import Context
from dse.surrogates._features import Floats, Row, is_known_kind, sizes
from dse.surrogates.base import METRICS


class Start(StrEnum):
    """Where the weights start."""

    ESTIMATE = "estimate"  # the estimate's fitted constants
    PLAIN = "plain"  # round numbers; for evaluations on the corpus that the constants were fitted on


def check_options(start: str, **counts: int) -> None:
    """Refuse options that mean nothing.

    Raises:
        SpecError: an unknown start, or a count below 1.
    """
    if start not in tuple(Start):
        raise SpecError(f"surrogate option start: got {start!r}, expected one of {', '.join(Start)}")
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise SpecError(f"surrogate option {name}: got {count!r}, expected a whole number from 1")


_EXACT, _SURE, _LIKELY, _OPEN, _WIDE = 0.03, 0.1, 0.5, 1.0, 1.5  # tau, in log units
_LEAST_WEIGHT = 0.5  # a fitted constant below 0 or about it could not move

# Off the recordings' target the estimate's number may shrink, and parts of it grow, from a small share of it.
_PARTS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "lut": {"multiplier": 20, "folded": 5, "input": 5, "output": 5},
        "ff": {"multiplier": 8, "folded": 2, "input": 5, "output": 5},
    }
)

# Orders of magnitude of one unit of each term, for all kinds alike.
_PLAIN: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "lut": {
            "multiplier": 200,
            "folded": 200,
            "mux": 4,
            "output": 30,
            "input": 30,
            "select": 100,
            "far": 30000,
            "unit": 1000,
            "one": 500,
        },
        "ff": {
            "multiplier": 80,
            "folded": 40,
            "mux": 1,
            "output": 30,
            "input": 30,
            "select": 10,
            "far": 30000,
            "unit": 300,
            "one": 500,
        },
        "latency_cycles": {"one": 5, "step": 10, "load": 0.5, "chain": 0.5, "folded": 2, "far": 20, "idle": 6, "packed": 5},
    }
)


@dataclass(frozen=True, slots=True)
class Weight:
    """Where a term's weight starts, and how far it may move."""

    start: float
    tau: float


def _plain(metric: str, name: str) -> float:
    table = _PLAIN[metric]
    if name in table:
        return table[name]
    return next((value for part, value in table.items() if part in name.split("_")), table["one"])


@lru_cache(maxsize=1024)
def _weight(metric: str, name: str, start: Start) -> Weight:
    if start == Start.PLAIN:
        return Weight(_plain(metric, name), _OPEN)
    return Weight(max(predict(metric, 0.0, {name: 1.0}), _LEAST_WEIGHT), _LIKELY)


@dataclass(frozen=True, slots=True)
class Structure:
    """What decides which terms a metric of a layer has: `matrix` is the family of kinds with weights, "" for others.

    `has_terms`: whether the estimate is a sum of fitted terms here; `deviations`: of the log of what the estimate is off, per metric.
    """

    matrix: str
    has_terms: bool
    deviations: tuple[float, ...]


def structure(row: Row) -> Structure:
    """Return a row's structure."""
    g = sizes(*row)
    family = g.family if g and g.family in _STRUCTURED else ""
    spread = trust(*row) if is_known_kind(row[0].kind) else None
    deviations = tuple(spread.deviation(metric) if spread else _OPEN for metric in METRICS)
    return Structure(family, g is not None and g.is_recorded_target, deviations)


_STRUCTURED = ("dense", "conv", "recurrent")
_AREA = ("multiplier", "folded", "output", "select_2", "select_4", "select_8")
_CYCLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "dense": ("folded", "chain", "dense", "dense_packed", "dense_far"),
        "conv": ("folded", "chain", "conv_step", "conv_step_unrolled"),
        "recurrent": ("recurrent_step", "recurrent_load"),
    }
)


def weights(built: Structure, metric: str, start: Start) -> Mapping[str, Weight]:
    """Return all terms that a metric can have, with their weights."""
    if not (built.matrix and built.has_terms) or metric == "ii_cycles_max":
        is_count = bool(built.matrix) and metric in ("dsp", "bram_18k")
        small = {} if is_count else {"one": Weight(1.0, _OPEN), "elements": Weight(1.0, _OPEN)}
        whole = _OPEN if start == Start.PLAIN else max(_SURE, dict(zip(METRICS, built.deviations, strict=True))[metric])
        if built.matrix and metric in ("lut", "ff"):
            parts = {name: Weight(weight, _WIDE) for name, weight in _PARTS[metric].items()}
            return {"whole": Weight(1.0, whole), **parts, **small}
        return {"whole": Weight(1.0, _LIKELY if start == Start.PLAIN else whole), **small}
    if metric == "dsp":
        return {"multiplier": Weight(1.0, _SURE), "folded": Weight(1.0, _LIKELY)}
    if metric == "bram_18k":
        return {"blocks": Weight(1.0, _SURE)}
    if metric in ("lut", "ff"):
        own = tuple(f"{built.matrix}{end}" for end in ("", "_input", "_mux"))
        more = {"dense": ("dense_far",), "recurrent": ("unit",)}.get(built.matrix, ())
        return {name: _weight(metric, name, start) for name in (*_AREA, *own, *more)}
    names = _CYCLES[built.matrix]
    if metric == "latency_cycles_min" and built.matrix == "conv":
        names = (*names, "conv_step_idle")
    fixed = {"turns": Weight(1.0, _EXACT), "waits": Weight(1.0, _LIKELY)}
    return {**{name: _weight("latency_cycles", name, start) for name in names}, **fixed}


def counts(row: Row, metric: str) -> Mapping[str, float]:
    """Return how often one row has each term of a metric; what is missing counts 0."""
    layer = row[0]
    g, built = sizes(*row), structure(row)
    if g is None or not (built.matrix and built.has_terms) or metric == "ii_cycles_max":
        value = getattr(estimate_layer(*row), metric) if is_known_kind(layer.kind) else None
        if value is None:
            return {"one": 10.0, "elements": float(layer.n_in)}
        whole = {"whole": float(value), "one": 1.0}
        if g is None or metric not in ("lut", "ff"):
            return whole
        own = "folded" if g.slowest == 1 else "multiplier"
        return {**whole, own: float(g.n_multipliers), "input": float(layer.n_in), "output": float(layer.n_out)}
    if metric == "dsp":
        is_constant = any(matrix.reuse_factor == 1 for matrix in g.matrices)
        return {"folded" if is_constant else "multiplier": count_dsps(g)}
    if metric == "bram_18k":
        return {"blocks": count_blocks(g)}
    if metric in ("lut", "ff"):
        return area_terms(g)
    is_short_path = metric == "latency_cycles_min" and g.family == "conv" and not g.is_unrolled
    offset, found = shortest_latency_terms(g) if is_short_path else latency_terms(g, _context(row))
    turns = min(offset, float(g.slowest * g.steps))
    return {**found, "turns": turns, "waits": offset - turns}


def _context(row: Row) -> Context:
    """Return a layer's surroundings as far as it tells them: in how many words its input arrives (`input_packets`), if it says so."""
    layer, choice, target = row
    known, packets = alone(layer, choice.strategy, target), layer.attribute("input_packets")
    return replace(known, input_packets=packets) if isinstance(packets, int) else known


@lru_cache(maxsize=1 << 16)
def _terms(row: Row, metric: str, start: Start) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return w0 * phi and tau of all terms that a metric of the row's kind can have, in a fixed order.

    Rows of one kind can be of both structures (another target, another width): each has columns of its own, 0 for the other's rows.
    """
    built, found = structure(row), counts(row, metric)
    products: list[float] = []
    taus: list[float] = []
    for has_terms in (True, False):
        own = weights(replace(built, has_terms=has_terms), metric, start)
        products += [found.get(name, 0.0) * weight.start * (has_terms == built.has_terms) for name, weight in own.items()]
        taus += [weight.tau for weight in own.values()]
    return tuple(products), tuple(taus)


def mean_terms(rows: Sequence[Row], start: Start) -> tuple[Floats, Floats]:
    """Return w0_j phi_j (M, N, J) and tau_j (M, J) of rows of one kind, padded with zeros to the longest sum."""
    found = [[_terms(row, metric, start) for row in rows] for metric in METRICS]
    n_terms = max(len(own[0][1]) for own in found)
    phi, tau = np.zeros((len(METRICS), len(rows), n_terms)), np.zeros((len(METRICS), n_terms))
    for m, own in enumerate(found):
        tau[m, : len(own[0][1])] = own[0][1]
        for i, (products, _) in enumerate(own):
            phi[m, i, : len(products)] = products
    return phi, tau


def prior_mean(rows: Sequence[Row], start: Start) -> Floats:
    """Return (N, M) log(1 + sum of the terms) with the weights that learning starts from."""
    sums = [[sum(_terms(row, metric, start)[0]) for metric in METRICS] for row in rows]
    return np.log1p(np.maximum(np.array(sums, dtype=np.float64).reshape(len(rows), len(METRICS)), 0.0))
