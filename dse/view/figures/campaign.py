"""The figures of a campaign by name: story and beliefs in, drawing out."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from dse.qor import RESOURCES
from dse.search.base import Trial
from dse.view.beliefs import CONFIDENCE, Beliefs, predicted
from dse.view.figures.axes import LABELS, plain
from dse.view.figures.balance import Synthesis, balance
from dse.view.figures.belief import belief
from dse.view.figures.curves import Panel, curves
from dse.view.figures.drawing import Drawing
from dse.view.figures.front import Bound, Measured, front
from dse.view.figures.progress import Progress, progress
from dse.view.figures.tallies import Share, shares, spend, tally
from dse.view.story import DEVICE, Story

CURVES = MappingProxyType(
    {"ii": "ii_cycles_max", "latency": "latency_cycles_max", "dsp": "dsp", "lut": "lut", "ff": "ff", "bram": "bram_18k"}
)
MOST_BARS = 1500


def draw_balance(story: Story, *, with_probe: bool = False, has_legend: bool = True) -> Drawing:
    """Bars per synthesis; the probe at large reuse factors dwarfs all others and is left out unless asked for."""
    chosen = story.summary.incumbent
    trials = [trial for trial in story.state.finished if trial.qor]
    hidden = set() if with_probe else {trial.number for trial in story.probes[1:] if trial != chosen}
    if hidden and len(hidden) == len(trials):
        hidden = set()
    shown = [trial for trial in trials if trial.number not in hidden]
    left_out = [f"Trial {number} is left out: the probe at large reuse factors." for number in sorted(hidden)]
    most = max(40, MOST_BARS // len(story.layers))
    if len(shown) > most:
        left_out.append(f"{most} of {len(shown)} trials are shown: probes, front, the best and the latest.")
        shown = _important(story, shown, most)
    groups = tuple(
        Synthesis(t.number, t.point.reuse_factors, story.cycles(t), chosen is not None and t.number == chosen.number)
        for t in sorted(shown, key=lambda trial: trial.number)
    )
    return balance(
        story.layers,
        groups,
        metric=story.metric,
        target=story.target,
        anchor=story.anchor,
        left_out=" ".join(left_out),
        has_legend=has_legend,
        one=story.words.one,
        many=story.words.many,
    )


def _important(story: Story, trials: list[Trial], most: int) -> list[Trial]:
    best = {
        t.number for t in (*story.summary.front, *story.probes, *([story.summary.incumbent] if story.summary.incumbent else []))
    }
    first = [t for t in trials if t.number in best][:most]
    rest = [t for t in reversed(trials) if t.number not in best]
    return first + rest[: most - len(first)]


def curve_panels(story: Story, metric: str, beliefs: Beliefs | None = None) -> tuple[Panel, ...]:
    """One panel a layer; interpolants only of the cycles that the heuristic balances."""
    chosen = story.summary.incumbent
    is_balanced = story.is_balancing and metric == story.metric
    panels = []
    for name in story.layers:
        before = story.interpolant(name, story.probes) if is_balanced else ()
        after = story.interpolant(name, story.state.finished) if is_balanced else ()
        panels.append(
            Panel(
                layer=name,
                measured=story.measured(name, metric),
                band=beliefs.bands.get((name, metric), ()) if beliefs else (),
                before=before if before != after else (),
                after=after,
                chosen=chosen.point[name].reuse_factor if chosen else None,
                is_anchor=name == story.anchor,
            )
        )
    return tuple(panels)


def draw_front(story: Story, beliefs: Beliefs | None = None) -> Drawing:
    """The Pareto front over the campaign's first two metrics."""
    across, upwards = story.axes
    chosen, best = story.summary.incumbent, {trial.number for trial in story.summary.front}
    points = []
    for trial in story.state.finished:
        x, y = story.value(trial, across), story.value(trial, upwards)
        if x is not None and y is not None:
            is_chosen = chosen is not None and trial.number == chosen.number
            points.append(Measured(trial.number, x, y, story.is_feasible(trial), trial.number in best, is_chosen, str(trial.point)))
    left_out = len(story.state.finished) - len(points)
    return front(
        tuple(points),
        predicted(story.question, beliefs, across, upwards),
        x_metric=across,
        y_metric=upwards,
        x_bounds=_bounds(story, across),
        y_bounds=_bounds(story, upwards),
        left_out=f"{left_out} finished trials have no such values." if left_out else "",
        called=story.words.measured,
    )


def _bounds(story: Story, metric: str) -> tuple[Bound, ...]:
    """Return the limits along one axis; one in nanoseconds stands on an axis of cycles too."""
    spec = story.question.spec
    own = []
    for limit in spec.limits:
        if limit.metric == metric:
            own.append(Bound(limit.maximum, f"limit {plain(limit.maximum)}"))
        elif limit.metric.replace("_ns_", "_cycles_") == metric:
            own.append(Bound(limit.maximum / spec.target.clock_period_ns, f"limit {plain(limit.maximum)} ns"))
    if metric in RESOURCES and spec.part.capacity(metric) and spec.part.capacity(metric) not in [b.value for b in own]:
        own.append(Bound(spec.part.capacity(metric), f"{spec.part.device} holds {spec.part.capacity(metric):,}"))
    return tuple(own)


def draw_progress(story: Story, beliefs: Beliefs | None = None) -> Drawing:
    label, achieved = story.achieved
    certificate = story.state.certificate
    tolerance = certificate.tolerance if certificate else None
    return progress(Progress(achieved, label, story.gaps, tolerance, story.words.one, story.words.many))


def draw_belief(story: Story, beliefs: Beliefs | None = None) -> Drawing:
    return belief(beliefs.foretold if beliefs else (), confidence=CONFIDENCE)


def draw_shares(story: Story, beliefs: Beliefs | None = None) -> Drawing:
    qor = story.summary.incumbent.qor if story.summary.incumbent else None
    part = story.question.spec.part
    rows = []
    for metric in DEVICE if qor else ():
        own = [qor.layer(name) for name in story.layers] if qor else []
        by_layer = tuple(None if layer is None else getattr(layer, metric) for layer in own)
        rows.append(Share(LABELS[metric].removesuffix(" (18 Kb)"), by_layer, getattr(qor, metric), part.capacity(metric)))
    return shares(story.layers, tuple(rows))


def draw_failures(story: Story, beliefs: Beliefs | None = None) -> Drawing:
    return tally("How the trials ended", story.outcomes, "No trial has finished yet.")


def draw_spend(story: Story, beliefs: Beliefs | None = None) -> Drawing:
    hours, saved = story.hours
    return spend(hours, saved, budget_syntheses=story.question.spec.budget.syntheses, many=story.words.many)


def _curve_figure(metric: str) -> Callable[[Story, Beliefs | None], Drawing]:
    return lambda story, beliefs: curves(curve_panels(story, metric, beliefs), metric=metric, measured=story.words.measured)


FIGURES: MappingProxyType[str, Callable[[Story, Beliefs | None], Drawing]] = MappingProxyType(
    {
        "balance": lambda story, beliefs: draw_balance(story),
        "balance-all": lambda story, beliefs: draw_balance(story, with_probe=True),
        **{name: _curve_figure(metric) for name, metric in CURVES.items()},
        "front": draw_front,
        "progress": draw_progress,
        "belief": draw_belief,
        "shares": draw_shares,
        "failures": draw_failures,
        "spend": draw_spend,
    }
)
NEEDS_BELIEF = frozenset((*CURVES, "front", "belief"))
