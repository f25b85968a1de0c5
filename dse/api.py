"""`dse` from Python: look at campaigns, run them, or ask for points and tell results in a loop of your own.

Everything here is also `dse.open`, `dse.run` and `dse.ask_tell`. An example that runs anywhere (the figures are estimates):

>>> import tempfile, dse
>>> from pathlib import Path
>>> folder = Path(tempfile.mkdtemp())
>>> _ = (folder / "network.toml").write_text('''
... [[layer]]
... name = "fc1"
... kind = "dense"
... n_in = 16
... units = 8
... [[layer]]
... name = "fc2"
... kind = "dense"
... n_in = 8
... units = 4
... ''')
>>> _ = (folder / "tiny.toml").write_text('''
... campaign = {name = "tiny"}
... network = {source = "network.toml"}
... target = {part = "xc7a35tcpg236-1", clock_period_ns = 5.0}
... search = {mode = "performance"}
... backend = {kind = "estimate"}
... ''')
>>> campaign = dse.run(folder / "tiny.toml")
>>> campaign.is_finished, campaign.incumbent.point["fc1"].reuse_factor
(True, 1)
>>> [str(trial.point) for trial in campaign.trials]
['[1, 1]', '[8, 8]']
>>> [row["number"] for row in campaign.front().rows()]  # or .to_pandas()
[1, 2]
>>> figure = campaign.plot_balance()  # shows itself in a notebook
>>> figure.svg[:4]
'<svg'

The same search with somebody else's evaluations:

>>> loop = dse.ask_tell(folder / "tiny.toml")
>>> (point,) = loop.ask()
>>> point
DesignPoint(choices=(('fc1', LayerChoice(reuse_factor=1, strategy='resource', precision=None)), ...
>>> layer = dse.Qor(lut=900, ff=400, dsp=30, bram_18k=0, latency_cycles_max=9, ii_cycles_max=5)
>>> loop.tell(point, dse.Qor(lut=2000, ff=900, dsp=60, bram_18k=0, latency_cycles_max=18, ii_cycles_max=5,
...                          layers=(("fc1", layer), ("fc2", layer))))
>>> loop.incumbent.point == point
True
"""

from __future__ import annotations

import base64
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from dse import registry
from dse.assemble import Question, assemble, open_campaign
from dse.campaign.spec import CampaignSpec, read_campaign
from dse.campaign.state import CampaignState, replay
from dse.design import DesignPoint, Job
from dse.errors import SpaceError, SpecError
from dse.evaluate import Answer
from dse.export import trial_rows
from dse.loop import Signals
from dse.loop import run as run_loop
from dse.qor import Failure, Qor
from dse.search.base import Certificate, Trial, TrialStatus
from dse.store.fsops import write_atomically
from dse.store.journal import Event, read_events
from dse.summary import Summary, summarise

if TYPE_CHECKING:
    import pandas

SHOWN = ("number", "status", "proposed_by", "ii_cycles_max", "latency_cycles_max", "dsp", "lut", "ff", "bram_18k")


