"""The numbers behind `gp`: one batch of exact Gaussian processes over the metrics of one kind of layer.

Notation: M metrics (the batch), N measured and Q asked rows, F features, J mean terms (padded with zeros to the longest).
    x (N, F)   t (M, N), NaN where not measured   noise (M, N)   phi (M, N, J)   tau (M, J)   same (N, N) whether of one shape
A value that is missing takes its row and column out of that metric's covariance (unit diagonal, zero residual), which is exact.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # gpytorch 1.15 still scripts functions that torch 2.13 calls deprecated
    import gpytorch

from dse.surrogates._features import IS_LOG, Floats, hardly_matters
from dse.surrogates.base import METRICS

Tensor = torch.Tensor

JITTER = 1e-6  # variance of a nugget that is always there: 0.1 % of a value
_STEPS_FEW, _STEPS_MANY, _FEW = 30, 50, 32  # steps of LBFGS up to so many rows, and beyond
# Prior medians and log standard deviations of the hyperparameters.
_LENGTH = (1.4, 0.7)  # doublings, for sizes
_LENGTH_FLAG = (1.0, 0.7)  # for regimes
_HARDLY_FACTOR = 10.0  # on the length of a feature that hardly matters
_SCALE = (0.5, 0.7)  # of the Matern part, in what the weights leave open
_SHAPE = (0.3, 0.7)  # of one shape's own weights, the same
_LEAST_SLOPE = 1e-4  # variance of a mean whose weights are sure
_NUGGET = (0.01, 1.5)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: on matrices this small a second one costs more than it brings."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """The data of one fit; see the module's notation."""

    x: Tensor
    t: Tensor
    noise: Tensor
    phi: Tensor
    tau: Tensor
    same: Tensor

    @classmethod
    def of(cls, x: Floats, t: Floats, noise: Floats, phi: Floats, tau: Floats, same: Floats) -> Batch:
        return cls(*(torch.as_tensor(np.ascontiguousarray(a), dtype=torch.float64) for a in (x, t, noise, phi, tau, same)))


class Model(torch.nn.Module):
    """Mean and covariance with their hyperparameters, all positive ones kept as logarithms."""

    def __init__(self, metrics: Sequence[str], n_features: int, n_terms: int) -> None:
        super().__init__()
        n_metrics = len(metrics)
        batch = torch.Size([n_metrics])
        positive: Any = gpytorch.constraints.Positive(transform=torch.exp, inv_transform=torch.log)
        self.matern = gpytorch.kernels.MaternKernel(
            nu=2.5, ard_num_dims=n_features, batch_shape=batch, lengthscale_constraint=positive
        ).double()
        is_log = torch.as_tensor(IS_LOG)
        hardly = torch.as_tensor(np.stack([hardly_matters(metric) for metric in metrics])[:, None, :])
        length = torch.where(is_log, np.log(_LENGTH[0]), np.log(_LENGTH_FLAG[0])).double()
        self.length_prior = length + torch.where(hardly, np.log(_HARDLY_FACTOR), 0.0).double()
        self.length_spread = torch.where(is_log, _LENGTH[1], _LENGTH_FLAG[1]).double()
        self.matern.raw_lengthscale.data = self.length_prior.clone()
        self.log_scale = torch.nn.Parameter(torch.full(batch, np.log(_SCALE[0]), dtype=torch.float64))
        self.log_shape = torch.nn.Parameter(torch.full(batch, np.log(_SHAPE[0]), dtype=torch.float64))
        self.log_nugget = torch.nn.Parameter(torch.full(batch, np.log(_NUGGET[0]), dtype=torch.float64))
        self.z = torch.nn.Parameter(torch.zeros(n_metrics, n_terms, dtype=torch.float64))  # theta / tau

    def mean(self, phi: Tensor, tau: Tensor) -> tuple[Tensor, Tensor]:
        """Return (M, N) mean of t and (M, N, J) its gradient by z."""
        parts = phi * torch.exp(tau * self.z)[:, None, :]
        total = 1 + parts.sum(-1)
        return torch.log(total), parts * tau[:, None, :] / total[..., None]

    def covariance(self, a: Tensor, slope_a: Tensor, b: Tensor, slope_b: Tensor, same: Tensor) -> Tensor:
        """Return (M, |a|, |b|), without what all shapes' common weights add; `slope` is the mean's gradient by z."""
        n_metrics = self.log_scale.shape[0]
        matern: Tensor = self.matern(a.expand(n_metrics, *a.shape), b.expand(n_metrics, *b.shape)).to_dense()
        size_a, size_b = (torch.sqrt((slope**2).sum(-1) + _LEAST_SLOPE) for slope in (slope_a, slope_b))
        smooth = torch.exp(2 * self.log_scale)[:, None, None] * matern * size_a[:, :, None] * size_b[:, None, :]
        return smooth + torch.exp(2 * self.log_shape)[:, None, None] * same * (slope_a @ slope_b.mT)

    def penalty(self) -> Tensor:
        """Return minus the log density of the priors, up to a constant."""
        pairs = (
            (self.log_scale, np.log(_SCALE[0]), _SCALE[1]),
            (self.log_shape, np.log(_SHAPE[0]), _SHAPE[1]),
            (self.log_nugget, np.log(_NUGGET[0]), _NUGGET[1]),
            (self.matern.raw_lengthscale, self.length_prior, self.length_spread),
            (self.z, 0.0, 1.0),
        )
        return sum((0.5 * (((value - center) / spread) ** 2).sum() for value, center, spread in pairs), torch.zeros(()))


