"""The numbers behind `gp`: one exact Gaussian process for one metric of one kind of layer, in numpy and LAPACK.

Notation: N measured and Q asked rows, F features, J mean terms. All float64.
    x (N, F)   t (N,)   noise (N,)   phi (N, J)   tau (J,)   same (N, N), 1 where of one shape
Hyperparameters are one vector (F + 3 + J,): logarithms of the lengths, of s, u and the nugget's deviation; then z = theta / tau.

A fit costs milliseconds because its gradient is written out (Rasmussen and Williams eq. 5.9); the tests hold kernel and density against
gpytorch's, and the gradient against differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import lapack
from scipy.optimize import minimize

from dse.surrogates._features import IS_LOG, Floats, hardly_matters

JITTER = 1e-6  # variance of a nugget that is always there: 0.1 % of a value
_STEPS = 60
_ENOUGH = 1e-4  # a step that gains less than this share of the log density is the last
# Prior medians and log standard deviations of the hyperparameters.
_LENGTH = (1.4, 0.7)  # doublings, for sizes
_LENGTH_FLAG = (1.0, 0.7)  # for regimes
_HARDLY_FACTOR = 10.0  # on the length of a feature that hardly matters
_SCALE = (0.5, 0.7)  # of the Matern part, in what the weights leave open
_SHAPE = (0.3, 0.7)  # of one shape's own weights, the same
_NUGGET = (0.01, 1.5)
_LEAST_SLOPE = 1e-4  # variance of a mean whose weights are sure


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """What a fit is made of; see the module's notation."""

    x: Floats
    t: Floats
    noise: Floats
    phi: Floats
    tau: Floats
    same: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """A normal belief about the hyperparameters, and where their parts lie."""

    median: Floats
    spread: Floats

    @classmethod
    def of(cls, metric: str, n_terms: int) -> Prior:
        """Return the prior of one metric."""
        hardly = np.where(hardly_matters(metric), np.log(_HARDLY_FACTOR), 0.0)
        lengths = np.where(IS_LOG, np.log(_LENGTH[0]), np.log(_LENGTH_FLAG[0])) + hardly
        others = (_SCALE, _SHAPE, _NUGGET)
        median = [*lengths, *(np.log(middle) for middle, _ in others), *np.zeros(n_terms)]
        spread = [*np.where(IS_LOG, _LENGTH[1], _LENGTH_FLAG[1]), *(width for _, width in others), *np.ones(n_terms)]
        return cls(np.array(median), np.array(spread))


def split(hyper: Floats, n_terms: int) -> tuple[Floats, Floats, Floats]:
    """Return (F,) log lengths, (3,) logs of s, u and nugget, (J,) z, as views."""
    n_features = len(hyper) - n_terms - 3
    return hyper[:n_features], hyper[n_features : n_features + 3], hyper[n_features + 3 :]


def mean(phi: Floats, tau: Floats, z: Floats) -> tuple[Floats, Floats]:
    """Return (N,) mean of t and (N, J) its gradient by z."""
    parts = phi * np.exp(tau * z)
    total = 1 + parts.sum(axis=1)
    return np.log(total), parts * tau / total[:, None]


def covariance(hyper: Floats, a: Floats, slope_a: Floats, b: Floats, slope_b: Floats, same: Floats) -> Floats:
    """Return (|a|, |b|), without what all shapes' common weights add; `slope` is the mean's gradient by z."""
    log_length, logs, _ = split(hyper, slope_a.shape[1])
    sizes = np.outer(_size(slope_a), _size(slope_b))
    part = (np.exp(2 * logs[1]) * same) * (slope_a @ slope_b.T)
    return np.asarray(np.exp(2 * logs[0]) * _matern(_squares(a, b) @ np.exp(-2 * log_length))[0] * sizes + part)


def _squares(a: Floats, b: Floats) -> Floats:
    """Return (|a|, |b|, F) squared differences."""
    return np.asarray((a[:, None, :] - b[None, :, :]) ** 2)


def _matern(squares: Floats) -> tuple[Floats, Floats]:
    """Return Matern 5/2 of squared distances in lengths, and minus twice its derivative by them."""
    root = np.sqrt(5 * squares)
    decay = np.exp(-root)
    linear = (1 + root) * decay
    return linear + (root**2 / 3) * decay, (5 / 3) * linear


def _size(slope: Floats) -> Floats:
    return np.asarray(np.sqrt((slope**2).sum(axis=1) + _LEAST_SLOPE))


def factor(matrix: Floats) -> Floats:
    """Return the lower Cholesky factor; where there is none the diagonal grows until there is.

    Raises:
        ArithmeticError: it does not help.
    """
    for extra in (0.0, 1e-6, 1e-4, 1e-2):
        lower, info = lapack.dpotrf(matrix + extra * np.eye(len(matrix)) if extra else matrix, lower=1)
        if info == 0:
            return np.asarray(lower)
    raise ArithmeticError("the covariance is not positive definite")


def inverse(lower: Floats) -> Floats:
    """Return the inverse of the matrix that has this Cholesky factor."""
    half = np.tril(lapack.dpotri(lower, lower=1)[0])
    return np.asarray(half + np.tril(half, -1).T)


