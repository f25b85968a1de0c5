"""NSGA-II by Optuna, one integer per layer, limits as constraints (extra `bo`).

Optuna keeps a trial's generation with the trial, and a rebuilt study has none: generations are counted off from the trial numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dse.search._optuna import OptunaSearch
from dse.search.base import Searcher


@dataclass(frozen=True, slots=True)
class Options:
    """`population`: designs a generation."""

    population: int = 20


def create(options: Options) -> Searcher:
    """Return the search.

    Raises:
        SpecError: Optuna is not installed.
    """

    def sampler(**given: Any) -> Any:
        import optuna

        return optuna.samplers.NSGAIISampler(population_size=options.population, **given)

    return OptunaSearch("nsga2", sampler)
