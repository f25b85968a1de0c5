"""Designs side by side, in the manner of the paper's Table 1: as rows of text, Markdown, CSV and a page."""

from __future__ import annotations

from dataclasses import dataclass

from dse.design import DesignPoint, Fidelity
from dse.parts import Part
from dse.qor import Qor
from dse.text import csv_text, one_line
from dse.view.answer import SOURCES
from dse.view.figures.axes import LABELS, plain
from dse.view.figures.drawing import Bar, Drawing, Mark, Text, empty, text_width
from dse.view.figures.styles import layer_style
from dse.view.pages import render

ROWS = (
    ("II (cycles)", "ii_cycles_max"),
    ("latency (cycles)", "latency_cycles_max"),
    ("DSP", "dsp"),
    ("LUT", "lut"),
    ("FF", "ff"),
    ("BRAM (18 Kb)", "bram_18k"),
)
SHARED = ("dsp", "lut", "ff", "bram_18k")  # what a device has a number of


@dataclass(frozen=True, slots=True)
class Column:
    """One design of the comparison; `qor` None where it was not measured, and `note` says why.

    Attributes:
        syntheses: finished trials of its campaign; None for a design that no campaign looked for.
        tool_hours: of its campaign's trials; None where nobody told.
        hypervolume: of its campaign, None without a fixed reference.
        is_alien: it answers another question than the first column (network, target or fidelity), shown on demand only.
    """

    title: str
    point: DesignPoint | None
    qor: Qor | None
    syntheses: int | None = None
    note: str = ""
    tool_hours: float | None = None
    hypervolume: float | None = None
    is_alien: bool = False

    @property
    def heading(self) -> str:
        """The title, marked where the numbers do not compare."""
        return f"{self.title} (!)" if self.is_alien else self.title


@dataclass(frozen=True, slots=True)
class Comparison:
    """Columns on one device; ratios are against the first, the unoptimised design."""

    network: str
    part: Part
    fidelity: Fidelity
    columns: tuple[Column, ...]

    @property
    def heading(self) -> str:
        kind = "estimates, not synthesis" if self.fidelity is Fidelity.ESTIMATE else SOURCES[self.fidelity]
        return f"{self.network} on {self.part.device} ({kind})"

    @property
    def notes(self) -> tuple[str, ...]:
        aliens = [column.title for column in self.columns if column.is_alien]
        warning = [f"(!) another network, target or fidelity: {', '.join(aliens)}; these numbers do not compare"] if aliens else []
        return (*warning, *(f"{column.title}: {column.note}" for column in self.columns if column.note))


def ratio(column: Column, first: Column, metric: str) -> float | None:
    """Return a column's value over the unoptimised one."""
    ours = None if column.qor is None else getattr(column.qor, metric)
    base = None if first.qor is None else getattr(first.qor, metric)
    return None if ours is None or not base else float(ours / base)


def percent(column: Column, part: Part, metric: str) -> float | None:
    """Return a resource as a percentage of the device."""
    used = None if column.qor is None else getattr(column.qor, metric)
    capacity = part.capacity(metric)
    return None if used is None or not capacity else 100 * float(used) / capacity


def rows(comparison: Comparison) -> list[list[str]]:
    """Return the table's rows as text, the name of each row first; `-` is unknown."""
    columns, part = comparison.columns, comparison.part
    found = []
    for title, metric in ROWS:
        cells = [title]
        for column in columns:
            value = None if column.qor is None else getattr(column.qor, metric)
            share = percent(column, part, metric) if metric in SHARED else None
            cells.append("-" if value is None else f"{value:,.0f}" + ("" if share is None else f" ({share:.0f} %)"))
        found.append(cells)
    for title, metric in (("II against unoptimised", "ii_cycles_max"), ("DSP against unoptimised", "dsp")):
        ratios = [ratio(column, columns[0], metric) for column in columns]
        found.append([title, *("-" if value is None else f"{value:.2f}x" for value in ratios)])
    found.append(["reuse factors", *(str(column.point) if column.point else "-" for column in columns)])
    found.append(
        [
            "estimates" if comparison.fidelity is Fidelity.ESTIMATE else "syntheses",
            *("-" if column.syntheses is None else str(column.syntheses) for column in columns),
        ]
    )
    for title, values in (("tool hours", [c.tool_hours for c in columns]), ("hypervolume", [c.hypervolume for c in columns])):
        if any(value is not None for value in values):
            found.append([title, *("-" if value is None else f"{value:.3g}" for value in values)])
    return found


