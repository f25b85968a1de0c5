"""H04: a campaign from somebody else runs nothing of theirs before its user said yes; what was agreed to is not asked again."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w

import dse
from dse import consent
from dse.campaign.spec import read_campaign
from dse.commands.cancel import cancel
from dse.commands.doctor import doctor
from dse.commands.run import run_campaign
from dse.commands.trust import agree_to_commands
from dse.errors import DseError, SpecError
from dse.execution.jobdir import JobFolder
from dse.nas.deploy import commands
from dse.nas.spec import read_nas
from dse.study.assemble import assemble, open_campaign

CAMPAIGN = """
campaign = {{name = "tiny"}}
network = {{source = "network.toml"}}
target = {{part = "xc7a35tcpg236-1", clock_period_ns = 5.0}}
search = {{mode = "performance"}}
[backend]
{backend}
"""
NETWORK = (
    '[[layer]]\nname = "fc1"\nkind = "dense"\nn_in = 16\nunits = 8\n[[layer]]\nname = "fc2"\nkind = "dense"\nn_in = 8\nunits = 4\n'
)
SEARCHES = Path(__file__).resolve().parents[1] / "nas"


@pytest.fixture(autouse=True)
def nobody_at_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script that leaves a trace wherever it is run or sourced."""
    path = tmp_path / "theirs.sh"
    path.write_text(f"#!/bin/sh\ntouch {tmp_path}/was_run\n")
    path.chmod(0o755)
    return path


def campaign(folder: Path, backend: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "network.toml").write_text(NETWORK)
    (folder / "tiny.toml").write_text(CAMPAIGN.format(backend=backend))
    return folder / "tiny.toml"


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if another process began."""
    monkeypatch.setattr(consent, "_agreed", set())


@pytest.mark.parametrize("key", ["tool", "setup"])
def test_nothing_runs_before_consent(tmp_path: Path, script: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = campaign(tmp_path / "theirs", f'kind = "local"\n{key} = "{script}"')
    trace = tmp_path / "was_run"
    with pytest.raises(SpecError, match=f"(?s)backend.{key}.*--trust") as refused:
        run_campaign(path, plain=True)
    assert refused.value.exit_code == 2
    with pytest.raises(SpecError, match="trust=True"):
        dse.run(path)
    with pytest.raises(SpecError, match=key):  # whoever forgets to ask
        open_campaign(assemble(read_campaign(path)))
    assert doctor(path, as_json=True) == 3
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert any(finding["about"] == "consent" and str(script) in finding["found"] for finding in findings)
    assert not trace.exists()
    assert not (path.parent / "tiny").exists(), "nothing was even begun"
    doctor(path, as_json=True, trust=True)
    assert trace.exists(), "this test can fail"


def test_a_job_that_came_with_the_campaign_is_not_looked_for_before_consent(tmp_path: Path, script: Path) -> None:
    path = campaign(tmp_path / "theirs", f'kind = "local"\nsetup = "{script}"')
    folder = JobFolder.of(path.parent / "tiny" / "work", "ab" * 32)
    folder.path.mkdir(parents=True)
    folder.save(folder.load().opened("local", "t"))
    with pytest.raises(SpecError, match=r"backend\.setup"):
        cancel(path, None)
    assert not (tmp_path / "was_run").exists()


def test_what_needs_no_question(tmp_path: Path) -> None:
    """Defaults, the tools' own names, and whatever is data to the backend."""
    for backend in (
        'kind = "estimate"',
        'kind = "local"',
        'kind = "local"\ntool = "vitis_hls"\nenvironment = ["X"]\nfidelity = "vsynth"',
        'kind = "ssh"\nhosts = [{host = "lab1"}]\nwork = "scratch"\npython = "python3"',
        'kind = "slurm"\nlogin = "head"\nlicence = "vivado:1"\npartition = "long"',
    ):
        spec = read_campaign(campaign(tmp_path, backend))
        assert consent.commands_of(spec) == (), backend


def test_what_does(tmp_path: Path) -> None:
    backend = 'kind = "ssh"\ntool = "sh"\nsetup = "s"\npython = "p"\nssh_config = "c"\n[notify]\ncommand = ["a", "b"]'
    found = [str(command) for command in consent.commands_of(read_campaign(campaign(tmp_path, backend)))]
    assert sorted(found) == [
        "backend.python = 'p'", "backend.setup = 's'", "backend.ssh_config = 'c'", "backend.tool = 'sh'", "notify.command = 'a' 'b'",
    ]  # fmt: skip


