"""`dse export`: a campaign's trials for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dse.commands.options import CampaignFile

FORMATS = ("jsonl", "csv", "parquet")


def export(
    path: CampaignFile,
    kind: Annotated[str, typer.Option("--format", metavar="F", help="csv, parquet (one row a trial), or jsonl (a corpus)")] = "csv",
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="a new file; csv may go to stdout")] = None,
) -> int:
    """Write the trials as CSV or Parquet (one row each), or the results as JSON lines that `dse import` reads.

    Without an output file, CSV goes to standard output.

    Raises:
        SpecError: an unknown format, nothing to export, or the file exists.
    """
    from dse.commands.output import console, question_of, write
    from dse.corpus import write_records
    from dse.errors import SpecError
    from dse.export import corpus_records, parquet_bytes, trial_rows, trials_csv, write_file
    from dse.study.assemble import read_state
    from dse.study.question import is_search_file

    if kind not in FORMATS:
        raise SpecError(f"--format: got {kind!r}, expected one of {', '.join(FORMATS)}")
    if output is None and kind != "csv":
        raise SpecError(f"--format {kind}: where to? Name a file with -o.")
    if is_search_file(path):
        from dse.commands.searches import export as of_search

        return of_search(path, kind, output)
    question = question_of(path)
    state = read_state(question.spec)
    if not state.trials:
        raise SpecError(f"{path}: nothing to export: no trial yet. Run it: dse run {path}")
    notes: list[str] = []
    if kind == "jsonl":
        assert output is not None
        records, notes = corpus_records(question, state)
        if output.exists():
            raise SpecError(f"{output}: exists already; nothing was written. Name another file, or remove it.")
        if not records:
            raise SpecError(f"{path}: nothing to export: no trial is finished.")
        n_rows = write_records(output, records)
    else:
        rows = trial_rows(question, state)
        n_rows = len(rows)
        if output is None:
            write(trials_csv(rows))
            return 0
        write_file(output, trials_csv(rows).encode() if kind == "csv" else parquet_bytes(rows))
    out = console()
    out.print(f"{n_rows} {'records' if kind == 'jsonl' else 'trials'} of {question.spec.name} in {output}")
    for note in notes:
        out.print(f"note: {note}")
    return 0
