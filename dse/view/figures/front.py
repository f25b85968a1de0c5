"""The Pareto front: what was measured, what is believed, what is forbidden."""

from __future__ import annotations

from dataclasses import dataclass

from dse.view.figures.axes import LABELS, Scale, bottom_axis, left_axis, plain, scale
from dse.view.figures.drawing import Dot, Drawing, Group, Line, Mark, Point, Text, empty, text_width

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _FOOT = 560.0, 380.0, 56.0, 14.0, 34.0, 58.0
_FAR = 3.0  # a limit further away than this factor is told in words instead of squeezing the points together


@dataclass(frozen=True, slots=True)
class Measured:
    """A trial's place; `reuse_factors` is what a pointer is told."""

    number: int
    x: float
    y: float
    is_feasible: bool
    is_front: bool
    is_chosen: bool
    reuse_factors: str


@dataclass(frozen=True, slots=True)
class Predicted:
    """A design that was not measured: mean and bounds along both axes, and why it is shown."""

    x: tuple[float, float, float]
    y: tuple[float, float, float]
    title: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit along one axis; `title` says whose."""

    value: float
    title: str


def front(
    measured: tuple[Measured, ...],
    predicted: tuple[Predicted, ...] = (),
    *,
    x_metric: str,
    y_metric: str,
    x_bounds: tuple[Bound, ...] = (),
    y_bounds: tuple[Bound, ...] = (),
    left_out: str = "",
    called: str = "measured",
) -> Drawing:
    """Draw two metrics against each other; both are better when smaller, so the good corner is the lower left."""
    title = f"{LABELS[y_metric]} against {LABELS[x_metric]}"
    if not measured:
        return empty(title, f"No trial has told both {LABELS[x_metric]} and {LABELS[y_metric]} yet.")
    x = _axis([m.x for m in measured], [p.x[0] for p in predicted], x_bounds, _LEFT, _WIDTH - _RIGHT)
    y = _axis([m.y for m in measured], [p.y[0] for p in predicted], y_bounds, _HEIGHT - _FOOT, _TOP)
    marks = [*left_axis(y, _LEFT, _WIDTH - _RIGHT, LABELS[y_metric]), *bottom_axis(x, _HEIGHT - _FOOT, LABELS[x_metric])]
    marks += _bounds(x_bounds, y_bounds, x, y)
    best = sorted((m for m in measured if m.is_front), key=lambda m: (m.x, -m.y))
    if len(best) > 1:
        marks.append(Line(_staircase(best, x, y), "front-line"))
    marks += [_predicted(p, x, y) for p in predicted]
    # the important ones last, so that they lie on top
    marks += [_measured(m, x, y) for m in sorted(measured, key=lambda m: (m.is_chosen, m.is_front, m.is_feasible))]
    marks += _key(measured, bool(predicted), called)
    n_feasible = sum(m.is_feasible for m in measured)
    words = f"{n_feasible} feasible trials, {len(best)} of them on the front, {len(measured) - n_feasible} beyond a limit"
    words += f", {len(predicted)} predicted" if predicted else ""
    words += "".join(f"; {bound.title}" for bound in (*x_bounds, *y_bounds))
    return Drawing(_WIDTH, _HEIGHT, title, f"{words}. {left_out}".strip(), tuple(marks))


def _axis(measured: list[float], predicted: list[float], bounds: tuple[Bound, ...], start: float, end: float) -> Scale:
    top = max(measured)
    near = [p for p in predicted if p <= _FAR * top] + [b.value for b in bounds if min(measured) / _FAR <= b.value <= _FAR * top]
    values = [*measured, *near]
    return scale(values, start, end, wants_log=min(values) > 0 and max(values) / min(values) > 12)


def _bounds(x_bounds: tuple[Bound, ...], y_bounds: tuple[Bound, ...], x: Scale, y: Scale) -> list[Mark]:
    marks: list[Mark] = []
    far = []
    for bound in x_bounds:
        if x.low <= bound.value <= x.high:
            at = x(bound.value)
            marks += [Line(((at, y.start), (at, y.end)), "limit"), Text(at + 3, y.end + 9, bound.title, "limit-text")]
            if at > x.end - text_width(bound.title, 10):
                marks[-1] = Text(at - 3, y.end + 9, bound.title, "limit-text", "end")
        else:
            far.append(bound.title)
    for bound in y_bounds:
        if y.low <= bound.value <= y.high:
            at = y(bound.value)
            marks += [Line(((x.start, at), (x.end, at)), "limit"), Text(x.end, at - 4, bound.title, "limit-text", "end")]
        else:
            far.append(bound.title)
    if far:
        marks.append(Text(x.end, 13, f"beyond the frame: {', '.join(far)}", "limit-text", "end"))
    return marks


def _staircase(best: list[Measured], x: Scale, y: Scale) -> tuple[Point, ...]:
    points: list[Point] = [(x(best[0].x), y.end)]
    for before, after in zip(best, [*best[1:], None], strict=True):
        points.append((x(before.x), y(before.y)))
        points.append((x.end, y(before.y)) if after is None else (x(after.x), y(before.y)))
    return tuple(points)


def _measured(m: Measured, x: Scale, y: Scale) -> Mark:
    at = (x(m.x), y(m.y))
    if not m.is_feasible:
        shape: tuple[Mark, ...] = (Dot(*at, 3.6, "infeasible", "cross"),)
    else:
        shape = (Dot(*at, 4.6 if m.is_front else 3.4, "measured" if m.is_front else "feasible"),)
    if m.is_chosen:
        shape = (Dot(*at, 9, "chosen"), *shape)
    words = "chosen, " if m.is_chosen else ""
    words += "on the front" if m.is_front else "feasible" if m.is_feasible else "beyond a limit"
    return Group(shape, m.number, f"Trial {m.number} ({words}): {plain(m.x)}, {plain(m.y)}; {m.reuse_factors}")


def _predicted(p: Predicted, x: Scale, y: Scale) -> Mark:
    at = (x.clipped(p.x[0]), y.clipped(p.y[0]))
    bars = (
        Line(((x.clipped(p.x[1]), at[1]), (x.clipped(p.x[2]), at[1])), "predicted-bar"),
        Line(((at[0], y.clipped(p.y[1])), (at[0], y.clipped(p.y[2]))), "predicted-bar"),
    )
    return Group((*bars, Dot(*at, 4, "predicted")), title=p.title)


def _key(measured: tuple[Measured, ...], has_predicted: bool, called: str) -> list[Mark]:
    entries: list[tuple[Dot, str, bool]] = [
        (Dot(0, 0, 4.6, "measured"), "front", any(m.is_front for m in measured)),
        (Dot(0, 0, 3.4, "feasible"), called, any(m.is_feasible and not m.is_front for m in measured)),
        (Dot(0, 0, 3.6, "infeasible", "cross"), "beyond a limit", any(not m.is_feasible for m in measured)),
        (Dot(0, 0, 7, "chosen"), "chosen", any(m.is_chosen for m in measured)),
        (Dot(0, 0, 4, "predicted"), f"predicted, not {called}", has_predicted),
    ]
    marks: list[Mark] = []
    at = _LEFT
    for dot, words, is_there in entries:
        if not is_there:
            continue
        marks += [Dot(at + 6, _HEIGHT - 11, dot.radius, dot.style, dot.shape), Text(at + 17, _HEIGHT - 7.5, words, "tick")]
        at += 32 + text_width(words, 10)
    return marks
