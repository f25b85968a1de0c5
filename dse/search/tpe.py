"""Tree-structured Parzen estimators by Optuna, one integer per layer, limits as constraints (extra `bo`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dse.errors import SpecError
from dse.search import _optuna
from dse.search.base import Advice, Searcher, View


@dataclass(frozen=True, slots=True)
class Options:
    """`startup`: random designs before the first estimate."""

    startup: int = 10


def create(options: Options) -> Searcher:
    """Return the search.

    Raises:
        SpecError: Optuna is not installed.
    """
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise SpecError('[search].mode "tpe": Optuna is not installed. Next: pip install "dse[bo]".') from error
    return Tpe(options)


@dataclass(frozen=True, slots=True)
class Tpe:
    options: Options

    def propose(self, view: View, n: int) -> Advice:
        """Return n points nobody has tried."""

        def sampler(seed: int, constraints: Any) -> Any:
            import optuna

            return optuna.samplers.TPESampler(
                seed=seed,
                n_startup_trials=self.options.startup,
                multivariate=True,
                constraints_func=constraints if view.limits else None,
            )

        return _optuna.propose(view, n, sampler, "tpe")
