"""The figures of an architecture search: the front, and what every training's error did."""

from __future__ import annotations

from collections.abc import Sequence

from dse.nas.records import Candidate, Outcome, front_of
from dse.nas.spec import NasSpec
from dse.view.figures.axes import Scale, bottom_axis, left_axis, scale
from dse.view.figures.drawing import Dot, Drawing, Group, Line, Mark, Text, empty, text_width
from dse.view.nas_story import axes_of

LABELS = {
    "rmse": "RMSE on validation runs",
    "accuracy": "share of wrong classes on validation runs",
    "workload": "multiplications per inference",
    "device_cost": "device cost (sum of shares of the device)",
    "latency_ns": "least latency (ns)",
}
WORDS = {
    "rmse": "RMSE",
    "accuracy": "wrong share",
    "workload": "multiplications",
    "device_cost": "device cost",
    "latency_ns": "latency ns",
}
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _FOOT = 520.0, 380.0, 52.0, 26.0, 26.0, 62.0
_KEY = (("measured", "on the front"), ("feasible", "trained"), ("pending", "given up early"))
_LOG_FROM = 8.0  # ratio of errors from which a logarithmic axis reads better


def error_label(spec: NasSpec) -> str:
    """Return what the error's axis is called; only simulated data tells its unit."""
    metric = axes_of(spec)[1]
    unit = "mm" if spec.data.kind == "cantilever" else "unit of the target"
    return f"{LABELS[metric]} ({unit})" if metric == "rmse" else LABELS[metric]


def draw_nas_front(spec: NasSpec, candidates: Sequence[Candidate]) -> Drawing:
    """Draw error against cost; the lower left is best."""
    across, upwards = axes_of(spec)
    label = error_label(spec)
    title = f"{label} against {LABELS[across]}"
    places = [(c, x, y) for c in candidates if (x := c.value(across)) is not None and (y := c.value(upwards)) is not None]
    if not places:
        return empty(title, "No network has been trained yet.")
    x_scale = scale([x for _, x, _ in places], _LEFT, _WIDTH - _RIGHT, wants_log=True)
    y_scale = _errors_scale([y for _, _, y in places])
    best = {candidate.number for candidate in front_of(candidates, spec.goals)}
    marks = [*left_axis(y_scale, _LEFT, _WIDTH - _RIGHT, label), *bottom_axis(x_scale, _HEIGHT - _FOOT, LABELS[across])]
    corners: list[tuple[float, float]] = []
    for _, x, y in sorted((place for place in places if place[0].number in best), key=lambda place: place[1:]):
        if not corners or y < corners[-1][1]:  # with a third objective, not all of the front is best in these two
            corners += [(x, corners[-1][1]), (x, y)] if corners else [(x, y)]
    if len(corners) > 1:
        marks.append(Line(tuple((x_scale(x), y_scale(y)) for x, y in corners), "front-line"))
    for candidate, x, y in sorted(places, key=lambda place: place[0].number in best):
        dot = _dot(candidate, x_scale(x), y_scale(y), candidate.number in best)
        marks.append(Group((dot,), candidate.number, f"Trial {candidate.number}: {candidate.architecture}; {y:.4g} at {x:.4g}"))
    return Drawing(_WIDTH, _HEIGHT, title, f"{len(places)} networks, {len(best)} on the front", (*marks, *_key()))


def draw_nas_curves(spec: NasSpec, candidates: Sequence[Candidate]) -> Drawing:
    """Draw the validation error after each epoch; the front's networks stand out and carry their numbers."""
    label = error_label(spec)
    title = f"{label} by epoch"
    curves = [candidate for candidate in candidates if candidate.curve]
    if not curves:
        return empty(title, "No training has finished an epoch yet.")
    best = {candidate.number for candidate in front_of(candidates, spec.goals)}
    longest = max(len(candidate.curve) for candidate in curves)
    x = Scale(1.0, max(longest, 2), _LEFT, _WIDTH - _RIGHT)
    y = _errors_scale([error for candidate in curves for error in candidate.curve])
    ticks = tuple(tick for tick in x.ticks(8) if tick == int(tick))
    marks = [*left_axis(y, _LEFT, _WIDTH - _RIGHT, label), *bottom_axis(x, _HEIGHT - _FOOT, "epoch", ticks=ticks)]
    taken: list[float] = []
    for candidate in sorted(curves, key=lambda c: (c.number in best, c.curve[-1])):
        is_best = candidate.number in best
        points = tuple((x(epoch), y.clipped(error)) for epoch, error in enumerate(candidate.curve, 1))
        end = points[-1]
        parts: list[Mark] = [Line(points, "front-line" if is_best else "axis"), _dot(candidate, *end, is_best)]
        if is_best and all(abs(end[1] - other) >= 10 for other in taken):
            taken.append(end[1])
            parts.append(Text(end[0] + 8, end[1] + 3.5, str(candidate.number), "tick"))
        told = f"Trial {candidate.number}: {candidate.architecture}; best {min(candidate.curve):.4g} in {len(points)} epochs"
        marks.append(Group(tuple(parts), candidate.number, told))
    words = f"{len(curves)} trainings, at most {longest} epochs; {len(best)} on the front"
    return Drawing(_WIDTH, _HEIGHT, title, words, (*marks, *_key()))


def _errors_scale(errors: list[float]) -> Scale:
    low, high = min(errors), max(errors)
    return scale(errors, _HEIGHT - _FOOT, _TOP, wants_log=low > 0 and high > _LOG_FROM * low)


def _dot(candidate: Candidate, x: float, y: float, is_best: bool) -> Dot:
    style = "measured" if is_best else "feasible" if candidate.outcome is Outcome.TRAINED else "pending"
    return Dot(x, y, 4.6 if is_best else 3.2, style)


def _key() -> list[Mark]:
    marks: list[Mark] = []
    x = _LEFT + 6
    for style, text in _KEY:
        marks += [Dot(x, _HEIGHT - 11, 4, style), Text(x + 10, _HEIGHT - 7.5, text, "tick")]
        x += 30 + text_width(text)
    return marks
