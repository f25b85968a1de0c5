"""What a campaign found leaves it without loss, and comes back as a corpus that answers the same."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import dse
from dse.commands.export import export
from dse.commands.import_reports import import_reports
from dse.corpus import read_corpus
from dse.errors import SpecError
from dse.export import trial_rows, trials_csv
from dse.qor import DesignRecord

NETWORK = (
    '[[layer]]\nname = "fc1"\nkind = "dense"\nn_in = 16\nunits = 8\n[[layer]]\nname = "fc2"\nkind = "dense"\nn_in = 8\nunits = 4\n'
)
CAMPAIGN = """
campaign = {name = "%s"}
network = {source = "network.toml"}
target = {part = "xc7a35tcpg236-1", clock_period_ns = 5.0}
search = {mode = "compact"}
backend = {%s}
"""


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    (tmp_path / "network.toml").write_text(NETWORK)
    (tmp_path / "first.toml").write_text(CAMPAIGN % ("first", 'kind = "estimate"'))
    dse.run(tmp_path / "first.toml")
    return tmp_path / "first.toml"


def test_jsonl_comes_back_and_replays_the_same_figures(finished: Path, tmp_path: Path) -> None:
    assert export(finished, "jsonl", tmp_path / "out.jsonl") == 0
    assert import_reports(tmp_path / "out.jsonl", tmp_path / "corpus", as_json=False) == 0
    corpus = read_corpus(tmp_path / "corpus")
    results = dse.open(finished)
    assert {record.point: record.outcome for record in corpus.designs} == {t.point: t.outcome for t in results.trials}
    assert len(corpus.layers) == 2 * len(results.trials)
    (tmp_path / "second.toml").write_text(CAMPAIGN % ("second", 'kind = "replay", corpus = "corpus"'))
    replayed = dse.ask_tell(tmp_path / "second.toml").question
    for trial in results.trials:
        from dse.design import Job

        spec, backend = replayed.spec, replayed.backend
        evaluation = backend.advance((Job(spec.network, trial.point, spec.target, backend.fidelity, backend.basis),))[0].evaluation
        assert evaluation is not None
        assert evaluation.outcome == trial.outcome
        assert evaluation.fidelity == "estimate"  # an estimate stays one, however often it is copied


def test_what_was_composed_is_not_exported_as_a_recording_of_a_whole(finished: Path, tmp_path: Path) -> None:
    export(finished, "jsonl", tmp_path / "out.jsonl")
    lines = [line for line in (tmp_path / "out.jsonl").read_text().splitlines() if '"network_digest"' not in line]
    (tmp_path / "layers.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "second.toml").write_text(CAMPAIGN % ("second", 'kind = "replay", corpus = "layers"'))
    dse.run(tmp_path / "second.toml")
    export(tmp_path / "second.toml", "jsonl", tmp_path / "again.jsonl")
    again = read_corpus(tmp_path / "again.jsonl")
    assert not [record for record in again.designs if isinstance(record, DesignRecord)]
    assert again.layers


def test_csv_has_a_row_a_trial(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(finished, "csv", None)
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    trials = dse.open(finished).trials
    assert [int(row["number"]) for row in rows] == [trial.number for trial in trials]
    for row, trial in zip(rows, trials, strict=True):
        assert trial.qor is not None
        assert float(row["dsp"]) == trial.qor.dsp
        assert int(row["reuse_factor.fc1"]) == trial.point["fc1"].reuse_factor
        assert row["clock_period_ns"] == ""  # unknown is empty, never 0
    assert sum(row["is_incumbent"] == "true" for row in rows) == 1


def test_parquet_keeps_types_and_nulls(finished: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    export(finished, "parquet", tmp_path / "out.parquet")
    results = dse.open(finished)
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table.to_pylist() == trial_rows(results.question, results.state)
    assert str(table.schema.field("clock_period_ns").type) == "double"


def test_refuses_before_it_writes(finished: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken.csv"
    taken.write_text("mine")
    for kind in ("csv", "jsonl", "parquet"):
        if kind == "parquet":
            pytest.importorskip("pyarrow")
        with pytest.raises(SpecError, match="exists already"):
            export(finished, kind, taken)
    assert taken.read_text() == "mine"
    with pytest.raises(SpecError, match="expected one of jsonl, csv, parquet"):
        export(finished, "xls", None)
    (tmp_path / "new.toml").write_text(CAMPAIGN % ("new", 'kind = "estimate"'))
    with pytest.raises(SpecError, match="no trial yet"):
        export(tmp_path / "new.toml", "csv", None)


def test_csv_of_failures_names_the_class_only(finished: Path) -> None:
    loop = dse.ask_tell(finished)
    (point,) = loop.ask()
    loop.tell(point, dse.Failure(dse.FailureKind.TIMEOUT, "=cmd|' /C calc'!A0"))
    text = trials_csv(trial_rows(loop.question, loop.state))
    assert "timeout" in text
    assert "calc" not in text
    assert json.dumps(text)
