"""Optuna behind a stateless search: the study is rebuilt from the view each time, then asked.

A layer is an integer parameter, its choice's index: categories would hide that reuse factors are ordered. Optuna proposes points again
on discrete spaces; an answer seen before is replaced by a random unseen point after some tries.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from dse.errors import SpecError
from dse.search import _blackbox as box
from dse.search._ask import Indices, indices
from dse.search.base import Advice, Proposal, View

_TRIES = 10


@dataclass(frozen=True, slots=True)
class OptunaSearch:
    """A sampler of Optuna as a search: `rule` is its name, `make_sampler(seed=..., constraints_func=...)` builds it.

    Raises:
        SpecError: Optuna is not installed.
    """

    rule: str
    make_sampler: Callable[..., Any]

    def __post_init__(self) -> None:
        if find_spec("optuna") is None:
            raise SpecError(f'[search].mode "{self.rule}": Optuna is not installed. Next: pip install "dse[bo]".')

    def propose(self, view: View, n: int) -> Advice:
        """Return n points nobody has tried."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        taken, proposals = box.seen_indices(view), []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # experimental features that this project pins by version
            study = _study(view, self.make_sampler)
            for _ in range(max(n, 0)):
                rng = np.random.default_rng((view.seed, len(taken)))
                chosen = _ask(view, study, taken) or box.random_unseen(view, rng, taken)
                if chosen is None:
                    break
                taken.add(chosen)
                proposals.append(Proposal(box.point(view, chosen), self.rule, f"what Optuna's {self.rule} sampler asks for"))
        if not proposals and not view.pending and len(taken) >= view.space.size:
            return Advice(stop=box.EXHAUSTED)
        return Advice(tuple(proposals))


def _study(view: View, make_sampler: Any) -> Any:
    import optuna

    seed = int(np.random.default_rng((view.seed, len(view.seen))).integers(2**31))
    sampler = make_sampler(seed=seed, constraints_func=_constraints if view.goal.limits else None)
    study = optuna.create_study(directions=["minimize"] * len(view.goal.objectives), sampler=sampler)
    spans = {o.layer.name: optuna.distributions.IntDistribution(0, len(o.choices) - 1) for o in view.space.options}
    done = sorted(view.finished, key=lambda trial: trial.number)
    key = getattr(sampler, "_get_generation_key", None)  # genetic samplers keep a trial's generation with it: count them off again
    for place, trial in enumerate(done):
        values, broken = view.goal.measures(trial.outcome), box.violations(view, trial)
        is_known = values is not None and broken is not None
        study.add_trial(
            optuna.trial.create_trial(
                params=dict(zip(spans, indices(view, trial), strict=True)),
                distributions=spans,
                values=values if is_known else None,
                state=optuna.trial.TrialState.COMPLETE if is_known else optuna.trial.TrialState.FAIL,
                user_attrs={"broken": list(broken or ())},
                system_attrs=({"constraints": list(broken or ())} if view.goal.limits else {})
                | ({key(): place // sampler._population_size} if key else {}),
            )
        )
    return study


def _constraints(trial: Any) -> tuple[float, ...]:
    return tuple(trial.user_attrs.get("broken", ()))


def _ask(view: View, study: Any, taken: set[Indices]) -> Indices | None:
    for _ in range(_TRIES):
        asked = study.ask()
        chosen = tuple(asked.suggest_int(option.layer.name, 0, len(option.choices) - 1) for option in view.space.options)
        if chosen not in taken:
            return chosen
    return None
