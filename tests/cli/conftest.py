"""A small recorded world: a network file, a corpus of our own format and a campaign on it, and `dse` as a user calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import fakes
import pytest
from worlds import Dse

from dse import cli, registry
from dse.corpus import write_records
from dse.design import Fidelity, LayerChoice, Precision, Target, Toolchain
from dse.networks import read_network
from dse.qor import LayerRecord

NETWORK = """
name = "toy"
[[layer]]
name = "c1"
kind = "conv1d"
channels = 2
filters = 4
kernel = 3
positions = 8
[[layer]]
name = "d1"
kind = "dense"
n_in = 32
n_out = 8
[[layer]]
name = "d2"
kind = "dense"
n_in = 8
n_out = 4
"""

CAMPAIGN = """
[campaign]
name = "toy"
seed = 3

[network]
source = "toy_network.toml"

[target]
part = "xc7a200tfbg676-2"
clock_period_ns = 5.0
io_type = "io_stream"

[search]
mode = "compact"

[backend]
kind = "replay"
corpus = "corpus"
slots = 2
"""

TARGET = Target("xc7a200tfbg6762", 5.0, "io_stream", Precision(16, 6), Toolchain("vivado_hls", "2019.2"))


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A folder with `toy.toml`, ready to run; returns the campaign's path."""
    (tmp_path / "toy_network.toml").write_text(NETWORK)
    (tmp_path / "toy.toml").write_text(CAMPAIGN)
    (tmp_path / "corpus").mkdir()
    records = []
    for layer in read_network(tmp_path / "toy_network.toml").layers:
        kind = registry.layer_kind(layer.kind)
        for factor in kind.legal(layer, TARGET, "resource").reuse_factors if kind.matrices(layer) else ():
            choice = LayerChoice(factor)
            records.append(LayerRecord(layer, choice, TARGET, Fidelity.CSYNTH, replace(fakes.toy_qor(layer, choice)), "made up"))
    write_records(tmp_path / "corpus" / "layers.jsonl", records)
    return tmp_path / "toy.toml"


@pytest.fixture
def dse(tmp_path: Path) -> Dse:
    """Call `dse` in a process of its own, in an empty folder."""

    def call(*arguments: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "dse.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1"},
            check=False,
        )

    return call


@pytest.fixture
def dse_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Dse:
    """Call `dse` in this process: the same command line ten times as fast, for tests that call it often."""

    def call(*arguments: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        texts = [str(argument) for argument in arguments]
        monkeypatch.setattr(sys, "argv", ["dse", *texts])
        try:
            cli.main()
            code: object = 0
        except SystemExit as leaving:
            code = leaving.code or 0
        shown = capsys.readouterr()
        assert isinstance(code, int)
        return subprocess.CompletedProcess(texts, code, shown.out, shown.err)

    return call
