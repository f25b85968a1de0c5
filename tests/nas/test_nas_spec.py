"""Architecture search files: strict, all errors at once, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from dse.campaign.problems import CampaignProblems
from dse.errors import SpecError
from dse.nas.spec import read_nas

ROOT = Path(__file__).resolve().parents[2]
BEAM = (ROOT / "campaigns" / "beam.toml").read_text(encoding="utf-8")


def read(tmp_path: Path, text: str):
    path = tmp_path / "search.toml"
    path.write_text(text, encoding="utf-8")
    return read_nas(path)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(CampaignProblems) as caught:
        read(tmp_path, text)
    return [problem.message for problem in caught.value.problems]


@pytest.mark.parametrize("name", ["beam", "dropbear_nas"])
def test_the_shipped_searches_are_valid(name):
    spec = read_nas(ROOT / "campaigns" / f"{name}.toml")
    assert spec.name == name
    assert [goal.metric for goal in spec.goals] == ["rmse", "device_cost"]


def test_the_ranges_of_the_paper_are_shipped():
    space = read_nas(ROOT / "campaigns" / "dropbear_nas.toml").space
    assert (space.input_length, space.conv.blocks, space.conv.filters) == ((128, 750), (0, 5), (16, 256))
    assert (space.recurrent.layers, space.recurrent.units, space.dense.layers, space.dense.units) == (
        (0, 3),
        (16, 425),
        (0, 5),
        (4, 512),
    )


def test_all_errors_at_once_with_their_places(tmp_path):
    text = (
        BEAM.replace("filters = [4, 16]", "filters = [16, 4]")
        .replace("stride = 24", "strid = 24")
        .replace('sampler = "known_cost"', 'sampler = "tp"')
        .replace('kind = "cantilever"', 'kind = "cantilevr"')
        .replace('kind = "estimate"', 'kind = "estimat"')
        .replace("trials = 24", "trails = 24")
    )
    with pytest.raises(CampaignProblems) as caught:
        read(tmp_path, text)
    shown = str(caught.value)
    for line in ("filters = [16, 4]", 'sampler = "tp"', 'kind = "cantilevr"', 'kind = "estimat"', "trails = 24"):
        assert line in shown, line
    assert "did you mean `cantilever`?" in shown
    assert "did you mean `trials`?" in shown
    assert len(caught.value.problems) >= 5


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('metric = "rmse"', 'metric = "accuracy"', "has rmse, not accuracy"),
        ('metric = "rmse"', 'metric = "workload"', "no objective is learned"),
        ('[[limit]]\nmetric = "latency_ns_max"\nmaximum = 200_000\n', "", "without a limit on latency"),
        ("[budget]\ntrials = 24", "[budget]", "trials or hours"),
        ("blocks = [0, 3]", "blocks = [0, 6]", "at most 5"),
        ("filters = [4, 16]", "filters = [4, 15]", "multiples of step"),
        ("filters = [4, 16]", 'filters = "many"', "space.conv.filters"),
        ("kernel = [3, 5]", "kernel = []", "at least one choice"),
        ("pool = [2] ", "pool = [0] ", "whole numbers from 1"),
        ("epochs = 16", "epochs = 0", "epochs"),
        ("runs = 8", "runs = 1", "at least 2 runs"),
        ("[deploy.backend]", "[deploy.backed]", "unknown key"),
        ('part = "xczu7ev-ffvc1156-2-e"', 'part = "xq"', "unknown part"),
        ("[target]", "[cost]\nrefuse = false\n[target]", "no device cost"),
        ("[target]", '[cost]\ntables = "surrogate"\n[target]', "together with corpus"),
        ("[target]", '[cost]\nsurrogate = "tree"\n[target]', "expected one of"),
    ],
)
def test_one_mistake_one_message(tmp_path, old, new, message):
    assert old in BEAM
    assert any(message in problem for problem in problems(tmp_path, BEAM.replace(old, new))), message


def test_overrides_are_applied(tmp_path):
    path = tmp_path / "search.toml"
    path.write_text(BEAM, encoding="utf-8")
    assert read_nas(path, ["budget.trials=3", "search.sampler=random"]).budget.trials == 3
    with pytest.raises(SpecError):
        read_nas(path, ["budget.trials=many"])


def test_effort_and_deployment_are_not_part_of_the_question(tmp_path):
    before = read(tmp_path, BEAM).meaning
    assert read(tmp_path, BEAM.replace("trials = 24", "trials = 99").replace("workers = 2", "workers = 1")).meaning == before
    assert read(tmp_path, BEAM.replace("epochs = 16", "epochs = 17")).meaning != before
    assert read(tmp_path, BEAM.replace("maximum = 200_000", "maximum = 100_000")).meaning != before


def test_classes_are_maximised_as_one_minus_accuracy(tmp_path):
    text = BEAM.replace(
        'metric = "rmse"         # on the validation runs, in millimetres\nreference = 40', 'metric = "accuracy"\nreference = 0.4'
    )
    text = text.replace("[training]", '[space.head]\nkind = "classes"\nclasses = 3\n[training]')
    goal = read(tmp_path, text).goals[0]
    assert (goal.metric, goal.reference) == ("accuracy", pytest.approx(0.6))
