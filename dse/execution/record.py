"""What the engine knows of one job, frozen.

    new -> generating -> ready -> submitting -> running -> collecting -> done
     ^_____________________________________________________|   as often as the retry policy allows

`dse.execution.step` says how one record leads to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from dse.execution.jobdir import Attempt, Ticket
from dse.execution.phases import estimate_remaining
from dse.execution.places import Sighting
from dse.project.plan import ProjectPlan
from dse.qor import Evaluation
from dse.synth_backends.base import Progress, State

Stage = Literal["new", "generating", "ready", "submitting", "running", "collecting", "done"]
ON_HOST: tuple[Stage, ...] = ("submitting", "running", "collecting")
_SHOWN = {"new": "", "generating": "generating project", "ready": "", "submitting": "starting", "collecting": "collecting"}


@dataclass(frozen=True, slots=True)
class Record:
    """One job.

    Attributes:
        ticket: its attempts, as they stand on disk or are about to.
        stage: where it is; it takes a slot of its host while submitting, running or collecting.
        is_busy: whether something is being done for it at its host, whose answer is awaited.
        host: name of the host of the open attempt; "" if there is none.
        ready_at: not before this time of the engine's clock (seconds).
        hold, held_since: what keeps it waiting, for the user, and since when.
        denied_since: since when it has been refused for the same passing cause, e.g. a licence.
        stopping, stop_asked_at: the cause for which it is being stopped ("" if it is not), and when it was asked to stop.
        n_submissions: how often the open attempt was handed over without being seen.
        n_fetches: how often its files could not be brought here.
        avoid: a host not to try again; "" if none.
        alone, memory_factor: whether it has to run alone on its host, and with how much of the memory limit.
    """

    key: str
    ticket: Ticket
    stage: Stage = "new"
    is_wanted: bool = True
    is_busy: bool = False
    project: ProjectPlan | None = None
    evaluation: Evaluation | None = None
    host: str = ""
    sighting: Sighting | None = None
    phase: str = ""
    ready_at: float = 0.0
    hold: str = ""
    held_since: float | None = None
    denied_since: float | None = None
    stopping: str = ""
    stop_asked_at: float | None = None
    n_submissions: int = 0
    n_fetches: int = 0
    avoid: str = ""
    alone: bool = False
    memory_factor: float = 1.0

    @property
    def attempt(self) -> Attempt:
        """The last attempt; there is one wherever this is asked."""
        last = self.ticket.last
        assert last is not None
        return last

    @property
    def is_on_host(self) -> bool:
        return self.stage in ON_HOST

    def leave(self, stage: Stage, ticket: Ticket) -> Record:
        """Return the record without a host."""
        return replace(self, stage=stage, ticket=ticket, host="", sighting=None, is_busy=False, stop_asked_at=None)

    def progress(self, silence: str, past_seconds: Sequence[float]) -> Progress:
        """Say where the job stands.

        Args:
            silence: why its host does not answer; "" if it does.
            past_seconds: how long measured jobs took.
        """
        if self.stage == "done":
            assert self.evaluation is not None
            return Progress(self.key, "done", self.evaluation, host=self.evaluation.provenance.host)
        sighting = self.sighting
        is_running = self.is_on_host and not (sighting is not None and sighting.state == "queued")
        state: State = "running" if is_running else "waiting" if self.hold else "queued"
        elapsed = sighting.seconds if sighting and is_running else None
        return Progress(
            key=self.key,
            state=state,
            host=self.host,
            phase="stopping" if self.stopping else _SHOWN.get(self.stage, self.phase),
            elapsed_seconds=elapsed,
            eta_seconds=None if elapsed is None else estimate_remaining(elapsed, past_seconds),
            memory_bytes=sighting.memory_bytes if sighting and is_running else None,
            message=self.hold or silence or (sighting.reason if sighting else "") or self._history(),
        )

    def _history(self) -> str:
        attempts = self.ticket.attempts
        if len(attempts) < 2:
            return ""
        before = attempts[-2] if attempts[-1].is_open else attempts[-1]
        return f"attempt {len(attempts)}, after {before.cause}: {before.message}"[:300]
