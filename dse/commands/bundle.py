"""`dse bundle`: the chosen design as a folder that is ready to build without `dse`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dse.commands.options import AsJson, CampaignFile, CheckNumerics


def bundle(
    path: CampaignFile,
    trial: Annotated[int | None, typer.Argument(metavar="[TRIAL]", help="its number; the best design unless given")] = None,
    folder: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="a new or empty folder")] = Path("bundle"),
    *,
    as_json: AsJson = False,
    check_numerics: CheckNumerics = True,
) -> int:
    """Write the bundle of a trial, the incumbent unless a number is given.

    Raises:
        InfeasibleError, SpecError, ConversionError: see `write_bundle`; nothing was written.
    """
    from dse.bundle import write_bundle
    from dse.commands.output import console, print_json, question_of
    from dse.study.assemble import read_state
    from dse.wire import to_json

    question = question_of(path)
    made = write_bundle(question, read_state(question.spec), folder, trial, check_numerics=check_numerics)
    if as_json:
        document = {
            "folder": str(made.folder),
            "campaign": question.spec.name,
            "trial": made.trial.number,
            "key": made.trial.key,
            "point": to_json(made.trial.point),
            "fidelity": question.backend.fidelity.value,
            "files": list(made.files),
            "sources_digest": made.sources_digest,
            "broken_limits": list(made.broken),
        }
        print_json("bundle", document)
        return 0
    out = console()
    out.print(f"{made.folder}: trial {made.trial.number} of {question.spec.name}, reuse factors {made.trial.point}")
    out.print(f"  {' '.join(made.files)}")
    if made.numerics is not None:
        out.print(f"numbers: {made.numerics.message}")
    for line in made.broken:
        out.print(f"warning: this design breaks a limit of the campaign: {line}")
    out.print(f"build it: {made.folder}/build.sh · check it: python {made.folder}/verify.py")
    return 0
