"""What a backend declares it can do is what `dse logs`, `cancel` and `doctor` do with it, whoever wrote it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dse import registry
from dse.commands.cancel import cancel
from dse.commands.doctor import doctor
from dse.commands.logs import logs
from dse.design import Fidelity, Job
from dse.errors import SpecError
from dse.synth_backends import local
from dse.synth_backends.base import Closes, Finding, HasHealth, HasJobs, KnownJob, Progress, SynthBackend

KEY = "ab" * 32
CAMPAIGN = """
[campaign]
name = "tiny"
[network]
source = "net.toml"
[target]
part = "xc7a200tfbg676-2"
clock_period_ns = 5.0
[[objective]]
metric = "lut"
[backend]
kind = "local"
[budget]
syntheses = 2
"""
NETWORK = '[[layer]]\nname = "fc1"\nkind = "dense"\nn_in = 4\nn_out = 4\n'


class Outsider:
    """A backend of somebody else; it keeps what it was asked for."""

    fidelity, basis, needs_login = Fidelity.CSYNTH, "", False

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.is_closed = False

    def advance(self, wanted: Sequence[Job]) -> tuple[Progress, ...]:
        return tuple(Progress(job.key, "queued") for job in wanted)

    def known_jobs(self) -> tuple[KnownJob, ...]:
        return (KnownJob(KEY, 1, "cloud", is_open=KEY not in self.ended, process="cloud, pod 7", has_log=True),)

    def glance(self, key: str, past_seconds: Sequence[float]) -> Progress:
        return Progress(key, "running", host="cloud")

    def log(self, key: str) -> str:
        return "INFO: from a cloud\n"

    def ask_to_end(self, keys: Sequence[str]) -> None:
        self.asked = list(keys)

    def stop_jobs(self, keys: Sequence[str]) -> None:
        self.ended += keys

    def options_health(self) -> Sequence[Finding]:
        return (Finding("warn", "quota", "almost used up", "ask for more"),)

    def health(self) -> Sequence[Finding]:
        return (Finding("ok", "cloud", "3 pods free"),)

    def close(self) -> None:
        self.is_closed = True


class Plain:
    """One that answers at once, and can do no more."""

    fidelity, basis = Fidelity.CSYNTH, ""

    def advance(self, wanted: Sequence[Job]) -> tuple[Progress, ...]:
        return ()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "net.toml").write_text(NETWORK)
    file = tmp_path / "tiny.toml"
    file.write_text(CAMPAIGN)
    return file


def use(backend: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    load = registry.load
    module = SimpleNamespace(Options=local.Options, create=lambda options, site: backend)
    monkeypatch.setattr(registry, "load", lambda group, kind: module if group == "synth_backends" else load(group, kind))
    return backend


def test_an_outsiders_jobs_are_read_and_ended(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = use(Outsider(), monkeypatch)
    assert isinstance(backend, HasJobs)
    assert isinstance(backend, HasHealth)
    assert isinstance(backend, Closes)
    logs(path, "abab")
    assert capsys.readouterr().out == "INFO: from a cloud\n"
    assert cancel(path, None) == 0
    assert "ended ababab on cloud (cloud, pod 7)" in capsys.readouterr().out
    assert backend.asked == backend.ended == [KEY]
    assert backend.is_closed
    with pytest.raises(SpecError, match="does not run"):
        cancel(path, "abab")


def test_an_outsiders_machines_are_looked_at(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = use(Outsider(), monkeypatch)
    doctor(path, as_json=True)
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {finding["about"]: finding["found"] for finding in findings}.items() >= {
        "quota": "almost used up",
        "cloud": "3 pods free",
    }.items()
    assert backend.is_closed
    backend.needs_login = True
    doctor(path, as_json=True)
    assert "cloud" not in {finding["about"] for finding in json.loads(capsys.readouterr().out)["findings"]}


def test_what_is_not_declared_is_a_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend: SynthBackend = use(Plain(), monkeypatch)
    assert not isinstance(backend, HasJobs)
    for command in (lambda: logs(path, "abab"), lambda: cancel(path, None)):
        with pytest.raises(SpecError, match="has no jobs"):
            command()
