"""Is the surrogate worth listening to: what it said of a layer before it was measured, against what was then measured."""

from __future__ import annotations

from dataclasses import dataclass

from dse.view.figures.axes import LABELS, bottom_axis, left_axis, scale
from dse.view.figures.drawing import Dot, Drawing, Group, Line, Mark, Text, empty

_MOST_POINTS = 60  # of one metric; more are counted but not drawn
_WIDTH, _HEIGHT, _LEFT, _TOP, _FOOT = 250.0, 296.0, 50.0, 64.0, 44.0


@dataclass(frozen=True, slots=True)
class Foretold:
    """One layer of one trial: predicted from what was known before that trial, then measured."""

    trial: int
    layer: str
    metric: str
    mean: float
    lower: float
    upper: float
    measured: float

    @property
    def is_inside(self) -> bool:
        # half a unit of air: counts are whole numbers, intervals are not
        return self.lower - 0.5 <= self.measured <= self.upper + 0.5


def belief(foretold: tuple[Foretold, ...], *, confidence: float, columns: int = 4) -> Drawing:
    """Draw one square a metric: on the diagonal the prediction was right, the bar is its interval."""
    title = "Predicted before measured"
    metrics = tuple(dict.fromkeys(f.metric for f in foretold))
    if not metrics:
        return empty(title, "No surrogate was asked yet, or nothing was measured after it was.")
    columns = min(columns, len(metrics))
    marks: list[Mark] = []
    words = []
    for index, metric in enumerate(metrics):
        row, column = divmod(index, columns)
        own = tuple(f for f in foretold if f.metric == metric)
        hits = sum(f.is_inside for f in own)
        words.append(f"{LABELS[metric]}: {hits} of {len(own)} inside the {100 * confidence:.0f} % interval")
        marks += _square(own, metric, hits, column * _WIDTH, row * _HEIGHT)
    return Drawing(columns * _WIDTH, -(-len(metrics) // columns) * _HEIGHT, title, "; ".join(words), tuple(marks))


def _square(own: tuple[Foretold, ...], metric: str, hits: int, left: float, top: float) -> list[Mark]:
    x0, x1, y0, y1 = left + _LEFT, left + _WIDTH - 12, top + _HEIGHT - _FOOT, top + _TOP
    ceiling = 4 * max(f.measured for f in own)  # one wild prediction must not flatten all others; it lies on the edge
    values = [f.measured for f in own] + [f.mean for f in own if f.mean <= ceiling]
    is_log = min(values) > 0 and max(values) / min(values) > 12
    x, y = scale(values, x0, x1, wants_log=is_log), scale(values, y0, y1, wants_log=is_log)
    marks: list[Mark] = [Text(left + 2, top + 13, LABELS[metric], "head")]
    marks.append(Text(left + 2, top + 27, f"{hits} of {len(own)} inside ({100 * hits / len(own):.0f} %)", "tick"))
    marks += [*left_axis(y, x0, x1, "predicted", most=4, label_x=left + 2), *bottom_axis(x, y0, "measured")]
    marks.append(Line(((x0, y0), (x1, y1)), "target"))
    for f in own[:: -(-len(own) // _MOST_POINTS)]:
        at = x(f.measured)
        bar = Line(((at, y.clipped(f.lower)), (at, y.clipped(f.upper))), "predicted-bar")
        dot = Dot(at, y.clipped(f.mean), 3.2, "inside" if f.is_inside else "outside")
        sentence = f"{f.layer}: predicted {f.mean:,.4g} ({f.lower:,.4g} to {f.upper:,.4g}), measured {f.measured:,.4g}"
        marks.append(Group((bar, dot), f.trial, sentence))
    return marks
