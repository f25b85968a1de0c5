"""`dse nas`: run, status, front and deploy as a user meets them."""

from __future__ import annotations

import json
import re
import shutil
from functools import partial

import numpy as np
import pytest

pytest.importorskip("optuna")
pytest.importorskip("tensorflow")

from nas.nas_cases import arithmetic, found_by, small_search, write_search

from dse.campaign.spec import read_campaign
from dse.commands import nas as command
from dse.errors import CampaignLocked, SpecError
from dse.nas.deploy import Deployed, choose, deploy_one, read_deployed, table_row, write_campaign
from dse.nas.records import Outcome, front_of
from dse.nas.session import open_search, run_search
from dse.nas.spec import read_nas
from dse.nas.training import Trained
from dse.study.session import session


def with_network(architecture, windows, settings, seed, report):
    """The arithmetic, and an untrained network to deploy."""
    from dse.nas.keras_training import build_model, save_model

    told = arithmetic(architecture, windows, settings, seed, report)
    return Trained(told.error, told.test_error, told.ended, save_model(build_model(architecture)))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished small search with networks that can be deployed."""
    folder = tmp_path_factory.mktemp("nas")
    spec = small_search(folder, trials=6)
    return spec, run_search(spec, train=with_network)


def test_status_and_front_tell_the_same_story(finished, capsys):
    spec, candidates = finished
    assert command.nas_status(spec.path, as_json=True) == 0
    status = json.loads(capsys.readouterr().out)
    assert command.nas_front(spec.path, as_json=True) == 0
    front = json.loads(capsys.readouterr().out)
    assert (status["schema"], front["schema"]) == ("dse.nas_status/1", "dse.nas_front/1")
    assert status["trainings"] == 6
    assert status["state"] == "finished"
    assert [row["number"] for row in front["front"]] == status["front"]
    assert status["hypervolume"] == front["hypervolume"] > 0
    best = front["front"][0]
    assert best["error"] == min(c.error for c in candidates if c.error is not None)
    assert best["qor"]["uram"] is not None or best["qor"]["lut"] > 0
    assert command.nas_status(spec.path) == 0
    assert "6 trainings" in capsys.readouterr().out


def test_a_search_that_never_ran_has_no_front(tmp_path, capsys):
    path = write_search(tmp_path)
    assert command.nas_front(path, as_json=True) == 1
    assert command.nas_status(path, as_json=True) == 0
    assert not (tmp_path / "small").exists()
    capsys.readouterr()


def test_starting_afresh_keeps_the_old_state_aside_but_not_under_a_running_search(tmp_path, monkeypatch):
    spec = small_search(tmp_path, trials=2)
    monkeypatch.setattr(command, "open_search", partial(open_search, train=arithmetic))
    assert command.nas_run(spec.path, as_json=True) == 0
    with session(open_search(spec, train=arithmetic)), pytest.raises(CampaignLocked):
        command.nas_run(spec.path, fresh=True, as_json=True)
    assert command.nas_run(spec.path, fresh=True, as_json=True) == 0
    assert len(list(tmp_path.glob("small.2*"))) == 1
    assert sum(c.outcome is Outcome.TRAINED for c in found_by(spec)) == 2


def test_bad_data_is_told_before_anything_is_recorded(tmp_path, monkeypatch):
    from dse.nas.data.signals import DataError

    monkeypatch.delenv("DSE_DATA", raising=False)
    path = write_search(tmp_path)
    text = path.read_text().replace('kind = "cantilever"\nruns = 3\nsamples = 400', 'kind = "npz"\npath = "nowhere.npz"')
    path.write_text(text)
    with pytest.raises(DataError, match=r"nowhere.npz': not found; looked at .*DSE_DATA"):
        command.nas_run(path)
    assert not (tmp_path / "small").exists()
    write_search(tmp_path)  # mended: another source is no change of what the search asked, for it asked nothing
    assert len(run_search(read_nas(path), train=arithmetic)) >= 8


def test_a_page_that_cannot_be_made_is_told_and_stops_nothing(finished, monkeypatch, capsys):
    import dse.view.nas_page

    def broken(*_, **__):
        raise ValueError("no ink")

    spec, candidates = finished
    monkeypatch.setattr(dse.view.nas_page, "nas_page", broken)
    command.write_page(spec, candidates, ())
    assert "the page could not be written: ValueError: no ink" in capsys.readouterr().err


def test_deploying_runs_an_ordinary_campaign_per_network(finished, capsys):
    spec, candidates = finished
    code = command.nas_deploy(spec.path, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert code == 0
    rows = document["deployed"]
    assert 1 <= len(rows) <= 2
    for row in rows:
        campaign = read_campaign(spec.state / "deploy" / f"trial_{row['trial']:04d}.toml")
        file = next(c.file for c in candidates if c.number == row["trial"])
        assert campaign.source.resolve() == (spec.state / file).resolve()
        assert campaign.cache.resolve() == spec.cache.resolve()
        assert row["fidelity"] == "estimate"
        assert row["latency_us"] <= 200
        assert len(row["reuse_factors"]) >= 2
        weighed = next(c for c in candidates if c.number == row["trial"])
        # the campaign's own search must find what the search was promised: the same tables, solved again
        shares = row["lut"] / 230400 + row["ff"] / 460800 + row["dsp"] / 1728 + row["bram_18k"] / 624
        assert shares == pytest.approx(weighed.cost["device_cost"], rel=0.011)
    assert command.nas_deploy(spec.path, as_json=True) == 0
    again = json.loads(capsys.readouterr().out)["deployed"]
    assert [row["syntheses"] for row in again] == [row["syntheses"] for row in rows]


def test_the_page_opens_without_the_network_and_holds_the_front(finished):
    spec, candidates = finished
    command.write_page(spec, candidates, None)
    page = (spec.state / "page.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r"""(src|action)\s*=|href\s*=\s*["']?[^"'#]|url\([^#)]""", page)
    assert page.count('class="figure"') == 2
    assert 'id="follow"' not in page
    for candidate in front_of(candidates, spec.goals):
        assert str(candidate.architecture) in page


def test_bundles_are_written(finished, tmp_path, monkeypatch):
    spec, candidates = finished
    made = []
    import dse.bundle

    class Made:
        def __init__(self, folder):
            self.folder = folder

    monkeypatch.setattr(dse.bundle, "write_bundle", lambda question, state, folder: made.append((question, folder)) or Made(folder))
    best = front_of(candidates, spec.goals)[0]
    assert command._write_bundles([deploy_one(spec, best)], tmp_path) == (str(tmp_path / best.name),)
    assert made[0][0].spec.name == best.name


def test_a_lost_network_is_told(finished, tmp_path):
    spec, candidates = finished
    best = front_of(candidates, spec.goals)[0]
    kept = tmp_path / "kept"
    file = spec.state / best.file
    shutil.move(file, kept)
    try:
        with pytest.raises(SpecError, match="its trained network is gone"):
            write_campaign(spec, best)
        assert "gone" in deploy_one(spec, best).problem
    finally:
        shutil.move(kept, file)


def test_what_is_not_deployed_has_no_numbers(finished):
    spec, candidates = finished
    row = table_row(spec, Deployed(candidates[0], spec.path, None, None, problem="not deployed yet"))
    assert (row["lut"], row["latency_us"], row["reuse_factors"], row["problem"]) == (None, None, None, "not deployed yet")
    missing = next(c for c in candidates if c.number not in {f.number for f in front_of(candidates, spec.goals)})
    assert read_deployed(spec, missing).problem


def test_a_long_front_is_thinned_with_both_ends(finished):
    _, candidates = finished
    trained = [c for c in candidates if c.outcome is Outcome.TRAINED and c.file]
    assert choose(trained, 2) == (trained[0], trained[-1])
    assert choose(trained, 1) == (trained[0],)
    assert choose(trained, None) == tuple(trained)
    assert choose(trained, 99) == tuple(trained)


def test_wrong_files_are_told_by_the_command_line(tmp_path):
    from dse.cli import command_line
    from dse.errors import DseError

    path = write_search(tmp_path)
    path.write_text(path.read_text().replace("trials = 8", "trails = 8"))
    with pytest.raises(DseError, match="did you mean `trials`"):
        command_line()(["nas", "run", str(path)], prog_name="dse")


@pytest.mark.hls4ml
def test_one_real_training_in_a_process_of_its_own(tmp_path, capsys):
    path = write_search(tmp_path, trials=2)
    assert command.nas_run(path, overrides=["training.epochs=2"], as_json=True) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events if event["event"] != "asked"][:2] == ["epoch", "epoch"]
    candidates = found_by(small_search(tmp_path, trials=2))
    trained = [c for c in candidates if c.outcome is Outcome.TRAINED]
    assert len(trained) == 2
    for candidate in trained:
        assert (tmp_path / "small" / candidate.file).is_file()
        assert candidate.error == pytest.approx(min(candidate.curve))
        assert candidate.test_error > 0
    # the kept weights are those that were measured
    import keras

    from dse.nas.keras_training import error_of
    from dse.nas.worker import cutter_of

    model = keras.saving.load_model(tmp_path / "small" / trained[0].file)
    spec = small_search(tmp_path, trials=2)
    windows = cutter_of(spec)(trained[0].architecture.input_length)
    assert error_of(model, windows, "validation", False) == pytest.approx(trained[0].error, rel=1e-4)


