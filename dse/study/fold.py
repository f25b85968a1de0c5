"""What has happened in a campaign: a fold over its journal.

Events (one JSON object a line; all carry `at`, UTC, and `elapsed`, seconds of this session since the event before it, so that a
pause between two sessions counts nothing):
    opened    schema, campaign, meaning, transfer, question
                                                 the first line; the cache entries that the search may learn from are fixed here, so
                                                 that resuming does not depend on what others stored meanwhile. `question` is all that
                                                 reading needs (`dse.study.question`); journals of 0.1 have only `meaning`, its text
    continued meaning, transfer, question        the same question goes on with another backend. If that gives evidence of another step
                                                 (an estimate before, a synthesis now), the trials before it are that step's
    proposed  trials, certificate, notes         before any work; one line per batch, so that a batch is there whole or not at all
    finished  number, cached, evaluation         after the result is in the cache
    cancelled number                             somebody ended it; the trial stays pending, and the next session takes it up again
    stopped   kind, reason, certificate, notes   `kind`: search (its own rule) or budget
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dse.design import DesignPoint
from dse.errors import CorruptJournal, DseError
from dse.networks.architecture import Architecture
from dse.qor import Evaluation, Failure
from dse.search.base import Advice, Certificate, Trial, TrialStatus
from dse.store.codec import read_evaluation
from dse.store.journal import SCHEMA, Event
from dse.wire import from_json, to_json

_POINTS: Mapping[type, str] = {DesignPoint: "point", Architecture: "architecture"}  # by what a journal calls them


@dataclass(frozen=True, slots=True)
class CampaignState:
    """All that is known of a campaign at one moment, by evidence of one step.

    Attributes:
        identity: tells this run of the campaign from an earlier one of the same name (`--fresh`).
        question: what the journal records of the question, None in a journal of 0.1.
        trials: in the order proposed. A trial is one point: the same number at every step, so numbers may have gaps at a later one.
        earlier: the same of the steps before, the latest last.
        order: numbers of the finished trials, in the order in which they finished.
        certificate: the last one that the search gave.
        refused: points that the search looked at and found not worth any work, with the reason.
        stop: (kind, reason) once stopped; a budget stop is lifted when the budget is raised.
        active_seconds: wall time of all sessions.
    """

    identity: str = ""
    meaning: tuple[tuple[str, str], ...] = ()
    transfer: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()
    evaluations: tuple[tuple[int, Evaluation], ...] = ()
    order: tuple[int, ...] = ()
    certificate: Certificate | None = None
    notes: tuple[str, ...] = ()
    stop: tuple[str, str] | None = None
    active_seconds: float = 0.0
    question: Event | None = None
    earlier: tuple[CampaignState, ...] = ()
    refused: tuple[Event, ...] = ()

    def trial(self, number: int) -> Trial:
        """Return a trial by its number; KeyError if this step has none of it."""
        for trial in self.trials:
            if trial.number == number:
                return trial
        raise KeyError(number)

    def numbers(self, points: Iterable[DesignPoint]) -> tuple[int, ...]:
        """Return the numbers of points that are to be tried: the one a point had at an earlier step, else the next free one."""
        numbers = {trial.point: trial.number for state in self.earlier for trial in state.trials}
        last = max((trial.number for state in (*self.earlier, self) for trial in state.trials), default=0)
        found = []
        for point in points:
            last += point not in numbers
            found.append(numbers.get(point, last))
        return tuple(found)

    @property
    def pending(self) -> tuple[Trial, ...]:
        return tuple(trial for trial in self.trials if trial.status is TrialStatus.PENDING)

    @property
    def finished(self) -> tuple[Trial, ...]:
        """Finished trials in the order of finishing."""
        by_number = {trial.number: trial for trial in self.trials}
        return tuple(by_number[number] for number in self.order)

    @property
    def syntheses(self) -> int:
        """Backend runs started: finished ones that no cache answered, and those under way."""
        return sum(1 for trial in self.trials if not trial.cached)

    @property
    def cache_hits(self) -> int:
        return sum(1 for trial in self.trials if trial.cached)

    def made_by(self, number: int) -> str:
        """How the cache names a trial of this very run."""
        return f"{self.identity}#{number}"


def opened(campaign: str, meaning: dict[str, str], transfer: Iterable[str] = (), question: Event | None = None) -> Event:
    """The first event."""
    return {"event": "opened", "schema": SCHEMA, "campaign": campaign, **_asked(meaning, transfer, question)}


def continued(meaning: dict[str, str], transfer: Iterable[str], question: Event) -> Event:
    """The same question, to another backend."""
    return {"event": "continued", **_asked(meaning, transfer, question)}


def _asked(meaning: dict[str, str], transfer: Iterable[str], question: Event | None) -> Event:
    return {"meaning": meaning, "transfer": list(transfer), **({"question": question} if question else {})}


def evidence_of(meaning: Mapping[str, str]) -> tuple[str, str]:
    """Return what tells the evidence of one step from that of another: how far it goes, and what it rests on."""
    return meaning.get("backend.fidelity", ""), meaning.get("backend.basis", "")


def of_last_step(events: Sequence[Event]) -> Sequence[Event]:
    """Return the events since the evidence is of the present step."""
    begun, evidence = 0, None
    for index, event in enumerate(events):
        if "meaning" in event and (now := evidence_of(event["meaning"])) != evidence:
            begun, evidence = index, now
    return events[begun:]


def proposed(trials: Iterable[Trial], advice: Advice) -> Event:
    """A batch of trials, before any work on them."""
    documents = [
        {
            "number": t.number,
            "key": t.key,
            _POINTS[type(t.point)]: to_json(t.point),
            "proposed_by": t.proposed_by,
            "reason": t.reason,
            "notes": list(t.notes),
            **({"facts": dict(t.facts)} if t.facts else {}),
        }
        for t in trials
    ]
    return {"event": "proposed", "trials": documents, **_beliefs(advice)}


def finished(number: int, evaluation: Evaluation, cached: bool) -> Event:
    """An outcome, after it is safe in the cache."""
    return {"event": "finished", "number": number, "cached": cached, "evaluation": to_json(evaluation)}


def cancelled(number: int) -> Event:
    """A trial that was ended before it had an outcome."""
    return {"event": "cancelled", "number": number}


def stopped(kind: str, reason: str, advice: Advice) -> Event:
    """Nothing more to do."""
    return {"event": "stopped", "kind": kind, "reason": reason, **_beliefs(advice)}


def replay(events: Iterable[Event]) -> CampaignState:
    """Fold all events.

    Raises:
        CorruptJournal: an event that cannot follow the ones before it; says which line.
    """
    state = CampaignState()
    for number, event in enumerate(events, 1):
        try:
            state = apply(state, event)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, DseError) as error:
            raise CorruptJournal(
                f"journal line {number}: cannot follow what is before it: {error!r}. Restore it from a backup."
            ) from error
    return state


def apply(state: CampaignState, event: Event) -> CampaignState:
    """Return the state after one more event."""
    if (event["event"] == "opened") is bool(state.identity):
        raise ValueError("a journal begins with `opened`, and only once")
    state = replace(state, active_seconds=state.active_seconds + _seconds(event["elapsed"]))
    match event["event"]:
        case "opened":
            identity, meaning = f"{event['campaign']}@{event['at']}", tuple(event["meaning"].items())
            return replace(
                state, identity=identity, meaning=meaning, transfer=tuple(event["transfer"]), question=event.get("question")
            )
        case "continued":
            return _continue(state, event)
        case "proposed":
            trials = tuple(_trial(document) for document in event["trials"])
            if tuple(t.number for t in trials) != state.numbers(t.point for t in trials):
                raise ValueError("trial numbers do not follow")
            return replace(state, trials=state.trials + trials, stop=None, **_certificate(event, state))
        case "finished":
            return _finish(state, event)
        case "cancelled":
            if int(event["number"]) not in {trial.number for trial in state.pending}:
                raise ValueError(f"trial {event['number']} is not pending")
            return state
        case "stopped":
            return replace(state, stop=(event["kind"], event["reason"]), **_certificate(event, state))
    raise ValueError(f"unknown event {event['event']!r}; a newer dse may have written it")


def _continue(state: CampaignState, event: Event) -> CampaignState:
    now = CampaignState(
        identity=state.identity,
        meaning=tuple(event["meaning"].items()),
        transfer=tuple(event["transfer"]),
        question=event["question"],
        active_seconds=state.active_seconds,
        earlier=(*state.earlier, replace(state, earlier=())),
    )
    if evidence_of(dict(now.meaning)) != evidence_of(dict(state.meaning)):
        return now
    return replace(state, meaning=now.meaning, question=now.question, stop=None)


def _finish(state: CampaignState, event: Event) -> CampaignState:
    number = int(event["number"])
    trial = state.trial(number)
    if trial.status is not TrialStatus.PENDING:
        raise ValueError(f"trial {number} is finished already")
    evaluation = read_evaluation(event["evaluation"])
    if evaluation.key != trial.key:
        raise ValueError(f"trial {number} has another key than its result")
    status = TrialStatus.FAILED if isinstance(evaluation.outcome, Failure) else TrialStatus.DONE
    done = replace(trial, status=status, outcome=evaluation.outcome, cached=_truth(event["cached"]))
    return replace(
        state,
        trials=tuple(done if other is trial else other for other in state.trials),
        evaluations=(*state.evaluations, (number, evaluation)),
        order=(*state.order, number),
    )


def _point(document: Event) -> Any:
    (kind, name) = next((kind, name) for kind, name in _POINTS.items() if name in document)
    return from_json(kind, document[name])


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise ValueError(f"elapsed is {value!r}, expected seconds from 0")
    return float(value)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"cached is {value!r}, expected true or false")
    return value


def _trial(document: dict[str, Any]) -> Trial:
    return Trial(
        number=int(document["number"]),
        key=str(document["key"]),
        point=_point(document),
        proposed_by=str(document["proposed_by"]),
        reason=str(document["reason"]),
        status=TrialStatus.PENDING,
        notes=tuple(document["notes"]),
        facts=document.get("facts", {}),
    )


def _beliefs(advice: Advice) -> Event:
    certificate = None if advice.certificate is None else {"gap": None, **to_json(advice.certificate)}
    return {
        "certificate": certificate,
        "notes": list(advice.notes),
        **({"refused": list(advice.refused)} if advice.refused else {}),
    }


def _certificate(event: Event, state: CampaignState) -> dict[str, Any]:
    document = event.get("certificate")
    return {
        "certificate": from_json(Certificate, {"gap": None, **document}) if document else state.certificate,
        "notes": tuple(dict.fromkeys((*state.notes, *event.get("notes", ())))),
        "refused": (*state.refused, *event.get("refused", ())),
    }
