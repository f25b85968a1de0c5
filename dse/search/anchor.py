"""The anchor heuristic: balance the initiation intervals of all layers by interpolation, a synthesis at a time.

Source: Algorithm 1 of Rognlien, Que, Coutinho and Luk (Imperial College). Two probes, all-1 and all-lambda, tell whose II rises
most: the anchor. Then each other layer gets, again and again, the reuse factor whose interpolated II is nearest the anchor's at m,
and of m = 1..M the one of least error is synthesised (formulas: `dse.balance`).

Where the paper is silent, this is what we do:
  - *One strategy a layer.* II is taken as a function of the reuse factor alone, so a layer with choices of several strategies (or
    precisions) keeps the one with most choices, of equals the first.
  - *A probe that failed* is tried again with every layer one choice larger, hence smaller in area. Each such trial counts as an
    iteration, so no campaign has more than 2 + `max_iterations` syntheses. A balanced point that failed is not suggested again:
    the next best m takes its place.
  - *Anchor*: of equal rises the layer with most cycles in the first probe, then the first in the network. The probes alone decide.
    If no layer rises there is none, and the search stops.
  - *m*: those of 1..M that the anchor may take; if none may, its smallest choice. Of equal errors the largest
    m, which takes least area.
  - *Measured twice*: of two syntheses of a layer at one reuse factor the later holds.
  - *Seen IIs* are those of the probes and of all balanced points; a design with an unknown II resembles none.
  - *The two probes* do not depend on each other and may run at once; all that follows waits for its predecessor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from math import inf

from dse.balance import WORD, Balance, Cycles, curves, cycles_by_layer, estimate, find_anchor, suggest
from dse.design import DesignPoint, LayerChoice
from dse.errors import SpecError
from dse.goal import Objective
from dse.qor import Failure
from dse.search.base import PROBE, Advice, Aim, Proposal, Searcher, Trial, TrialStatus, View
from dse.space import LayerOptions

ANCHOR = "anchor"


@dataclass(frozen=True, slots=True)
class Options:
    """What a campaign may set.

    Attributes:
        anchor_reuse_max: M of the paper: 1 is performance mode, 2 and more compact mode.
        probe_reuse_factor: lambda of the paper.
        max_iterations: syntheses after the probes; with the probes never more than 2 + max_iterations.
        balance: the cycles to balance; latency where the corpus has no II.
        compact_tolerance: how far, as a fraction, a compact design may exceed the anchor's cycles at M and still be the best.
    """

    anchor_reuse_max: int = 1
    probe_reuse_factor: int = 10
    max_iterations: int = 10
    balance: Balance = "ii_cycles_max"
    compact_tolerance: float = 0.1

    def __post_init__(self) -> None:
        for name, least in (("anchor_reuse_max", 1), ("probe_reuse_factor", 2), ("max_iterations", 1), ("compact_tolerance", 0)):
            if not getattr(self, name) >= least:
                raise SpecError(f"[search].{name}: got {getattr(self, name)!r}, expected at least {least}.")
        if self.balance not in WORD:
            raise SpecError(f"[search].balance: got {self.balance!r}, expected one of {', '.join(WORD)}.")


def create(options: Options) -> Searcher:
    """Return the search."""
    return AnchorSearch(options)


@dataclass(frozen=True, slots=True)
class AnchorSearch:
    """Algorithm 1 as a pure function of the view: it recomputes D and the anchor from the trials that it proposed itself."""

    options: Options

    def propose(self, view: View, n: int) -> Advice:
        """Return the probes, or the next balanced point, or which rule stopped the search; nothing while a result is awaited."""
        menu, notes = _menu(view.space.options)
        known = {trial.point: trial for trial in (*view.pending, *view.finished)}
        lowest = tuple(option.choices[0] for option in menu)
        nearest = tuple(option.nearest(self.options.probe_reuse_factor) for option in menu)
        walks = [_walk(menu, start, known) for start in (lowest, nearest)]
        failed = {trial.number: trial for _, trials in walks for trial in trials}
        probes = tuple(dict.fromkeys(point for point, _ in walks if point is not None))
        fresh = tuple(point for point in probes if point not in known)
        if any(point is None for point, _ in walks):
            return Advice(stop=f"the probes failed at every step up to the largest reuse factors: {_causes(failed)}", notes=notes)
        if fresh and len(failed) >= self.options.max_iterations:
            return Advice(stop=f"maximum of {self.options.max_iterations} iterations reached: {_causes(failed)}", notes=notes)
        if fresh:
            reason = f"a probe: where each layer's {WORD[self.options.balance]} starts and which one rises most"
            return Advice(tuple(Proposal(point, PROBE, reason, notes) for point in fresh[: max(n, 0)]))
        # Probes may have been measured for another reason; of all other trials only our own count, so that a search that takes
        # over after this one has stopped does not wake it up again.
        own = {point: trial for point, trial in known.items() if point in probes or trial.proposed_by == ANCHOR}
        if n < 1 or any(trial.status is TrialStatus.PENDING for trial in own.values()):
            return Advice()
        trials = tuple(sorted(own.values(), key=lambda trial: trial.number))
        n_iterations = len(trials) - len(probes) + len(failed)
        return replace(self._next(menu, tuple(known[p] for p in probes), trials, known, n_iterations), notes=notes)

    def _next(
        self,
        menu: tuple[LayerOptions, ...],
        probes: tuple[Trial, ...],
        trials: tuple[Trial, ...],
        known: Mapping[DesignPoint, Trial],
        n_iterations: int,
    ) -> Advice:
        """One turn of the loop of Algorithm 1: its stopping rules, else its next point."""
        balance, word = self.options.balance, WORD[self.options.balance]
        names = tuple(option.layer.name for option in menu)
        vectors = {trial.number: cycles_by_layer(trial.qor, names, balance) for trial in trials}
        for trial in probes:
            if None in vectors[trial.number]:
                return Advice(stop=_unknown(trial, names[vectors[trial.number].index(None)], balance))
        anchor = find_anchor(names, vectors[probes[0].number], vectors[probes[-1].number])
        if anchor is None:
            return Advice(stop=f"no anchor: no layer's {word} rises from {probes[0].point} to {probes[-1].point}")
        if (twins := _twins(vectors)) is not None:
            plural = "IIs" if word == "II" else "latencies"
            return Advice(stop=f"identical {plural}: trial {twins[1]} measured the same as trial {twins[0]}")
        measured = curves(names, ((t.point, vectors[t.number]) for t in trials))
        balanced = [suggest(menu, measured, anchor, m) for m in _anchor_factors(menu[names.index(anchor)], self.options)]
        open_to_us = [s for s in balanced if s.point not in known or known[s.point].status is not TrialStatus.FAILED]
        if not open_to_us:
            failed = known[balanced[0].point]
            return Advice(stop=f"repeated configuration {failed.point}: it failed, {_causes({failed.number: failed})}")
        best = min(open_to_us, key=lambda s: (round(s.error, 9), -s.reuse_factor))
        if best.point in known:
            return Advice(stop=f"repeated configuration {best.point}: trial {known[best.point].number} already is it")
        if n_iterations >= self.options.max_iterations:
            return Advice(stop=f"maximum of {self.options.max_iterations} iterations reached")
        reason = (
            f"balances all layers against {anchor} at reuse factor {best.reuse_factor}: "
            f"target {word} {best.target_cycles:.4g}, estimated error {best.error:.3g}"
        )
        beyond = (f"estimates beyond what was measured: {', '.join(best.extrapolated)}",) if best.extrapolated else ()
        return Advice((Proposal(best.point, ANCHOR, reason, beyond),))

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Speed against multipliers."""
        return (Objective(self.options.balance), Objective("dsp"))

    @property
    def most_trials(self) -> int:
        """The probes and all iterations."""
        return 2 + self.options.max_iterations

    def best(self, view: View) -> Trial | None:
        """Return the best measured design by the goal of the mode, None if no design keeps the limits; it need not be the last.

        The bottleneck of a design is the highest of its layers' cycles (`balance`).
          - Performance (M = 1): least bottleneck; of equals least II, DSP, device cost, and the earliest.
          - Compact (M >= 2): among the designs whose bottleneck is at most (1 + compact_tolerance) times the anchor's estimated
            cycles at M, least DSP; of equals least bottleneck, device cost, and the earliest. Without an anchor, or where no design
            is fast enough, the goal of performance mode.
        Designs of which a layer's cycles are unknown do not take part, nor do those that break a limit. An unknown DSP, II or device
        cost ranks last.
        """
        names, options = tuple(option.layer.name for option in view.space.options), self.options
        rows: list[tuple[tuple[float, float, float, float, int], Trial]] = []
        for trial in view.finished:
            cycles = [c for c in cycles_by_layer(trial.qor, names, options.balance) if c is not None]
            if trial.qor is None or len(cycles) < len(names) or not view.goal.keeps(trial.qor):
                continue
            sizes = (trial.qor.ii_cycles_max, trial.qor.dsp, view.goal.value(trial.qor, "device_cost"))
            ii, dsp, area = (inf if size is None else size for size in sizes)
            rows.append(((max(cycles), ii, dsp, area, trial.number), trial))
        aim = self.aim(view) if options.anchor_reuse_max > 1 else None
        if aim is not None and aim.cycles is not None:
            fast = [row for row in rows if row[0][0] <= aim.cycles * (1 + options.compact_tolerance)]
            if fast:
                return min(fast, key=lambda row: (row[0][2], row[0][0], *row[0][3:]))[1]
        return min(rows, key=lambda row: row[0])[1] if rows else None

    def aim(self, view: View) -> Aim | None:
        """Return the anchor and its estimated cycles at its largest reuse factor <= M; None while the probes have not told it."""
        options = self.options
        menu, _ = _menu(view.space.options)
        names = tuple(option.layer.name for option in menu)
        known = {trial.point: trial for trial in view.finished}
        starts = (tuple(o.choices[0] for o in menu), tuple(o.nearest(options.probe_reuse_factor) for o in menu))
        probes = [known.get(point) if point else None for point, _ in (_walk(menu, start, known) for start in starts)]
        ends = [cycles_by_layer(trial.qor if trial else None, names, options.balance) for trial in probes]
        if any(None in end for end in ends) or (anchor := find_anchor(names, *ends)) is None:
            return None
        trials = sorted(view.finished, key=lambda trial: trial.number)
        measured = curves(names, ((t.point, cycles_by_layer(t.qor, names, options.balance)) for t in trials))[anchor]
        option = menu[names.index(anchor)]
        return Aim(anchor, estimate(measured, _anchor_factors(option, options)[-1], option.layer.n_positions))


