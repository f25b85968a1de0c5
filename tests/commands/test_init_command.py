"""`dse init`: whatever network it is given, the campaign it writes is valid, or nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dse.campaign.spec import read_campaign
from dse.commands.init import MODES, init
from dse.errors import NetworkError, SpecError
from dse.study.assemble import assemble

NETWORKS = Path(__file__).resolve().parents[2] / "campaigns" / "networks"


def start(network: Path, output: Path, part: str = "xczu7ev-ffvc1156-2-e", mode: str = "compact") -> int:
    return init(network, output=output, part=part, mode=mode, clock="4")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("network", sorted(NETWORKS.glob("*.json")), ids=lambda path: path.stem)
def test_writes_a_valid_campaign(network: Path, mode: str, tmp_path: Path) -> None:
    output = tmp_path / "some where" / "my.toml"
    output.parent.mkdir()
    assert start(network, output, mode=mode) == 0
    spec = read_campaign(output)
    assert (spec.mode, spec.target.clock_period_ns, spec.part.device) == (mode, 4.0, "xczu7ev")
    assert assemble(spec).space.size > 1


def test_its_hints_are_valid_once_uncommented(tmp_path: Path) -> None:
    output = tmp_path / "my.toml"
    start(NETWORKS / "jet_tagger.json", output)
    lines = [
        line.removeprefix("# ") if line.startswith(("# [layer", "# reuse_factor")) else line
        for line in output.read_text().splitlines()
    ]
    output.write_text("\n".join(lines))
    assert assemble(read_campaign(output)).space.size == 1


def test_never_overwrites(tmp_path: Path) -> None:
    output = tmp_path / "my.toml"
    output.write_text("mine")
    with pytest.raises(SpecError, match="exists already"):
        start(NETWORKS / "mlp.json", output)
    assert output.read_text() == "mine"


def test_odd_names_are_quoted(tmp_path: Path) -> None:
    network = tmp_path / 'a "net" é\t#1.json'
    network.write_text((NETWORKS / "mlp.json").read_text())
    start(network, tmp_path / "my.toml")
    assert read_campaign(tmp_path / "my.toml").source.resolve() == network.resolve()


def test_leaves_nothing_behind_where_it_cannot(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps({"class_name": "Sequential"}))
    with pytest.raises(NetworkError):
        start(broken, tmp_path / "my.toml")
    with pytest.raises(SpecError, match="unknown part"):
        start(NETWORKS / "mlp.json", tmp_path / "my.toml", part="xc9000")
    assert not (tmp_path / "my.toml").exists()


def test_options_go_into_the_file_and_the_file_is_valid(tmp_path: Path) -> None:
    output = tmp_path / "my.toml"
    init(
        NETWORKS / "mlp.json", output=output, board="pynq-z2", mode="explore", clock="100MHz", io_type="io_stream",
        precision="ap_fixed<12,4>", strategy="latency", toolchain="vitis_hls 2023.2", backend="local", latency_ns=5000.0,
    )  # fmt: skip
    spec = read_campaign(output)
    assert (spec.part.device, spec.target.clock_period_ns, spec.target.io_type) == ("xc7z020", 10.0, "io_stream")
    assert (str(spec.target.precision), spec.strategy, str(spec.target.toolchain)) == (
        "ap_fixed<12,4>",
        "latency",
        "vitis_hls 2023.2",
    )
    assert spec.backend_kind == "local"
    assert {limit.metric: limit.maximum for limit in spec.limits}["latency_ns_max"] == 5000


def test_a_clock_in_megahertz_is_asked_about(tmp_path: Path) -> None:
    for clock, words in (("200", "200MHz or 200ns"), ("fast", "expected a period"), ("0", "expected a period")):
        with pytest.raises(SpecError, match=words):
            init(NETWORKS / "mlp.json", output=tmp_path / "my.toml", clock=clock)
    with pytest.raises(SpecError, match="--mode explore"):
        init(NETWORKS / "mlp.json", output=tmp_path / "my.toml", latency_ns=100.0)
    with pytest.raises(SpecError, match="--backend: got 'ssh', expected one of estimate"):
        init(NETWORKS / "mlp.json", output=tmp_path / "my.toml", backend="ssh")
    assert not (tmp_path / "my.toml").exists()
