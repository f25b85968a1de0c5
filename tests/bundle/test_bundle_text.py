"""The text of a bundle for hostile names and telling provenance, without converting anything."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dse
from dse.bundle.contents import Design, text_files
from dse.bundle.redact import redact
from dse.campaign.spec import read_campaign
from dse.project.plan import BuiltLayer, ProjectPlan
from dse.qor import Evaluation
from dse.study.assemble import assemble

NETWORK = "".join(f'[[layer]]\nname = "layer_{i:02}"\nkind = "dense"\nn_in = 16\nunits = 16\n' for i in range(60))
CAMPAIGN = """
campaign = {name = "hostile"}
network = {source = NETWORK}
target = {part = "xc7a35tcpg236-1", clock_period_ns = 5.0, toolchain = "TOOL", must_fit = false}
search = {mode = "performance"}
backend = {kind = "estimate"}
"""
HOSTILE = "a\"; rm -rf $(touch pwned) `id` '''\n#|x"


def make(folder: Path, toolchain: str = "vivado_hls 2019.2", stem: str = HOSTILE) -> Design:
    if importlib.util.find_spec("keras") is None:
        pytest.skip("keras is not installed, so its version is not known")
    source = folder / f"{stem}.toml"
    source.write_text(NETWORK)
    text = CAMPAIGN.replace("NETWORK", json.dumps(source.name)).replace("TOOL", toolchain)
    (folder / "c.toml").write_text(text)
    results = dse.run(folder / "c.toml")
    trial = results.incumbent
    assert trial is not None
    built = tuple(BuiltLayer(i, name, name, "Dense", "resource", 1) for i, (name, _) in enumerate(trial.point.choices))
    plan = ProjectPlan(folder, "0" * 64, "myproject", built, "1.3.0")
    question = assemble(read_campaign(folder / "c.toml"))
    configuration: dict[str, Any] = {"ClockUncertainty": "12.5%", "Backend": "Vivado", "HLSConfig": {"Model": {"ReuseFactor": 1}}}
    evaluation = dict(results.state.evaluations)[trial.number]
    return Design(question, trial, evaluation, plan, configuration, "network.toml", "1" * 64, numerics=None)


@pytest.mark.parametrize("toolchain", ["vivado_hls 2019.2", "vitis_hls 2023.2"])
def test_names_of_others_are_data_only(tmp_path: Path, toolchain: str) -> None:
    files = {name: content.decode() for name, content in text_files(make(tmp_path, toolchain)).items()}
    for name in ("convert.py", "build.sh", "hls4ml.yml", "README.md"):
        assert "pwned" not in files[name].replace("_pwned_", "") or name == "README.md"
        assert "$(touch" not in files[name]
        assert "`id`" not in files[name]
    assert json.loads(files["expected.json"])["network"]["name"] == HOSTILE
    (tmp_path / "build.sh").write_text(files["build.sh"])
    assert subprocess.run(["sh", "-n", tmp_path / "build.sh"], check=False).returncode == 0


def test_convert_is_python_that_holds_every_choice(tmp_path: Path) -> None:
    design = make(tmp_path, stem="plain")
    text = text_files(design)["convert.py"].decode()
    assert len(text.splitlines()) <= 60  # sixty layers; the examples stay below forty
    tree = ast.parse(text)
    named = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}  # type: ignore[attr-defined]
    layers = ast.literal_eval(named["LAYERS"])
    assert layers == {name: (choice.reuse_factor, "Resource") for name, choice in design.trial.point.choices}
    assert {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names} == {"sys", "hls4ml", "keras"}


def test_provenance_tells_no_host_path_or_licence(tmp_path: Path) -> None:
    design = make(tmp_path, stem="plain")
    notes = ("report in /home/ada/secret/c.rpt on lab7.corp.example", "licence 2100@lic.corp.example was slow")
    told = replace(
        design.evaluation.provenance, host="lab7.corp.example", tool="Vivado at /opt/ada/Vivado", notes=notes, made_by="c@x#1"
    )
    telling: Evaluation = replace(design.evaluation, provenance=told)
    trial = replace(design.trial, reason="seen on lab7.corp.example in /home/ada/notes.txt")
    text = text_files(replace(design, evaluation=telling, trial=trial))["expected.json"].decode()
    for canary in ("lab7", "ada", "corp", "2100@", "made_by", str(tmp_path)):
        assert canary not in text
    assert "c.rpt" in text


@given(st.text(max_size=40), st.sampled_from(["/home/ada/x.rpt", "/opt/ada/deep/er/file", "/srv/ada/"]))
def test_no_path_survives_a_sentence(words: str, path: str) -> None:
    assert "ada" not in redact(f"{words.replace('ada', '')} {path} end")
