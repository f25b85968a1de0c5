"""The numbers behind `gp`: one batch of exact Gaussian processes over the metrics of one kind of layer, in gpytorch.

Notation: M metrics (the batch), N measured and Q asked rows, F features, J mean terms (padded with zeros to the longest).
    x (N, F)   t (M, N), NaN where not measured   noise (M, N)   phi (M, N, J)   tau (M, J)   same (N, N), 1 where of one shape
A value that is missing takes its row and column out of that metric's covariance (unit diagonal, zero residual), which is exact.

The density is written out here, not taken from gpytorch's likelihood, because of those holes. Its gradient is torch's, and SciPy's L-BFGS-B
climbs it: torch's own LBFGS loads a compiler that costs seconds.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from scipy.optimize import minimize

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # gpytorch 1.15 still scripts functions that torch 2.13 calls deprecated
    import gpytorch

from dse.surrogates._features import IS_LOG, Floats, hardly_matters
from dse.surrogates.base import METRICS

P = ParamSpec("P")
R = TypeVar("R")
Tensor = torch.Tensor

JITTER = 1e-6  # variance of a nugget that is always there: 0.1 % of a value
_STEPS = 15  # few: what the data do not insist on stays near its prior. With 60, 2 of 32 certificates on rugged spaces were wrong
_ENOUGH = 1e-4  # a step that gains less than this share of the log density is the last
# Prior medians and log standard deviations of the hyperparameters.
_LENGTH = (1.4, 0.7)  # doublings, for sizes
_LENGTH_FLAG = (1.0, 0.7)  # for regimes
_HARDLY_FACTOR = 10.0  # on the length of a feature that hardly matters
_SCALE = (0.5, 0.7)  # of the Matern part, in what the weights leave open
_SHAPE = (0.3, 0.7)  # of one shape's own weights, the same
_NUGGET = (0.01, 1.5)
_LEAST_SLOPE = 1e-4  # variance of a mean whose weights are sure


def one_torch_thread(work: Callable[P, R]) -> Callable[P, R]:
    """Let a function use one thread of torch: on matrices this small a second one costs more than it brings."""

    @wraps(work)
    def limited(*args: P.args, **keys: P.kwargs) -> R:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return work(*args, **keys)
        finally:
            torch.set_num_threads(threads)

    return limited


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
        return cls(*map(_tensor, (x, t, noise, phi, tau, same)))

    @property
    def known(self) -> Tensor:
        """(M, N) whether it was measured."""
        return ~torch.isnan(self.t)


class Process(gpytorch.Module):  # type: ignore[misc]  # gpytorch is untyped
    """Mean and covariance with their hyperparameters and the priors of these; all positive ones are kept as logarithms.

    Args:
        varies: (F,) features that differ between the rows; nothing can be learned of the others, and their lengths stay as they are.
    """

    def __init__(self, metrics: Sequence[str], n_terms: int, varies: Tensor) -> None:
        super().__init__()
        batch = torch.Size([len(metrics)])
        is_log, hardly = torch.as_tensor(IS_LOG), torch.as_tensor(np.stack([hardly_matters(metric) for metric in metrics])[:, None])
        length = torch.where(is_log, np.log(_LENGTH[0]), np.log(_LENGTH_FLAG[0])).double()
        length = length + torch.where(hardly, np.log(_HARDLY_FACTOR), 0.0).double()
        spread = torch.where(is_log, _LENGTH[1], _LENGTH_FLAG[1]).double()
        self.varies, self.all_lengths = varies, length
        self.matern = _matern(batch, length[..., varies])
        self.matern.register_prior("length", _normal(length[..., varies], spread[varies]), lambda module: module.raw_lengthscale)
        for name, (middle, width) in {"scale": _SCALE, "shape": _SHAPE, "nugget": _NUGGET}.items():
            center = torch.full(batch, np.log(middle), dtype=torch.float64)
            self.register_parameter(f"log_{name}", torch.nn.Parameter(center.clone()))
            self.register_prior(f"{name}_prior", _normal(center, torch.tensor(width).double()), f"log_{name}")
        self.z = torch.nn.Parameter(torch.zeros(len(metrics), n_terms, dtype=torch.float64))  # theta / tau
        self.register_prior("z_prior", _normal(torch.zeros(()).double(), torch.ones(()).double()), "z")

    def mean(self, phi: Tensor, tau: Tensor) -> tuple[Tensor, Tensor]:
        """Return (M, N) mean of t and (M, N, J) its gradient by z."""
        parts = phi * torch.exp(tau * self.z)[:, None, :]
        total = 1 + parts.sum(-1)
        return torch.log(total), parts * tau[:, None, :] / total[..., None]

    def covariance(self, matern: Tensor, slope_a: Tensor, slope_b: Tensor, same: Tensor) -> Tensor:
        """Return (M, |a|, |b|), without what all shapes' common weights add; `slope` is the mean's gradient by z."""
        sizes = (torch.sqrt((slope**2).sum(-1) + _LEAST_SLOPE) for slope in (slope_a, slope_b))
        size_a, size_b = sizes
        smooth = torch.exp(2 * self.log_scale)[:, None, None] * matern * size_a[:, :, None] * size_b[:, None, :]
        return smooth + torch.exp(2 * self.log_shape)[:, None, None] * same * (slope_a @ slope_b.mT)

    def everywhere(self) -> Any:
        """Return the Matern kernel over all features, those that did not vary with their prior's length."""
        lengths = self.all_lengths.clone()
        lengths[..., self.varies] = self.matern.raw_lengthscale.detach()
        return _matern(self.log_scale.shape, lengths)

    def spreads(self) -> Tensor:
        """Return the priors' deviations of all hyperparameters, one after the other as `parameters` has them."""
        known = {id(of(module)): prior.scale for _, module, prior, of, _ in self.named_priors()}
        return torch.cat([known[id(parameter)].expand_as(parameter).ravel() for parameter in self.parameters()])

    def log_prior(self) -> Tensor:
        """Return the log density of the hyperparameters."""
        found = (prior.log_prob(of(module)).sum() for _, module, prior, of, _ in self.named_priors())
        return sum(found, torch.zeros(()).double())


