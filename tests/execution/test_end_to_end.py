"""`dse run` on the jet tagger: hls4ml's project, the fake tool, the parsers, the search; here, over SSH and through Slurm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from daemons import MISSING, SSHD, Slurm, Sshd
from execution_kit import fake_tools, orphans, tokens

from dse.execution import process

NETWORKS = Path(__file__).resolve().parents[2] / "campaigns" / "networks"
pytestmark = [pytest.mark.hls4ml, pytest.mark.timeout(600)]
TEXT = """
[campaign]
name = "jet"
seed = 7
[network]
source = "networks/jet_tagger.json"
[target]
part = "xc7a200tfbg676-2"
clock_period_ns = 5.0
[search]
mode = "compact"
anchor_reuse_max = 2
[backend]
slots = 2
{backend}
[budget]
syntheses = 20
"""


def campaign(root: Path, name: str, backend: str) -> Path:
    folder = root / name
    (folder / "networks").mkdir(parents=True)
    shutil.copy(NETWORKS / "jet_tagger.json", folder / "networks")
    path = folder / "jet.toml"
    path.write_text(TEXT.format(backend=backend))
    return path


def dse(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from dse.cli import main; main()", *words]
    return subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def story(path: Path) -> Any:
    """What the campaign found, without when and where."""
    shown = dse("status", str(path), "--json")
    assert shown.returncode == 0, shown.stderr
    document = json.loads(shown.stdout)
    return [(trial["point"], trial["status"], trial["qor"], trial["failure"]) for trial in document["trials"]], document[
        "incumbent"
    ]


def test_the_same_campaign_here_and_there(
    tmp_path: Path, request: pytest.FixtureRequest, tools: Callable[..., Path], starts: Callable[[], Any]
) -> None:
    pytest.importorskip("hls4ml")
    tool = tools({}) / "vivado_hls"
    stories = {}
    variables = {}
    backends = {"local": f'kind = "local"\ntool = "{tool}"'}
    if Path(SSHD).exists():
        server: Sshd = request.getfixturevalue("sshd")
        backends["ssh"] = (
            f'kind = "ssh"\ntool = "{tool}"\nhosts = [{{host = "lab1", slots = 2}}]\nwork = "{tmp_path}/far"\n'
            f'ssh_config = "{server.config}"'
        )
    if not MISSING and os.geteuid() == 0:
        controller: Slurm = request.getfixturevalue("controller")
        variables["SLURM_CONF"] = str(controller.conf)
        backends["slurm"] = f'kind = "slurm"\ntool = "{tool}"\nlicence = "vivado:1"'
    for name, backend in backends.items():
        path = campaign(tmp_path, name, backend)
        done = dse("run", str(path), "--plain", "-y", "--trust", **variables)
        assert done.returncode == 0, done.stderr + done.stdout
        stories[name] = story(path)
        assert orphans(path.parent / "jet" / "work") == []
    assert len(stories["local"][0]) >= 3
    assert all(told == stories["local"] for told in stories.values()), sorted(stories)
    again = dse(
        "run",
        str(campaign(tmp_path, "again", backends["local"])),
        "--plain",
        "-y",
        "--trust",
        "-o",
        f"campaign.cache={tmp_path}/local/cache",
    )
    assert again.returncode == 0, again.stderr
    assert len(starts()) == len(stories) * len(stories["local"][0]), "the cache knows them all"


def test_detach_look_cancel_and_go_on(tmp_path: Path) -> None:
    """F05: SIGTERM detaches; `logs` and `cancel` work from elsewhere; the same command goes on."""
    import signal
    import time

    pytest.importorskip("hls4ml")
    fake_tools.install(tmp_path / "tools", {"default": {"sleep_seconds": 60, "children": 1}})
    path = campaign(tmp_path, "here", f'kind = "local"\ntool = "{tmp_path}/tools/vivado_hls"\ngrace_seconds = 0.5')
    work = path.parent / "jet" / "work"
    runner = subprocess.Popen(
        [sys.executable, "-c", "from dse.cli import main; main()", "run", str(path), "--plain", "-y", "--trust"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while len(fake_tools.starts(tmp_path / "tools")) < 2:
            assert time.monotonic() < deadline
            assert runner.poll() is None
            time.sleep(0.2)
        runner.send_signal(signal.SIGTERM)
        _, errors = runner.communicate(timeout=60)
        assert runner.returncode == 143, errors
        assert len([token for token in tokens(work) if process.bearers(token)]) == 2, "detached jobs go on"
        key = sorted(folder.name for folder in work.iterdir() if len(folder.name) == 64)[0]
        shown = dse("logs", str(path), key[:8])
        assert "FAKE" in shown.stdout, shown.stderr
        ended = dse("cancel", str(path), key[:8])
        assert ended.returncode == 0, ended.stderr
        assert key[:6] in ended.stdout
        assert len([token for token in tokens(work) if process.bearers(token)]) == 1
        assert dse("cancel", str(path), "--json").returncode == 0
        assert orphans(work) == []
        fake_tools.rewrite_script(tmp_path / "tools", {})
        done = dse("run", str(path), "--plain", "-y", "--trust")
        assert done.returncode == 0, done.stderr + done.stdout
    finally:
        if runner.poll() is None:
            runner.kill()
            runner.wait()
        for token in tokens(work):
            process.kill_bearers(token)


def test_what_a_missing_tool_looks_like(tmp_path: Path) -> None:
    path = campaign(tmp_path, "here", 'kind = "local"\ntool = "/no/such/vivado_hls"')
    for command in (("run", str(path), "--plain", "-y", "--trust"), ("doctor", str(path))):
        done = dse(*command)
        assert done.returncode == 3
        assert "backend.tool" in done.stderr + done.stdout
        assert "Traceback" not in done.stderr
    assert dse("cancel", str(path)).stdout.strip() == "nothing runs"
    assert dse("logs", str(path), "abcdef").returncode == 2
    document = json.loads(dse("doctor", str(path), "--json").stdout)
    assert document["schema"] == "dse.doctor/1"
    assert document["ok"] is False
