"""`import dse` in a script or a notebook: light, honest about what is missing, and the same answers as the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fakes
import pytest

import dse
from dse.errors import SpaceError, SpecError
from dse.qor import FailureKind

NETWORK = """
[[layer]]
name = "fc1"
kind = "dense"
n_in = 16
units = 8
[[layer]]
name = "fc2"
kind = "dense"
n_in = 8
units = 4
"""

CAMPAIGN = """
[campaign]
name = "tiny"
[network]
source = "network.toml"
[target]
part = "xc7a35tcpg236-1"
clock_period_ns = 5.0
[search]
mode = "performance"
[backend]
kind = "estimate"
"""


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    (tmp_path / "network.toml").write_text(NETWORK)
    (tmp_path / "tiny.toml").write_text(CAMPAIGN)
    return tmp_path / "tiny.toml"


def test_import_is_light() -> None:
    script = "import json, sys, dse; assert dse.__version__; print(json.dumps(list(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not [name for name in json.loads(shown.stdout) if name.startswith(("dse.", "numpy", "pydantic"))]
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        dse.opne  # noqa: B018
    assert set(dse.__all__) <= set(dir(dse))
    assert all(getattr(dse, name) is not None for name in dse.__all__)


def test_run_tells_events_and_is_idempotent(campaign: Path) -> None:
    events: list[Mapping[str, Any]] = []
    first = dse.run(campaign, on_event=events.append)
    assert [event["event"] for event in events][:2] == ["opened", "proposed"]
    assert events[-1]["event"] == "stopped"
    assert first.is_finished
    again = dse.run(campaign, on_event=events.append)
    assert [str(trial.point) for trial in again.trials] == [str(trial.point) for trial in first.trials]
    assert dse.open(campaign.with_suffix("")).incumbent == first.incumbent  # the ending may be left out


def test_a_listener_that_fails_stops_nothing(campaign: Path) -> None:
    def listen(_event: Mapping[str, Any]) -> None:
        raise RuntimeError("no network")

    with pytest.warns(UserWarning, match="on_event raised RuntimeError: no network"):
        assert dse.run(campaign, on_event=listen).is_finished


def test_an_unstarted_campaign_is_empty_not_an_error(campaign: Path) -> None:
    results = dse.open(campaign)
    assert (len(results.trials), results.incumbent, results.is_finished, results.stop_reason) == (0, None, False, None)
    assert len(results.front()) == 0
    assert "0 trials" in repr(results)
    assert results.plot_balance().svg.startswith("<svg")


def test_tables_and_data_frames_agree(campaign: Path) -> None:
    pandas = pytest.importorskip("pandas")
    results = dse.run(campaign)
    frame = results.to_pandas()
    assert list(frame["number"]) == [trial.number for trial in results.trials]
    assert frame.loc[frame["is_incumbent"], "number"].tolist() == [results.incumbent.number if results.incumbent else None]
    assert frame["dsp"].tolist() == [trial.qor.dsp for trial in results.trials if trial.qor]
    assert isinstance(results.front().to_pandas(), pandas.DataFrame)
    assert results.trials[-1] == results.trials[:][-1]


def test_figures_show_themselves_and_are_saved(campaign: Path, tmp_path: Path) -> None:
    results = dse.run(campaign)
    for figure in (results.plot_balance(), results.plot_curves("dsp"), results.plot_progress(), results.figure("shares")):
        ElementTree.fromstring(figure.svg)
        assert figure._repr_html_().startswith("<img alt=")
        assert "<script" not in figure._repr_html_()
    results.plot_balance().save(tmp_path / "balance.svg")
    assert (tmp_path / "balance.svg").read_text().startswith("<svg")
    with pytest.raises(SpecError, match="expected one of"):
        results.figure("ballance")
    assert "<table>" in results._repr_html_()


def test_an_interrupt_detaches_and_the_next_run_goes_on(campaign: Path) -> None:
    stop_at = 2

    def listen(event: Mapping[str, Any]) -> None:
        if event["event"] == "finished" and event["number"] == stop_at:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)  # the handler runs between two instructions

    before = signal.getsignal(signal.SIGINT)
    results = dse.run(campaign, on_event=listen, overrides=["search.max_iterations=3", "search.mode=compact"])
    assert signal.getsignal(signal.SIGINT) is before
    assert not results.is_finished
    assert dse.run(campaign, overrides=["search.max_iterations=3", "search.mode=compact"]).is_finished


def test_runs_in_a_thread(campaign: Path) -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(dse.run(campaign)))
    thread.start()
    thread.join()
    assert found[0].is_finished


def test_ask_tell_finds_what_a_run_finds(campaign: Path) -> None:
    loop = dse.ask_tell(campaign)
    backend, spec = loop.question.backend, loop.question.spec
    while points := loop.ask(1):
        for point in points:
            job = dse_job(loop, point)
            evaluation = backend.advance((job,))[0].evaluation
            assert evaluation is not None
            loop.tell(point, evaluation.outcome)
    assert loop.stop_reason
    best = dse.run(campaign).incumbent
    assert best is not None
    assert loop.incumbent is not None
    assert loop.incumbent.point == best.point
    assert not spec.state.joinpath("work").exists()


def dse_job(loop: dse.AskTell, point: dse.DesignPoint) -> Any:
    from dse.design import Job

    spec, backend = loop.question.spec, loop.question.backend
    return Job(spec.network, point, spec.target, backend.fidelity, backend.basis)


def test_tell_refuses_what_makes_no_sense(campaign: Path) -> None:
    loop = dse.ask_tell(campaign)
    own = loop.question.space.point(tuple(option.choices[0] for option in loop.question.space.options))
    layers = tuple((name, fakes.toy_qor(loop.question.spec.network.layer(name), choice)) for name, choice in own.choices)
    loop.tell(own, dse.Qor(dsp=3, latency_cycles_max=9, ii_cycles_max=2, layers=layers))  # never asked for, and welcome
    assert loop.state.trials[0].proposed_by == "told"
    with pytest.raises(SpecError, match="told before"):
        loop.tell(own, dse.Qor())
    with pytest.raises(SpaceError, match="not a point"):
        loop.tell(dse.DesignPoint((("fc1", dse.LayerChoice(3)),)), dse.Qor())
    (asked,) = loop.ask()
    with pytest.raises(SpecError, match=r"expected dse\.Qor or dse\.Failure"):
        loop.tell(asked, {"dsp": 3})  # type: ignore[arg-type]
    loop.tell(asked, dse.Failure(FailureKind.TIMEOUT, "too long"))
    assert loop.state.trials[1].status == "failed"