def test_an_answer_on_a_terminal_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    file = tmp_path / "c.toml"
    ours = (consent.Command("backend.setup", ("/opt/settings64.sh",)), consent.Command("notify.command", ("sh", "x\x1b[2J\u202e")))

    def answer(text: str) -> None:
        forget(monkeypatch)
        terminal = io.StringIO(text)
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        agree_to_commands(file, ours, is_trusted=False)

    for no in ("", "n\n", "maybe\n"):
        with pytest.raises(SpecError):
            answer(no)
    answer("y\n")
    shown = capsys.readouterr().err
    assert "'/opt/settings64.sh'" in shown
    assert "\x1b" not in shown, "what is asked about cannot hide itself"
    assert "\u202e" not in shown
    answer("n\n")  # not asked
    assert consent.unknown(file, ours) == ()
    assert len(consent.unknown(tmp_path / "other.toml", ours)) == 1, "one absolute path is the same script whoever names it"
    assert consent.unknown(file, (replace(ours[1], words=("sh", "y")),)), "another value is another question"
    (tmp_path / "state" / "dse" / "trusted").unlink()
    forget(monkeypatch)
    assert consent.unknown(file, ours) == ours


def test_y_asks_nothing_and_agrees_to_nothing(tmp_path: Path, script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = campaign(tmp_path / "theirs", f'kind = "local"\nsetup = "{script}"')
    terminal = io.StringIO("y\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with pytest.raises(SpecError, match=r"(?s)backend\.setup.*--trust"):
        run_campaign(path, plain=True, yes=True)
    assert terminal.read() == "y\n", "the question was not even asked"
    assert not (tmp_path / "was_run").exists()


def test_what_is_typed_needs_no_question_and_a_store_that_cannot_be_written_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    command = consent.Command("backend.tool", ("typed",))
    agree_to_commands(tmp_path / "c.toml", (command,), is_trusted=False, overrides=("backend.tool=typed",))
    assert "will be asked again" in capsys.readouterr().err
    consent.refuse_unknown(tmp_path / "c.toml", (command,))  # agreed to for this process all the same


def test_an_architecture_search_speaks_for_the_campaigns_that_it_writes(tmp_path: Path, script: Path) -> None:
    pytest.importorskip("optuna")
    pytest.importorskip("keras")
    from dse.commands.nas import nas_deploy, nas_run

    sys.path.insert(0, str(SEARCHES))
    try:
        from nas_cases import write_search
    finally:
        sys.path.remove(str(SEARCHES))
    path = write_search(tmp_path)
    text = path.read_text().replace("[deploy]", '[deploy]\nwhen = "finished"')
    path.write_text(text + '[deploy.backend]\nkind = "local"\nsetup = "./theirs.sh"\n')
    found = commands(read_nas(path))
    assert [str(command) for command in found] == ["backend.setup = './theirs.sh'"]
    calls: tuple[Any, ...] = (nas_run, nas_deploy)
    for call in calls:
        with pytest.raises(SpecError, match=r"backend\.setup"):
            call(path)
    assert not (tmp_path / "small").exists(), "asked before the first training"


def test_each_deployed_campaign_is_covered_by_its_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dse.nas import deploy

    spec: Any = type("Search", (), {"path": tmp_path / "search.toml", "document": {}, "state": tmp_path / "s"})()
    spec.document = {"deploy": {"backend": {"kind": "local", "setup": "./mine.sh"}}}
    written = campaign(tmp_path / "one", tomli_w.dumps({"backend": spec.document["deploy"]["backend"]}).split("\n", 1)[1])
    seen: list[str] = []

    def opened(question: Any, **_: Any) -> Any:
        consent.refuse_unknown(question.spec.path, consent.backend_commands(question.spec.backend_options))
        seen.append(str(question.spec.path))
        raise DseError("far enough")

    monkeypatch.setattr(deploy, "write_campaign", lambda *_: written)
    monkeypatch.setattr(deploy, "campaign_path", lambda *_: written)
    monkeypatch.setattr(deploy, "open_campaign", opened)
    candidate: Any = None
    with pytest.raises(SpecError, match=r"search\.toml"):
        deploy.deploy_one(spec, candidate)
    consent.remember(spec.path, commands(spec))
    assert deploy.deploy_one(spec, candidate).problem == "far enough"
    assert seen == [str(written)]
