"""The formulas of the Gaussian processes: against doing it the long way, with holes in the data and without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dse.surrogates._features import NAMES
from dse.surrogates._gp_math import JITTER, Batch, Posterior, Process, _factor, log_density, train, untrained
from dse.surrogates.base import METRICS

M, N, F, J = len(METRICS), 14, len(NAMES), 5
GROUPS = np.arange(N) % 4


def some_data(seed: int = 0, *, holes: bool = False) -> Batch:
    rng = np.random.default_rng(seed)
    x = np.round(rng.uniform(0, 6, (N, F)), 1)
    phi = rng.uniform(0, 50, (M, N, J)) * (rng.random((M, N, J)) < 0.8)
    t = np.log1p(phi.sum(axis=2) * np.exp(rng.normal(0, 0.3, (M, N))))
    if holes:
        t[rng.random((M, N)) < 0.3] = np.nan
    same = (GROUPS[:, None] == GROUPS).astype(float)
    return Batch.of(x, t, rng.uniform(0, 0.01, (M, N)), phi, rng.uniform(0.1, 1.5, (M, J)), same)


def some_process(batch: Batch, seed: int = 0) -> Process:
    """A process whose hyperparameters are somewhere near their priors' medians."""
    process = untrained(batch)
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in process.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return process


def part(batch: Batch, rows: np.ndarray, metrics: slice = slice(None)) -> Batch:
    keep = torch.as_tensor(np.flatnonzero(rows))
    return Batch(
        batch.x[keep],
        batch.t[metrics][:, keep],
        batch.noise[metrics][:, keep],
        batch.phi[metrics][:, keep],
        batch.tau[metrics],
        batch.same[keep][:, keep],
    )


def test_the_density_is_that_of_a_normal_distribution() -> None:
    """Metric by metric and with plain matrices, on the rows that were measured."""
    batch = some_data(holes=True)
    process = some_process(batch)
    expected = process.log_prior()
    mean, slope = process.mean(batch.phi, batch.tau)
    lengths = torch.exp(process.matern.raw_lengthscale)
    for m in range(M):
        known = batch.known[m]
        x = batch.x[known] / lengths[m]
        distance = np.sqrt(5) * torch.cdist(x, x)
        matern = (1 + distance + distance**2 / 3) * torch.exp(-distance)
        g = slope[m, known]
        size = torch.sqrt((g**2).sum(1) + 1e-4)
        covariance = torch.exp(2 * process.log_scale[m]) * matern * torch.outer(size, size)
        covariance = covariance + torch.exp(2 * process.log_shape[m]) * batch.same[known][:, known] * (g @ g.T)
        covariance = covariance + torch.diag(batch.noise[m, known] + torch.exp(2 * process.log_nugget[m]) + JITTER)
        normal = torch.distributions.MultivariateNormal(mean[m, known], covariance)
        expected = expected + normal.log_prob(batch.t[m, known]) + 0.5 * known.sum() * np.log(2 * np.pi)
    assert log_density(process, batch).item() == pytest.approx(expected.item(), rel=1e-6)


def test_the_priors_cover_every_hyperparameter() -> None:
    batch = some_data()
    process = some_process(batch)
    fresh = untrained(batch)
    spreads, steps = process.spreads(), []
    for moved, median in zip(process.parameters(), fresh.parameters(), strict=True):
        steps.append((moved - median).ravel())
    away = torch.cat(steps) / spreads
    assert (process.log_prior() - fresh.log_prior()).item() == pytest.approx(-0.5 * (away @ away).item(), rel=1e-9)


def test_training_climbs_and_leaves_what_never_varied() -> None:
    batch = some_data(holes=True)
    batch = replace(batch, x=torch.where(torch.arange(F) % 3 == 0, 1.0, batch.x))
    process, again = train(batch), train(batch)
    assert log_density(process, batch).item() > log_density(untrained(batch), batch).item() + 5
    still = untrained(batch).everywhere().raw_lengthscale[..., ::3]
    assert torch.equal(process.everywhere().raw_lengthscale[..., ::3], still)
    assert torch.equal(
        torch.nn.utils.parameters_to_vector(process.parameters()), torch.nn.utils.parameters_to_vector(again.parameters())
    )


@pytest.mark.parametrize("holes", [False, True])
def test_leaving_out_in_closed_form_equals_doing_it(holes: bool) -> None:
    batch = some_data(holes=holes)
    process = some_process(batch)
    means, variances = Posterior(batch, process).leave_out(GROUPS)
    rest = GROUPS != 0
    same = batch.same.numpy()
    asked = Posterior(part(batch, rest), process).predict(
        batch.x.numpy()[~rest], batch.phi.numpy()[:, ~rest], same[np.ix_(~rest, rest)], same[np.ix_(~rest, ~rest)]
    )
    known = batch.known.numpy()[:, ~rest]
    noise = batch.noise.numpy()[:, ~rest] + Posterior(batch, process).nugget[:, None] + JITTER
    assert means[:, ~rest][known] == pytest.approx(asked[0][known], rel=1e-6)
    assert variances[:, ~rest][known] == pytest.approx((np.diagonal(asked[1], axis1=1, axis2=2) + noise)[known], rel=1e-5)
    assert np.isnan(means[~batch.known.numpy()]).all()


def test_without_data_the_prior_answers() -> None:
    batch = some_data()
    nothing = replace(batch, t=torch.full_like(batch.t, torch.nan))
    x, phi, same = batch.x.numpy(), batch.phi.numpy(), batch.same.numpy()
    means, spread = Posterior(nothing, untrained(nothing)).predict(x, phi, same, same)
    assert means == pytest.approx(np.log1p(phi.sum(axis=2)))
    assert np.linalg.eigvalsh(spread).min() > -1e-9


def test_what_can_hardly_be_factored_gets_a_heavier_diagonal() -> None:
    flat = (torch.ones(3, 3) - (1e-9 + JITTER) * torch.eye(3)).double()[None]
    known, noise = torch.ones(1, 3, dtype=torch.bool), torch.zeros(1, 3).double()
    lower = _factor(flat, known, noise)[0]
    assert (lower @ lower.T).numpy() == pytest.approx(flat[0].numpy(), abs=1e-3)
    with pytest.raises(ArithmeticError, match="positive definite"):
        _factor(-torch.eye(2).double()[None], known[:, :2], noise[:, :2])
