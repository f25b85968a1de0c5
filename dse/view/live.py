"""What a running campaign shows: one line per change of state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dse.assemble import Question
from dse.campaign.state import CampaignState
from dse.evaluate import Answer
from dse.store.journal import Event

if TYPE_CHECKING:
    from rich.console import Console


class Live:
    """A watcher of the loop for people."""

    def __init__(self, question: Question, console: Console, *, plain: bool = False) -> None:
        self.question = question
        self.console = console
        self.plain = plain

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def event(self, event: Event, state: CampaignState) -> None:
        """Say what an event means."""
        match event["event"]:
            case "proposed":
                for trial in state.trials[-len(event["trials"]) :]:
                    self.console.print(f"#{trial.number} {trial.proposed_by} {trial.point}: {trial.reason}")
            case "finished":
                trial = state.trials[event["number"] - 1]
                qor = trial.qor
                word = " (cache)" if trial.cached else ""
                if qor is None:
                    self.console.print(f"#{trial.number} failed{word}")
                else:
                    self.console.print(f"#{trial.number} done{word}: II {qor.ii_cycles_max} DSP {qor.dsp}")

    def tick(self, answers: tuple[Answer, ...], state: CampaignState) -> None:
        """Nothing between events."""
