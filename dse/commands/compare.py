"""`dse compare`: finished campaigns side by side, in the manner of the paper's Table 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dse.assemble import Question, assemble, read_state
from dse.campaign.spec import read_campaign
from dse.campaign.state import CampaignState
from dse.commands.output import console, number, print_json, share
from dse.design import DesignPoint, Job
from dse.errors import SpecError
from dse.evaluate import Evaluator
from dse.qor import Qor
from dse.store.cache import Cache
from dse.store.codec import point_to_json, qor_to_json
from dse.summary import summarise

ROWS = (
    ("II (cycles)", "ii_cycles_max"),
    ("latency (cycles)", "latency_cycles_max"),
    ("DSP", "dsp"),
    ("LUT", "lut"),
    ("FF", "ff"),
    ("BRAM (18 Kb)", "bram_18k"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """One design of the comparison; `qor` None where it was not measured, and `note` says why."""

    title: str
    point: DesignPoint | None
    qor: Qor | None
    syntheses: int | None = None
    note: str = ""


def compare(paths: list[Path], *, homogeneous: tuple[int, ...] = (), anyway: bool = False, as_json: bool = False) -> int:
    """Print unoptimised, each campaign's best, and homogeneous designs.

    Raises:
        SpecError: the campaigns are not about the same network and target, and `anyway` is not set.
    """
    questions = [assemble(read_campaign(path)) for path in paths]
    _same_subject(questions, anyway)
    states = [read_state(question.spec) for question in questions]
    columns = [_uniform(questions[0], 1, "unoptimised", smallest=True)]
    columns += [_best(question, state) for question, state in zip(questions, states, strict=True)]
    columns += [_uniform(questions[0], factor, f"homogeneous {factor}") for factor in homogeneous]
    if as_json:
        print_json("compare", document(questions[0], columns))
    else:
        _print(questions[0], columns)
    return 0


def document(question: Question, columns: list[Column]) -> dict[str, Any]:
    """Return the document of `dse compare --json`; ratios are against the unoptimised design."""
    first = columns[0].qor
    return {
        "part": question.spec.target.part,
        "fidelity": question.backend.fidelity.value,
        "columns": [
            {
                "title": column.title,
                "point": point_to_json(column.point) if column.point else None,
                "qor": qor_to_json(column.qor) if column.qor else None,
                "syntheses": column.syntheses,
                "ratio_to_unoptimised": {metric: _ratio(column.qor, first, metric) for _, metric in ROWS},
                "device_percent": {metric: _percent(question, column.qor, metric) for metric in ("dsp", "lut", "ff", "bram_18k")},
                "note": column.note,
            }
            for column in columns
        ],
    }


def _same_subject(questions: list[Question], anyway: bool) -> None:
    subjects = [(q.spec.network.digest, q.spec.target, q.backend.fidelity, q.backend.basis) for q in questions]
    names = ("network", "target", "fidelity", "constants or corpus")
    for question, subject in zip(questions[1:], subjects[1:], strict=True):
        differing = [name for name, a, b in zip(names, subjects[0], subject, strict=True) if a != b]
        if differing and not anyway:
            raise SpecError(
                f"{question.spec.path}: another {' and '.join(differing)} than {questions[0].spec.path}; the numbers do not compare."
                " Pass --anyway to see them side by side all the same."
            )


def _best(question: Question, state: CampaignState) -> Column:
    incumbent = summarise(question, state).incumbent
    if incumbent is None:
        note = "nothing measured yet: dse run " + str(question.spec.path) if not state.trials else "no design keeps the limits"
        return Column(question.spec.name, None, None, state.syntheses, note)
    return Column(question.spec.name, incumbent.point, incumbent.qor, len(state.order))


def _uniform(question: Question, factor: int, title: str, *, smallest: bool = False) -> Column:
    """The design with one reuse factor everywhere: from the campaigns' cache, or measured now if that costs nothing.

    Where a layer does not allow the factor, its nearest legal one is taken and the note says so.
    """
    choices = tuple(o.choices[0] if smallest else o.nearest(factor) for o in question.space.options)
    point = question.space.point(choices)
    moved = [name for name, choice in point.choices if choice.reuse_factor != factor]
    note = f"nearest legal value for {', '.join(moved)}" if moved else ""
    column = Column(title, point, None, note=note)
    spec = question.spec
    job = Job(spec.network, point, spec.target, question.backend.fidelity, question.backend.basis)
    cache = Cache(spec.cache)
    stored = cache.get(job.key)
    if stored is None and question.backend.basis:  # estimate and replay answer at once; a real tool is never started here
        stored = Evaluator(cache, question.backend).advance({"compare": job})[0].evaluation
    if stored is None:
        return replace(column, note="not measured")
    if not isinstance(stored.outcome, Qor):
        return replace(column, note=f"failed: {stored.outcome.kind.value}")
    return replace(column, qor=stored.outcome)


def _ratio(qor: Qor | None, first: Qor | None, metric: str) -> float | None:
    ours = None if qor is None else getattr(qor, metric)
    base = None if first is None else getattr(first, metric)
    return None if ours is None or not base else float(ours / base)


def _percent(question: Question, qor: Qor | None, metric: str) -> float | None:
    used = None if qor is None else getattr(qor, metric)
    capacity = question.spec.part.capacity(metric)
    return None if used is None or not capacity else 100 * float(used) / capacity


def _print(question: Question, columns: list[Column]) -> None:
    from rich.table import Table

    out, part = console(), question.spec.part
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for column in columns:
        table.add_column(column.title, justify="right")
    for title, metric in ROWS:
        cells = []
        for column in columns:
            value = None if column.qor is None else getattr(column.qor, metric)
            cells.append(share(value, part.capacity(metric)) if metric in ("dsp", "lut", "ff", "bram_18k") else number(value))
        table.add_row(title, *cells)
    for title, metric in (("II against unoptimised", "ii_cycles_max"), ("DSP against unoptimised", "dsp")):
        ratios = [_ratio(column.qor, columns[0].qor, metric) for column in columns]
        table.add_row(title, *("-" if ratio is None else f"{ratio:.2f}x" for ratio in ratios))
    table.add_row("reuse factors", *(str(column.point) if column.point else "-" for column in columns))
    table.add_row("syntheses", *(number(column.syntheses) for column in columns))
    kind = "estimates, not synthesis" if question.backend.fidelity == "estimate" else question.backend.fidelity.value
    out.print(f"{question.spec.network.name} on {part.device} ({kind})")
    out.print(table)
    for column in columns:
        if column.note:
            out.print(f"note: {column.title}: {column.note}")