def _factor(covariance: Tensor, mask: Tensor, noise: Tensor) -> Tensor:
    """Return the Cholesky factor of the masked covariance; where it fails the diagonal grows until it does not."""
    both = mask[:, :, None] & mask[:, None, :]
    diagonal = torch.where(mask, noise + JITTER, torch.ones_like(noise))
    matrix = torch.where(both, covariance, torch.zeros_like(covariance)) + torch.diag_embed(diagonal)
    for extra in (0.0, 1e-6, 1e-4, 1e-2):
        factor: Tensor
        factor, info = torch.linalg.cholesky_ex(matrix + extra * torch.eye(matrix.shape[-1], dtype=matrix.dtype))
        if not bool(info.any()):
            return factor
    raise ArithmeticError("the covariance is not positive definite")


def train(batch: Batch) -> Model:
    """Return the hyperparameters of largest posterior density.

    Raises:
        ArithmeticError: the covariance cannot be factored, or the density is not finite.
    """
    mask = ~torch.isnan(batch.t)
    t = torch.nan_to_num(batch.t)
    model = Model(METRICS, batch.x.shape[1], batch.phi.shape[2])
    parameters = list(model.parameters())
    steps = _STEPS_FEW if batch.x.shape[0] <= _FEW else _STEPS_MANY
    optimizer = torch.optim.LBFGS(parameters, max_iter=steps, tolerance_change=1e-3, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        mean, slope = model.mean(batch.phi, batch.tau)
        residual = torch.where(mask, t - mean, torch.zeros_like(t))[..., None]
        noise = batch.noise + torch.exp(2 * model.log_nugget)[:, None]
        factor = _factor(model.covariance(batch.x, slope, batch.x, slope, batch.same), mask, noise)
        white = torch.linalg.solve_triangular(factor, residual, upper=False)
        loss: Tensor = 0.5 * (white**2).sum() + factor.diagonal(dim1=-2, dim2=-1).log().sum() + model.penalty()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    loss: Tensor = optimizer.step(closure)  # type: ignore[no-untyped-call]
    if not (bool(torch.isfinite(loss)) and all(bool(torch.isfinite(p).all()) for p in parameters)):
        raise ArithmeticError("the fit did not stay finite")
    return model


class Posterior:
    """What the data leave of a fitted model. All arrays in and out are numpy, (M, ...)."""

    def __init__(self, batch: Batch, model: Model) -> None:
        self.batch, self.model = batch, model
        self.mask = ~torch.isnan(batch.t)
        with torch.no_grad(), one_thread():
            self.nugget = torch.exp(2 * model.log_nugget)
            self.factor = _factor(
                self._covariance(batch.x, batch.phi, batch.x, batch.phi, batch.same),
                self.mask,
                batch.noise + self.nugget[:, None],
            )
            residual = torch.where(self.mask, torch.nan_to_num(batch.t) - self._prior_mean(batch.phi), torch.zeros_like(batch.t))
            self.weights = torch.cholesky_solve(residual[..., None], self.factor)

    def _prior_mean(self, phi: Tensor) -> Tensor:
        mean, gradient = self.model.mean(phi, self.batch.tau)
        # Around its fitted value the mean is linear in z, whose prior mean is 0.
        return mean - (gradient * self.model.z[:, None, :]).sum(-1)

    def _covariance(self, a: Tensor, phi_a: Tensor, b: Tensor, phi_b: Tensor, same: Tensor) -> Tensor:
        _, gradient_a = self.model.mean(phi_a, self.batch.tau)
        _, gradient_b = self.model.mean(phi_b, self.batch.tau)
        return self.model.covariance(a, gradient_a, b, gradient_b, same) + gradient_a @ gradient_b.mT

    def predict(self, x: Floats, phi: Floats, same_data: Floats, same: Floats) -> tuple[Floats, Floats]:
        """Return mean (M, Q) and covariance (M, Q, Q) of the noise-free t; `same_data` is (Q, N), `same` (Q, Q)."""
        xq, pq, sd, sq = (torch.as_tensor(np.ascontiguousarray(a), dtype=torch.float64) for a in (x, phi, same_data, same))
        with torch.no_grad(), one_thread():
            cross = self._covariance(xq, pq, self.batch.x, self.batch.phi, sd) * self.mask[:, None, :]
            mean = self._prior_mean(pq) + (cross @ self.weights)[..., 0]
            white = torch.linalg.solve_triangular(self.factor, cross.mT, upper=False)
            covariance = self._covariance(xq, pq, xq, pq, sq) - white.mT @ white
        return mean.numpy(), covariance.numpy()

    def leave_out(self, groups: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[Floats, Floats]:
        """Return mean and variance (M, N) of each measured value (its noise included) predicted without its group.

        Closed form with the hyperparameters kept: for a block I of K^-1 and of a = K^-1 r, the error is (K^-1)_II^-1 a_I and its
        covariance (K^-1)_II^-1 (Rasmussen and Williams eqs. 5.10-5.12, for blocks). NaN where not measured.
        """
        with one_thread():
            inverse = torch.cholesky_inverse(self.factor).numpy()
        weights = self.weights[..., 0].detach().numpy()
        t, mask = self.batch.t.numpy(), self.mask.numpy()
        mean, variance = np.full(t.shape, np.nan), np.full(t.shape, np.nan)
        for m in range(t.shape[0]):
            for group in np.unique(groups[mask[m]]):
                rows = np.flatnonzero(mask[m] & (groups == group))
                block = np.linalg.inv(inverse[m][np.ix_(rows, rows)])
                mean[m, rows] = t[m, rows] - block @ weights[m, rows]
                variance[m, rows] = np.maximum(np.diag(block), 0.0)
        return mean, variance
