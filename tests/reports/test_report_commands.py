"""`dse report` and `dse import` as a user meets them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dse.commands.import_reports import import_reports
from dse.commands.report import report
from dse.corpus import read_corpus
from dse.design import Fidelity
from dse.errors import CorpusError, ReportError
from dse.networks import read_network
from dse.qor import Failure, Qor

GOLDEN = Path(__file__).parent / "golden"
VIVADO = "myproject_prj/solution1/syn/report"


def project(root: Path, *, reuse_factor: int = 16, lut: int = 2500, csynth: str = "vitis_2023.1_csynth.xml") -> Path:
    """Write a small project: fc1, fc1_relu (modules of their own) and output (inlined)."""
    (root / VIVADO).mkdir(parents=True)
    (root / "firmware").mkdir()
    text = (GOLDEN / csynth).read_text().replace("<LUT>2500<", f"<LUT>{lut}<")
    (root / VIVADO / "csynth.xml").write_text(text)
    built = (GOLDEN / "parameters_dense.h").read_text().replace("reuse_factor = 16;", f"reuse_factor = {reuse_factor};")
    (root / "firmware" / "parameters.h").write_text(built)
    shutil.copy(GOLDEN / "defines_mixed.h", root / "firmware" / "defines.h")
    return root


def test_report_shows_layers_and_warnings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = project(tmp_path / "net")
    shutil.copy(GOLDEN / "config_mixed.yml", root / "hls4ml_config.yml")
    assert report(root, as_json=False) == 0
    text = capsys.readouterr().out
    for words in ("vitis_hls 2023.1", "2,500", "fc1_relu", "2,100 (84 %)", "slowest: loop DataPrepare", "inlined", "warning: fc1:"):
        assert words in text


def test_report_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(project(tmp_path / "net"), as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "dse.report/1"
    assert document["qor"]["lut"] == 2500
    assert document["qor"]["layers"]["fc1"]["dsp"] == 16
    assert document["layers"][0]["reuse_factor"] == 16
    assert document["inlined"] == ["output"]
    assert document["vsynth"] is None


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.iterdir() if path.suffix in (".rpt", ".xml")))
def test_every_golden_file_can_be_shown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(GOLDEN / name, as_json=False) == 0
    assert report(GOLDEN / name, as_json=True) == 0
    assert "dse.report/1" in capsys.readouterr().out


def test_what_is_no_report_is_one_message(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(ReportError, match=r"notes\.txt: starts with 'hello'") as caught:
        report(path, as_json=False)
    assert caught.value.exit_code == 2


def test_names_of_a_report_cannot_drive_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = project(tmp_path / "net")
    path = root / VIVADO / "csynth.xml"
    path.write_text(path.read_text().replace("<TopModelName>myproject<", "<TopModelName>my[bold]pro\x9b31mject<"))
    report(root, as_json=False)
    text = capsys.readouterr().out
    assert "my[bold]pro\N{REPLACEMENT CHARACTER}31mject" in text
    assert "\x9b" not in text


def test_import_records_layers_and_designs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path / "builds" / "rf16", reuse_factor=16)
    project(tmp_path / "builds" / "rf4", reuse_factor=4, lut=2600)
    assert import_reports(tmp_path / "builds", tmp_path / "corpus", as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["builds"], document["designs"], document["new"]) == (2, 2, document["layers"] + 2)
    corpus = read_corpus(tmp_path / "corpus")
    assert {design.point.reuse_factors for design in corpus.designs} == {(16, 2), (4, 2)}
    by_factor = {design.point.reuse_factors[0]: design for design in corpus.designs}
    assert by_factor[4].network_digest == by_factor[16].network_digest
    outcome = by_factor[4].outcome
    assert isinstance(outcome, Qor)
    assert (outcome.lut, outcome.latency_cycles_max) == (2600, 131)
    assert [name for name, _ in outcome.layers] == ["fc1", "fc1_relu"]
    fc1 = next(record for record in corpus.layers if record.layer.name == "fc1" and record.choice.reuse_factor == 16)
    assert (fc1.layer.kind, fc1.layer.n_in, fc1.layer.n_out, fc1.choice.strategy) == ("dense", 16, 64, "resource")
    assert str(fc1.choice.precision) == "ap_fixed<8,2>"
    assert (fc1.qor.lut, fc1.qor.dsp, fc1.fidelity) == (2100, 16, Fidelity.CSYNTH)
    assert (fc1.target.part, str(fc1.target.toolchain)) == ("xczu9egffvb11562e", "vitis_hls 2023.1")
    assert fc1.source.startswith("rf16 · vitis_hls 2023.1 · report ")
    assert import_reports(tmp_path / "builds", tmp_path / "corpus", as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["new"] == 0
    (file,) = document["networks"]
    assert read_network(Path(file)).digest == by_factor[4].network_digest


def test_one_report_under_two_configurations_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path / "builds" / "rf16", reuse_factor=16)
    project(tmp_path / "builds" / "rf4", reuse_factor=4)
    project(tmp_path / "builds" / "rf8", reuse_factor=8, lut=2600)
    assert import_reports(tmp_path / "builds", tmp_path / "c.jsonl", as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["designs"] == 1
    assert sum("byte for byte" in note for note in document["notes"]) == 2
    assert [design.point.reuse_factors for design in read_corpus(tmp_path / "c.jsonl").designs] == [(8, 2)]


def test_an_undefined_result_is_recorded_as_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path / "net", csynth="vitis_2022.2_undef_csynth.xml")
    assert import_reports(tmp_path, tmp_path / "c.jsonl", as_json=False) == 0
    (design,) = read_corpus(tmp_path / "c.jsonl").designs
    assert isinstance(design.outcome, Failure)


def test_number_formats_of_hls4ml_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Since 1.0 the types are named after the layers, and the model's default stands there only if something uses it."""
    root = project(tmp_path / "net")
    types = "typedef ap_fixed<12,4> fc1_weight_t;\ntypedef ap_fixed<12,4> output_weight_t;\ntypedef ap_fixed<9,1> fc1_bias_t;\n"
    (root / "firmware" / "defines.h").write_text(types)
    assert import_reports(root, tmp_path / "one.jsonl", as_json=True) == 0
    (design,) = read_corpus(tmp_path / "one.jsonl").designs
    assert str(design.target.precision) == "ap_fixed<12,4>"
    assert design.point["fc1"].precision is None
    (root / "firmware" / "defines.h").write_text(types.replace("12,4> output", "8,4> output"))
    with pytest.raises(CorpusError, match="number format"):
        import_reports(root, tmp_path / "two.jsonl", as_json=True)
    shutil.copy(GOLDEN / "config_mixed.yml", root / "hls4ml_config.yml")
    assert import_reports(root, tmp_path / "two.jsonl", as_json=True) == 0
    (design,) = read_corpus(tmp_path / "two.jsonl").designs
    assert str(design.target.precision) == "ap_fixed<16,6>"
    assert str(design.point["output"].precision) == "ap_fixed<8,4>"


def test_what_was_built_must_be_known(tmp_path: Path) -> None:
    root = project(tmp_path / "net")
    (root / "firmware" / "defines.h").unlink()
    with pytest.raises(CorpusError, match=r"defines\.h"):
        import_reports(tmp_path, tmp_path / "c.jsonl", as_json=False)
    (root / "firmware" / "parameters.h").unlink()
    with pytest.raises(CorpusError, match=r"parameters\.h"):
        import_reports(tmp_path, tmp_path / "c.jsonl", as_json=False)
    assert not (tmp_path / "c.jsonl").exists()


def test_a_damaged_build_does_not_spoil_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path / "builds" / "good")
    bad = project(tmp_path / "builds" / "bad")
    (bad / VIVADO / "csynth.xml").write_text("<profile>")
    assert import_reports(tmp_path / "builds", tmp_path / "c.jsonl", as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["designs"] == 1
    assert any(note.startswith("bad: left out") for note in document["notes"])


def test_shared_trees_are_shown(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(shared / "data/reports/fastmachinelearning+hls4ml", as_json=False) == 0
    text = capsys.readouterr().out
    for words in ("logic synthesis", "1.66", "2,134 (84 %)", "FIFOs, memories, control"):
        assert words in text