class Trials(Sequence[Trial]):
    """Some trials of a campaign: a sequence, a table in a notebook, a data frame if pandas is installed."""

    def __init__(self, trials: Sequence[Trial], rows: list[dict[str, Any]]) -> None:
        self._trials, self._rows = tuple(trials), rows

    def __len__(self) -> int:
        return len(self._trials)

    @overload
    def __getitem__(self, index: int) -> Trial: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Trial, ...]: ...

    def __getitem__(self, index: int | slice) -> Trial | tuple[Trial, ...]:
        return self._trials[index]

    def __repr__(self) -> str:
        return f"<{len(self)} trials>"

    def rows(self) -> list[dict[str, Any]]:
        """Return one dictionary a trial; columns as in `dse export`, None where something is unknown."""
        return [dict(row) for row in self._rows]

    def to_pandas(self) -> pandas.DataFrame:
        """Return the same as a data frame.

        Raises:
            SpecError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise SpecError('to_pandas: needs pandas. Install it: pip install "dse[data]", or use rows().') from error
        return pandas.DataFrame(self._rows)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in (*SHOWN, "reuse factors"))
        body = []
        for trial, row in zip(self._trials, self._rows, strict=True):
            cells = [_cell(row[name]) for name in SHOWN] + [escape(str(trial.point))]
            body.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


class Figure:
    """A figure of a campaign; shows itself in a notebook, without JavaScript."""

    def __init__(self, drawing: Any) -> None:
        self._drawing = drawing

    @property
    def svg(self) -> str:
        """The figure as SVG text."""
        from dse.view.figures.svg import standalone

        return standalone(self._drawing)

    def save(self, path: str | Path) -> None:
        """Write the figure; the ending says how: .svg, or with matplotlib .pdf and .png.

        Raises:
            SpecError: another ending, or no matplotlib.
        """
        from dse.view.figures.files import encode

        write_atomically(Path(path), encode(self._drawing, Path(path).name))

    def _repr_html_(self) -> str:
        # as a picture, so that the styles of one figure never reach another one or the notebook
        data = base64.b64encode(self.svg.encode()).decode()
        title = escape(f"{self._drawing.title}. {self._drawing.description}", quote=True)
        return f'<img alt="{title}" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'


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


class AskTell:
    """A search without a backend: `ask` for points, evaluate them as you like, `tell` what came out.

    Nothing is stored; space, objectives and search come from the campaign file, whose backend is not started.
    """

    def __init__(self, question: Question) -> None:
        self.question = question
        self.state = CampaignState(identity="ask and tell")
        self.stop_reason: str | None = None
        self._searcher = registry.load("search", question.spec.search_kind).create(question.spec.search_options)

    def ask(self, n: int = 1) -> tuple[DesignPoint, ...]:
        """Return at most n points worth evaluating.

        None are returned while the search waits for results of points that it gave out, and once it is done: then `stop_reason` says why.
        """
        advice = self._searcher.propose(self.question.view(self.state), n)
        self.stop_reason = advice.stop
        for proposal in advice.proposals:
            self._add(proposal.point, proposal.proposed_by, proposal.reason)
        if advice.certificate is not None:
            self.state = replace(self.state, certificate=advice.certificate)
        return tuple(proposal.point for proposal in advice.proposals)

    def tell(self, point: DesignPoint, outcome: Qor | Failure) -> None:
        """Say what came out of a point; one that was never asked for is welcome too.

        The balancing searches and the surrogates learn from `Qor.layers`; without it they know the totals only.

        Raises:
            SpaceError: the point is not one of the space.
            SpecError: its result was told before, or is neither a Qor nor a Failure.
        """
        if point not in self.question.space:
            raise SpaceError(f"tell: {point} is not a point of this campaign's space; build it with space.point(...)")
        if not isinstance(outcome, Qor | Failure):
            raise SpecError(f"tell: got {type(outcome).__name__}, expected dse.Qor or dse.Failure")
        found = [trial for trial in self.state.trials if trial.point == point]
        trial = found[0] if found else self._add(point, "told", "evaluated by you")
        if trial.status is not TrialStatus.PENDING:
            raise SpecError(f"tell: {point} was told before, as trial {trial.number}")
        status = TrialStatus.FAILED if isinstance(outcome, Failure) else TrialStatus.DONE
        done = replace(trial, status=status, outcome=outcome)
        trials = tuple(done if other.number == trial.number else other for other in self.state.trials)
        self.state = replace(self.state, trials=trials, order=(*self.state.order, trial.number))

    @property
    def incumbent(self) -> Trial | None:
        """The best design told so far that keeps the limits."""
        return summarise(self.question, self.state).incumbent

    @property
    def certificate(self) -> Certificate | None:
        """How much better anything else could be, as the search last said."""
        return self.state.certificate

    def _add(self, point: DesignPoint, proposed_by: str, reason: str) -> Trial:
        spec, backend = self.question.spec, self.question.backend
        key = Job(spec.network, point, spec.target, backend.fidelity, backend.basis).key
        trial = Trial(len(self.state.trials) + 1, key, point, proposed_by, reason, TrialStatus.PENDING)
        self.state = replace(self.state, trials=(*self.state.trials, trial))
        return trial


def open_results(path: str | Path) -> Results:
    """Open a campaign by its file (the `.toml` may be left out) and read what it has found.

    Raises:
        DseError: the file, or something that it names, is not as it should be.
    """
    return Results(assemble(read_campaign(_file(path))))


def run(
    path: str | Path,
    *,
    on_event: Callable[[Event], None] | None = None,
    overrides: Iterable[str] = (),
    fresh: bool = False,
) -> Results:
    """Run a campaign to its end, or go on with it, and return what it found; the same as `dse run`, without its screen.

    An interrupt (Ctrl-C, or a notebook's stop button) detaches: running syntheses go on, and the next call takes them up again.

    Args:
        on_event: called with every event of the journal; if it raises, there is a warning and the campaign goes on.
        overrides: `key=value` texts, e.g. `search.mode="compact"`.
        fresh: start again; the old state is kept aside.

    Raises:
        DseError: as `dse run`; the message says what to do.
    """
    question = assemble(read_campaign(_file(path), overrides))
    campaign = open_campaign(question, watchers=(_Listener(on_event),) if on_event else (), fresh=fresh)
    try:
        with _detach_on_interrupt(campaign.signals):
            run_loop(campaign)
    finally:
        campaign.journal.close()
    return Results(question)


def ask_tell(path: str | Path, *, overrides: Iterable[str] = ()) -> AskTell:
    """Return the search of a campaign file for a loop of your own; see `AskTell`."""
    return AskTell(assemble(read_campaign(_file(path), overrides)))


class _Listener:
    """A watcher that calls a function."""

    def __init__(self, call: Callable[[Event], None]) -> None:
        self._call = call

    def event(self, event: Event, state: CampaignState) -> None:
        try:
            self._call(dict(event))
        except Exception as error:  # somebody else's code; a watcher never stops a campaign
            warnings.warn(f"on_event raised {type(error).__name__}: {error}", stacklevel=2)

    def tick(self, answers: tuple[Answer, ...], state: CampaignState) -> None:
        """Events are all that is told."""


@contextmanager
def _detach_on_interrupt(signals: Signals) -> Iterator[None]:
    """Turn an interrupt into a flag, so that no write is cut short; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def detach(_number: int, _frame: object) -> None:
        signals.detach = True

    previous = signal.signal(signal.SIGINT, detach)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _file(path: str | Path) -> Path:
    path = Path(path)
    named = path.with_name(f"{path.name}.toml")
    return named if path.suffix != ".toml" and named.is_file() else path


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if isinstance(value, float) else escape(str(value))
