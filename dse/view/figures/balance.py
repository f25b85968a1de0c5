"""How well the layers are balanced: one group of bars per synthesis, in the manner of the paper's figures 6 and 8."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from dse.view.figures.axes import LABELS, Scale, left_axis, plain
from dse.view.figures.drawing import Bar, Drawing, Group, Line, Mark, Text, empty, text_width
from dse.view.figures.styles import layer_style

_GAP, _LEFT, _TOP, _HEIGHT = 22.0, 52.0, 38.0, 210.0
_COMFORT = 1090.0  # pixels: few groups get wider bars until they fill about this
_MOST_WITH_FACTORS = 60  # more groups, and the factors stand in the table only


@dataclass(frozen=True, slots=True)
class Synthesis:
    """One group: a trial's reuse factors and the cycles of its layers, both in network order; None where unknown."""

    number: int
    reuse_factors: tuple[int, ...]
    cycles: tuple[float | None, ...]
    is_chosen: bool = False


def balance(
    layers: tuple[str, ...],
    syntheses: tuple[Synthesis, ...],
    *,
    metric: str,
    target: float | None = None,
    anchor: str | None = None,
    left_out: str = "",
    has_legend: bool = True,
    one: str = "synthesis",
    many: str = "syntheses",
) -> Drawing:
    """Draw bars of cycles: a group a synthesis, a bar a layer, the reuse factors below, the target dashed, the anchor hatched.

    Args:
        left_out: what the figure does not show and why, as a sentence.
        has_legend: whether the layers' colors are explained in the figure itself.
        one, many: what the results are called.
    """
    title = f"{'II' if metric.startswith('ii') else 'Latency'} of every layer, {one} by {one}"
    known = [c for s in syntheses for c in s.cycles if c is not None]
    if not known:
        return empty(title, f"No {one} has told the cycles of its layers yet.")
    has_factors = len(syntheses) <= _MOST_WITH_FACTORS
    longest = max(len(str(f)) for s in syntheses for f in s.reuse_factors)
    bar = min(34.0, max(15.0 if has_factors else 8.0, (_COMFORT / len(syntheses) - _GAP) / len(layers)))
    step = bar * len(layers) + _GAP
    is_turned = text_width("0" * longest, 9) > bar
    base = _TOP + _HEIGHT
    # Balanced bars are compared by length; a search that does not balance spreads them over magnitudes.
    is_log = target is None and anchor is None and max(known) > 60 * median(known) > 0
    axis = Scale(0.5, 1.5 * max(known), base, _TOP, True) if is_log else Scale(0.0, 1.08 * max(*known, target or 0.0), base, _TOP)
    width = max(_LEFT + step * len(syntheses) + 14, 420.0)
    foot = (8 + (text_width("0" * longest, 9) if is_turned else 10)) if has_factors else 2
    marks = left_axis(axis, _LEFT, width - 10, LABELS[metric] + (", logarithmic" if is_log else ""))
    for index, synthesis in enumerate(syntheses):
        x = _LEFT + _GAP / 2 + index * step
        group = _group(synthesis, layers, anchor, axis, x, bar, has_factors, is_turned)
        style = "head" if synthesis.is_chosen else "tick"
        number = Text(x + (step - _GAP) / 2, base + foot + 16, f"#{synthesis.number}", style, "middle")
        marks.append(Group((*group, number), synthesis.number, _title(synthesis, layers, metric) if has_factors else ""))
    marks += _target(target, axis, width) if target is not None else []
    marks.append(Line(((_LEFT, base), (width - 10, base)), "axis"))
    marks += _legend(layers, anchor, width) if has_legend else []
    if has_factors:
        marks.append(Text(2, base + 12, "reuse", "small"))
    words = f"{len(syntheses)} {many} of {len(layers)} layers"
    words += f", anchor {anchor}" if anchor else ""
    words += f", target {plain(target)} cycles" if target is not None else ""
    return Drawing(width, base + foot + 24, title, f"{words}. {left_out}".strip(), tuple(marks))


def _target(target: float, axis: Scale, width: float) -> list[Mark]:
    at = axis(target)
    return [Line(((_LEFT, at), (width - 10, at)), "target"), Text(width - 10, at - 5, f"target {plain(target)}", "label", "end")]


def axis_strip(drawing: Drawing) -> Drawing:
    """Return only the labels left of the bars, to stay in sight while the bars scroll."""
    kept = tuple(mark for mark in drawing.marks if isinstance(mark, Text) and mark.x < _LEFT)
    return Drawing(_LEFT, drawing.height, "", "", kept)


def _group(
    synthesis: Synthesis,
    layers: tuple[str, ...],
    anchor: str | None,
    axis: Scale,
    x: float,
    bar: float,
    factors: bool,
    turned: bool,
) -> list[Mark]:
    marks: list[Mark] = []
    for i, (cycles, factor) in enumerate(zip(synthesis.cycles, synthesis.reuse_factors, strict=True)):
        left = x + i * bar
        if cycles is None:
            marks.append(Text(left + bar / 2, axis.start - 3, "?", "tick", "middle"))
        else:
            top = axis.clipped(cycles)
            marks.append(Bar(left + 0.7, top, bar - 1.4, axis.start - top, layer_style(i)))
            if layers[i] == anchor:
                marks.append(Bar(left + 0.7, top, bar - 1.4, axis.start - top, "hatch"))
        if factors:
            middle = left + bar / 2
            if turned:
                marks.append(Text(middle + 3, axis.start + 5, str(factor), "small", "end", True))
            else:
                marks.append(Text(middle, axis.start + 12, str(factor), "small", "middle"))
    if synthesis.is_chosen:
        n = len(layers)
        marks.append(
            Line(((x, axis.end - 4), (x, axis.end - 8), (x + n * bar, axis.end - 8), (x + n * bar, axis.end - 4)), "chosen")
        )
        marks.append(Text(x + n * bar / 2, axis.end - 13, "chosen", "small", "middle"))
    return marks


def _title(synthesis: Synthesis, layers: tuple[str, ...], metric: str) -> str:
    cells = (
        f"{name} {'?' if cycles is None else plain(cycles)} (reuse {factor})"
        for name, cycles, factor in zip(layers, synthesis.cycles, synthesis.reuse_factors, strict=True)
    )
    return f"Trial {synthesis.number}, {LABELS[metric]}: {', '.join(cells)}"


def _legend(layers: tuple[str, ...], anchor: str | None, width: float) -> list[Mark]:
    marks: list[Mark] = []
    x = _LEFT
    for i, name in enumerate(layers):
        shown = name + (" (anchor)" if name == anchor else "")
        if x + text_width(shown) + 16 > width and i:
            marks.append(Text(x, 12, f"+ {len(layers) - i}", "tick"))
            break
        marks.append(Bar(x, 4, 10, 10, layer_style(i)))
        if name == anchor:
            marks.append(Bar(x, 4, 10, 10, "hatch"))
        marks.append(Text(x + 14, 12.5, shown, "tick"))
        x += text_width(shown, 10) + 28
    return marks
