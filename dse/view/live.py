"""What a running campaign shows: a board on a terminal, else one line per change of state, so that a log of days stays readable."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dse.qor import Failure
from dse.search.base import Trial
from dse.store.journal import Event, read_events
from dse.study.assemble import Question
from dse.study.evaluate import Answer
from dse.study.fold import CampaignState
from dse.study.loop import Signals
from dse.synth_backends.base import HasJobs, Progress, SynthBackend
from dse.view.board import Board, lines
from dse.view.outlook import seconds_left
from dse.view.screen import Screen
from dse.view.story import Story

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_TAIL_CHARACTERS = 16_384


class Live(Screen):
    """A watcher of the loop for people.

    Attributes:
        signals: what the user's keys set; the loop reads it.
        is_watching: whether the loop is somebody else's.
        backend: whose jobs are shown; one that `HasJobs` shows their logs, too, and ends them.
    """

    is_watching = False

    def __init__(self, question: Question, console: Console, *, plain: bool = False, signals: Signals | None = None) -> None:
        self.question = question
        self.backend: SynthBackend = question.backend
        super().__init__(console, plain=plain, signals=signals)
        self._story = Story(question, CampaignState())
        self._events: list[Event] = []
        self._progress: dict[str, Progress] = {}
        self._said: dict[str, tuple[str, str]] = {}
        self._heard = self._began = time.monotonic()
        self._question = ""
        self._choice: Trial | None = None
        self._has_help = False
        self._log = 0

    def __enter__(self) -> Live:
        if not self.is_plain:
            self._events = list(read_events(self.question.spec.state / "journal.jsonl")[0])
            self._began = time.monotonic()
        self.show()
        return self

    def event(self, event: Event, state: CampaignState) -> None:
        """Say what an event means."""
        self._events.append(event)
        self._story = Story(self.question, state, tuple(self._events))
        self._began = time.monotonic()
        match event["event"]:
            case "proposed":
                for trial in state.trials[-len(event["trials"]) :]:
                    self.say(f"#{trial.number} {trial.proposed_by} {trial.point}: {trial.reason}")
            case "finished":
                self.say(self._outcome(state.trial(event["number"])))
            case "stopped":
                self.say(f"stopped: {event['reason']}")

    def tick(self, answers: tuple[Answer, ...], state: CampaignState) -> None:
        """Note where the jobs stand; in plain mode, say what changed."""
        if self._story.state is not state:
            self._story = Story(self.question, state, tuple(self._events))
        self._progress = {answer.progress.key: answer.progress for answer in answers}
        self._heard = time.monotonic()
        for trial, answer in zip(state.pending, answers, strict=False):
            progress = answer.progress
            now = (progress.state, progress.message if progress.state == "waiting" else progress.host)
            if progress.state != "done" and self._said.get(trial.key, ("queued", "")) != now:
                self._said[trial.key] = now
                if self.is_plain:
                    words = {"waiting": f": {progress.message}", "running": f" on {progress.host}" if progress.host else ""}
                    self.say(f"#{trial.number} {progress.state}{words.get(progress.state, '')}")

    def _outcome(self, trial: Trial) -> str:
        word = " (cache)" if trial.cached else ""
        if isinstance(trial.outcome, Failure):
            return f"#{trial.number} failed{word}: {trial.outcome.kind.value.replace('_', ' ')}: {trial.outcome.message}"
        qor, best = trial.qor, self._story.summary.incumbent
        if qor is None:
            return f"#{trial.number} finished{word}"
        values = (("II", qor.ii_cycles_max), ("latency", qor.latency_cycles_max), ("DSP", qor.dsp), ("LUT", qor.lut))
        told = ", ".join(f"{name} {value:,.0f}" for name, value in values if value is not None)
        return f"#{trial.number} done{word}: {told}{'; the best so far' if best and best.number == trial.number else ''}"

    def shown(self, width: int, height: int) -> list[Text]:
        """Return the board's lines."""
        return lines(self.board(), width, height)

    def board(self) -> Board:
        """Return what a screen shows now."""
        now, state = time.monotonic(), self._story.state
        signals, word = self.signals, ""
        if signals.detach:
            word = "leaving; the jobs go on"
        elif signals.cancel:
            word = "cancelling the running jobs"
        elif signals.stop:
            word = "stopping: nothing new starts; Ctrl-C again cancels the running jobs"
        since_event = now - self._began
        return Board(
            story=self._story,
            jobs=tuple((trial, self._progress.get(trial.key)) for trial in state.pending),
            since=now - self._heard,
            seconds=state.active_seconds + since_event,
            eta=seconds_left(self._story, since_event, slots=signals.slots),
            question=self._question,
            has_help=self._has_help,
            log=self._log_shown(state),
            has_keys=self.has_keys,
            signal=word,
            is_watching=self.is_watching,
            slots=signals.slots,
        )

    def press(self, key: str) -> None:
        """Act on a key."""
        if self._question:
            self._answer(key)
        elif key == "d":
            self.signals.detach = True
        elif key == "k":
            self._ask()
        elif key == "l":
            later = [trial.number for trial in self._story.state.pending if trial.number > self._log]
            self._log = later[0] if later else 0
        elif key in ("<", ">"):
            self._resize(1 if key == ">" else -1)
        elif key == "?":
            self._has_help = not self._has_help

    def _resize(self, step: int) -> None:
        """Run fewer jobs at once, or more again, for this session."""
        most, now = self.question.spec.slots, self.signals.slots or self.question.spec.slots
        wanted = max(1, min(most, now + step))
        if wanted != now:
            self.signals.slots = wanted
            self.say(f"{wanted} of {most} jobs at once from here on; the campaign file stays as it is")

    def _ask(self) -> None:
        pending = self._story.state.pending
        self._choice = pending[0] if len(pending) == 1 else None
        if self._choice:
            self._question = f"cancel #{self._choice.number}{self._place(self._choice)}? y/n"
        elif pending:
            numbers = ", ".join(f"{i}: #{trial.number}" for i, trial in enumerate(pending[:9], 1))
            self._question = f"cancel which? {numbers}; any other key: none"
        else:
            self._question = "no job is under way (any key)"

    def _answer(self, key: str) -> None:
        pending, choice = self._story.state.pending, self._choice
        self._question, self._choice = "", None
        if choice is not None:
            if key in "yY":
                self._question = self._cancel(choice)
        elif key.isdigit() and 1 <= int(key) <= min(9, len(pending)):
            self._choice = pending[int(key) - 1]
            self._question = f"cancel #{self._choice.number}{self._place(self._choice)}? y/n"

    def _place(self, trial: Trial) -> str:
        progress = self._progress.get(trial.key)
        return f" on {progress.host}" if progress and progress.host else ""

    def _cancel(self, trial: Trial) -> str:
        """Leave the mark that the backend looks for; it ends the job and tells the loop."""
        backend = self.backend
        if not isinstance(backend, HasJobs):
            return f"#{trial.number}: this backend has no job of its own to cancel (any key)"
        backend.ask_to_end([trial.key])
        return ""

    def _log_shown(self, state: CampaignState) -> tuple[str, tuple[str, ...]] | None:
        trial = next((trial for trial in state.pending if trial.number == self._log), None)
        if trial is None:
            return None
        backend = self.backend
        jobs = backend.known_jobs() if isinstance(backend, HasJobs) else ()
        if not isinstance(backend, HasJobs) or not any(job.key == trial.key and job.has_log for job in jobs):
            return f"#{trial.number}", ("no log here yet",)
        return f"#{trial.number}", tuple(backend.log(trial.key)[-_TAIL_CHARACTERS:].splitlines()[-60:])
