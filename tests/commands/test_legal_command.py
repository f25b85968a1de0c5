"""`dse legal`, as text and as JSON."""

from __future__ import annotations

import json

import pytest

from dse.commands.legal import legal
from dse.errors import NetworkError, SpecError

TABLE = """
name = "tiny"
[[layer]]
name = "conv"
kind = "conv1d"
channels = 1
filters = 16
kernel = 3
positions = 14
[[layer]]
kind = "dense"
n_in = 160
units = 64
"""


@pytest.fixture
def network(tmp_path):
    file = tmp_path / "tiny.toml"
    file.write_text(TABLE)
    return file


def test_json_document(network, capsys):
    assert legal(network, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "dse.legal/1"
    assert (document["network"], document["strategy"], document["io_type"]) == ("tiny", "resource", "io_parallel")
    conv, dense = document["layers"]
    assert (conv["name"], conv["n_in"], conv["n_out"], conv["positions"], conv["multiplications"]) == (
        "conv",
        3,
        16,
        14,
        3 * 16 * 14,
    )
    assert conv["reuse_factors"] == [1, 3]
    assert conv["hls4ml_reuse_factors"] == [1, 3, 6, 12, 24, 48]
    assert conv["rules"][0]["removed"] == [6, 12, 24, 48]
    assert dense["rules"][0]["name"] == "unroll_limit"
    assert document["multiplications"] == 3 * 16 * 14 + 160 * 64
    assert document["space_size"] == 2 * len(dense["reuse_factors"])


def test_text_gives_factors_and_reasons(network, capsys):
    assert legal(network) == 0
    out = capsys.readouterr().out
    assert "10,240" in out
    assert "conv_io_parallel: the io_parallel Resource kernel" in out
    assert "conv: without 6 12 24 48" in out
    assert "\x1b" not in out


def test_a_layer_without_any_legal_factor_is_exit_code_1(network, capsys):
    assert legal(network, strategy="latency") == 1
    assert "none" in capsys.readouterr().out


@pytest.mark.parametrize("option", [{"strategy": "resorce"}, {"io_type": "stream"}, {"toolchain": "hls"}])
def test_bad_options_name_what_is_expected(network, option):
    with pytest.raises(SpecError, match="expected"):
        legal(network, **option)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NetworkError, match=r"gone\.json: no such file"):
        legal(tmp_path / "gone.json")
