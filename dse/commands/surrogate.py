"""`dse surrogate evaluate`: how well each surrogate predicts layers of shapes that it has not seen."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Annotated

import typer

from dse import registry
from dse.commands.options import AsJson
from dse.commands.output import console, print_json
from dse.corpus import find_corpus, read_corpus
from dse.errors import CorpusError, SpecError
from dse.estimation import fitting
from dse.surrogates._terms import Start

if TYPE_CHECKING:
    from dse.corpus.base import Corpus
    from dse.surrogates._validation import Accuracy, Validation
    from dse.surrogates.base import Surrogate

# The same folds for all; the last is N-TORC's own recipe, to compare against.
DEFAULT = ("gp", "forest", "adaptive", "ntorc")


def evaluate(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="recorded layers: a folder or .jsonl file, or its name")],
    *,
    surrogates: Annotated[list[str] | None, typer.Option("--surrogate", metavar="KIND", help="only this one; repeatable")] = None,
    kinds: Annotated[list[str] | None, typer.Option("--kind", metavar="KIND", help="only layers of this kind; repeatable")] = None,
    start: Annotated[str, typer.Option("--start", help="estimate: its fitted constants; plain: round numbers; auto")] = "auto",
    seed: Annotated[int, typer.Option("--seed", help="of the forests")] = 0,
    as_json: AsJson = False,
) -> int:
    """Print R2, MAPE, RMSE and interval coverage per kind of layer and metric, every shape left out in turn.

    Args:
        corpus: a path, or a name that `find_corpus` knows.
        surrogates: kinds of surrogates, in the order printed; `DEFAULT` if None.
        kinds: kinds of layers; all if None.
        start: where the weights of the estimate's terms start: "estimate" (its fitted constants), "plain" (round numbers), or "auto":
            plain on the corpus that the constants were fitted on, because starting there would be looking at the answers.

    Raises:
        CorpusError: the corpus holds no layer (of these kinds), or no kind has two shapes.
        SpecError: no such surrogate or start.
    """
    from dse.surrogates._validation import leave_one_shape_out

    if start not in ("auto", *Start):
        raise SpecError(f"--start: got {start!r}, expected auto, {', '.join(Start)}")
    names, known = surrogates or DEFAULT, registry.kinds("surrogates")
    if unknown := [name for name in names if name not in known]:
        raise SpecError(f"--surrogate: got {unknown[0]!r}, expected some of {', '.join(known)}")
    recorded = read_corpus(find_corpus(corpus))
    records = [record for record in recorded.layers if not kinds or record.layer.kind in kinds]
    if not records:
        found = ", ".join(sorted({record.layer.kind for record in recorded.layers})) or "none"
        raise CorpusError(f"{corpus}: no layer to evaluate on; got kinds {found}, expected {', '.join(kinds or ()) or 'any'}")
    is_fitted_on = recorded.digest == fitting()["corpus"]
    begin = Start(start) if start != "auto" else Start.PLAIN if is_fitted_on else Start.ESTIMATE
    recipes = [(name, _recipe(name, begin)) for name in names]
    progress = console(stderr=True)
    validation = leave_one_shape_out(records, recipes, seed=seed, tell=progress.print)
    if not validation.accuracies:
        raise CorpusError(f"{corpus}: no kind of layer has two shapes, so none can be left out")
    if as_json:
        print_json("surrogate", _document(recorded, validation, begin))
    else:
        _print(recorded, validation, begin)
    return 0


def _recipe(name: str, start: Start) -> Surrogate:
    module = registry.load("surrogates", name)
    has_start = any(field.name == "start" for field in fields(module.Options))
    recipe: Surrogate = module.create(module.Options(start=start) if has_start else module.Options())
    return recipe


def _document(corpus: Corpus, validation: Validation, start: Start) -> dict[str, object]:
    return {
        "corpus": {"name": corpus.name, "digest": corpus.digest},
        "split": "leave one shape out",
        "truth": "median over replicates",
        "confidence": 0.9,
        "start": start.value,
        "accuracies": [asdict(accuracy) for accuracy in validation.accuracies],
        "replicates": [asdict(row) for row in validation.replicates],
        "seconds_per_fit": [{"surrogate": name, "kind": kind, "seconds": time} for name, kind, time in validation.seconds],
        "notes": list(validation.notes),
    }


def _print(corpus: Corpus, validation: Validation, start: Start) -> None:
    from rich.table import Table

    out = console()
    out.print(f"{corpus.name}: each shape left out in turn; truth is the median over replicates; intervals of 90 %")
    spread = {(row.kind, row.metric): row for row in validation.replicates}
    for kind in dict.fromkeys(a.kind for a in validation.accuracies):
        of_kind = [a for a in validation.accuracies if a.kind == kind]
        table = Table(
            title=f"{kind}: {of_kind[0].n_points} points of {of_kind[0].n_shapes} shapes",
            title_justify="left",
            title_style="bold",
            box=None,
            pad_edge=False,
        )
        table.add_column("metric")
        table.add_column("surrogate")
        for name in ("R2", "MAPE %", "median %", "RMSE %", "coverage %", "half width %"):
            table.add_column(name, justify="right")
        for metric in dict.fromkeys(a.metric for a in of_kind):
            for i, accuracy in enumerate(a for a in of_kind if a.metric == metric):
                table.add_row(metric if i == 0 else "", accuracy.surrogate, *_numbers(accuracy))
            if noise := spread.get((kind, metric)):
                note = f"worst {noise.worst_percent:.1f}"
                table.add_row("", "replicates", "", f"{noise.mape_percent:.2f}", note, "", "", "", style="dim")
        out.print(table)
    if start is Start.PLAIN:
        out.print("start: round numbers; nothing here knows the estimate's fitted constants")
    else:
        out.print(
            "start: the estimate's constants. If shapes of this corpus were among those they were fitted on, ask for --start plain"
        )
    out.print("replicates: how far one measurement lies from the median of its repetitions in other networks")
    for note in validation.notes:
        out.print(note)


def _numbers(accuracy: Accuracy) -> tuple[str, ...]:
    def show(value: float | None, digits: int) -> str:
        return "-" if value is None else f"{value:.{digits}f}"

    return (
        show(accuracy.r2, 4),
        show(accuracy.mape_percent, 2),
        show(accuracy.median_ape_percent, 2),
        show(accuracy.rmse_percent, 2),
        show(100 * accuracy.coverage, 0),
        show(accuracy.half_width_percent, 1),
    )