def _matern(batch: torch.Size, log_lengths: Tensor) -> Any:
    logarithm: Any = gpytorch.constraints.Positive(transform=torch.exp, inv_transform=torch.log)
    n_features = log_lengths.shape[-1]
    kernel = gpytorch.kernels.MaternKernel(nu=2.5, ard_num_dims=n_features, batch_shape=batch, lengthscale_constraint=logarithm)
    kernel = kernel.double()
    kernel.raw_lengthscale.data = log_lengths.clone()
    return kernel


def _normal(center: Tensor, deviation: Tensor) -> Any:
    return gpytorch.priors.NormalPrior(center, deviation.expand_as(center))


def _values(matern: Any, a: Tensor, b: Tensor) -> Tensor:
    """Return (M, |a|, |b|). Straight from the kernel: what is lazy costs more than a matrix of tens of rows."""
    if not a.shape[-1]:
        return torch.ones(*matern.batch_shape, len(a), len(b), dtype=torch.float64)
    found: Tensor = matern.forward(a.expand(*matern.batch_shape, *a.shape), b.expand(*matern.batch_shape, *b.shape))
    return found


def _factor(covariance: Tensor, known: Tensor, noise: Tensor) -> Tensor:
    """Return the Cholesky factor of what is known; where it fails the diagonal grows until it does not."""
    both = known[:, :, None] & known[:, None, :]
    diagonal = torch.where(known, noise + JITTER, torch.ones_like(noise))
    matrix = torch.where(both, covariance, torch.zeros_like(covariance)) + torch.diag_embed(diagonal)
    for extra in (0.0, 1e-6, 1e-4, 1e-2):
        factor: Tensor
        factor, info = torch.linalg.cholesky_ex(matrix + extra * torch.eye(matrix.shape[-1], dtype=matrix.dtype))
        if not bool(info.any()):
            return factor
    raise ArithmeticError("the covariance is not positive definite")


def log_density(process: Process, batch: Batch) -> Tensor:
    """Return the log posterior density of the hyperparameters, up to a constant, summed over metrics."""
    known = batch.known
    x = batch.x[:, process.varies]
    mean, slope = process.mean(batch.phi, batch.tau)
    residual = torch.where(known, batch.t.nan_to_num() - mean, torch.zeros_like(mean))[..., None]
    noise = batch.noise + torch.exp(2 * process.log_nugget)[:, None]
    factor = _factor(process.covariance(_values(process.matern, x, x), slope, slope, batch.same), known, noise)
    white = torch.linalg.solve_triangular(factor, residual, upper=False)
    found: Tensor = process.log_prior() - 0.5 * (white**2).sum() - factor.diagonal(dim1=-2, dim2=-1).log().sum()
    return found


