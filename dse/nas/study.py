"""The search's memory: Optuna's journal file (JSON lines, synced), and beside it `nas.jsonl` with what was asked and how long it took.

One process writes, held by the kernel lock of `nas.jsonl`'s journal. A line that a crash tore off is cut before anything is appended.
Every proposal is made by a fresh sampler seeded from (search, number), so it is a function of the recorded history.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import optuna
from optuna.trial import TrialState

from dse.nas.records import SPENT, Candidate, Outcome
from dse.nas.samplers import distribution_of, make_sampler
from dse.nas.spec import NasSpec
from dse.nas.storage import cut_torn_line, open_study
from dse.networks.architecture import Architecture
from dse.store.journal import SCHEMA, Journal, read_events
from dse.study.changes import refuse_changes

FILE = "optuna.jsonl"
EVENTS = "nas.jsonl"

_FACTS = "facts"  # the one user attribute: all that is known of a candidate but what Optuna knows itself

Suggest = Callable[[int], dict[str, Any]]


class Study:
    """An architecture search's candidates, open for writing.

    Attributes:
        repaired: bytes of torn lines that were cut off on opening.
    """

    def __init__(self, spec: NasSpec) -> None:
        self.spec = spec
        spec.state.mkdir(parents=True, exist_ok=True)
        self._journal = Journal(spec.state / EVENTS)
        try:
            self._check_meaning()
            self.repaired = self._journal.repaired + cut_torn_line(spec.state / FILE)
            self._study = _open(spec, is_new=True)
            self._distributions = {p.name: distribution_of(p) for p in spec.space.parameters}
            self._asked: dict[int, tuple[optuna.Trial, dict[str, Any]]] = {}
            self._mark = time.monotonic()
            self._ended: list[Candidate] = []  # all candidates up to the first that is not finished
            self._take_up()
        except BaseException:
            self._journal.close()
            raise

    def close(self) -> None:
        """Give up the lock."""
        self._journal.close()

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All candidates so far, in the order asked."""
        trials = self._study.get_trials(deepcopy=False)
        for trial in trials[len(self._ended) :]:
            if not trial.state.is_finished():
                break
            self._ended.append(_candidate(trial))
        rest = (_candidate(trial) for trial in trials[len(self._ended) :] if trial.state is not TrialState.WAITING)
        return (*self._ended, *rest)

    @property
    def stop_reason(self) -> str | None:
        """Why the search stopped, None if it did not; a later, larger budget makes it go on."""
        return next((str(event["reason"]) for event in reversed(self._journal.events) if event["event"] == "stopped"), None)

    @property
    def active_seconds(self) -> float:
        """Wall time worked over all sessions."""
        return sum(float(event.get("elapsed", 0.0)) for event in self._journal.events)

    def ask(self, *, at_random: bool = False, suggest: Suggest | None = None) -> tuple[int, dict[str, Any], float]:
        """Return a new candidate's number, its parameters, and the seconds that proposing took.

        Args:
            at_random: propose without looking at the past, for when the sampler only repeats itself.
            suggest: number -> parameters, asked instead of an Optuna sampler; what waits to be asked again comes first.
        """
        start = time.perf_counter()
        trials = self._study.get_trials(deepcopy=False)
        number, is_waiting = len(trials), any(trial.state is TrialState.WAITING for trial in trials)
        kind = "random" if at_random or suggest else self.spec.search.sampler
        self._study.sampler = make_sampler(kind, self.spec, number)
        if suggest and not at_random and not is_waiting:
            self._study.enqueue_trial(suggest(number))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the libraries' notes on their own future
            trial = self._study.ask(fixed_distributions=self._distributions)
        self._asked[trial.number] = (trial, {})
        return trial.number, dict(trial.params), time.perf_counter() - start

    def describe(self, number: int, **facts: Any) -> None:
        """Record facts of a candidate that was asked; before it is trained, so that a killed search knows what it was doing."""
        trial, known = self._asked[number]
        known.update(facts)
        trial.set_user_attr(_FACTS, known)

    def finish(self, number: int, outcome: Outcome, values: Sequence[float] | None = None, **facts: Any) -> Candidate:
        """Record how a candidate ended; when this returns it survives a crash."""
        self.describe(number, outcome=outcome.value, **facts)
        state = {Outcome.TRAINED: TrialState.COMPLETE, Outcome.FAILED: TrialState.FAIL}.get(outcome, TrialState.PRUNED)
        trial, _ = self._asked.pop(number)
        self._study.tell(trial, list(values) if values is not None and state is TrialState.COMPLETE else None, state=state)
        self._note_time()
        return _candidate(self._study.trials[number])

    @property
    def is_exhausted(self) -> bool:
        """Whether the search stopped because the space has nothing new that keeps the limits; no budget changes that."""
        last = next((event for event in reversed(self._journal.events) if event["event"] in ("stopped", "worked")), {})
        return bool(last.get("is_exhausted"))

    def stop(self, reason: str, *, is_exhausted: bool = False) -> None:
        """Record that there is nothing more to do."""
        if self.stop_reason != reason:
            self._journal.append({"event": "stopped", "reason": reason, "is_exhausted": is_exhausted})

    def note(self, event: str, **facts: Any) -> None:
        """Record something else that happened."""
        self._journal.append({"event": event, **facts})

    @property
    def events(self) -> tuple[dict[str, Any], ...]:
        """All recorded events."""
        return tuple(self._journal.events)

    def _note_time(self) -> None:
        now = time.monotonic()
        self._journal.append({"event": "worked", "elapsed": round(now - self._mark, 3)})
        self._mark = now

    def _check_meaning(self) -> None:
        events = self._journal.events
        if events:
            refuse_changes(dict(events[0].get("meaning", {})), self.spec.meaning, self.spec.path)
        else:
            self._journal.append({"event": "opened", "schema": SCHEMA, "kind": "nas", "meaning": self.spec.meaning})

    def _take_up(self) -> None:
        """Give up what was in training when the last session was killed, and put it first in the queue."""
        for frozen in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            facts = {
                **frozen.user_attrs.get(_FACTS, {}),
                "outcome": Outcome.LOST.value,
                "reason": "the search was killed; asked again",
            }
            trial = optuna.Trial(self._study, frozen._trial_id)
            trial.set_user_attr(_FACTS, facts)
            self._study.tell(trial, state=TrialState.FAIL)
            self._study.enqueue_trial(frozen.params)


