"""Bayesian optimization of whole designs by BoTorch: noisy expected improvement, or hypervolume improvement for several objectives.

qLogNEI and qLogNEHVI (Ament et al., Unexpected improvements to expected improvement, NeurIPS 2023) on one Gaussian process per metric
over the layers' choices, each scaled to [0, 1] by its place among the layer's. Candidates are random untried designs and neighbors of
the best; limits are outcome constraints. It sees totals only: what it costs to ignore the layers' reports. Extra `bo`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse.errors import SpecError
from dse.goal import Limit
from dse.search import _blackbox as box
from dse.search._ask import Indices, indices
from dse.search.base import Advice, Proposal, Searcher, Trial, View

_SAMPLES = 16
_FIT_STEPS = 40


@dataclass(frozen=True, slots=True)
class Options:
    """`startup`: random designs first; `candidates`: designs that the acquisition is evaluated on."""

    startup: int = 8
    candidates: int = 512

    def __post_init__(self) -> None:
        if self.startup < 2 or self.candidates < 1:
            raise SpecError("[search]: startup must be at least 2 and candidates at least 1.")


def create(options: Options) -> Searcher:
    """Return the search.

    Raises:
        SpecError: BoTorch is not installed.
    """
    from importlib.util import find_spec

    if find_spec("botorch") is None:
        raise SpecError('[search].mode "botorch": BoTorch is not installed. Next: pip install "dse[bo]".')
    return Botorch(options)


@dataclass(frozen=True, slots=True)
class Botorch:
    options: Options

    def propose(self, view: View, n: int) -> Advice:
        """Return n designs of highest acquisition, one after the other, pending ones taken into account."""
        rng = np.random.default_rng((view.seed, len(view.seen)))
        taken, proposals = box.seen_indices(view), []
        known = [(trial, row) for trial in sorted(view.finished, key=lambda t: t.number) if (row := _outcomes(view, trial))]
        for _ in range(max(n, 0)):
            chosen, reason = None, "a random design to start with"
            if len(known) >= self.options.startup:
                chosen, reason = self._best(view, known, rng, taken), "the largest expected improvement among candidates"
            chosen = chosen or box.random_unseen(view, rng, taken)
            if chosen is None:
                break
            taken.add(chosen)
            proposals.append(Proposal(box.point(view, chosen), "botorch", reason))
        if not proposals and not view.pending and len(taken) >= view.space.size:
            return Advice(stop=box.EXHAUSTED)
        return Advice(tuple(proposals))

    def _best(
        self, view: View, known: list[tuple[Trial, list[float]]], rng: np.random.Generator, taken: set[Indices]
    ) -> Indices | None:
        candidates = _candidates(view, known, rng, taken, self.options.candidates)
        if not candidates:
            return None
        sizes = np.maximum(box.counts(view) - 1, 1)
        train_x = np.array([indices(view, trial) for trial, _ in known]) / sizes
        train_y = np.log1p(np.array([row for _, row in known]))
        done = {indices(view, trial) for trial in view.finished}
        pending = np.array([chosen for chosen in sorted(taken) if chosen not in done]).reshape(-1, len(sizes)) / sizes
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = _acquire(view, train_x, train_y, np.array(candidates) / sizes, pending, int(rng.integers(2**31)))
        return candidates[int(np.argmax(values))]


def _limits(view: View) -> tuple[Limit, ...]:
    """Return the limits to learn: those that somebody asked for, since of the others a metric may be unknown."""
    return tuple(limit for limit in view.goal.limits if not limit.implied)


def _outcomes(view: View, trial: Trial) -> list[float] | None:
    """Return objectives, then limited metrics; None if one is unknown."""
    if trial.qor is None:
        return None
    names = [o.metric for o in view.goal.objectives] + [limit.metric for limit in _limits(view)]
    found = [view.goal.value(trial.qor, name) for name in names]
    return None if None in found else [float(value) for value in found if value is not None]


def _candidates(
    view: View, known: list[tuple[Trial, list[float]]], rng: np.random.Generator, taken: set[Indices], n: int
) -> list[Indices]:
    sizes = box.counts(view)
    ranked = sorted(known, key=lambda pair: (box.merit(view, pair[0]) or np.inf, pair[0].number))
    found: dict[Indices, None] = {}
    for trial, _ in ranked[:4]:
        here = indices(view, trial)
        for layer, size in enumerate(sizes):
            found |= {(*here[:layer], index, *here[layer + 1 :]): None for index in range(size)}
    found |= {tuple(int(i) for i in row): None for row in rng.integers(0, sizes, (n, len(sizes)))}
    return [chosen for chosen in found if chosen not in taken]


def _acquire(view: View, train_x: Any, train_y: Any, candidates: Any, pending: Any, seed: int) -> Any:
    """Return the acquisition of each candidate; outcomes are standardized and negated, since BoTorch maximizes."""
    import torch
    from botorch.acquisition.logei import qLogNoisyExpectedImprovement
    from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
    from botorch.acquisition.multi_objective.objective import IdentityMCMultiOutputObjective
    from botorch.acquisition.objective import GenericMCObjective
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import ModelListGP, SingleTaskGP
    from botorch.sampling.normal import SobolQMCNormalSampler
    from gpytorch.mlls import SumMarginalLogLikelihood

    center, scale = train_y.mean(axis=0), np.maximum(train_y.std(axis=0), 1e-6)
    x, y = (torch.as_tensor(a, dtype=torch.float64) for a in (train_x, -(train_y - center) / scale))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = ModelListGP(*(SingleTaskGP(x, y[:, [m]]) for m in range(y.shape[1])))
        likelihood = SumMarginalLogLikelihood(model.likelihood, model)
        fit_gpytorch_mll(likelihood, optimizer_kwargs={"options": {"maxiter": _FIT_STEPS}})
        n_objectives = len(view.goal.objectives)
        bounds = [
            (np.log1p(limit.maximum) - center[n_objectives + i]) / scale[n_objectives + i] for i, limit in enumerate(_limits(view))
        ]
        shared: dict[str, Any] = {
            "model": model,
            "X_baseline": x,
            "sampler": SobolQMCNormalSampler(torch.Size([_SAMPLES]), seed=seed),
            "X_pending": torch.as_tensor(pending, dtype=torch.float64) if len(pending) else None,
            "constraints": [_constraint(n_objectives + i, bound) for i, bound in enumerate(bounds)] or None,
            "prune_baseline": True,
        }
        if n_objectives == 1:
            acquisition: Any = qLogNoisyExpectedImprovement(objective=GenericMCObjective(_first), **shared)
        else:
            chosen = IdentityMCMultiOutputObjective(outcomes=list(range(n_objectives)))
            corner = y[:, :n_objectives].min(dim=0).values - 0.1
            acquisition = qLogNoisyExpectedHypervolumeImprovement(ref_point=corner.tolist(), objective=chosen, **shared)
        with torch.no_grad():
            return acquisition(torch.as_tensor(candidates, dtype=torch.float64)[:, None, :]).numpy()


def _first(samples: Any, X: Any = None) -> Any:  # noqa: N803  (BoTorch passes it by this name)
    return samples[..., 0]


def _constraint(column: int, bound: float) -> Any:
    """Return a function of samples that is negative where a limit is kept."""
    return lambda samples: -samples[..., column] - bound
