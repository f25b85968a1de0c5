"""Tree-structured Parzen estimators by Optuna, one integer per layer, limits as constraints (extra `bo`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dse.search._optuna import OptunaSearch
from dse.search.base import Searcher


@dataclass(frozen=True, slots=True)
class Options:
    """`startup`: random designs before the first estimate."""

    startup: int = 10


def create(options: Options) -> Searcher:
    """Return the search.

    Raises:
        SpecError: Optuna is not installed.
    """

    def sampler(**given: Any) -> Any:
        import optuna

        return optuna.samplers.TPESampler(n_startup_trials=options.startup, multivariate=True, **given)

    return OptunaSearch("tpe", sampler)
