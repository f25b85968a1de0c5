"""NSGA-II by Optuna, one integer per layer, limits as constraints (extra `bo`).

Optuna keeps a trial's generation with the trial, and a rebuilt study has none: generations are counted off from the trial numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dse.errors import SpecError
from dse.search import _optuna
from dse.search.base import Advice, Searcher, View


@dataclass(frozen=True, slots=True)
class Options:
    """`population`: designs a generation."""

    population: int = 20


def create(options: Options) -> Searcher:
    """Return the search.

    Raises:
        SpecError: Optuna is not installed.
    """
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise SpecError('[search].mode "nsga2": Optuna is not installed. Next: pip install "dse[bo]".') from error
    return Nsga2(options)


@dataclass(frozen=True, slots=True)
class Nsga2:
    options: Options

    def propose(self, view: View, n: int) -> Advice:
        """Return n points nobody has tried."""

        def sampler(seed: int, constraints: Any) -> Any:
            import optuna

            return optuna.samplers.NSGAIISampler(
                seed=seed,
                population_size=self.options.population,
                constraints_func=constraints if view.limits else None,
            )

        return _optuna.propose(view, n, sampler, "nsga2")
