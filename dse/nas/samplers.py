"""Optuna's samplers, by the names that `[search] sampler` has for them."""

from __future__ import annotations

import warnings

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from dse.errors import SpecError
from dse.nas.space import Choice, Parameter
from dse.nas.spec import NasSpec


def make_sampler(kind: str, spec: NasSpec, number: int) -> optuna.samplers.BaseSampler:
    """Return a fresh sampler for one proposal.

    Raises:
        SpecError: BoTorch is not installed.
    """
    seed = (spec.seed * 1_000_003 + number) % 2**31
    match kind:
        case "random":
            return optuna.samplers.RandomSampler(seed=seed)
        case "tpe":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return optuna.samplers.TPESampler(seed=seed, n_startup_trials=spec.search.startup, multivariate=True)
        case "nsga2":
            return optuna.samplers.NSGAIISampler(seed=seed, population_size=max(4, spec.search.startup))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torch
            from optuna_integration import BoTorchSampler

            torch.set_num_threads(1)  # the problem is tiny, and the other cores are training: more threads wait for each other
            return BoTorchSampler(seed=seed, n_startup_trials=spec.search.startup)
    except ImportError as error:
        raise SpecError(
            f'search.sampler: "botorch" needs more packages ({error}). Install them: pip install "dse[nas]".'
        ) from error


def distribution_of(parameter: Parameter) -> BaseDistribution:
    """Return what Optuna calls a parameter's values."""
    if isinstance(parameter, Choice):
        return CategoricalDistribution(parameter.options)
    return IntDistribution(parameter.low, parameter.high, log=parameter.is_logarithmic, step=parameter.step)