def loss(hyper: Floats, data: Data, prior: Prior, squares: Floats) -> tuple[float, Floats]:
    """Return minus the log posterior density of the hyperparameters, up to a constant, and its gradient.

    `squares` is (N, N, F): squared differences of the features that `hyper` has lengths for. With G = (K^-1 - a a^T) / 2 and
    a = K^-1 (t - mean), a change dK of the covariance changes the loss by sum(G * dK).
    """
    log_length, logs, z = split(hyper, len(data.tau))
    scale, shape, nugget = np.exp(2 * logs)
    center, slope = mean(data.phi, data.tau, z)
    size = _size(slope)
    matern, steep = _matern(squares @ np.exp(-2 * log_length))
    smooth = scale * np.outer(size, size)
    own = shape * data.same
    lower = factor(smooth * matern + own * (slope @ slope.T) + np.diag(data.noise + nugget + JITTER))
    whole = inverse(lower)
    weights = whole @ (data.t - center)
    away = (hyper - prior.median) / prior.spread
    value = 0.5 * float((data.t - center) @ weights) + float(np.log(np.diag(lower)).sum()) + 0.5 * float(away @ away)
    g = 0.5 * (whole - np.outer(weights, weights))
    by_matern = g * smooth
    by_slope = 2 * ((g * own) @ slope + ((g * matern) @ size * (scale / size))[:, None] * slope)
    gradient = away / prior.spread
    by_length, by_log, by_z = split(gradient, len(data.tau))
    by_length += np.tensordot(by_matern * steep, squares, 2) * np.exp(-2 * log_length)
    by_log += 2 * np.array([(by_matern * matern).sum(), (g * own * (slope @ slope.T)).sum(), nugget * np.trace(g)])
    # d slope_j / d z_k = [j = k] tau_k slope_k - slope_j slope_k
    by_z += data.tau * (by_slope * slope).sum(axis=0) - slope.T @ ((by_slope * slope).sum(axis=1) + weights)
    return value, gradient


def train(data: Data, prior: Prior) -> Floats:
    """Return the hyperparameters of largest posterior density, found from the prior's medians.

    Raises:
        ArithmeticError: the covariance cannot be factored, or the density is not finite.
    """
    varies = np.ptp(data.x, axis=0) > 0  # of the other features nothing can be learned: their lengths stay at the prior's medians
    open_ = np.append(varies, np.ones(len(prior.median) - len(varies), dtype=np.bool_))
    moving = Prior(prior.median[open_], prior.spread[open_])
    squares = _squares(data.x[:, varies], data.x[:, varies])
    options = {"maxiter": _STEPS, "ftol": _ENOUGH, "gtol": 1e-3}
    found: Any = minimize(loss, moving.median, (data, moving, squares), method="L-BFGS-B", jac=True, options=options)
    if not (np.isfinite(found.fun) and np.isfinite(found.x).all()):
        raise ArithmeticError("the fit did not stay finite")
    hyper = np.array(prior.median)
    hyper[open_] = found.x
    return hyper


class Posterior:
    """What the data leave of a process with fitted hyperparameters; without data, the prior."""

    def __init__(self, data: Data, hyper: Floats) -> None:
        self.data, self.hyper = data, hyper
        _, logs, self.z = split(hyper, len(data.tau))
        self.nugget = float(np.exp(2 * logs[2]))
        self.weights = np.zeros(0)
        if len(data.t):
            known = self._covariance(data.x, data.phi, data.x, data.phi, data.same)
            self.lower = factor(known + np.diag(data.noise + self.nugget + JITTER))
            self.weights = lapack.dpotrs(self.lower, data.t - self._prior_mean(data.phi), lower=1)[0]

    def _prior_mean(self, phi: Floats) -> Floats:
        center, slope = mean(phi, self.data.tau, self.z)
        # Around its fitted value the mean is linear in z, whose prior mean is 0.
        return np.asarray(center - slope @ self.z)

    def _covariance(self, a: Floats, phi_a: Floats, b: Floats, phi_b: Floats, same: Floats) -> Floats:
        slope_a, slope_b = (mean(phi, self.data.tau, self.z)[1] for phi in (phi_a, phi_b))
        return np.asarray(covariance(self.hyper, a, slope_a, b, slope_b, same) + slope_a @ slope_b.T)

    def predict(self, x: Floats, phi: Floats, same_data: Floats, same: Floats) -> tuple[Floats, Floats]:
        """Return mean (Q,) and covariance (Q, Q) of the noise-free t; `same_data` is (Q, N), `same` (Q, Q)."""
        center, spread = self._prior_mean(phi), self._covariance(x, phi, x, phi, same)
        if not len(self.data.t):
            return center, spread
        cross = self._covariance(x, phi, self.data.x, self.data.phi, same_data)
        white = lapack.dtrtrs(self.lower, cross.T, lower=1)[0]
        return center + cross @ self.weights, spread - white.T @ white

    def leave_out(self, groups: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[Floats, Floats]:
        """Return mean and variance (N,) of each measured value (its noise included) predicted without its group.

        Closed form with the hyperparameters kept: for a block I of K^-1 and of a = K^-1 r, the error is (K^-1)_II^-1 a_I and its
        covariance (K^-1)_II^-1 (Rasmussen and Williams eqs. 5.10-5.12, for blocks).
        """
        left, variance = np.array(self.data.t), np.zeros(len(self.data.t))
        whole = inverse(self.lower) if len(left) else np.zeros((0, 0))
        for group in np.unique(groups):
            rows = np.flatnonzero(groups == group)
            block = np.linalg.inv(whole[np.ix_(rows, rows)])
            left[rows] -= block @ self.weights[rows]
            variance[rows] = np.maximum(np.diag(block), 0.0)
        return left, variance
