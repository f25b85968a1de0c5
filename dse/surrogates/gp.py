"""Gaussian processes: per kind of layer one exact GP per metric, fitted together as one batch.

    t(x) = log(1 + sum_j w_j phi_j(x)) + f(x) + e,    t = log(1 + y)
    k(x, x') = s^2 Matern_5/2(x, x'; one length per feature) + u^2 [same shape] + g(x)^T diag(tau^2) g(x')

The sum over j is the analytic estimate (`_terms`), its log weights theta learned under a normal prior. g = d t / d theta carries what is
still unknown of the weights into the variance (Laplace's approximation), so that a belief is wide where a term was never seen alone.
Hyperparameters are those of largest posterior density, found by LBFGS from the same start every time: nothing is stored between fits.
Noise: a learned nugget, plus each point's own replicate variance. Intervals are scaled by what leaving out (a shape, or a point of a shape
that is known) shows of their honesty.
A prediction's mean is the median of the belief (the exponential of the mean log), which is what relative errors ask for.
Sources: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), eqs. 2.23-2.24, 2.37-2.42, 5.8 and 5.10-5.12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import t as student_t

from dse.design import Layer, LayerChoice, Target
from dse.qor import LayerRecord
from dse.surrogates._features import Floats, Range, feature_table, measured_range
from dse.surrogates._observed import Observed, Row, from_log, missing_notes, observe, one_fidelity
from dse.surrogates._terms import term_table, terms
from dse.surrogates.base import METRICS, Belief, Prediction, Surrogate

if TYPE_CHECKING:
    from dse.surrogates._gp_math import Posterior

Ints = np.ndarray[Any, np.dtype[np.int64]]

_MAX_POINTS = 256  # more different points of one kind than this cost seconds and teach little
_SHRINK = 8.0  # how many points' worth of trust the covariance gets before leaving out may rescale it
_SCALE_LIMITS = (0.6, 4.0)
_PRIOR_DOF = 4.0  # degrees of freedom of an interval before the first point


@dataclass(frozen=True, slots=True)
class Options:
    """`max_points`: different points of one kind that a fit uses at most."""

    max_points: int = _MAX_POINTS


@dataclass(frozen=True, slots=True, eq=False)
class KindBelief:
    """What is believed of one kind of layer."""

    kind: str
    data: Observed
    span: Range
    posterior: Posterior
    nugget: Floats  # (M,) learned variance of one measurement
    scale_known: Floats  # (M,) factor on the deviation where the shape was measured
    scale_new: Floats  # (M,) where it was not
    counts: Floats  # (M,) measured points

    def t(self, rows: Sequence[Row]) -> tuple[Floats, Floats]:
        """Return mean (M, Q) and covariance (M, Q, Q) of log(1 + y), calibrated, without noise."""
        phi, _ = _phi(self.kind, rows)
        measured = [row[0].shape for row in self.data.rows]
        shapes = [row[0].shape for row in rows]
        mean, covariance = self.posterior.predict(feature_table(rows), phi, _same(shapes, measured), _same(shapes, shapes))
        is_known = np.asarray(_same(shapes, measured).any(axis=1))
        scale = np.where(is_known[None, :], self.scale_known[:, None], self.scale_new[:, None])
        return mean, covariance * scale[:, :, None] * scale[:, None, :]


@dataclass(frozen=True, slots=True, eq=False)
class GpBelief:
    """A fitted batch per kind; kinds that were never measured are believed from the prior."""

    kinds: dict[str, KindBelief]
    target: Target
    notes: tuple[str, ...]

    def predict(self, layer: Layer, choices: Sequence[LayerChoice], *, confidence: float = 0.9) -> Prediction:
        """Believe something of every metric; one without any record comes from the mean function with its prior's width."""
        rows = [(layer, choice, self.target) for choice in choices]
        belief = self._kind(layer)
        mean, covariance = belief.t(rows)
        deviation = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0.0) + belief.nugget[:, None])
        half = student_t.ppf(0.5 + confidence / 2, _PRIOR_DOF + belief.counts)[:, None] * deviation
        is_outside = ~belief.span.holds(feature_table(rows)) | (belief.counts.max() == 0)
        middle, lower, upper = (from_log(a).T for a in (mean, mean - half, mean + half))
        return Prediction(middle, lower, upper, is_outside)

    def sample(self, layers: Sequence[tuple[Layer, Sequence[LayerChoice]]], rng: np.random.Generator) -> list[Floats]:
        """Draw jointly over all layers of a kind; shortest and longest latency share their draw, other metrics are independent."""
        tables: list[Floats] = [np.empty((len(choices), len(METRICS))) for _, choices in layers]
        for kind in dict.fromkeys(layer.kind for layer, _ in layers):
            chosen = [i for i, (layer, _) in enumerate(layers) if layer.kind == kind]
            rows = [(layers[i][0], choice, self.target) for i in chosen for choice in layers[i][1]]
            drawn = _draw(*self._kind(layers[chosen[0]][0]).t(rows), rng)
            for i, part in zip(chosen, np.split(drawn, np.cumsum([len(layers[i][1]) for i in chosen])[:-1]), strict=True):
                tables[i] = part
        return tables

    def _kind(self, layer: Layer) -> KindBelief:
        return self.kinds.get(layer.kind) or _prior(layer, self.target)


