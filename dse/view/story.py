"""A campaign as figures want it: which trials, which axes, which target, in the order in which things happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from dse.balance import Balance, curves, cycles_by_layer, estimate
from dse.goal import Goal, Values, volume
from dse.qor import Evaluation, Failure, Qor
from dse.search.base import PROBE, Aim, HasOwnGoal, Searcher, Trial
from dse.store.journal import Event, read_events
from dse.study.assemble import Question
from dse.study.fold import CampaignState, of_last_step, replay
from dse.summary import Summary, summarise
from dse.view.figures.axes import LABELS
from dse.view.words import Words, words_of

DEVICE = ("lut", "ff", "dsp", "bram_18k", "uram")


@dataclass
class Story:
    """One moment of a campaign and all that follows from it; nothing here costs more than milliseconds.

    Attributes:
        events: the journal so far; certificates of the past stand only there.
    """

    question: Question
    state: CampaignState
    events: tuple[Event, ...] = ()

    @cached_property
    def searcher(self) -> Searcher:
        return self.question.searcher

    @cached_property
    def goal(self) -> Goal:
        return self.question.goal

    @cached_property
    def words(self) -> Words:
        """What its results are called; of the best design where there is one."""
        best = self.summary.incumbent
        notes = next((e.provenance.notes for number, e in self.state.evaluations if best and number == best.number), ())
        return words_of(self.question, notes)

    @cached_property
    def summary(self) -> Summary:
        return summarise(self.question, self.state)

    @cached_property
    def front_numbers(self) -> frozenset[int]:
        """Numbers of the trials on the front."""
        return frozenset(trial.number for trial in self.summary.front)

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers that have a choice, in network order."""
        return tuple(option.layer.name for option in self.question.space.options)

    @cached_property
    def metric(self) -> Balance:
        """The cycles that bars show: what the search balances; else II, and latency where no layer's II is known."""
        if isinstance(self.searcher, HasOwnGoal):
            return "ii_cycles_max" if self.searcher.objectives[0].metric == "ii_cycles_max" else "latency_cycles_max"
        has_ii = any(c is not None for t in self.state.finished for c in cycles_by_layer(t.qor, self.layers, "ii_cycles_max"))
        return "ii_cycles_max" if has_ii else "latency_cycles_max"

    def cycles(self, trial: Trial) -> tuple[float | None, ...]:
        """Cycles of each layer in network order."""
        return cycles_by_layer(trial.qor, self.layers, self.metric)

    @cached_property
    def is_balancing(self) -> bool:
        """Whether the search works towards a goal of its own, a balance of layers."""
        return isinstance(self.searcher, HasOwnGoal)

    @cached_property
    def probes(self) -> tuple[Trial, ...]:
        """The measured probes, from the smallest reuse factors to the largest."""
        own = [t for t in self.state.finished if t.proposed_by == PROBE and t.qor]
        return tuple(sorted(own, key=lambda trial: sum(trial.point.reuse_factors)))

    @cached_property
    def anchor(self) -> str | None:
        """The anchor layer, None while the probes have not told it or where the search has none."""
        return self.aim.layer if self.aim else None

    @cached_property
    def target(self) -> float | None:
        """The cycles that the search balances all layers to."""
        return self.aim.cycles if self.aim else None

    @cached_property
    def aim(self) -> Aim | None:
        """What the search works towards, where it says so."""
        return self.searcher.aim(self.question.view(self.state)) if isinstance(self.searcher, HasOwnGoal) else None

    @cached_property
    def evaluations(self) -> dict[int, Evaluation]:
        return dict(self.state.evaluations)

    def interpolant(self, layer: str, trials: Iterable[Trial]) -> tuple[tuple[int, float], ...]:
        """Return what the heuristic takes a layer's cycles to be at every legal reuse factor, given some trials."""
        option = next(option for option in self.question.space.options if option.layer.name == layer)
        measured = curves(self.layers, ((t.point, self.cycles(t)) for t in trials if t.qor))[layer]
        if not measured:
            return ()
        return tuple((r, estimate(measured, r, option.layer.n_positions)) for r in option.reuse_factors)

    def measured(self, layer: str, metric: str) -> tuple[tuple[int, float], ...]:
        """Return (reuse factor, value) of a layer, each pair once, ascending."""
        found = set()
        for trial in self.state.finished:
            own = trial.qor.layer(layer) if trial.qor else None
            value = getattr(own, metric) if own else None
            if value is not None:
                found.add((trial.point[layer].reuse_factor, float(value)))
        return tuple(sorted(found))

    @cached_property
    def axes(self) -> tuple[str, str]:
        """The metrics of the front's figure: time across, size upwards."""
        names = [o.metric for o in self.goal.objectives]
        names += [limit.metric for limit in self.goal.limits if not limit.implied]
        names += ["latency_cycles_max", "dsp"]
        first, second = tuple(dict.fromkeys(names))[:2]
        is_time = ("ii_", "latency_")
        return (second, first) if second.startswith(is_time) and not first.startswith(is_time) else (first, second)

    def value(self, trial: Trial, metric: str) -> float | None:
        return self.goal.value(trial.outcome, metric)

    @cached_property
    def achieved(self) -> tuple[str, tuple[float | None, ...]]:
        """(label, series over finished trials): hypervolume for several objectives, else the best value of the one."""
        objectives = self.goal.objectives
        rows = [self.goal.values(trial.outcome) for trial in self.state.finished]
        known = [row for row in rows if row is not None]
        if not known:
            return "best feasible", tuple(None for _ in rows)
        if len(objectives) == 1:
            return f"best {LABELS[objectives[0].metric]}", _running_best(rows)
        corner = [o.reference or 1.1 * max(row[i] for row in known) or 1.0 for i, o in enumerate(objectives)]
        word = "hypervolume" if all(o.reference for o in objectives) else "hypervolume (up to the worst feasible)"
        return word, _running_volume(rows, corner)

    def is_feasible(self, trial: Trial) -> bool:
        """Whether a trial was measured and keeps all limits."""
        return self.goal.keeps(trial.outcome)

    def is_larger_than_device(self, trial: Trial, metric: str) -> bool:
        """Whether a trial needs more of a resource than the part holds."""
        used = self.value(trial, metric)
        return used is not None and used > self.question.spec.part.capacity(metric)

    @cached_property
    def gaps(self) -> tuple[float | None, ...]:
        """The certificate's gap after each finished trial, as it was known then."""
        found: list[float | None] = []
        gap: float | None = None
        for event in of_last_step(self.events):
            certificate = event.get("certificate")
            if isinstance(certificate, dict):
                gap = certificate.get("gap")
                if found:
                    found[-1] = gap
            if event.get("event") == "finished":
                found.append(gap)
        return tuple(found)

    @cached_property
    def outcomes(self) -> tuple[tuple[str, int, str], ...]:
        """(what happened, how often, style): failures by class after what went well; empty while nothing is finished."""
        kinds = Counter(t.outcome.kind.value for t in self.state.finished if isinstance(t.outcome, Failure))
        n_good = sum(1 for t in self.state.finished if isinstance(t.outcome, Qor))
        rows = [("measured", n_good, "layer2")] if n_good else []
        return (*rows, *((kind.replace("_", " "), count, "failed") for kind, count in kinds.most_common()))

    @cached_property
    def hours(self) -> tuple[tuple[float | None, ...], float]:
        """(tool hours of every finished trial, 0 for a cached one; hours that cached results had cost)."""
        spent: list[float | None] = []
        saved = 0.0
        for trial in self.state.finished:
            seconds = self.evaluations[trial.number].provenance.tool_seconds
            if trial.cached:
                saved += (seconds or 0.0) / 3600
                spent.append(0.0 if seconds is not None else None)
            else:
                spent.append(None if seconds is None else seconds / 3600)
        return tuple(spent), saved


def read_story(question: Question) -> Story:
    """Read a campaign's journal; works while it runs.

    Raises:
        JournalError: it cannot be read.
    """
    found, _ = read_events(question.spec.state / "journal.jsonl")
    return Story(question, replay(found), tuple(found))


def _running_best(rows: list[Values | None]) -> tuple[float | None, ...]:
    best: float | None = None
    series = []
    for row in rows:
        if row is not None:
            best = row[0] if best is None else min(best, row[0])
        series.append(best)
    return tuple(series)


def _running_volume(rows: list[Values | None], corner: list[float]) -> tuple[float | None, ...]:
    """Volume after each trial; computed anew only where a trial is not dominated by the ones before."""
    series: list[float | None] = []
    kept: list[Values] = []
    reached: float | None = None
    for row in rows:
        if row is not None and not any(all(a <= b for a, b in zip(old, row, strict=True)) for old in kept):
            kept = [old for old in kept if not all(b <= a for a, b in zip(old, row, strict=True))] + [row]
            reached = volume(kept, corner)
        series.append(reached)
    return tuple(series)
