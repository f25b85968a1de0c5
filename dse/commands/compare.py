"""`dse compare`: finished campaigns side by side, in the manner of the paper's Table 1."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from dse.commands.options import AsJson
from dse.commands.output import console, print_json, question_of, write
from dse.design import Job
from dse.errors import DseError, SpecError
from dse.qor import Evaluation, Failure, Qor
from dse.store.cache import Cache
from dse.store.codec import qor_to_json
from dse.store.fsops import write_atomically
from dse.study.assemble import Question, build_backend, read_state
from dse.study.evaluate import Evaluator
from dse.study.fold import CampaignState
from dse.summary import summarise
from dse.synth_backends.base import is_tool
from dse.view.comparison import ROWS, SHARED, Column, Comparison, markdown, percent, ratio, rows
from dse.view.comparison import as_csv as csv_of
from dse.view.words import words_of
from dse.wire import to_json


def compare(
    paths: Annotated[list[Path], typer.Argument(metavar="CAMPAIGN.toml...", help="campaign files")],
    *,
    homogeneous: Annotated[
        list[int] | None, typer.Option("--homogeneous", metavar="R", help="add the design with R everywhere")
    ] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="compare different networks or targets too")] = False,
    as_json: AsJson = False,
    as_md: Annotated[bool, typer.Option("--md", help="print a Markdown table")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="print bare numbers, one row a design")] = False,
    page: Annotated[Path | None, typer.Option("--page", metavar="FILE", help="write an HTML file instead")] = None,
) -> int:
    """Print unoptimised, each campaign's best, and homogeneous designs; `page` writes them as an HTML file instead.

    Raises:
        SpecError: the campaigns are not about the same network and target, and `anyway` is not set.
    """
    questions = [question_of(path) for path in paths]
    _refuse_twice(questions)
    aliens = _aliens(questions, anyway)
    states = [read_state(question.spec) for question in questions]
    columns = [_uniform(questions[0], 1, "unoptimised", smallest=True)]
    columns += [replace(_best(q, state), is_alien=alien) for q, state, alien in zip(questions, states, aliens, strict=True)]
    columns += [_uniform(questions[0], factor, f"homogeneous {factor}") for factor in homogeneous or ()]
    spec = questions[0].spec
    comparison = Comparison(spec.network.name, spec.part, questions[0].backend.fidelity, tuple(columns))
    if page is not None:
        from dse.view.comparison import page as page_of

        write_atomically(page, page_of(comparison).encode())
        console(stderr=True).print(f"{page}: {len(columns)} designs")
    elif as_json:
        print_json("compare", document(questions[0], comparison))
    elif as_md or as_csv:
        write(markdown(comparison) if as_md else csv_of(comparison))
    else:
        _print(comparison)
    return 0


def _refuse_twice(questions: list[Question]) -> None:
    places: dict[Path, Path] = {}
    for spec in (question.spec for question in questions):
        if (place := spec.state.resolve()) in places:
            raise SpecError(
                f"{spec.path}: is the same campaign as {places[place]}: both keep their results in {spec.state}."
                " Give each a [campaign].name of its own."
            )
        places[place] = spec.path


def document(question: Question, comparison: Comparison) -> dict[str, Any]:
    """Return the document of `dse compare --json`; ratios are against the unoptimised design."""
    first = comparison.columns[0]
    return {
        "part": question.spec.target.part,
        "fidelity": question.backend.fidelity.value,
        "columns": [
            {
                "title": column.title,
                "point": to_json(column.point) if column.point else None,
                "qor": qor_to_json(column.qor) if column.qor else None,
                "syntheses": column.syntheses,
                "tool_hours": column.tool_hours,
                "hypervolume": column.hypervolume,
                "ratio_to_unoptimised": {metric: ratio(column, first, metric) for _, metric in ROWS},
                "device_percent": {metric: percent(column, comparison.part, metric) for metric in SHARED},
                "same_subject": not column.is_alien,
                "note": column.note,
            }
            for column in comparison.columns
        ],
    }


def _aliens(questions: list[Question], anyway: bool) -> list[bool]:
    """Return which questions have another subject than the first."""
    subjects = [(q.spec.network.digest, q.spec.target, q.backend.fidelity, q.backend.basis) for q in questions]
    names = ("network", "target", "fidelity", "constants or corpus")
    for question, subject in zip(questions[1:], subjects[1:], strict=True):
        differing = [name for name, a, b in zip(names, subjects[0], subject, strict=True) if a != b]
        if differing and not anyway:
            raise SpecError(
                f"{question.spec.path}: another {' and '.join(differing)} than {questions[0].spec.path}; the numbers do not compare."
                " Pass --anyway to see them side by side all the same."
            )
    return [subject != subjects[0] for subject in subjects]


def _best(question: Question, state: CampaignState) -> Column:
    summary = summarise(question, state)
    incumbent = summary.incumbent
    if incumbent is None:
        note = (
            f"nothing {words_of(question).measured} yet: dse run " + str(question.spec.path)
            if not state.trials
            else "no design keeps the limits"
        )
        return Column(question.spec.name, None, None, state.syntheses, note)
    seconds = [evaluation.provenance.tool_seconds for _, evaluation in state.evaluations]
    hours = sum(known) / 3600 if (known := [second for second in seconds if second is not None]) else None
    return Column(
        question.spec.name, incumbent.point, incumbent.qor, len(state.order), tool_hours=hours, hypervolume=summary.hypervolume
    )


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
    job = question.job(point)
    cache = Cache(spec.cache)
    stored = cache.get(job.key)
    if stored is None and not is_tool(
        question.backend.basis
    ):  # estimate and replay answer at once; a real tool is never started here
        stored = _ask(question, job, cache)
    if stored is None:
        return replace(column, note="not measured")
    if not isinstance(stored.outcome, Qor):
        return replace(
            column, note=f"failed: {stored.outcome.kind.value}" if isinstance(stored.outcome, Failure) else "not measured"
        )
    return replace(column, qor=stored.outcome)


def _ask(question: Question, job: Job, cache: Cache) -> Evaluation | None:
    """Return the answer of a campaign's backend; None where it is gone, or its answers rest on something else by now."""
    try:
        backend = build_backend(question.spec)
        is_same = backend.basis == question.backend.basis
        return Evaluator(cache, backend).advance({"compare": job})[0].evaluation if is_same else None
    except DseError:
        return None


def _folded(heading: str, width: int) -> str:
    """Return a heading in lines of some words each where the terminal is narrow.

    >>> _folded("jet_tagger_performance", 100)
    'jet_tagger_\\nperformance'
    """
    lines = [""]
    for word in re.findall(r"[^_ ]*[_ ]?", heading) if width < 140 else [heading]:
        if lines[-1] and len(lines[-1]) + len(word) > 16:
            lines.append("")
        lines[-1] += word
    return "\n".join(lines)


def _print(comparison: Comparison) -> None:
    from rich.table import Table

    out = console()
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for column in comparison.columns:
        table.add_column(_folded(column.heading, out.width), justify="right", overflow="fold")
    for row in rows(comparison):
        table.add_row(*row)
    out.print(comparison.heading)
    out.print(table)
    for note in comparison.notes:
        out.print(f"note: {note}")
