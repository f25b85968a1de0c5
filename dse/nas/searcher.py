"""Which networks to train next: a searcher without a memory of its own, whose samplers are `known_cost` or Optuna's.

Weighing costs milliseconds and training minutes, so what cannot keep the limits on the device, or was tried before, is refused here and
remembered with its reason. Every proposal is drawn with a seed of (search, how many were looked at), so that it is a function of the history.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dse.errors import SpaceError, SpecError
from dse.nas import known_cost
from dse.nas.cost import Cost, Device, believed, cost_of
from dse.nas.records import Candidate, Outcome, candidate_of, cost_to_json, refused_candidate
from dse.nas.space import Choice
from dse.nas.spec import NasSpec
from dse.networks.architecture import Architecture
from dse.search.base import Advice, Proposal
from dse.study.fold import CampaignState
from dse.wire import to_json

_TRIES_SAMPLER, _TRIES = 10, 100  # refused in a row: first draw at random, then say that nothing is left
_STATES = {Outcome.TRAINED: "COMPLETE", Outcome.FAILED: "FAIL"}

Values = dict[str, Any]
Refusal = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ArchitectureSearch:
    """Proposes architectures.

    Attributes:
        device: what they are weighed against.
        n_channels: of the data's windows.
    """

    spec: NasSpec
    device: Device
    n_channels: int

    def propose(self, view: CampaignState, n: int) -> Advice:
        """Return at most n networks that keep the limits and were not tried; stop where a hundred in a row are none."""
        known = [candidate_of(self.spec, trial) for trial in sorted(view.trials, key=lambda trial: trial.number)]
        known += [refused_candidate(document) for document in view.refused]
        proposals: list[Proposal] = []
        refused: list[Refusal] = []
        while len(proposals) < n:
            for attempt in range(_TRIES):
                found = self._look_at(known, is_at_random=attempt >= _TRIES_SAMPLER)
                if isinstance(found, Proposal):
                    architecture: Any = found.point
                    known.append(Candidate(0, Outcome.RUNNING, architecture, cost=found.facts["cost"]))
                    proposals.append(found)
                    break
                refused.append(found)
                known.append(refused_candidate(found))
            else:
                reason = f"{_TRIES} candidates in a row were known already or cannot keep the limits"
                is_over = not (proposals or view.pending)
                return Advice(
                    tuple(proposals), stop=reason if is_over else None, refused=tuple(refused) if is_over or proposals else ()
                )
        return Advice(tuple(proposals), refused=tuple(refused))

    def _look_at(self, known: Sequence[Candidate], *, is_at_random: bool) -> Proposal | Refusal:
        start = time.perf_counter()
        values = self._sample(known, is_at_random=is_at_random)
        asked = time.perf_counter() - start
        try:
            architecture = self.spec.space.architecture(values, self.n_channels)
        except SpaceError as error:
            return {"reason": str(error)}
        document = to_json(architecture)
        before = next((c for c in known if c.architecture is not None and c.architecture.key == architecture.key), None)
        if before is not None:
            return {
                "architecture": document,
                "reason": "the same as " + (f"trial {before.number}" if before.number else "one before"),
            }
        cost = self._cost(architecture)
        if cost.point is None and self.spec.cost.refuse:
            return {"architecture": document, "reason": cost.reason, "cost": cost_to_json(cost)}
        facts = {"cost": cost_to_json(cost), "ask_seconds": round(asked, 6), "cost_seconds": round(cost.seconds, 6)}
        point: Any = architecture
        return Proposal(point, self.spec.search.sampler, f"what the {self.spec.search.sampler} sampler asks for", facts=facts)

    def _sample(self, known: Sequence[Candidate], *, is_at_random: bool) -> Values:
        spec, draw = self.spec, len(known)
        if is_at_random or spec.search.sampler != "known_cost":
            return _asked_of_optuna("random" if is_at_random else spec.search.sampler, spec, known, draw)

        def weigh(network: Architecture) -> tuple[float, ...] | None:
            cost = self._cost(network)
            if cost.point is None and spec.cost.refuse:
                return None
            weighed = Candidate(0, Outcome.RUNNING, network, cost=cost_to_json(cost))
            return tuple(weighed.value(goal.metric) or 0.0 for goal in spec.goals if not goal.is_learned)

        startup, seed = spec.search.startup, (spec.seed, draw)
        return known_cost.propose(spec.space, spec.goals, known, weigh, n_channels=self.n_channels, startup=startup, seed=seed)

    def _cost(self, network: Architecture) -> Cost:
        return cost_of(network, self.device, with_least_latency=any(goal.metric == "latency_ns" for goal in self.spec.goals))


def device_of(spec: NasSpec) -> Device:
    """Return what candidates are weighed against; with `[cost] tables = "surrogate"` a surrogate is fitted first.

    Raises:
        CorpusError: the corpus is nowhere, or cannot be read.
    """
    if spec.cost.tables == "estimate":
        return spec.device
    from dataclasses import replace

    from dse import registry
    from dse.corpus import find_corpus, read_corpus

    corpus = read_corpus(find_corpus(spec.cost.corpus, near=spec.path.parent))
    options = registry.load("surrogates", spec.cost.surrogate).Options()
    return replace(spec.device, table=believed(spec.cost.surrogate, options, corpus.layers, spec.target, spec.seed))


def _asked_of_optuna(kind: str, spec: NasSpec, known: Sequence[Candidate], draw: int) -> Values:
    """Ask a fresh sampler about a study rebuilt from all that was looked at."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries' notes on their own future
        sampler = _sampler(kind, spec, (spec.seed * 1_000_003 + draw) % 2**31)
        study = optuna.create_study(directions=["minimize"] * len(spec.goals), sampler=sampler)
        spans = {p.name: _distribution(p) for p in spec.space.parameters}
        generation = getattr(sampler, "_get_generation_key", None)  # genetic samplers keep it with a trial: count them off again
        ended = [c for c in known if c.architecture is not None and c.outcome is not Outcome.RUNNING] if kind != "random" else []
        for place, candidate in enumerate(ended):
            assert candidate.architecture is not None
            state = optuna.trial.TrialState[_STATES.get(candidate.outcome, "PRUNED")]
            study.add_trial(
                optuna.trial.create_trial(
                    params=known_cost.parameters_of(spec.space, candidate.architecture),
                    distributions=spans,
                    values=candidate.values(spec.goals) if state is optuna.trial.TrialState.COMPLETE else None,
                    state=state,
                    system_attrs={generation(): place // sampler._population_size} if generation else {},
                )
            )
        return dict(study.ask(fixed_distributions=spans).params)


def _sampler(kind: str, spec: NasSpec, seed: int) -> Any:
    """Return a fresh sampler for one proposal.

    Raises:
        SpecError: BoTorch is not installed.
    """
    import optuna

    match kind:
        case "random":
            return optuna.samplers.RandomSampler(seed=seed)
        case "tpe":
            return optuna.samplers.TPESampler(seed=seed, n_startup_trials=spec.search.startup, multivariate=True)
        case "nsga2":
            return optuna.samplers.NSGAIISampler(seed=seed, population_size=max(4, spec.search.startup))
    try:
        import torch
        from optuna_integration import BoTorchSampler

        torch.set_num_threads(1)  # the problem is tiny, and the other cores are training: more threads wait for each other
        return BoTorchSampler(seed=seed, n_startup_trials=spec.search.startup)
    except ImportError as error:
        raise SpecError(
            f'search.sampler: "botorch" needs more packages ({error}). Install them: pip install "dse[nas]".'
        ) from error


def _distribution(parameter: Any) -> Any:
    """Return what Optuna calls a parameter's values."""
    import optuna

    if isinstance(parameter, Choice):
        return optuna.distributions.CategoricalDistribution(parameter.options)
    return optuna.distributions.IntDistribution(parameter.low, parameter.high, log=parameter.is_logarithmic, step=parameter.step)
