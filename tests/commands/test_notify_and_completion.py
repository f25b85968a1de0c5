"""`[notify]` calls an argument list and nothing else; what it is told cannot become a command; it never stops a campaign."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CAMPAIGN = """
campaign = {name = "tiny"}
network = {source = "network.toml"}
target = {part = "xc7a35tcpg236-1", clock_period_ns = 5.0}
search = {mode = "performance"}
backend = {kind = "estimate"}
"""
NETWORK = (
    '[[layer]]\nname = "fc1"\nkind = "dense"\nn_in = 16\nunits = 8\n[[layer]]\nname = "fc2"\nkind = "dense"\nn_in = 8\nunits = 4\n'
)
TELL = """
import json, os, sys
facts = {name: value for name, value in os.environ.items() if name.startswith("DSE_")}
with open(sys.argv[1], "a") as file:
    file.write(json.dumps(facts) + "\\n")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "network.toml").write_text(NETWORK)
    (tmp_path / "tell.py").write_text(TELL)
    return tmp_path


def write(folder: Path, command: list[str], **more: object) -> Path:
    rows = [f"command = {json.dumps(command)}", *(f"{key} = {json.dumps(value)}" for key, value in more.items())]
    (folder / "tiny.toml").write_text(CAMPAIGN + "[notify]\n" + "\n".join(rows) + "\n")
    return folder / "tiny.toml"


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    command = [sys.executable, "-m", "dse.cli", *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_command_is_called_only_with_consent_and_told_in_the_environment(folder: Path) -> None:
    told = folder / "told $(touch pwned); x.jsonl"
    campaign = write(folder, [sys.executable, str(folder / "tell.py"), str(told)], on=["done", "better"])
    refused = run(folder, "run", campaign)
    assert refused.returncode == 2
    assert "--trust" in refused.stderr
    assert not told.exists()
    agreed = run(folder, "run", campaign, "--trust")
    assert agreed.returncode == 0, agreed.stderr
    facts = [json.loads(line) for line in told.read_text().splitlines()]
    assert {fact["DSE_EVENT"] for fact in facts} == {"done", "better"}
    done = next(fact for fact in facts if fact["DSE_EVENT"] == "done")
    assert done["DSE_CAMPAIGN"] == "tiny"
    assert done["DSE_BEST_REUSE_FACTORS"].split()
    assert not (folder / "pwned").exists()
    assert run(folder, "run", campaign, "--fresh").returncode == 0  # the consent is remembered
    write(folder, [sys.executable, "-c", "pass"])
    assert run(folder, "run", campaign, "--fresh").returncode == 2  # another command is another question


@pytest.mark.parametrize("command", [["/nowhere/at-all"], [sys.executable, "-c", "raise SystemExit(3)"]])
def test_a_command_that_fails_is_a_warning(folder: Path, command: list[str]) -> None:
    shown = run(folder, "run", write(folder, command), "--trust")
    assert shown.returncode == 0
    assert "warning: [notify] command" in shown.stderr


def test_unknown_events_are_campaign_errors(folder: Path) -> None:
    shown = run(folder, "check", write(folder, ["true"], on=["finished"]))
    assert shown.returncode == 2
    assert "notify.on" in shown.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(folder: Path, shell: str) -> None:
    shown = run(folder, "completion", shell)
    assert shown.returncode == 0
    assert "_DSE_COMPLETE" in shown.stdout


def test_bash_completes_commands_and_options(folder: Path) -> None:
    script = run(folder, "completion", "bash").stdout
    (folder / "dse").write_text(f'#!/bin/sh\nexec {sys.executable} -c "from dse.cli import main; main()" "$@"\n')
    (folder / "dse").chmod(0o755)
    for words, expected in ((["dse", "che"], "check"), (["dse", "run", "--fre"], "--fresh")):
        line = " ".join(f"'{word}'" for word in words)
        ask = f'{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _dse_completion ./dse; echo "${{COMPREPLY[@]}}"'
        shown = subprocess.run(["bash", "-c", ask], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        assert shown.stdout.split() == [expected], shown.stderr


def test_version(folder: Path) -> None:
    shown = run(folder, "--version")
    assert shown.returncode == 0
    assert shown.stdout.startswith("dse 0.")
