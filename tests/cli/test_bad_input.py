"""Every bad input gets one clear message and the right exit code; nothing is left half-written."""

from __future__ import annotations

from pathlib import Path

import pytest
from worlds import Dse

CHANGES = {
    "missing network": ('"toy_network.toml"', '"nowhere.json"', 2, ["nowhere.json"]),
    "missing inputs": (
        '"toy_network.toml"',
        '"toy_network.toml"\ninputs = "nowhere.npy"',
        2,
        ["network.inputs", "nowhere.npy", "no such file"],
    ),
    "unknown key": ("seed = 3", "sead = 3", 2, ["`sead`", "did you mean `seed`", "toy.toml:4:1"]),
    "unknown table": ("[backend]", "[beckend]", 2, ["beckend", "did you mean `backend`"]),
    "wrong type": ("clock_period_ns = 5.0", 'clock_period_ns = "5ns"', 2, ['"5ns"', "expected a number", "^^^^^"]),
    "unknown part": ("xc7a200tfbg676-2", "xc9a200t", 2, ["unknown part 'xc9a200t'"]),
    "bad precision": ('io_type = "io_stream"', 'io_type = "io_stream"\nprecision = "float32"', 2, ["'float32'", "ap_fixed<16,6>"]),
    "unknown mode": ('"compact"', '"kompact"', 2, ["did you mean `compact`"]),
    "unknown backend": ('"replay"', '"replai"', 2, ["did you mean `replay`"]),
    "unknown option": ("slots = 2", "slotz = 2", 2, ["`slotz`", "did you mean `slots`"]),
    "illegal reuse factor": (
        "[backend]",
        "[layer.d1]\nreuse_factor = 7\n[backend]",
        2,
        ["7 is not legal for d1", "1, 2, 4, 8, 16, 32"],
    ),
    "unknown layer": ("[backend]", "[layer.d9]\nreuse_factor = 4\n[backend]", 2, ["no layer 'd9'", "c1, d1, d2"]),
    "unknown metric": ("[backend]", '[[limit]]\nmetric = "luts"\nmaximum = 3\n[backend]', 2, ["did you mean `lut`"]),
    "not toml": ("[backend]", "[backend", 2, ["not valid TOML", "line"]),
    "no corpus": ('corpus = "corpus"', 'corpus = "nowhere"', 2, ["nowhere"]),
    "limit of 400 digits": (
        "[backend]",
        f'[[limit]]\nmetric = "lut"\nmaximum = {"9" * 400}\n[backend]',
        2,
        ["limit #1.maximum", "finite"],
    ),
    "limit below 0": ("[backend]", '[[limit]]\nmetric = "lut"\nmaximum = -1\n[backend]', 2, ["maximum of lut: got -1.0, expected"]),
    "no limit at all": ("[backend]", '[[limit]]\nmetric = "lut"\nmaximum = nan\n[backend]', 2, ["limit #1.maximum", "number"]),
    "seed of 400 digits": ("seed = 3", f"seed = {'9' * 400}", 2, ["campaign.seed", "finite"]),
    "reference 0": ("[backend]", '[[objective]]\nmetric = "lut"\nreference = 0\n[backend]', 2, ["reference of lut: got 0.0"]),
    "compact without M": ('"compact"', '"compact"\nanchor_reuse_max = 1', 2, ["compact mode needs 2 or more"]),
    "performance with M": ('"compact"', '"performance"\nanchor_reuse_max = 3', 2, ["performance mode is 1"]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_one_message_and_the_right_code(world: Path, dse_here: Dse, name: str) -> None:
    old, new, code, words = CHANGES[name]
    text = world.read_text()
    assert old in text
    world.write_text(text.replace(old, new, 1))
    for command in ("check", "plan", "run"):
        answer = dse_here(command, world)
        assert answer.returncode == code, answer.stderr
        for word in words:
            assert word in answer.stderr
        assert "Traceback" not in answer.stderr
    assert not (world.parent / "toy").exists()
    assert not (world.parent / "cache").exists()


def test_all_errors_are_reported_at_once(world: Path, dse_here: Dse) -> None:
    text = world.read_text()
    for name in ("unknown key", "wrong type", "unknown part", "unknown mode", "unknown backend"):
        old, new, _, _ = CHANGES[name]
        text = text.replace(old, new, 1)
    world.write_text(text)
    answer = dse_here("check", world)
    assert "5 errors in" in answer.stderr
    for name in ("unknown key", "wrong type", "unknown part", "unknown mode", "unknown backend"):
        assert CHANGES[name][3][0] in answer.stderr


@pytest.mark.parametrize("name", ["nowhere.toml", ".", "binary.toml"])
def test_files_that_are_no_campaigns(world: Path, dse_here: Dse, name: str) -> None:
    (world.parent / "binary.toml").write_bytes(b"\xff\xfe\x00")
    answer = dse_here("run", world.parent / name)
    assert answer.returncode == 2
    assert len(answer.stderr.strip().splitlines()) == 1


def test_an_empty_corpus(world: Path, dse_here: Dse) -> None:
    path = world.parent / "corpus" / "layers.jsonl"
    path.write_text(path.read_text().splitlines(keepends=True)[0])
    answer = dse_here("run", world)
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr


def test_a_corpus_row_that_is_not_one(world: Path, dse_here: Dse) -> None:
    path = world.parent / "corpus" / "layers.jsonl"
    path.write_text(path.read_text() + '{"record": "layer"}\n')
    answer = dse_here("run", world)
    assert answer.returncode == 2
    assert f"layers.jsonl:{len(path.read_text().splitlines())}" in answer.stderr


def test_a_point_that_was_not_recorded(world: Path, dse_here: Dse) -> None:
    path = world.parent / "corpus" / "layers.jsonl"
    kept = [line for line in path.read_text().splitlines(keepends=True) if '"n_in":8,' not in line.replace(" ", "")]
    path.write_text("".join(kept))
    answer = dse_here("run", world)
    assert answer.returncode == 2
    assert "d2" in answer.stderr


def test_an_override_that_is_none(world: Path, dse_here: Dse) -> None:
    for override in ("search", "search.mode", "=3", "campaign.name.x=1"):
        answer = dse_here("run", world, "--set", override)
        assert answer.returncode == 2
        assert "Traceback" not in answer.stderr
