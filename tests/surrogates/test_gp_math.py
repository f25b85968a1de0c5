"""The formulas of the Gaussian processes: against gpytorch, against differences, against doing it the long way."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from dse.surrogates._features import NAMES
from dse.surrogates._gp_math import JITTER, Data, Posterior, Prior, covariance, factor, inverse, loss, mean, split, train
from dse.surrogates.base import METRICS

N, F, J = 14, len(NAMES), 5


def some_data(seed: int = 0) -> Data:
    rng = np.random.default_rng(seed)
    x = np.round(rng.uniform(0, 6, (N, F)), 1)
    phi = rng.uniform(0, 50, (N, J)) * (rng.random((N, J)) < 0.8)
    groups = rng.integers(0, 4, N)
    t = np.log1p(phi.sum(axis=1) * np.exp(rng.normal(0, 0.3, N)))
    return Data(x, t, rng.uniform(0, 0.01, N), phi, rng.uniform(0.1, 1.5, J), (groups[:, None] == groups).astype(float))


def some_hyper(seed: int = 0) -> np.ndarray:
    prior = Prior.of("lut", J)
    return prior.median + 0.5 * prior.spread * np.random.default_rng(seed).standard_normal(len(prior.median))


def all_squares(data: Data) -> np.ndarray:
    return (data.x[:, None, :] - data.x) ** 2


@pytest.mark.parametrize("seed", range(5))
def test_the_gradient_is_that_of_the_loss(seed: int) -> None:
    data, prior, hyper = some_data(seed), Prior.of(METRICS[seed], J), some_hyper(seed)
    _, gradient = loss(hyper, data, prior, all_squares(data))
    steps = 1e-6 * np.eye(len(hyper))
    differences = [
        (loss(hyper + step, data, prior, all_squares(data))[0] - loss(hyper - step, data, prior, all_squares(data))[0]) / 2e-6
        for step in steps
    ]
    assert gradient == pytest.approx(np.array(differences), rel=1e-4, abs=1e-4)


def test_kernel_and_density_are_gpytorchs() -> None:
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # gpytorch still scripts functions that torch calls deprecated
        gpytorch = pytest.importorskip("gpytorch")
        data, prior, hyper = some_data(), Prior.of("lut", J), some_hyper()
        lengths, logs, z = split(hyper, J)
        kernel = gpytorch.kernels.MaternKernel(nu=2.5, ard_num_dims=F).double()
        kernel.lengthscale = torch.as_tensor(np.exp(lengths))
        x = torch.as_tensor(data.x)
        with torch.no_grad():
            matern = kernel(x, x).to_dense().numpy()
        center, slope = mean(data.phi, data.tau, z)
        size = np.sqrt((slope**2).sum(axis=1) + 1e-4)
        whole = np.exp(2 * logs[0]) * matern * np.outer(size, size) + np.exp(2 * logs[1]) * data.same * (slope @ slope.T)
        assert covariance(hyper, data.x, slope, data.x, slope, data.same) == pytest.approx(whole, rel=1e-6)
        noisy = whole + np.diag(data.noise + np.exp(2 * logs[2]) + JITTER)
        normal = gpytorch.distributions.MultivariateNormal(torch.as_tensor(center), torch.as_tensor(noisy))
        expected = -float(normal.log_prob(torch.as_tensor(data.t)))
    away = (hyper - prior.median) / prior.spread
    found, _ = loss(hyper, data, prior, all_squares(data))
    assert found - 0.5 * away @ away + 0.5 * N * np.log(2 * np.pi) == pytest.approx(expected, rel=1e-6)


def test_training_climbs_and_leaves_what_never_varied() -> None:
    data, prior = some_data(), Prior.of("lut", J)
    data = replace(data, x=np.where(np.arange(F) % 3 == 0, 1.0, data.x))
    hyper = train(data, prior)
    assert loss(hyper, data, prior, all_squares(data))[0] < loss(prior.median, data, prior, all_squares(data))[0] - 1
    assert np.array_equal(split(hyper, J)[0][::3], split(prior.median, J)[0][::3])
    assert np.array_equal(hyper, train(data, prior))


def test_leaving_out_in_closed_form_equals_doing_it() -> None:
    data, hyper = some_data(), some_hyper()
    groups = np.argmax(data.same, axis=1)
    means, variances = Posterior(data, hyper).leave_out(groups)
    rest = groups != groups[0]
    left = Data(data.x[rest], data.t[rest], data.noise[rest], data.phi[rest], data.tau, data.same[np.ix_(rest, rest)])
    expected, spread = Posterior(left, hyper).predict(
        data.x[~rest], data.phi[~rest], data.same[np.ix_(~rest, rest)], data.same[np.ix_(~rest, ~rest)]
    )
    noise = data.noise[~rest] + np.exp(2 * split(hyper, J)[1][2]) + JITTER
    assert means[~rest] == pytest.approx(expected, rel=1e-6)
    assert variances[~rest] == pytest.approx(np.diag(spread) + noise, rel=1e-6)


def test_without_data_the_prior_answers() -> None:
    data, prior = some_data(), Prior.of("lut", J)
    nothing = Data(data.x[:0], data.t[:0], data.noise[:0], data.phi[:0], data.tau, data.same[:0, :0])
    means, spread = Posterior(nothing, prior.median).predict(data.x, data.phi, np.zeros((N, 0)), data.same)
    assert means == pytest.approx(np.log1p(data.phi.sum(axis=1)))
    assert np.linalg.eigvalsh(spread).min() > -1e-9


def test_what_can_hardly_be_factored_gets_a_heavier_diagonal() -> None:
    flat = np.ones((3, 3)) - 1e-9 * np.eye(3)
    lower = factor(flat)
    assert lower @ lower.T == pytest.approx(flat, abs=1e-3)
    assert inverse(lower) @ lower @ lower.T == pytest.approx(np.eye(3), abs=1e-4)
    with pytest.raises(ArithmeticError, match="positive definite"):
        factor(-np.eye(2))