def markdown(comparison: Comparison) -> str:
    """Return the table for a README or a pull request."""
    lines = [f"**{_cell(comparison.heading)}**", ""]
    lines.append("| " + " | ".join(["", *(_cell(column.heading) for column in comparison.columns)]) + " |")
    lines.append("|:--" + "|--:" * len(comparison.columns) + "|")
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows(comparison)]
    lines += ["", *(f"- {_cell(note)}" for note in comparison.notes)] if comparison.notes else []
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Return text in which Markdown finds neither a column, nor HTML, nor a link."""
    shown = one_line(text, 2000)
    for mark in "\\`*_|[]<>":
        shown = shown.replace(mark, "\\" + mark)
    return shown


def as_csv(comparison: Comparison) -> str:
    """Return bare numbers for programs: one row a design, empty where unknown."""
    metrics = [metric for _, metric in ROWS]
    names = ["design", "reuse_factors", *metrics]
    names += [f"{metric}_percent" for metric in SHARED] + [f"{metric}_ratio" for metric in metrics]
    table: list[list[object]] = [[*names, "syntheses", "tool_hours", "hypervolume", "part", "fidelity", "note"]]
    for column in comparison.columns:
        values = [None if column.qor is None else getattr(column.qor, metric) for metric in metrics]
        shares = [percent(column, comparison.part, metric) for metric in SHARED]
        ratios = [ratio(column, comparison.columns[0], metric) for metric in metrics]
        factors = " ".join(map(str, column.point.reuse_factors)) if column.point else None
        rest = [column.syntheses, column.tool_hours, column.hypervolume, comparison.part.device, comparison.fidelity.value]
        table.append([column.heading, factors, *values, *shares, *ratios, *rest, column.note])
    return csv_text(table)


def draw(comparison: Comparison) -> Drawing:
    """Draw each metric as a block of bars, a bar a design."""
    title = f"Designs compared: {comparison.heading}"
    columns = [column for column in comparison.columns if column.qor is not None]
    if not columns:
        return empty(title, "None of the designs was measured.")
    left = 24 + max(text_width(column.heading) for column in columns)
    width, row = left + 400.0, 22.0
    marks: list[Mark] = []
    words = []
    y = 4.0
    for _, metric in ROWS:
        values = [getattr(column.qor, metric) for column in columns]
        if all(value is None for value in values):
            continue
        marks.append(Text(2, y + 12, LABELS[metric], "head"))
        y += 18
        most = max(value for value in values if value is not None) or 1.0
        for i, (column, value) in enumerate(zip(columns, values, strict=True)):
            marks.append(Text(left - 8, y + 13, column.heading, "label", "end"))
            if value is not None:
                length = max(1.0, 280 * value / most)
                marks.append(Bar(left, y + 2, length, row - 7, layer_style(i)))
                share = percent(column, comparison.part, metric) if metric in SHARED else None
                label = plain(value) + ("" if share is None else f" ({share:.0f} %)")
                marks.append(Text(left + length + 6, y + 13, label, "tick"))
                words.append(f"{column.heading} {LABELS[metric]} {label}")
            else:
                marks.append(Text(left, y + 13, "?", "tick"))
            y += row
        y += 10
    return Drawing(width, y, title, "; ".join(words), tuple(marks))


def page(comparison: Comparison) -> str:
    """Return the comparison as one HTML file."""
    return render(
        "comparison.html",
        title=comparison.heading,
        subtitle=f"{len(comparison.columns)} designs compared",
        is_followed=False,
        heads=[column.heading for column in comparison.columns],
        rows=rows(comparison),
        notes=comparison.notes,
        bars=draw(comparison),
    )
