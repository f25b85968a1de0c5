"""`dse front`: the Pareto front, as a table, JSON, CSV or a figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dse.commands.options import AsJson, CampaignFile, Wide

if TYPE_CHECKING:
    from dse.view.story import Story


def front(
    path: CampaignFile,
    *,
    as_json: AsJson = False,
    wide: Wide = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="print one row a design")] = False,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="write the figure instead")] = None,
) -> int:
    """Print the Pareto front, or write its figure."""
    from dse.commands.campaign_report import print_trials, trial_document
    from dse.commands.output import console, print_json, question_of
    from dse.errors import SpecError
    from dse.study.question import is_search_file
    from dse.view.story import read_story
    from dse.view.words import words_of

    if svg is not None:
        from dse.commands.page import write_page

        return write_page(path, output=svg, figure="front")
    if is_search_file(path):
        from dse.commands.nas import nas_front

        if as_csv or svg:
            raise SpecError(f"{path}: is an architecture search: `dse export` writes its CSV, `dse page` its figures")

        return nas_front(path, as_json=as_json)
    question = question_of(path)
    if as_csv:
        return _print_csv(read_story(question))
    summary = read_story(question).summary
    if as_json:
        rows = [trial_document(trial, question) for trial in summary.front]
        document = {"campaign": question.spec.name, "objectives": list(summary.objectives), "front": rows}
        print_json("front", {**document, "hypervolume": summary.hypervolume, "fidelity": question.backend.fidelity.value})
    elif summary.front:
        print_trials(question, summary.front, summary, with_bands=True, wide=wide)
    else:
        console().print(f"no feasible design has been {words_of(question).measured} yet: dse run {path}")
    return 0


def _print_csv(story: Story) -> int:
    """Print the front in the columns of `dse export`."""
    from dse.commands.output import console, write
    from dse.export import trial_rows, trials_csv
    from dse.view.words import words_of

    rows = [row for row in trial_rows(story.question, story.state) if row["on_front"]]
    if rows:
        write(trials_csv(rows))
    else:
        console(stderr=True).print(f"nothing feasible has been {words_of(story.question).measured} yet")
    return 0