def _anchor_factors(anchor: LayerOptions, options: Options) -> tuple[int, ...]:
    return tuple(m for m in anchor.reuse_factors if m <= options.anchor_reuse_max) or anchor.reuse_factors[:1]


def _menu(options: tuple[LayerOptions, ...]) -> tuple[tuple[LayerOptions, ...], tuple[str, ...]]:
    """Keep one strategy and precision of every layer; notes say which where there were several."""
    menu, notes = [], []
    for option in options:
        kinds = dict.fromkeys((choice.strategy, choice.precision) for choice in option.choices)
        groups = [tuple(c for c in option.choices if (c.strategy, c.precision) == kind) for kind in kinds]
        largest = max(groups, key=len)
        menu.append(LayerOptions(option.layer, largest))
        if len(groups) > 1:
            notes.append(f"{option.layer.name}: of several strategies on offer the heuristic keeps to {largest[0].strategy}")
    return tuple(menu), tuple(notes)


def _walk(
    menu: tuple[LayerOptions, ...], start: tuple[LayerChoice, ...], known: Mapping[DesignPoint, Trial]
) -> tuple[DesignPoint | None, list[Trial]]:
    """Step up from a probe until it has not failed (None: all did); return it and the trials that failed on the way."""
    failed: list[Trial] = []
    indices = [option.choices.index(choice) for option, choice in zip(menu, start, strict=True)]
    while True:
        point = DesignPoint(tuple((o.layer.name, o.choices[i]) for o, i in zip(menu, indices, strict=True)))
        trial = known.get(point)
        if trial is None or trial.status is not TrialStatus.FAILED:
            return point, failed
        failed.append(trial)
        larger = [min(i + 1, len(o.choices) - 1) for o, i in zip(menu, indices, strict=True)]
        if larger == indices:
            return None, failed
        indices = larger