@one_torch_thread
def train(batch: Batch) -> Process:
    """Return hyperparameters of large posterior density, climbed to from the prior's medians.

    Raises:
        ArithmeticError: the covariance cannot be factored, or the density is not finite.
    """
    process = untrained(batch)
    parameters = list(process.parameters())

    medians = torch.cat([p.detach().ravel() for p in parameters])
    spreads = process.spreads()

    def loss(steps: Floats) -> tuple[float, Floats]:
        """`steps` are in prior deviations, in which the problem is round and few steps are needed."""
        torch.nn.utils.vector_to_parameters(medians + spreads * torch.as_tensor(steps), parameters)
        process.zero_grad()
        value = -log_density(process, batch)
        value.backward()  # type: ignore[no-untyped-call]
        gradient = torch.cat([torch.zeros_like(p).ravel() if p.grad is None else p.grad.ravel() for p in parameters])
        return value.item(), (gradient * spreads).numpy()

    options = {"maxiter": _STEPS, "ftol": _ENOUGH, "gtol": 1e-3}
    found: Any = minimize(loss, np.zeros(len(medians)), method="L-BFGS-B", jac=True, options=options)
    if not (np.isfinite(found.fun) and np.isfinite(found.x).all()):
        raise ArithmeticError("the fit did not stay finite")
    torch.nn.utils.vector_to_parameters(medians + spreads * torch.as_tensor(found.x), parameters)
    return process


def untrained(batch: Batch) -> Process:
    """Return the hyperparameters as they are before any data."""
    return Process(METRICS, batch.phi.shape[2], (batch.x != batch.x[:1]).any(0))


class Posterior:
    """What the data leave of a process. All arrays in and out are numpy, (M, ...)."""

    @one_torch_thread
    def __init__(self, batch: Batch, process: Process) -> None:
        self.batch, self.process, self.matern = batch, process, process.everywhere()
        with torch.no_grad():
            nugget = torch.exp(2 * process.log_nugget)
            covariance = self._covariance(batch.x, batch.phi, batch.x, batch.phi, batch.same)
            self.factor = _factor(covariance, batch.known, batch.noise + nugget[:, None])
            residual = batch.t.nan_to_num() - self._prior_mean(batch.phi)
            residual = torch.where(batch.known, residual, torch.zeros_like(residual))
            self.weights = torch.cholesky_solve(residual[..., None], self.factor)
        self.nugget = np.asarray(nugget.numpy(), dtype=np.float64)

    def _prior_mean(self, phi: Tensor) -> Tensor:
        mean, gradient = self.process.mean(phi, self.batch.tau)
        # Around its fitted value the mean is linear in z, whose prior mean is 0.
        return mean - (gradient * self.process.z[:, None, :]).sum(-1)

    def _covariance(self, a: Tensor, phi_a: Tensor, b: Tensor, phi_b: Tensor, same: Tensor) -> Tensor:
        slope_a, slope_b = (self.process.mean(phi, self.batch.tau)[1] for phi in (phi_a, phi_b))
        return self.process.covariance(_values(self.matern, a, b), slope_a, slope_b, same) + slope_a @ slope_b.mT

    @one_torch_thread
    def predict(self, x: Floats, phi: Floats, same_data: Floats, same: Floats) -> tuple[Floats, Floats]:
        """Return mean (M, Q) and covariance (M, Q, Q) of the noise-free t; `same_data` is (Q, N), `same` (Q, Q)."""
        batch, (xq, pq, alike, sq) = self.batch, map(_tensor, (x, phi, same_data, same))
        with torch.no_grad():
            cross = self._covariance(xq, pq, batch.x, batch.phi, alike) * batch.known[:, None, :]
            mean = self._prior_mean(pq) + (cross @ self.weights)[..., 0]
            white = torch.linalg.solve_triangular(self.factor, cross.mT, upper=False)
            covariance = self._covariance(xq, pq, xq, pq, sq) - white.mT @ white
        return mean.numpy(), covariance.numpy()

    @one_torch_thread
    def leave_out(self, groups: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[Floats, Floats]:
        """Return mean and variance (M, N) of each measured value (its noise included) predicted without its group.

        Closed form with the hyperparameters kept: for a block I of K^-1 and of a = K^-1 r, the error is (K^-1)_II^-1 a_I and its
        covariance (K^-1)_II^-1 (Rasmussen and Williams eqs. 5.10-5.12, for blocks). NaN where not measured.
        """
        inverse, weights = torch.cholesky_inverse(self.factor).numpy(), self.weights[..., 0].numpy()
        t, known = self.batch.t.numpy(), self.batch.known.numpy()
        mean, variance = np.full(t.shape, np.nan), np.full(t.shape, np.nan)
        for m in range(t.shape[0]):
            for group in np.unique(groups[known[m]]):
                rows = np.flatnonzero(known[m] & (groups == group))
                block = np.linalg.inv(inverse[m][np.ix_(rows, rows)])
                mean[m, rows] = t[m, rows] - block @ weights[m, rows]
                variance[m, rows] = np.maximum(np.diag(block), 0.0)
        return mean, variance


def _tensor(array: Floats) -> Tensor:
    return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float64)
