"""`dse doctor`, with tools and hosts that are and are not there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dse.commands import doctor as module
from dse.commands.doctor import doctor

NETWORKS = Path(__file__).resolve().parents[2] / "campaigns" / "networks"
TEXT = """
[campaign]
name = "jet"
[network]
source = "jet_tagger.json"
[target]
part = "xc7a200tfbg676-2"
clock_period_ns = 5.0
[search]
mode = "compact"
[backend]
"""


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """A program that knows its version."""
    path = tmp_path / "vivado_hls"
    path.write_text("#!/bin/sh\necho '****** Vivado(TM) HLS v2019.2 (64-bit)'\n")
    path.chmod(0o755)
    return path


def campaign(folder: Path, backend: str) -> Path:
    shutil.copy(NETWORKS / "jet_tagger.json", folder)
    path = folder / "jet.toml"
    path.write_text(TEXT + backend)
    return path


def look(path: Path | None, capsys: pytest.CaptureFixture[str], *, probe: bool = False) -> tuple[int, dict[str, Any]]:
    code = doctor(path, probe=probe, as_json=True, trust=True)
    document = json.loads(capsys.readouterr().out)
    return code, {finding["about"]: finding for finding in document["findings"]}


def test_without_a_campaign_it_looks_at_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = look(None, capsys)
    assert code == 0
    assert found["python"]["level"] == "ok"
    assert doctor(None) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "ready"


def test_a_tool_of_the_right_version_is_ready(tmp_path: Path, tool: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("hls4ml")
    code, found = look(campaign(tmp_path, f'kind = "local"\ntool = "{tool}"\nmemory_gb = 1'), capsys)
    assert code == 0, found
    assert "v2019.2" in found["local"]["found"]
    assert found["local memory"]["level"] == "ok"


@pytest.mark.parametrize(
    ("banner", "words"),
    [("Vivado(TM) HLS v2018.3 (64-bit)", ("2018.3", "2019.2")), (None, ("backend.tool",))],
)
def test_another_version_or_none_blocks_the_campaign(
    tmp_path: Path, tool: Path, capsys: pytest.CaptureFixture[str], banner: str | None, words: tuple[str, ...]
) -> None:
    tool.unlink() if banner is None else tool.write_text(f"#!/bin/sh\necho '{banner}'\n")
    code, found = look(campaign(tmp_path, f'kind = "local"\ntool = "{tool}"'), capsys)
    assert code == 3
    assert found["local"]["level"] == "fail"
    assert all(word in found["local"]["found"] for word in words)


def test_hosts_are_left_alone_unless_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = campaign(tmp_path, 'kind = "ssh"\nhosts = [{host = "nowhere.invalid", slots = 2}]\nconnect_seconds = 2')
    _, found = look(path, capsys)
    assert found["hosts"]["level"] == "warn"
    assert "--probe" in found["hosts"]["fix"]
    code, found = look(path, capsys, probe=True)
    assert code == 3
    assert "nowhere.invalid" in found["nowhere.invalid"]["found"]


def test_a_backend_without_a_tool_and_a_broken_campaign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = look(campaign(tmp_path, 'kind = "estimate"'), capsys)
    assert code == 0
    assert "needs no tool" in found["backend estimate"]["found"]
    code, found = look(campaign(tmp_path, 'kind = "local"\ntoool = "x"'), capsys)
    assert code == 3
    assert "dse check" in found["campaign"]["fix"]


def test_no_licence_value_is_ever_shown(
    tmp_path: Path, tool: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """H11."""
    monkeypatch.setenv("XILINXD_LICENSE_FILE", "2100@canary-server")
    doctor(campaign(tmp_path, f'kind = "local"\ntool = "{tool}"'), trust=True)
    shown = capsys.readouterr().out
    assert "XILINXD_LICENSE_FILE" in shown
    assert "canary" not in shown


def test_what_is_missing_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    real = module._version
    monkeypatch.setattr(module, "_version", lambda name: None if name in ("scipy", "gpytorch") else real(name))
    code, found = look(None, capsys)
    assert code == 3
    assert "scipy" in found["packages"]["found"]
    assert found["gpytorch"]["level"] == "warn"
