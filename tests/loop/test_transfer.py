"""What other campaigns measured is learned from, fixed when a campaign begins."""

from __future__ import annotations

from pathlib import Path

from dse.campaign.spec import read_campaign
from dse.study.assemble import assemble, open_campaign
from dse.study.loop import run

NETWORK = """
[[layer]]
name = "d1"
kind = "dense"
n_in = 16
n_out = 8
[[layer]]
name = "d2"
kind = "dense"
n_in = 8
n_out = 4
"""

CAMPAIGN = """
[campaign]
name = "{name}"
[network]
source = "network.toml"
[target]
part = "xczu7ev-ffvc1156-2-e"
clock_period_ns = {period}
io_type = "io_stream"
[search]
mode = "explore"
surrogate = "forest"
transfer = {transfer}
[[objective]]
metric = "dsp"
[backend]
kind = "estimate"
"""


def transferred(home: Path, name: str, transfer: str = "true", period: float = 4.0) -> set[str]:
    (home / "network.toml").write_text(NETWORK)
    path = home / f"{name}.toml"
    path.write_text(CAMPAIGN.format(name=name, transfer=transfer, period=period))
    campaign = open_campaign(assemble(read_campaign(path)))
    run(campaign)
    campaign.journal.close()
    return set(campaign.state.transfer)


def test_later_campaigns_learn_from_earlier_ones(tmp_path: Path) -> None:
    assert transferred(tmp_path, "first") == set()
    assert len(transferred(tmp_path, "second")) > 0
    assert transferred(tmp_path, "alone", transfer="false") == set()
    assert transferred(tmp_path, "another_clock", period=5.0) == set()


def test_the_sources_are_fixed_at_the_beginning(tmp_path: Path) -> None:
    transferred(tmp_path, "first")
    before = transferred(tmp_path, "second")
    transferred(tmp_path, "third", period=5.0)
    assert transferred(tmp_path, "second") == before
