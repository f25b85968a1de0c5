"""`dse check`: all that is wrong with a file, at once: a campaign or an architecture search."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from dse.campaign.files import read_tables
from dse.campaign.problems import CampaignProblems, dotted
from dse.campaign.recognition import is_search
from dse.campaign.schema import campaign_schema
from dse.campaign.spec import read_campaign
from dse.commands.options import AsJson, Overrides
from dse.commands.output import console, number, points, print_json
from dse.errors import DseError
from dse.faults import refuse_known_faults
from dse.study.assemble import assemble, refuse_folder
from dse.study.numbers import check_question
from dse.wire import to_json


def check(
    path: Annotated[Path | None, typer.Argument(metavar="CAMPAIGN.toml", help="the campaign file")] = None,
    *,
    overrides: Overrides = None,
    schema: Annotated[bool, typer.Option("--schema", help="print the JSON Schema of campaign files")] = False,
    build: Annotated[
        bool, typer.Option("--build", help="also compile hls4ml's C++ and compare its numbers with the network's")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Print all errors of a campaign file at once, or that there are none; `schema` prints the JSON Schema of campaign files."""
    if schema:
        print_json("schema", campaign_schema())
        return 0
    if path is None:
        raise DseUsage("dse check: which campaign? Name its .toml file, or ask for --schema.")
    try:
        fact, facts = _checked(path, overrides or (), build=build)
    except DseError as error:
        if not as_json:
            raise
        problems = error.problems if isinstance(error, CampaignProblems) else ()
        rows = [{"path": dotted(p.path), "message": p.message, "hint": p.hint} for p in problems] or [{"message": str(error)}]
        print_json("check", {"ok": False, "problems": rows})
        return error.exit_code
    if as_json:
        print_json("check", {"ok": True, "problems": [], **facts})
    else:
        console().print(f"{path}: ok · {fact}")
    return 0


def _checked(path: Path, overrides: Iterable[str], *, build: bool) -> tuple[str, dict[str, Any]]:
    """Return what a campaign or an architecture search is about, in words and for programs; raises DseError with all that is wrong."""
    tables, _ = read_tables(path, overrides)
    if is_search(tables):
        from dse.nas.session import refuse_folder as refuse_search_folder
        from dse.nas.spec import read_nas

        search = read_nas(path, overrides)
        refuse_search_folder(search)
        parameters = len(search.space.parameters)
        fact = f"an architecture search of {parameters} parameters, at most {number(search.budget.trials)} trainings"
        return fact, {"kind": "search", "parameters": parameters}
    question = assemble(read_campaign(path, overrides))
    refuse_folder(question)
    refuse_known_faults(question.spec.network, question.spec.target)
    fact = f"{len(question.space.options)} layers to choose for · {points(question.space.size)}"
    facts: dict[str, Any] = {"kind": "campaign", "space_size": question.space.size}
    if build:
        numbers = check_question(question)
        fact, facts = f"{fact}\n{numbers.message}", {**facts, "numerics": to_json(numbers)}
    return fact, facts


class DseUsage(DseError):
    """A command line that asks for nothing that can be done."""

    exit_code = 2
