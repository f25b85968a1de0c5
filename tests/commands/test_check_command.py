"""`dse check` and `dse run` on any of our files: each is checked as what it is, or named in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from dse.campaign.spec import read_campaign
from dse.commands.check import check
from dse.errors import SpecError

CAMPAIGNS = Path(__file__).resolve().parents[2] / "campaigns"


@pytest.mark.parametrize("path", sorted(CAMPAIGNS.glob("*.toml")), ids=lambda path: path.name)
def test_every_example_is_right(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(path) == 0
    assert ": ok · " in capsys.readouterr().out


def test_an_architecture_search_is_checked_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "beam.toml"
    path.write_text((CAMPAIGNS / "beam.toml").read_text().replace("epochs = 16", "epoch = 16"))
    with pytest.raises(SpecError) as refused:
        check(path)
    assert str(refused.value).count("error") == 2, "the misspelt key, and the count"
    assert "did you mean `epochs`?" in str(refused.value)
    assert check(path, as_json=True) == 2
    assert '"training.epoch"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("jet.keras", "PK", "a network, not a campaign.*dse init .*jet.keras"),
        ("jet.json", "{}", "a network"),
        ("layers.toml", '[[layer]]\nname = "d"\nkind = "dense"\nn_in = 4\nn_out = 2', "a network.*dse init"),
        ("networks.toml", '[[network]]\nname = "a"', "dse bench"),
        ("search.toml", '[nas]\nname = "a"', "an architecture search.*dse nas run"),
        ("hls4ml_config.yml", "HLSConfig: {}", "hls4ml settings"),
        ("csynth.xml", "<profile/>", "dse report"),
        ("corpus.jsonl", "{}", "replay"),
    ],
)
def test_another_file_is_named_in_one_sentence(tmp_path: Path, name: str, text: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(SpecError, match=words) as refused:
        read_campaign(path)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2
