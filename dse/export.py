"""A campaign's trials as a table, and its results as records of a corpus."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from dse.design import Fidelity
from dse.errors import SpecError
from dse.estimation.bands import METRICS
from dse.goal import DERIVED
from dse.qor import DesignRecord, Evaluation, Failure, LayerRecord, scalar_names
from dse.search.base import Trial
from dse.study.assemble import Question
from dse.study.evaluate import layer_records
from dse.study.fold import CampaignState
from dse.summary import summarise
from dse.text import csv_text
from dse.view.bands import bounds_of

Row = dict[str, Any]


def trial_rows(question: Question, state: CampaignState) -> list[Row]:
    """Return one row a trial, all with the same columns; what is unknown is None, and each layer has a column of its own.

    Columns: number, status, proposed_by, key, cached, fidelity, is_incumbent, on_front, failure, tool_seconds, the metrics of a Qor
    and those derived from it, of estimates the ends of their bands (`lut.low`, `lut.high`), `reuse_factor.LAYER` and `strategy.LAYER`.
    """
    summary = summarise(question, state)
    front = {trial.number for trial in summary.front}
    best = summary.incumbent.number if summary.incumbent else None
    evaluations = dict(state.evaluations)
    return [
        _row(question, trial, evaluations.get(trial.number), trial.number == best, trial.number in front) for trial in state.trials
    ]


def _row(question: Question, trial: Trial, evaluation: Evaluation | None, is_incumbent: bool, on_front: bool) -> Row:
    qor = trial.qor
    row: Row = {
        "number": trial.number,
        "status": trial.status.value,
        "proposed_by": trial.proposed_by,
        "key": trial.key,
        "cached": trial.cached,
        "fidelity": question.backend.fidelity.value,
        "is_incumbent": is_incumbent,
        "on_front": on_front,
        "failure": trial.outcome.kind.value if isinstance(trial.outcome, Failure) else None,
        "tool_seconds": evaluation.provenance.tool_seconds if evaluation else None,
    }
    row |= {name: getattr(qor, name) if qor else None for name in scalar_names()}
    row |= {name: question.goal.value(qor, name) for name in DERIVED}
    if question.backend.fidelity is Fidelity.ESTIMATE:  # 90 % bounds; nothing else has any
        around = bounds_of(question, trial)
        row |= {
            f"{name}.{end}": around.get(name, (None, None))[side] for name in METRICS for side, end in enumerate(("low", "high"))
        }
    row |= {f"reuse_factor.{name}": choice.reuse_factor for name, choice in trial.point.choices}
    return row | {f"strategy.{name}": choice.strategy for name, choice in trial.point.choices}


def trials_csv(rows: list[Row]) -> str:
    """Return rows as CSV with their columns' names, see `csv_text`."""
    return csv_text([rows[0], *(row.values() for row in rows)])


def parquet_bytes(rows: list[Row]) -> bytes:
    """Return rows as a Parquet file.

    Raises:
        SpecError: pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise SpecError('--format parquet: needs pyarrow. Install it: pip install "dse[data]", or use csv or jsonl.') from error
    floats = (*scalar_names(), *DERIVED, "tool_seconds", *(name for name in rows[0] if name.endswith((".low", ".high"))))
    kinds = {"failure": pyarrow.string(), **dict.fromkeys(floats, pyarrow.float64())}
    columns = {name: pyarrow.array([row[name] for row in rows], type=kinds.get(name)) for name in rows[0]}
    sink = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), sink)
    return sink.getvalue()


def corpus_records(question: Question, state: CampaignState) -> tuple[list[LayerRecord | DesignRecord], list[str]]:
    """Return what the campaign found as records that `dse import` and a replay read, and notes on what is left out.

    A design that was composed of recorded layers is no recording of a whole design: only its layers are returned.
    """
    records: list[LayerRecord | DesignRecord] = []
    n_composed = 0
    spec = question.spec
    for number, evaluation in state.evaluations:
        point = state.trial(number).point
        job = question.job(point)
        source = f"campaign {spec.name} trial {number}"
        if _is_composed(evaluation):
            n_composed += 1
        else:
            records.append(
                DesignRecord(spec.network.digest, point, spec.target, evaluation.fidelity, _without_log(evaluation), source)
            )
        records += layer_records(job, evaluation)
    note = f"{n_composed} designs were composed of recorded layers, not synthesised as a whole: only their layers are exported"
    return records, [note] if n_composed else []


def write_file(path: Path, content: bytes) -> None:
    """Write a new file; one that is there is not touched.

    Raises:
        SpecError: the file exists or cannot be written.
    """
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise SpecError(f"{path}: exists already; nothing was written. Name another file, or remove it.") from None
    except OSError as error:
        raise SpecError(f"{path}: cannot be written: {error.strerror}.") from error


def _is_composed(evaluation: Evaluation) -> bool:
    provenance = evaluation.provenance
    return provenance.backend == "replay" and not any("the whole design was recorded" in note for note in provenance.notes)


def _without_log(evaluation: Evaluation) -> Any:
    """Leave the tail of a log out: it names places on somebody's machine."""
    outcome = evaluation.outcome
    return Failure(outcome.kind, outcome.message, "", outcome.limit) if isinstance(outcome, Failure) else outcome