def _twins(vectors: Mapping[int, Cycles]) -> tuple[int, int] | None:
    """Return the first two trials that measured the same, None if there are none; what is partly unknown is like nothing."""
    complete = [(number, vector) for number, vector in vectors.items() if None not in vector]
    return next(((i, j) for (i, first), (j, second) in combinations(complete, 2) if first == second), None)


def _causes(failed: Mapping[int, Trial]) -> str:
    kinds = [(n, t.outcome.kind if isinstance(t.outcome, Failure) else "no result") for n, t in sorted(failed.items())]
    return ", ".join(f"trial {number} ({kind})" for number, kind in kinds)


def _unknown(trial: Trial, name: str, balance: Balance) -> str:
    stop = f"unknown {WORD[balance]}: trial {trial.number} has no {balance} of layer {name}"
    if balance == "ii_cycles_max":
        return f'{stop}. Balance latency instead: [search].balance = "latency_cycles_max".'
    return f"{stop}. The heuristic needs the cycles of each layer."


def in_mode(mode: str, table: Mapping[str, object]) -> tuple[dict[str, object], dict[str, str]]:
    """Return the keys of `[search]` as a campaign's mode sets them, and what is wrong with them, by key."""
    given = {"anchor_reuse_max": 1 if mode == "performance" else 2, **table}
    maximum = given["anchor_reuse_max"]
    if mode == "performance" and maximum != 1:
        return given, {"anchor_reuse_max": f"got {maximum}, but performance mode is 1 (compact: 2 or more)"}
    if mode == "compact" and isinstance(maximum, int) and maximum < 2:
        return given, {"anchor_reuse_max": f"got {maximum}, but compact mode needs 2 or more (performance: 1)"}
    return given, {}