@dataclass(frozen=True, slots=True)
class GpSurrogate:
    options: Options

    def fit(self, records: Sequence[LayerRecord], target: Target, *, seed: int) -> Belief:
        """Fit every kind; a kind whose fit fails is believed from a forest instead, and the notes say so."""
        try:
            import torch  # noqa: F401
        except ImportError:
            return _fallback(records, target, seed, "torch is not installed (extra gp); forests believe instead")
        kinds, notes, rng = {}, [], np.random.default_rng(seed)
        observed = observe(one_fidelity(records), target)
        for kind, data in observed.items():
            if len(data.rows) > self.options.max_points:
                notes.append(f"{kind}: {len(data.rows)} different points, of which {self.options.max_points} were drawn to fit on")
                data = data.take(np.sort(rng.choice(len(data.rows), self.options.max_points, replace=False)))
            try:
                kinds[kind] = fit_kind(kind, data)
            except ArithmeticError as error:
                notes.append(f"{kind}: Gaussian process failed ({error}); believed from the prior")
        return GpBelief(kinds, target, (*notes, *missing_notes(observed)))


def create(options: Options) -> Surrogate:
    """Return the recipe."""
    return GpSurrogate(options)


def fit_kind(kind: str, data: Observed) -> KindBelief:
    """Fit one kind.

    Raises:
        ArithmeticError: the fit failed.
    """
    from dse.surrogates._gp_math import Posterior, one_thread, train

    batch = _batch(kind, data)
    with one_thread():
        posterior = Posterior(batch, train(batch))
    points = np.arange(len(data.rows))
    known = _calibration(posterior, data, points)
    new = np.maximum(known, _calibration(posterior, data, data.groups)) if len(set(data.groups)) > 2 else known
    counts = (~np.isnan(data.values)).sum(axis=0).astype(np.float64)
    nugget = np.asarray(posterior.nugget.numpy(), dtype=np.float64)
    return KindBelief(kind, data, measured_range(feature_table(data.rows)), posterior, nugget, known, new, counts)


def _prior(layer: Layer, target: Target) -> KindBelief:
    from dse.surrogates._gp_math import Model, Posterior

    shape, rows = (1, len(METRICS)), ((layer, LayerChoice(1), target),)
    data = Observed(rows, np.full(shape, np.nan), np.zeros(shape), np.zeros(shape), np.zeros(1, dtype=np.int64))
    batch = _batch(layer.kind, data)
    posterior = Posterior(batch, Model(METRICS, batch.x.shape[1], batch.phi.shape[2]))
    ones, zeros = np.ones(len(METRICS)), np.zeros(len(METRICS))
    return KindBelief(layer.kind, data, measured_range(feature_table(rows)), posterior, zeros, ones, ones, zeros)


def _batch(kind: str, data: Observed) -> Any:
    from dse.surrogates._gp_math import Batch

    phi, tau = _phi(kind, data.rows)
    shapes = [row[0].shape for row in data.rows]
    return Batch.of(feature_table(data.rows), data.values.T, data.noise.T, phi, tau, _same(shapes, shapes))


def _calibration(posterior: Posterior, data: Observed, groups: Ints) -> Floats:
    """Return (M,) the factor that makes left-out errors as large as they were said to be, held back where points are few."""
    mean, variance = posterior.leave_out(groups)
    z2 = (data.values.T - mean) ** 2 / np.maximum(variance, 1e-12)
    n = (~np.isnan(z2)).sum(axis=1)
    factor = np.sqrt((np.nansum(np.minimum(z2, 25.0), axis=1) + _SHRINK) / (n + _SHRINK))
    return np.asarray(np.clip(factor, *_SCALE_LIMITS), dtype=np.float64)


def _draw(mean: Floats, covariance: Floats, rng: np.random.Generator) -> Floats:
    """Return (Q, M): one joint draw per metric."""
    normal = rng.standard_normal(mean.shape)
    first, last = METRICS.index("latency_cycles_min"), METRICS.index("latency_cycles_max")
    normal[last] = normal[first]
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    drawn = from_log(mean + (root @ normal[..., None])[..., 0]).T
    drawn[:, last] = np.maximum(drawn[:, first], drawn[:, last])
    return drawn


def _same(a: Sequence[object], b: Sequence[object]) -> Floats:
    numbers: dict[object, int] = {}
    left, right = (np.array([numbers.setdefault(shape, len(numbers)) for shape in shapes]) for shapes in (a, b))
    return np.asarray(left[:, None] == right[None, :], dtype=np.float64)


def _phi(kind: str, rows: Sequence[Row]) -> tuple[Floats, Floats]:
    """Return the mean's terms (M, N, J) and how sure their weights are (M, J)."""
    chosen = [terms(kind, metric, rows[0][2]) for metric in METRICS]
    n_terms = max(len(c) for c in chosen)
    phi, tau = np.zeros((len(METRICS), len(rows), n_terms)), np.zeros((len(METRICS), n_terms))
    for m, c in enumerate(chosen):
        phi[m, :, : len(c)] = term_table(c, rows)
        tau[m, : len(c)] = [term.tau for term in c]
    return phi, tau


def _fallback(records: Sequence[LayerRecord], target: Target, seed: int, note: str) -> Belief:
    from dataclasses import replace

    from dse.surrogates import forest

    belief = forest.create(forest.Options()).fit(records, target, seed=seed)
    return replace(belief, notes=(note, *belief.notes))  # type: ignore[type-var]
