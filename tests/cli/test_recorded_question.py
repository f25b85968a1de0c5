"""The journal is the truth: what was found is read as the answer to the question that was asked, whatever the file says by now."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import fakes
import pytest
from worlds import Dse

import dse as package
from dse import registry
from dse.bundle.write import broken_limits, write_bundle
from dse.campaign.spec import read_campaign
from dse.design import Network, Target
from dse.errors import SpecChanged, SpecError
from dse.goal import Limit
from dse.networks import read_network
from dse.space import DesignSpace, LayerOptions
from dse.store.codec import space_from_json, space_to_json
from dse.store.journal import read_events
from dse.study.fold import replay
from dse.study.question import read_question
from dse.view.story import read_story
from dse.wire import from_json, to_json

NETWORKS = Path(__file__).resolve().parents[2] / "campaigns" / "networks"
ESTIMATE = ('kind = "replay"\ncorpus = "corpus"', 'kind = "estimate"')


def change(path: Path, *pairs: tuple[str, str]) -> None:
    text = path.read_text()
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)


def document(dse_here: Dse, *arguments: object) -> dict[str, Any]:
    done = dse_here(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def estimated(world: Path, dse_here: Dse) -> Path:
    """A finished campaign on the estimate."""
    change(world, ESTIMATE)
    assert dse_here("run", world, "--plain").returncode == 0
    return world


OTHER_TARGET = (
    ('part = "xc7a200tfbg676-2"', 'part = "xcu250-figd2104-2L-e"\nprecision = "ap_fixed<8,3>"'),
    ("clock_period_ns = 5.0", "clock_period_ns = 2.5"),
    ("io_stream", "io_parallel"),
)


def test_a_changed_target_relabels_nothing(estimated: Path, dse_here: Dse) -> None:
    before = [document(dse_here, command, estimated) for command in ("status", "front")]
    table = dse_here("export", estimated).stdout
    change(estimated, *OTHER_TARGET)
    assert [document(dse_here, command, estimated) for command in ("status", "front")] == before
    assert dse_here("export", estimated).stdout == table
    shown = dse_here("status", estimated)
    assert "xc7a200t" in shown.stdout
    assert "@ 5 ns" in shown.stdout
    for line in (
        "target.part: xc7a200tfbg6762 -> xcu250figd21042le",
        "target.clock_period_ns: 5.0 -> 2.5",
        "target.io_type: io_stream",
    ):
        assert line in shown.stderr
    page = estimated.parent / "out.html"
    assert dse_here("page", estimated, "-o", page).returncode == 0
    assert "xcu250" not in page.read_text()
    results = package.open(estimated)
    assert results.spec.target.part == "xc7a200tfbg6762"
    assert any("target.precision" in line for line in results.question.differences)


def test_what_run_was_told_on_the_command_line_is_read_back(world: Path, dse_here: Dse) -> None:
    change(world, ESTIMATE)
    told = ("-o", "target.clock_period_ns=2.5", "-o", 'target.part="xc7z020clg400-1"', "--plain")
    assert dse_here("run", world, *told).returncode == 0
    shown = dse_here("status", world)
    assert "@ 2.5 ns" in shown.stdout
    assert "best: trial" in shown.stdout
    assert "target.clock_period_ns: 2.5 -> 5.0" in shown.stderr
    assert document(dse_here, "front", world)["front"]


@pytest.mark.parametrize("lost", ["corpus", "network", "table", "file"])
def test_reading_needs_nothing_but_the_journal(world: Path, dse_here: Dse, lost: str) -> None:
    assert dse_here("run", world, "--plain").returncode == 0
    before = [document(dse_here, command, world) for command in ("status", "front")]
    match lost:
        case "corpus":
            shutil.rmtree(world.parent / "corpus")
        case "network":
            (world.parent / "toy_network.toml").unlink()
        case "table":
            change(world, ("[target]", "[target"))
        case "file":
            world.unlink()
    assert [document(dse_here, command, world) for command in ("status", "front")] == before
    shown = dse_here("status", world)
    assert ("cannot be read" in shown.stderr) == (lost != "corpus")
    assert dse_here("compare", world).returncode == 0
    assert dse_here("export", world).returncode == 0
    assert dse_here("page", world, "-o", world.parent / "out.html").returncode == 0


def test_budget_and_slots_are_the_files(estimated: Path) -> None:
    change(estimated, ("slots = 2", "slots = 2\n[budget]\nsyntheses = 77"), ("clock_period_ns = 5.0", "clock_period_ns = 2.5"))
    question = read_question(estimated)
    assert question.spec.budget.syntheses == 77
    assert question.spec.target.clock_period_ns == 5.0


def test_a_journal_of_0_1_is_read_while_its_file_means_the_same(world: Path, dse_here: Dse) -> None:
    assert dse_here("run", world, "--plain").returncode == 0
    before = document(dse_here, "status", world)
    journal = world.parent / "toy" / "journal.jsonl"
    found, _ = read_events(journal)
    del found[0]["question"]
    found[0]["schema"] = "dse.journal/1"
    journal.write_text("".join(json.dumps(event) + "\n" for event in found))
    assert document(dse_here, "status", world) == before
    assert dse_here("run", world, "--plain").returncode == 0
    shutil.rmtree(world.parent / "corpus")
    after = document(dse_here, "status", world)
    assert after["incumbent"] == before["incumbent"]
    change(world, ("clock_period_ns = 5.0", "clock_period_ns = 2.5"))
    refused = dse_here("status", world)
    assert refused.returncode == 2
    assert "of dse 0.1" in refused.stderr
    assert "target.clock_period_ns: 5.0 -> 2.5" in refused.stderr


def test_an_estimate_goes_on_with_what_a_tool_measured(estimated: Path, dse_here: Dse) -> None:
    before = document(dse_here, "status", estimated)
    change(estimated, (ESTIMATE[1], ESTIMATE[0]))
    assert "backend.kind: estimate -> replay" in dse_here("status", estimated).stderr
    assert dse_here("check", estimated).returncode == 0
    plan = document(dse_here, "plan", estimated)
    assert plan["syntheses"] == 0
    assert plan["next"]
    assert dse_here("run", estimated, "--plain").returncode == 0
    after = document(dse_here, "status", estimated)
    assert (after["fidelity"], after["state"]) == ("csynth", "finished")
    assert [{"trials": row["trials"], "incumbent": row["incumbent"]} for row in after["earlier"]] == [
        {"trials": before["trials"], "incumbent": before["incumbent"]}
    ]
    assert after["incumbent"]["number"] in [trial["number"] for trial in after["trials"]]
    assert after["syntheses"] == len(after["trials"])
    numbers = {json.dumps(t["point"]): t["number"] for t in before["trials"]}
    again = [t for t in after["trials"] if json.dumps(t["point"]) in numbers]
    assert again, "the probes are asked of both"
    assert all(numbers[json.dumps(t["point"])] == t["number"] for t in again)
    assert not {t["key"] for t in before["trials"]} & {t["key"] for t in after["trials"]}
    shown = dse_here("status", estimated).stdout
    assert "before, by estimate" in shown
    assert "composed of recorded layers, not verified as a whole" in shown
    assert dse_here("page", estimated, "-o", estimated.parent / "out.html").returncode == 0
    assert len(read_story(read_question(estimated)).gaps) == len(after["trials"])


def test_what_a_tool_measured_does_not_go_back_to_the_estimate(world: Path, dse_here: Dse) -> None:
    assert dse_here("run", world, "--plain").returncode == 0
    change(world, ESTIMATE)
    refused = dse_here("run", world, "--plain")
    assert refused.returncode == 2
    assert "backend.kind: replay -> estimate" in refused.stderr


def test_every_beginning_of_a_continued_journal_can_be_gone_on_with(estimated: Path, dse_here: Dse) -> None:
    change(estimated, (ESTIMATE[1], ESTIMATE[0]))
    assert dse_here("run", estimated, "--plain").returncode == 0
    path = estimated.parent / "toy" / "journal.jsonl"
    whole, end = path.read_text().splitlines(), replay(read_events(path)[0])
    begun = next(i for i, line in enumerate(whole) if json.loads(line)["event"] == "continued")
    for cut in range(begun, len(whole), 2):
        path.write_text("\n".join(whole[:cut]) + "\n")
        assert dse_here("run", estimated, "--plain").returncode == 0
        again = replay(read_events(path)[0])
        assert [t.key for t in again.trials] == [t.key for t in end.trials]
        assert [t.number for t in again.trials] == [t.number for t in end.trials]


def test_init_names_the_campaign_after_its_file(tmp_path: Path, dse_here: Dse) -> None:
    network = NETWORKS / "jet_tagger.json"
    for mode in ("performance", "compact"):
        done = dse_here("init", network, "-o", tmp_path / f"jet_{mode}.toml", "--mode", mode)
        assert done.returncode == 0, done.stderr
        assert read_campaign(tmp_path / f"jet_{mode}.toml").name == f"jet_{mode}"


def test_a_name_that_holds_another_question_is_told_at_once(estimated: Path, dse_here: Dse) -> None:
    other = estimated.with_name("other.toml")
    other.write_text(estimated.read_text().replace("5.0", "2.5"))
    refused = dse_here("check", other)
    assert refused.returncode == 2
    assert "target.clock_period_ns: 5.0 -> 2.5" in refused.stderr
    new = estimated.parent / "elsewhere" / "toy.toml"
    shutil.copytree(estimated.parent / "toy", new.parent / "toy")
    refused = dse_here("init", NETWORKS / "mlp.json", "-o", new)
    assert refused.returncode == 2
    assert "network.digest" in refused.stderr
    assert not new.exists()


def test_a_folder_of_the_users_own_is_left_alone(world: Path, dse_here: Dse) -> None:
    change(world, ESTIMATE)
    own = world.parent / "toy" / "thesis.txt"
    own.parent.mkdir()
    own.write_text("mine")
    for arguments in (
        ("check", world),
        ("plan", world),
        ("run", world),
        ("run", world, "--fresh"),
        ("init", NETWORKS / "mlp.json"),
    ):
        where = ("-o", world.with_name("toy2.toml")) if arguments[0] == "init" else ()
        if where:
            (world.parent / "toy2").mkdir()
            (world.parent / "toy2" / "data.csv").write_text("1,2")
        refused = dse_here(*arguments, *where)
        assert refused.returncode == 2, arguments
        assert "a folder of your own" in refused.stderr
    assert [path.name for path in own.parent.iterdir()] == ["thesis.txt"]
    assert not list(world.parent.glob("toy.2*"))
    assert not world.with_name("toy2.toml").exists()


def test_the_same_campaign_is_not_compared_with_itself(estimated: Path, dse_here: Dse) -> None:
    twin = estimated.with_name("twin.toml")
    shutil.copy(estimated, twin)
    for pair in ((estimated, twin), (estimated, estimated)):
        refused = dse_here("compare", *pair)
        assert refused.returncode == 2
        assert "is the same campaign as" in refused.stderr


def test_a_design_beyond_its_limits_is_not_bundled_silently(estimated: Path) -> None:
    from dataclasses import replace

    question = read_question(estimated)
    trial = read_story(question).state.trials[0]
    assert trial.qor is not None
    assert broken_limits(question, trial) == ()
    small = replace(question, spec=replace(question.spec, limits=(Limit("dsp", 1.0), Limit("lut", 1e9))))
    (line,) = broken_limits(small, trial)
    assert line == f"dsp is {trial.qor.dsp:,.6g}, the limit is 1"


def test_another_network_under_the_same_name_is_not_bundled(estimated: Path) -> None:
    change(estimated.parent / "toy_network.toml", ("filters = 4", "filters = 3"))
    question = read_question(estimated)
    assert any("network.digest" in line for line in question.differences)
    with pytest.raises(SpecError, match="another network than the one that was evaluated"):
        write_bundle(question, read_story(question).state, estimated.parent / "bundle")


@pytest.mark.parametrize("path", sorted(NETWORKS.glob("*.json")), ids=lambda path: path.name)
def test_networks_and_spaces_are_read_back_as_they_were(path: Path) -> None:
    network = read_network(path)
    assert from_json(Network, json.loads(json.dumps(to_json(network)))) == network
    target = Target("xcu250figd21042le", 5.0, "io_stream")
    options = []
    for layer in network.layers:
        kind = registry.layer_kind(layer.kind)
        if kind.matrices(layer) and (factors := kind.legal(layer, target, "resource").reuse_factors):
            options.append(LayerOptions(layer, tuple(package.LayerChoice(factor) for factor in factors)))
    space = DesignSpace(tuple(options))
    assert space_from_json(json.loads(json.dumps(space_to_json(space))), network) == space


def test_a_question_nobody_understands_any_more_is_one_sentence(estimated: Path, dse_here: Dse) -> None:
    journal = estimated.parent / "toy" / "journal.jsonl"
    fakes.write_journal(journal, json.loads(json.dumps(read_events(journal)[0]).replace('"mode": "compact"', '"mode": "conpact"')))
    refused = dse_here("status", estimated)
    assert refused.returncode == 3
    assert "does not understand" in refused.stderr
    assert "Traceback" not in refused.stderr
    with pytest.raises(SpecChanged):
        package.run(estimated, overrides=["search.anchor_reuse_max=3"])
