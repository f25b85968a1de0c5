"""The N-TORC tables: read as published, replicates found by circuit, nonsense refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dse.corpus import find_corpus, medians, read_corpus
from dse.corpus.base import effective_factors
from dse.design import LayerChoice
from dse.errors import CorpusError
from dse_ntorc.table4 import read_table4

TABLES = {
    "conv_latency_collapsed.csv": (
        "model_number,fit_status,layer_index,reuse_factor,correct_reuse_factor_latency,cnn_filters_latency,n_inputs_latency,"
        "sequence_length_latency,latency_min,latency_max",
        "1,Fit,2,4,4,16,16,128,396,1041",
    ),
    "collapsed_conv_resources.csv": (
        "model_number,fit_status,layer_index,reuse_factor,correct_reuse_factor_resource,n_inputs_resources,cnn_filters_resources,"
        "sequence_length_resource,bram_18k,lut,ff,dsp48e",
        "1,Fit,2,4,4,16,16,128,86,30000.5,9000,192",
    ),
    "dense_latency_collapsed.csv": (
        "model_number,fit_status,layer_index,reuse_factor,correct_reuse_factor_dense_latency,n_inputs_latency,"
        "sequence_length_latency,dense_size_latency,reuse_factor_1,latency_min,latency_max",
        "1,Fit,9,512,512,32,1,1,512,40,41",
    ),
    "dense_resources_collapsed.csv": (
        "model_number,fit_status,layer_index,reuse_factor,correct_reuse_factor_dense_resource,n_inputs_resources,"
        "sequence_length_resource,dense_size_resource,bram_18k,lut,ff,dsp48e",
        "1,Fit,9,512,512,32,1,1,0,500,300,1",
    ),
    "lstm_latency_collapsed.csv": (
        "model_number,fit_status,layer_index,reuse_factor,correct_reuse_factor_lstm_latency,n_inputs_latency,"
        "sequence_length_latency,reuse_factor_1,n_inputs_latency_1,lstm_size,latency_min,latency_max",
        "1,Fit,5,512,512,16,8,512,16,8,4000,4010",
    ),
    "lstm_resources_collapsed.csv": (
        "model_number,fit_status,layer_index,reuse_factor,correct_reuse_factor_lstm_resource,n_inputs_resources,"
        "sequence_length_resource,lstm_size,bram_18k,lut,ff,dsp48e",
        "1,Fit,5,512,512,16,8,8,19,8000,5000,26",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, lines in TABLES.items():
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    return tmp_path


def _row(folder: Path, table: str, row: str) -> None:
    (folder / table).write_text(f"{TABLES[table][0]}\n{TABLES[table][1]}\n{row}\n")


def test_every_row_is_a_record_that_knows_its_half(folder: Path) -> None:
    corpus = read_corpus(folder)
    assert len(corpus.layers) == 6
    latency, resources = corpus.layers[:2]
    assert (latency.qor.latency_cycles_max, latency.qor.lut) == (1041, None)
    assert (resources.qor.latency_cycles_max, resources.qor.lut) == (None, 30000.5)
    assert latency.layer == resources.layer
    assert latency.layer.shape == ("conv1d", 48, 16, 128, 0)
    assert latency.source == "conv_latency_collapsed.csv:2 (network 1, layer 2)"
    assert corpus.target is not None
    assert (corpus.target.clock_period_ns, str(corpus.target.precision)) == (4.0, "ap_fixed<16,8>")


def test_the_two_halves_join_and_replicates_merge_by_median(folder: Path) -> None:
    table, (header, row) = "conv_latency_collapsed.csv", TABLES["conv_latency_collapsed.csv"]
    others = (row.replace("396,1041", "396,1045"), row.replace("396,1041", "396,9999"))
    (folder / table).write_text("\n".join((header, row, *others)))
    merged = medians(read_corpus(folder).layers)
    assert [record.layer.kind for record in merged] == ["conv1d", "dense", "lstm"]
    assert (merged[0].qor.latency_cycles_max, merged[0].qor.dsp) == (1045, 192)
    assert merged[0].qor.ii_cycles_max is None


def test_a_factor_that_cannot_be_built_is_read_as_the_closest_legal_one(folder: Path) -> None:
    corpus = read_corpus(folder)
    dense = [record for record in corpus.layers if record.layer.kind == "dense"]
    assert {record.choice.reuse_factor for record in dense} == {32}
    assert any("dense_latency_collapsed.csv: 1 rows" in note for note in corpus.notes)


def test_a_recurrent_layer_has_two_effective_factors(folder: Path) -> None:
    lstm = next(record for record in read_corpus(folder).layers if record.layer.kind == "lstm")
    assert lstm.choice.reuse_factor == 512
    assert effective_factors(lstm.layer.shape, lstm.choice) == (512, 256)


def test_a_clone_of_the_repository_reads_as_it_is(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    clone = tmp_path_factory.mktemp("clone")
    folder.rename(clone / "training_data_optimizer")
    assert len(read_corpus(clone).layers) == 6


def test_a_row_that_measures_nothing_is_skipped_and_noted(folder: Path) -> None:
    _row(folder, "dense_latency_collapsed.csv", "2,Fit,9,4,4,16,1,16,4,,")
    corpus = read_corpus(folder)
    assert len(corpus.layers) == 6
    assert "dense_latency_collapsed.csv:3: measures nothing; skipped" in corpus.notes


@pytest.mark.parametrize(
    ("table", "row", "says"),
    [
        ("conv_latency_collapsed.csv", "2,Fit,2,4,4,16,16,128,500,400", "conv_latency_collapsed.csv:3: contradicts itself"),
        ("dense_latency_collapsed.csv", "1,Fit,9,4,4,16,1,16,8,40,41", "reuse_factor_1 is 8"),
        ("lstm_latency_collapsed.csv", "1,Fit,5,8,8,16,8,8,8,8,400,410", "n_inputs_latency_1 is 8"),
        ("lstm_latency_collapsed.csv", "1,Fit,5,8,8,16,8,64,16,8,400,410", "contradicts itself; correct_reuse_factor"),
        ("dense_latency_collapsed.csv", "1,Fit,9,4,0,16,1,16,4,40,41", "expected a whole number from 1"),
        ("dense_latency_collapsed.csv", "1,Fit,9,4,4,16,1,16,4,,41", "expected a number"),
        ("dense_latency_collapsed.csv", "1,Fit,9,4,4,16,1,16,4,nan,41", "expected a number from 0"),
        ("dense_resources_collapsed.csv", "1,Fit,9,4,4,16,1,16,4,40,41", "number of fields"),
        ("dense_resources_collapsed.csv", "1,Fit,9,4,4,16,1,16,-4,40,41,3", "expected a number from 0"),
    ],
)
def test_nonsense_is_refused_with_file_and_line(folder: Path, table: str, row: str, says: str) -> None:
    _row(folder, table, row)
    with pytest.raises(CorpusError, match=f"{table}:3: ") as caught:
        read_corpus(folder)
    assert says in str(caught.value)


def test_a_missing_table_and_a_missing_column_are_named(folder: Path) -> None:
    (folder / "lstm_resources_collapsed.csv").write_text("model_number,lut\n")
    with pytest.raises(CorpusError, match="no column 'bram_18k'"):
        read_corpus(folder)
    (folder / "lstm_resources_collapsed.csv").unlink()
    with pytest.raises(CorpusError, match=r"no lstm_resources_collapsed\.csv"):
        read_corpus(folder)


def test_tables_without_rows_are_an_empty_corpus(folder: Path) -> None:
    for name, (header, _) in TABLES.items():
        (folder / name).write_text(header + "\n")
    with pytest.raises(CorpusError, match="empty"):
        read_corpus(folder)


def test_digest_follows_content_not_place(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = read_corpus(folder).digest
    moved = folder.rename(tmp_path_factory.mktemp("elsewhere") / "tables")
    assert read_corpus(moved).digest == before
    _row(moved, "dense_resources_collapsed.csv", "1,Fit,9,4,4,16,1,16,0,40,41,3")
    assert read_corpus(moved).digest != before


def test_a_corpus_is_found_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSE_CORPORA", str(folder.parent))
    assert find_corpus(folder.name) == folder
    assert find_corpus(folder) == folder
    with pytest.raises(CorpusError, match="git clone"):
        find_corpus("no_such_corpus_anywhere")


def test_the_published_tables_read(shared: Path) -> None:
    corpus = read_corpus(shared / "data" / "ntorc")
    merged = medians(corpus.layers)
    kinds = [record.layer.kind for record in merged]
    assert (kinds.count("conv1d"), kinds.count("dense"), kinds.count("lstm")) == (51, 67, 93)
    assert all(record.qor.lut is not None and record.qor.latency_cycles_max is not None for record in merged)


def test_table_iv_holds_the_published_spaces_and_optima(shared: Path) -> None:
    models = read_table4(shared / "data" / "ntorc" / "table4")
    sizes = {}
    for name, layers in models.items():
        sizes[name] = 1
        for _, choices, _ in layers:
            sizes[name] *= len(choices)
    assert sizes == {"model_1": 127_031_877_504, "model_2": 344_128_684_032}
    corpus = read_corpus(shared / "data" / "ntorc" / "table4")
    assert {record.layer.shape for record in corpus.layers} == {layer.shape for layers in models.values() for layer, _, _ in layers}


def test_illegal_factor_is_effective_only_under_the_resource_strategy() -> None:
    shape = ("dense", 16, 64, 1, 0)
    assert effective_factors(shape, LayerChoice(7, "resource")) == (8,)
    assert effective_factors(shape, LayerChoice(7, "latency")) == (7,)
