"""`[notify]`: calls a command of the user's when something happens; an argument list, never a shell line.

What happened is told in environment variables, so that no text of a log or a network can become part of a command:
DSE_EVENT (done, better, failing), DSE_CAMPAIGN, DSE_MESSAGE, DSE_TRIAL, DSE_SYNTHESES, DSE_STATE (the campaign's folder), and of the
best design DSE_BEST_TRIAL, DSE_BEST_REUSE_FACTORS and DSE_BEST_<METRIC>, of an architecture search DSE_BEST_TRIAL, DSE_BEST_NETWORK and
DSE_BEST_ERROR; what is unknown is not set.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol

from dse.campaign.tables import NotifyTable
from dse.qor import METRICS, Failure, Learned
from dse.search.base import Trial
from dse.store.journal import Event
from dse.study.evaluate import Answer
from dse.study.fold import CampaignState
from dse.text import one_line

PATIENCE_SECONDS = 10.0  # for commands that still run when the campaign ends


class Notifies(Protocol):
    """What a study's file says that a notice tells."""

    @property
    def name(self) -> str: ...

    @property
    def notify(self) -> NotifyTable: ...

    @property
    def state(self) -> Path: ...


class Notifier:
    """A watcher of the loop. Whatever goes wrong here is noted in `warnings` and stops nothing."""

    def __init__(self, spec: Notifies, best: Callable[[CampaignState], Trial | None]) -> None:
        """Take what is to be notified about, and how the best trial of a state is found."""
        self.spec, self._best = spec, best
        self.warnings: list[str] = []
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Notifier:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self._running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_SECONDS)
        self._reap()

    def event(self, event: Event, state: CampaignState) -> None:
        """Call the command if the event is one of those asked for."""
        try:
            told = self._facts(event, state)
        except Exception as error:  # a notice is never worth a campaign
            self._warn(f"[notify]: {type(error).__name__}: {error}")
            return
        if told is not None and told["DSE_EVENT"] in self.spec.notify.on:
            self._call(told)

    def tick(self, answers: tuple[Answer, ...], state: CampaignState) -> None:
        """Look after the commands that run."""
        self._reap()

    def _facts(self, event: Event, state: CampaignState) -> dict[str, str] | None:
        best = self._best(state)
        match event["event"]:
            case "stopped":
                return self._told("done", str(event["reason"]), None, best, state)
            case "finished":
                trial = state.trial(int(event["number"]))
                if isinstance(trial.outcome, Failure):
                    message = f"trial {trial.number} failed: {trial.outcome.kind.value}: {trial.outcome.message}"
                    return self._told("failing", message, trial, best, state)
                if best is not None and best.number == trial.number:
                    return self._told("better", f"trial {trial.number} is the best so far: {trial.point}", trial, best, state)
        return None

    def _told(self, what: str, message: str, trial: Trial | None, best: Trial | None, state: CampaignState) -> dict[str, str]:
        facts: dict[str, object] = {
            "EVENT": what,
            "CAMPAIGN": self.spec.name,
            "MESSAGE": message,
            "TRIAL": trial.number if trial else None,
            "SYNTHESES": state.syntheses,
            "STATE": self.spec.state.absolute(),
        }
        if best is not None and best.qor is not None:
            facts |= {"BEST_TRIAL": best.number, "BEST_REUSE_FACTORS": " ".join(map(str, best.point.reuse_factors))}
            facts |= {f"BEST_{metric.upper()}": getattr(best.qor, metric) for metric in METRICS}
        elif best is not None and isinstance(best.outcome, Learned):
            facts |= {"BEST_TRIAL": best.number, "BEST_NETWORK": best.point, "BEST_ERROR": best.outcome.error}
        return {f"DSE_{name}": _shown(value) for name, value in facts.items() if value is not None}

    def _call(self, told: dict[str, str]) -> None:
        self._reap()
        try:
            process = subprocess.Popen(
                list(self.spec.notify.command),
                env={**os.environ, **told},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self._warn(f"[notify] command {self.spec.notify.command[0]!r}: {error}")
            return
        self._running.append(process)

    def _reap(self) -> None:
        ended = [process for process in self._running if process.poll() is not None]
        self._running = [process for process in self._running if process not in ended]
        for process in ended:
            if process.returncode:
                self._warn(f"[notify] command {self.spec.notify.command[0]!r} ended with status {process.returncode}")

    def _warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)


def _shown(value: object) -> str:
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value)
    return one_line(text, 2000)
