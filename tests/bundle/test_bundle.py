"""What is handed over builds without dse, in every way it says it does, and tells nothing of where it was made."""

from __future__ import annotations

import getpass
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from worlds import Dse

from dse.bundle.redact import redact
from dse.bundle.verify import check_reports, read_csynth

pytestmark = pytest.mark.hls4ml

Bundle = Callable[[str], Path]
GOLDEN = Path(__file__).resolve().parents[1] / "reports" / "golden" / "vivado_2019.2_csynth.xml"
FAKE_TOOLS = Path(__file__).resolve().parents[1] / "fake_tools"

# Written by the test, not by dse: the bundle's own code is what is tested.
ROUTES = """
import json, sys
from pathlib import Path
sys.path.insert(0, ".")
import convert, hls4ml, verify
asked = json.loads(Path("expected.json").read_text())["point"]
read = {}
for name, graph in (("python", convert.convert("from_python")), ("yaml", hls4ml.converters.convert_from_config("hls4ml.yml"))):
    built = {layer.name: layer for layer in graph.get_layers()}
    read[name] = {layer: [built[layer].get_attr("reuse_factor"), built[layer].get_attr("strategy").lower()] for layer in asked}
    graph.write()
read["digests"] = [verify.sources_digest(Path("from_python")), verify.sources_digest(Path("project"))]
Path("read.json").write_text(json.dumps(read))
"""


def clean_python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python as somebody would who has hls4ml but not this checkout on the path."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment | quiet, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.parametrize("name", ["jet_tagger_compact", pytest.param("jet_tagger_performance", marks=pytest.mark.slow), "mlp"])
def test_python_and_yaml_build_the_chosen_factors(bundle_of: Bundle, name: str) -> None:
    folder = bundle_of(name)
    shown = clean_python(folder, "-c", ROUTES)
    assert shown.returncode == 0, shown.stderr[-2000:]
    read, expected = (json.loads((folder / file).read_text()) for file in ("read.json", "expected.json"))
    wanted = {layer: [choice["reuse_factor"], choice["strategy"]] for layer, choice in expected["point"].items()}
    assert read["python"] == read["yaml"] == wanted
    assert read["digests"] == [expected["sources_digest"]] * 2  # both routes write the same sources, byte for byte


def test_verify_passes_and_notices_a_change(bundle_of: Bundle, tmp_path: Path) -> None:
    folder = bundle_of("mlp")
    shown = clean_python(folder, "verify.py", "--replay")
    assert shown.returncode == 0, shown.stdout + shown.stderr[-2000:]
    assert "all agrees" in shown.stdout
    convert = folder / "convert.py"
    kept = convert.read_text()
    first = next(iter(json.loads((folder / "expected.json").read_text())["point"]))
    try:
        convert.write_text(kept.replace(f'"{first}": (', f'"{first}": (1 + 0 * '))
        shown = clean_python(folder, "verify.py")
    finally:
        convert.write_text(kept)
    assert shown.returncode == 1
    assert f"DIFFERS  layer {first}" in shown.stdout


@pytest.mark.slow
def test_recorded_campaign_verifies_against_its_replay(bundle_of: Bundle, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSE_CORPORA", str(shared / "data"))
    folder = bundle_of("dropbear")
    shown = clean_python(folder, "verify.py", "--replay")
    assert shown.returncode == 0, shown.stdout + shown.stderr[-2000:]
    assert "dse's own answer: the same" in shown.stdout


def test_convert_is_short_and_knows_no_dse(bundle_of: Bundle) -> None:
    text = (bundle_of("jet_tagger_compact") / "convert.py").read_text()
    assert len(text.splitlines()) <= 40
    assert "import dse" not in text
    assert "from dse" not in text


def test_build_script_runs_the_tool_and_compares(bundle_of: Bundle, tmp_path: Path) -> None:
    folder = bundle_of("mlp")
    sys_path = f"{FAKE_TOOLS}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": sys_path, "PYTHON": sys.executable, "FAKE_TOOL_STARTS": str(tmp_path / "starts.jsonl")}
    shown = subprocess.run(
        [folder / "build.sh", tmp_path / "built"], env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert shown.returncode == 0, shown.stdout[-2000:] + shown.stderr[-2000:]
    assert "latency_cycles_max" in shown.stdout
    assert list((tmp_path / "built").glob("**/syn/report/myproject_csynth.xml"))
    start = json.loads((tmp_path / "starts.jsonl").read_text().splitlines()[0])
    assert start["tool"] == "vivado_hls"


def test_tells_nothing_of_this_machine(bundle_of: Bundle, examples: Path) -> None:
    folder = bundle_of("jet_tagger_compact")
    for file in folder.iterdir():
        if file.suffix in (".py", ".sh", ".json", ".yml", ".md") and file.name != "verify.py":
            text = file.read_text()
            for secret in (str(examples), str(Path.home()) + "/", socket.gethostname(), getpass.getuser() + "@"):
                assert secret not in text, f"{file.name} holds {secret}"


def test_refuses_a_folder_in_use_and_odd_trials(finished: Callable[[str], Path], dse: Dse, tmp_path: Path) -> None:
    campaign = finished("mlp")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine.txt").write_text("mine")
    for arguments, words in (
        ((campaign, "-o", tmp_path / "used"), "not an empty folder"),
        ((campaign, "99", "-o", tmp_path / "new"), "got trial 99"),
    ):
        shown = dse("bundle", *arguments)
        assert shown.returncode == 2
        assert words in shown.stderr
    assert [path.name for path in (tmp_path / "used").iterdir()] == ["mine.txt"]
    assert not (tmp_path / "new").exists()


def test_totals_of_a_real_report() -> None:
    totals = read_csynth(GOLDEN)
    assert totals["lut"] == 64927
    assert totals["dsp"] == 1068
    assert (totals["latency_cycles_min"], totals["latency_cycles_max"]) == (949548, 1945292)


def test_measured_figures_must_agree_estimates_need_not(capsys: pytest.CaptureFixture[str]) -> None:
    expected = {"is_measured": True, "fidelity": "csynth", "qor": {"lut": 64927.0, "dsp": 1000.0, "ff": None}}
    assert check_reports(GOLDEN, expected, None) == ["dsp: expected 1,000, reported 1,068"]
    assert check_reports(GOLDEN, expected, 10.0) == []
    assert check_reports(GOLDEN, {**expected, "is_measured": False}, None) == []
    assert "64,927" in capsys.readouterr().out


def test_redaction_takes_places_and_leaves_sense() -> None:
    assert redact("see /home/ada/x/log.txt for 1/2 of https://a.org/b/c") == "see .../log.txt for 1/2 of https://a.org/b/c"
    assert redact("on lab-7 by lab-77", "lab-7") == "on <host> by lab-77"
    assert "corp" not in redact("XILINXD_LICENSE_FILE=2100@lic.corp.example")
