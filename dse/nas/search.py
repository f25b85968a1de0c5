"""The search: ask, weigh, train what is worth it, remember.

Weighing costs milliseconds and training minutes, so a candidate that cannot keep the limits on the device, or was tried before, never
gets a training. All state is in the study's journal: killed anywhere, the same command goes on, and only trainings in flight are lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from dse.errors import SpaceError
from dse.nas.cost import Cost, Device, believed, cost_of
from dse.nas.data.windows import Cutter
from dse.nas.known_cost import propose
from dse.nas.pool import Inline, Message, Pool, Trainers, network_file
from dse.nas.records import Candidate, Outcome, cost_to_json, front_of, is_hopeless
from dse.nas.spec import NasSpec
from dse.nas.study import EVENTS, Study, budget_spent
from dse.nas.training import TrainFunction
from dse.networks.architecture import Architecture
from dse.study.loop import Signals

_TICK_SECONDS = 0.5
_TRIES_SAMPLER, _TRIES = 10, 100  # refused in a row: first ask at random, then say that nothing is left


class Watcher(Protocol):
    """Somebody who looks on."""

    def asked(self, candidate: Candidate) -> None: ...

    def epoch(self, number: int, curve: tuple[float, ...]) -> None: ...

    def finished(self, candidate: Candidate, candidates: tuple[Candidate, ...]) -> None: ...

    def stopped(self, reason: str) -> None: ...


@dataclass
class _InTraining:
    candidate: Candidate
    others: tuple[float, ...]  # the objectives that are known before the training
    curve: list[float] = field(default_factory=list)


@dataclass
class Search:
    """A search that is open for writing."""

    spec: NasSpec
    study: Study
    trainers: Trainers
    device: Device
    n_channels: int
    watchers: tuple[Watcher, ...] = ()
    signals: Signals = field(default_factory=Signals)

    def __post_init__(self) -> None:
        self._running: dict[int, _InTraining] = {}
        self._is_exhausted = False
        self._known = {
            c.architecture.key: c.number for c in self.study.candidates if c.architecture and c.outcome is not Outcome.LOST
        }
        if isinstance(self.trainers, Inline):
            self.trainers.hear = self._hear

    def run(self) -> tuple[Candidate, ...]:
        """Search until the budget is spent, nothing is left, or a signal comes; return all candidates."""
        while not self.signals.detach and not (self.signals.cancel or (self.signals.stop and not self._running)):
            reason = None if self.signals.stop else self._fill()
            if reason is not None and not self._running:
                self.study.stop(reason, is_exhausted=self._is_exhausted)
                self._tell("stopped", reason)
                break
            for message in self.trainers.wait(_TICK_SECONDS):
                self._take(message)
        return self.study.candidates

    def _fill(self) -> str | None:
        """Start trainings while there is room; return why there is nothing to start, if so."""
        while self.trainers.free:
            reason = self._spent()
            if reason is not None:
                return reason
            if not self._start_one():
                self._is_exhausted = True
                return f"{_TRIES} candidates in a row were known already or cannot keep the limits"
        return None

    def _spent(self) -> str | None:
        budget = self.spec.budget
        spent = budget_spent(self.study.candidates)
        if budget.trials is not None and spent >= budget.trials:
            return f"the budget is spent: {spent} of {budget.trials} trainings"
        if budget.hours is not None and self.study.active_seconds >= 3600 * budget.hours:
            return f"the budget is spent: {self.study.active_seconds / 3600:.2f} of {budget.hours:g} hours"
        return None

    def _suggest(self, number: int) -> dict[str, Any]:
        spec, goals = self.spec, self.spec.goals

        def weigh(network: Architecture) -> tuple[float, ...] | None:
            cost = self._cost(network)
            if cost.point is None and spec.cost.refuse:
                return None
            weighed = Candidate(number, Outcome.RUNNING, network, cost=cost_to_json(cost))
            return tuple(weighed.value(goal.metric) or 0.0 for goal in goals if not goal.is_learned)

        startup, seed = spec.search.startup, (spec.seed, number)
        return propose(spec.space, goals, self.study.candidates, weigh, n_channels=self.n_channels, startup=startup, seed=seed)

    def _cost(self, network: Architecture) -> Cost:
        least = any(goal.metric == "latency_ns" for goal in self.spec.goals)
        return cost_of(network, self.device, with_least_latency=least)

    def _start_one(self) -> bool:
        suggest = self._suggest if self.spec.search.sampler == "known_cost" else None
        for attempt in range(_TRIES):
            number, values, seconds = self.study.ask(at_random=attempt >= _TRIES_SAMPLER, suggest=suggest)
            candidate = self._weigh(number, values, seconds)
            if candidate is not None:
                self._tell("asked", candidate)
                return True
        return False

    def _weigh(self, number: int, values: dict[str, Any], seconds: float) -> Candidate | None:
        """Refuse a candidate, or start its training."""
        try:
            architecture = self.spec.space.architecture(values, self.n_channels)
        except SpaceError as error:
            self.study.finish(number, Outcome.REFUSED, reason=str(error), ask_seconds=seconds)
            return None
        before = self._known.get(architecture.key)
        if before is not None:
            self.study.finish(number, Outcome.REFUSED, reason=f"the same as trial {before}", ask_seconds=seconds)
            return None
        self._known[architecture.key] = number
        cost = self._cost(architecture)
        facts: dict[str, Any] = {
            "architecture": architecture.to_json(),
            "ask_seconds": round(seconds, 6),
            "cost_seconds": round(cost.seconds, 6),
        }
        weighed = cost_to_json(cost)
        if cost.point is None and self.spec.cost.refuse:
            self.study.finish(number, Outcome.REFUSED, reason=cost.reason, cost=weighed, **facts)
            return None
        self.study.describe(number, cost=weighed, **facts)
        candidate = Candidate(number, Outcome.RUNNING, architecture, cost=weighed, ask_seconds=seconds, cost_seconds=cost.seconds)
        self._train(candidate, architecture)
        return candidate

    def _train(self, candidate: Candidate, architecture: Architecture) -> None:
        known = tuple(candidate.value(goal.metric) or 0.0 for goal in self.spec.goals if not goal.is_learned)
        self._running[candidate.number] = _InTraining(candidate, known)
        file = network_file(self.spec, candidate.number)
        self.trainers.submit(
            {
                "number": candidate.number,
                "architecture": architecture.to_json(),
                "seed": self.spec.seed * 1_000_003 + candidate.number,
                "network": str(file.absolute()),
            }
        )

    def _hear(self, message: Message) -> bool:
        """Take an epoch's error in; return whether the training should go on."""
        running = self._running[message.number]
        running.curve.append(float(message.value))
        self._tell("epoch", message.number, tuple(running.curve))
        after = self.spec.training.prune_after
        if after is None or len(running.curve) < after or self.signals.detach or self.signals.cancel:
            return not (self.signals.detach or self.signals.cancel)
        goals = [goal.metric for goal in self.spec.goals if not goal.is_learned]
        rivals = [
            (tuple(c.value(metric) or 0.0 for metric in goals), c.curve)
            for c in self.study.candidates
            if c.outcome is Outcome.TRAINED
        ]
        return not is_hopeless(running.curve, running.others, rivals)

    def _take(self, message: Message) -> None:
        if message.number not in self._running:
            return
        if message.kind == "error":
            if not self._hear(message):
                self.trainers.give_up(message.number)
            return
        running = self._running.pop(message.number)
        number, curve = message.number, [round(error, 9) for error in running.curve]
        if message.kind == "failed":
            done = self.study.finish(number, Outcome.FAILED, reason=str(message.value), curve=curve)
        else:
            done = self._record(number, message.value, running, curve)
        self._tell("finished", done, self.study.candidates)

    def _record(self, number: int, facts: dict[str, Any], running: _InTraining, curve: list[float]) -> Candidate:
        outcome = Outcome.HOPELESS if facts["ended"] == "hopeless" else Outcome.TRAINED
        file = str(network_file(self.spec, number).relative_to(self.spec.state)) if facts["has_network"] else ""
        known = iter(running.others)
        values = [float(facts["error"]) if goal.is_learned else next(known) for goal in self.spec.goals]
        told = {"error": facts["error"], "test_error": facts["test_error"], "seconds": facts["seconds"], "reason": facts["ended"]}
        return self.study.finish(number, outcome, values, curve=curve, file=file, **told)

    def _tell(self, what: str, *facts: Any) -> None:
        for watcher in self.watchers:
            getattr(watcher, what)(*facts)


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


