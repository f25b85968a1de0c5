"""What a campaign has found, as it stood when it was read."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from dse.api.figure import Figure
from dse.api.trials import Trials
from dse.campaign.spec import CampaignSpec
from dse.errors import SpecError
from dse.export import trial_rows
from dse.search.base import Certificate, Trial
from dse.store.journal import Event, read_events
from dse.study.assemble import Question
from dse.study.fold import CampaignState, replay
from dse.study.question import read_question
from dse.summary import Summary, summarise

if TYPE_CHECKING:
    import pandas


class Results:
    """A campaign as it stood when it was read; `refresh` reads again. Reading works while the campaign runs."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self._events: tuple[Event, ...] = ()
        self.state = CampaignState()
        self.refresh()

    def refresh(self) -> Results:
        """Read the journal again, and return this object."""
        found, _ = read_events(self.spec.state / "journal.jsonl")
        self._events, self.state = tuple(found), replay(found)
        return self

    @property
    def spec(self) -> CampaignSpec:
        """What the campaign file says."""
        return self.question.spec

    @property
    def summary(self) -> Summary:
        """Incumbent, front and hypervolume."""
        return summarise(self.question, self.state)

    @property
    def trials(self) -> Trials:
        """All trials in the order proposed."""
        return Trials(self.state.trials, trial_rows(self.question, self.state))

    @property
    def incumbent(self) -> Trial | None:
        """The best design that keeps the limits; None if there is none (yet)."""
        return self.summary.incumbent

    @property
    def certificate(self) -> Certificate | None:
        """How much better anything else could be, as the search last said; None if it never did."""
        return self.state.certificate

    @property
    def is_finished(self) -> bool:
        """Whether the search or the budget ended it."""
        return self.state.stop is not None

    @property
    def stop_reason(self) -> str | None:
        """Why it ended; None while it has not."""
        return self.state.stop[1] if self.state.stop else None

    def front(self) -> Trials:
        """The Pareto front, by the first objective."""
        rows = {row["number"]: row for row in trial_rows(self.question, self.state)}
        return Trials(self.summary.front, [rows[trial.number] for trial in self.summary.front])

    def to_pandas(self) -> pandas.DataFrame:
        """All trials as a data frame, see `Trials.to_pandas`."""
        return self.trials.to_pandas()

    def figure(self, name: str) -> Figure:
        """Return one of the figures of `dse page` by name.

        Raises:
            SpecError: there is no such figure; names those there are.
        """
        from dse.view.beliefs import believe
        from dse.view.figures.campaign import FIGURES, NEEDS_BELIEF
        from dse.view.story import Story

        if name not in FIGURES:
            raise SpecError(f"figure: got {name!r}, expected one of {', '.join(FIGURES)}")
        story = Story(self.question, self.state, self._events)
        beliefs = believe(self.question, self.state, story.summary.incumbent) if name in NEEDS_BELIEF else None
        return Figure(FIGURES[name](story, beliefs))

    def plot_balance(self) -> Figure:
        """II (or latency) of every layer, synthesis by synthesis."""
        return self.figure("balance")

    def plot_front(self) -> Figure:
        """The Pareto front: measured, predicted, infeasible, and the device's limits."""
        return self.figure("front")

    def plot_curves(self, metric: str = "ii") -> Figure:
        """What each layer does over its reuse factor: ii, latency, dsp, lut, ff or bram."""
        return self.figure(metric)

    def plot_progress(self) -> Figure:
        """What was reached, and the certificate's gap, over the syntheses."""
        return self.figure("progress")

    def __repr__(self) -> str:
        best = f", best {self.incumbent.point}" if self.incumbent else ""
        return f"<campaign {self.spec.name}: {len(self.state.trials)} trials{best}>"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self)[1:-1])}</p>{self.front()._repr_html_()}"


def open_results(path: str | Path) -> Results:
    """Open a campaign by its file (the `.toml` may be left out) and read what it has found.

    What counts is the question that its journal records; `question.differences` says where the file has changed since.

    Raises:
        DseError: the file, or something that it names, is not as it should be.
    """
    return Results(read_question(campaign_file(path)))


def campaign_file(path: str | Path) -> Path:
    """Return the campaign file that a path means: the `.toml` may be left out."""
    path = Path(path)
    named = path.with_name(f"{path.name}.toml")
    return named if path.suffix != ".toml" and named.is_file() else path