def read_study(spec: NasSpec) -> tuple[tuple[Candidate, ...], tuple[dict[str, Any], ...]]:
    """Return candidates and events, reading only; works while the search runs and after a crash."""
    path = spec.state / FILE
    if not path.exists() or b"\n" not in path.read_bytes()[: 1 << 16]:  # killed before its first line was whole
        return (), ()
    events, _ = read_events(spec.state / EVENTS)
    return _candidates(_open(spec, is_new=False)), tuple(events)


def budget_spent(candidates: Sequence[Candidate]) -> int:
    """Return how many trainings were paid for, running ones included."""
    return sum(candidate.outcome in (*SPENT, Outcome.RUNNING) for candidate in candidates)


def _open(spec: NasSpec, *, is_new: bool) -> optuna.Study:
    return open_study(spec.state / FILE, spec.name, len(spec.goals), is_new=is_new)


def _candidates(study: optuna.Study) -> tuple[Candidate, ...]:
    trials = study.get_trials(deepcopy=False)
    return tuple(_candidate(trial) for trial in trials if trial.state is not TrialState.WAITING)


def _candidate(trial: optuna.trial.FrozenTrial) -> Candidate:
    facts = dict(trial.user_attrs.get(_FACTS, {}))
    document = facts.pop("architecture", None)
    outcome = Outcome(facts.pop("outcome", Outcome.RUNNING))
    architecture = None if document is None else Architecture.from_json(document)
    return Candidate(trial.number, outcome, architecture, curve=tuple(facts.pop("curve", ())), **facts)
