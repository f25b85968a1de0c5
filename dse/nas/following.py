"""The loop's events in the words of an architecture search: who looks on hears of candidates and epochs."""

from __future__ import annotations

from collections.abc import Sequence

from dse.nas.records import Candidate, candidate_of
from dse.nas.session import candidates_of
from dse.nas.spec import NasSpec
from dse.store.journal import Event
from dse.study.evaluate import Answer
from dse.study.fold import CampaignState


class Follower:
    """A watcher of the loop; what is not overridden says nothing."""

    def __init__(self, spec: NasSpec) -> None:
        self.spec = spec
        self._epochs: dict[str, int] = {}

    def event(self, event: Event, state: CampaignState) -> None:
        """Say what was recorded."""
        match event["event"]:
            case "proposed":
                for document in event["trials"]:
                    self.asked(candidate_of(self.spec, state.trial(document["number"])))
            case "finished":
                evaluation = dict(state.evaluations)[event["number"]]
                done = candidate_of(self.spec, state.trial(event["number"]), evaluation)
                self.finished(done, candidates_of(self.spec, state))
            case "stopped":
                self.stopped(str(event["reason"]))

    def tick(self, answers: Sequence[Answer], state: CampaignState) -> None:
        """Say which trainings have ended an epoch since."""
        for trial, answer in zip(state.pending, answers, strict=False):
            curve = answer.progress.curve
            for epoch in range(self._epochs.get(trial.key, 0), len(curve)):
                self.epoch(trial.number, curve[: epoch + 1])
            self._epochs[trial.key] = len(curve)

    def asked(self, candidate: Candidate) -> None:
        """A training was proposed."""

    def epoch(self, number: int, curve: tuple[float, ...]) -> None:
        """A training has ended an epoch."""

    def finished(self, candidate: Candidate, candidates: tuple[Candidate, ...]) -> None:
        """A training has ended."""

    def stopped(self, reason: str) -> None:
        """The search has ended."""