def run_search(
    spec: NasSpec,
    *,
    train: TrainFunction | None = None,
    watchers: tuple[Watcher, ...] = (),
    signals: Signals | None = None,
    opened: Callable[[Study], None] = lambda study: None,
) -> tuple[Candidate, ...]:
    """Run a search to its end and return all candidates; the same call resumes it.

    Args:
        train: a training function of one's own (see `dse.nas.training`), called in this process, one candidate at a time. Without it
            Keras trains in `[search] workers` processes.
        opened: called with the study before anything is asked.

    Raises:
        CampaignLocked: another process runs it. SpecChanged: the file asks something else than before. DataError: the data is bad.
    """
    # Bad data shows before anything is recorded: to mend a path must not count as asking something else.
    data = None if (spec.state / EVENTS).exists() else _data_of(spec)
    study = Study(spec)
    trainers: Trainers | None = None
    try:
        opened(study)
        signals = signals or Signals()
        if is_over(spec, study):
            return study.candidates
        windows, channels = data or _data_of(spec)  # before any worker starts
        trainers = Inline(spec, train, windows) if train else Pool(spec, _n_workers(spec))
        return Search(spec, study, trainers, device_of(spec), channels, watchers, signals).run()
    finally:
        if trainers is not None:
            trainers.close()
        study.close()


def _data_of(spec: NasSpec) -> tuple[Cutter, int]:
    """Return what cuts windows, and how many channels they have."""
    from dse.nas.worker import cutter_of

    windows = cutter_of(spec)
    return windows, int(windows(spec.space.longest_input).x["training"].shape[2])


def is_over(spec: NasSpec, study: Study) -> bool:
    """Whether a search has nothing left to do; a larger budget changes that."""
    spent, budget = budget_spent(study.candidates), spec.budget
    if study.is_exhausted:
        return True
    return budget.trials is not None and spent >= budget.trials and study.stop_reason is not None


def _n_workers(spec: NasSpec) -> int:
    left = spec.search.workers if spec.budget.trials is None else min(spec.search.workers, spec.budget.trials)
    return max(1, left)


def front(spec: NasSpec, candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Return the Pareto front of a search."""
    return front_of(candidates, spec.goals)
