"""Gaussian processes: per kind of layer one exact GP per metric, fitted together as one batch.

    t(x) = log(1 + sum_j w_j phi_j(x)) + f(x) + e,    t = log(1 + y)
    k(x, x') = s^2 Matern_5/2(x, x'; one length per feature) + u^2 [same shape] + g(x)^T diag(tau^2) g(x')

The sum over j is the analytic estimate (`_terms`), its log weights theta learned under a normal prior. g = d t / d theta carries what is
still unknown of the weights into the variance (Laplace's approximation), so that a belief is wide where a term was never seen alone.
Hyperparameters climb the posterior density from the priors' medians, by few steps of L-BFGS-B: a fit is a function of its data.
Noise: a learned nugget, plus each point's own replicate variance. Intervals are scaled by what leaving out (a shape, or a point of a shape
that is known) shows of their honesty.
Sources: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), eqs. 2.23-2.24, 2.37-2.42, 5.8 and 5.10-5.12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.design import Layer, LayerChoice, Target
from dse.qor import LayerRecord
from dse.surrogates import forest
from dse.surrogates._belief import KindModel, learn
from dse.surrogates._features import Floats, Range, Row, feature_table, measured_range
from dse.surrogates._observed import Observed
from dse.surrogates._terms import Start, check_options, mean_terms
from dse.surrogates._work import remembered
from dse.surrogates.base import METRICS, Belief, Surrogate

if TYPE_CHECKING:
    from dse.surrogates._gp_math import Batch, Posterior

Ints = np.ndarray[Any, np.dtype[np.int64]]

_MAX_POINTS = 256  # more different points of one kind than this cost seconds and teach little
_SHRINK = 8.0  # how many points' worth of trust the covariance gets before leaving out may rescale it
_SCALE_LIMITS = (0.6, 4.0)
_LARGEST_Z = 5.0  # a wilder error counts as this
NOT_INSTALLED = "gpytorch is not installed (extra gp): forests and the estimate believe instead of Gaussian processes"
_NORMAL_90 = NormalDist().inv_cdf(0.95)  # 90 % of normal values lie within so many deviations


@dataclass(frozen=True, slots=True)
class Options:
    """`start`: where the mean's weights start; `max_points`: different points of one kind that a fit uses at most."""

    start: Start = Start.ESTIMATE
    max_points: int = _MAX_POINTS

    def __post_init__(self) -> None:
        check_options(self.start, max_points=self.max_points)


@dataclass(frozen=True, slots=True, eq=False)
class GpKind:
    """What is believed of one kind of layer."""

    start: Start
    data: Observed
    span: Range | None
    posterior: Posterior
    nugget: Floats  # (M,) learned variance of one measurement
    scale_known: Floats  # (M,) factor on the deviation where the shape was measured
    scale_new: Floats  # (M,) where it was not
    counts: Floats  # (M,) measured points

    def t(self, rows: Sequence[Row]) -> tuple[Floats, Floats]:
        """Return mean (M, Q) and covariance (M, Q, Q) of log(1 + y), calibrated, without noise."""
        phi, _ = mean_terms(rows, self.start)
        shapes = [row[0].shape for row in rows]
        alike = _same(shapes, [row[0].shape for row in self.data.rows])
        mean, covariance = self.posterior.predict(feature_table(rows), phi, alike, _same(shapes, shapes))
        is_known = np.asarray(alike.any(axis=1))
        scale = np.where(is_known[None, :], self.scale_known[:, None], self.scale_new[:, None])
        return mean, covariance * scale[:, :, None] * scale[:, None, :]