@pytest.mark.hls4ml
def test_a_classifier_learns(tmp_path):
    from dse.nas.data.windows import Windows
    from dse.nas.keras_training import train
    from dse.nas.tables import Training
    from dse.networks.architecture import Architecture

    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 8, 1)).astype(np.float32)
    y = (x.sum(axis=(1, 2)) > 0).astype(np.float32)
    windows = Windows({"training": x[:200], "validation": x[200:]}, {"training": y[:200], "validation": y[200:]})
    seen = []
    told = train(
        Architecture(8, dense=(8,), head="classes", n_outputs=2),
        windows,
        Training(epochs=8, learning_rate=0.02),
        1,
        lambda e: not seen.append(e),
    )
    assert told.error == min(seen) < 0.2
    assert told.test_error is None


@pytest.mark.slow
@pytest.mark.hls4ml
def test_the_bit_accurate_check(finished):
    from dse.nas.simulate import simulate

    if shutil.which("g++") is None:
        pytest.skip("no g++")
    spec, candidates = finished
    best = front_of(candidates, spec.goals)[-1]
    one = deploy_one(spec, best)
    answer = simulate(spec, one, samples=32)
    assert "problem" not in answer
    assert answer["fixed_error"] == pytest.approx(answer["float_error"], rel=0.2)
    assert read_deployed(spec, best).simulated == answer
    assert simulate(spec, read_deployed(spec, best), samples=32) == answer