@dataclass(frozen=True, slots=True)
class GpSurrogate:
    options: Options

    def fit(self, records: Sequence[LayerRecord], target: Target, *, seed: int) -> Belief:
        """Fit every kind; a kind whose fit fails is believed from the prior, without torch from forests, and the notes say so."""
        start = self.options.start
        if not is_installed():
            belief = forest.believe(records, target, forest.Options(start), seed)
            return replace(belief, notes=(NOT_INSTALLED, *belief.notes))

        def fit(kind: str, data: Observed) -> tuple[KindModel | None, tuple[str, ...]]:
            try:
                return fit_kind(data, start), ()
            except ArithmeticError as error:
                return None, (f"{kind}: Gaussian process failed ({error}); believed from the prior",)

        return learn(records, target, fit, partial(prior_kind, start=start), self.options.max_points, seed)


def create(options: Options) -> Surrogate:
    """Return the recipe."""
    return GpSurrogate(options)


def is_installed() -> bool:
    """Whether there is a gpytorch; loading it takes seconds, so it is only looked for."""
    return find_spec("gpytorch") is not None


@remembered
def fit_kind(data: Observed, start: Start) -> GpKind:
    """Fit one kind.

    Raises:
        ArithmeticError: the fit failed.
    """
    from dse.surrogates._gp_math import Posterior, train

    batch = _batch(data, start)
    posterior = Posterior(batch, train(batch))
    points = np.arange(len(data.rows))
    known = _calibration(posterior, data, points)
    new = _calibration(posterior, data, data.groups) if len(set(data.groups.tolist())) > 2 else known
    counts = (~np.isnan(data.values)).sum(axis=0).astype(np.float64)
    return GpKind(start, data, measured_range(feature_table(data.rows)), posterior, posterior.nugget, known, new, counts)


def prior_kind(layer: Layer, target: Target, start: Start = Start.ESTIMATE) -> KindModel:
    """Return what is believed of a kind that was never measured."""
    from dse.surrogates._gp_math import Posterior, untrained

    shape, rows = (1, len(METRICS)), ((layer, LayerChoice(1), target),)
    data = Observed(rows, np.full(shape, np.nan), np.zeros(shape), np.zeros(shape), np.zeros(1, dtype=np.int64))
    batch = _batch(data, start)
    ones, zeros = np.ones(len(METRICS)), np.zeros(len(METRICS))
    return GpKind(start, data, None, Posterior(batch, untrained(batch)), zeros, ones, ones, zeros)


def _batch(data: Observed, start: Start) -> Batch:
    from dse.surrogates._gp_math import Batch

    phi, tau = mean_terms(data.rows, start)
    shapes = [row[0].shape for row in data.rows]
    return Batch.of(feature_table(data.rows), data.values.T, data.noise.T, phi, tau, _same(shapes, shapes))


def _calibration(posterior: Posterior, data: Observed, groups: Ints) -> Floats:
    """Return (M,) the factor that makes left-out errors as large as they were said to be, held back where groups are few.

    It is the larger of two views of z = error / deviation: its root mean square, and its 90 % quantile over that of a normal value. Both
    are raised for hyperparameters that saw what is left out, as a variance estimated from few groups is.
    """
    mean, variance = posterior.leave_out(groups)
    z = np.abs(data.values.T - mean) / np.sqrt(np.maximum(variance, 1e-12))
    factors = np.ones(len(METRICS))
    for m, column in enumerate(z):
        known = column[~np.isnan(column)]
        n_groups = len(np.unique(groups[~np.isnan(column)]))
        if n_groups < 3:
            continue
        seen = max(np.sqrt(np.mean(np.minimum(known, _LARGEST_Z) ** 2)), np.quantile(known, 0.9) / _NORMAL_90)
        seen *= np.sqrt((n_groups + 1) / (n_groups - 1))
        factors[m] = np.sqrt((n_groups * seen**2 + _SHRINK) / (n_groups + _SHRINK))
    return np.asarray(np.clip(factors, *_SCALE_LIMITS), dtype=np.float64)


def _same(a: Sequence[object], b: Sequence[object]) -> Floats:
    numbers: dict[object, int] = {}
    left, right = (np.array([numbers.setdefault(shape, len(numbers)) for shape in shapes]) for shapes in (a, b))
    return np.asarray(left[:, None] == right[None, :], dtype=np.float64)
