"""A search reads the entries that it can learn from: of its regime and its kinds of layers, the newest, and never the whole cache."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dse.design import Fidelity, Layer, LayerChoice, Target, Toolchain
from dse.errors import CacheError
from dse.qor import Evaluation, LayerRecord, Provenance, Qor
from dse.store.cache import LAYERS, Cache
from dse.store.index import regime
from dse.wire import dump_json, to_json

TARGET = Target("xc7a200tfbg6762", 5.0)
OURS = regime(TARGET, Fidelity.CSYNTH)
OLD = Path(__file__).parent / "made_by_0_1"


def put(cache: Cache, number: int, kinds: str, target: Target = TARGET, fidelity: Fidelity = Fidelity.CSYNTH) -> str:
    key = f"{number:064x}"
    records = [
        LayerRecord(Layer(f"l{i}", kind, 8, 8), LayerChoice(1), target, fidelity, Qor(lut=1), key)
        for i, kind in enumerate(kinds.split())
    ]
    content = "".join(dump_json(to_json(record)) + "\n" for record in records).encode()
    cache.put(Evaluation(key, fidelity, Qor(lut=1), Provenance("local")), {LAYERS: content})
    return key


def test_entries_of_the_regime_and_the_kinds_the_newest_last(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    first = put(cache, 9, "dense dense")
    put(cache, 1, "dense", replace_clock(10.0))
    put(cache, 2, "dense", Target("xc7a200tfbg6762", 5.0, toolchain=Toolchain("vitis_hls", "2023.2")))
    put(cache, 3, "dense", fidelity=Fidelity.ESTIMATE)
    put(cache, 4, "gru")
    put(cache, 5, "")
    last = put(cache, 6, "conv1d dense")
    assert cache.newest(OURS, {"dense"}, 100) == (first, last)
    assert cache.newest(OURS, {"dense"}, 1) == (last,)
    assert cache.newest(OURS, {"lstm"}, 100) == ()
    assert cache.newest("no such regime", {"dense"}, 100) == ()


def replace_clock(period: float) -> Target:
    return Target("xc7a200tfbg6762", period)


def test_what_nobody_noted_is_noted_when_somebody_asks(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    keys = {put(cache, number, "dense") for number in range(5)}
    shutil.rmtree(tmp_path / "index")
    assert set(cache.newest(OURS, {"dense"}, 100)) == keys
    (tmp_path / "index" / OURS).write_text("torn line\n" + "\0" * 100)
    assert set(cache.newest(OURS, {"dense"}, 100)) == keys


def test_a_cache_of_0_1_is_learned_from(tmp_path: Path) -> None:
    cache = Cache(Path(shutil.copytree(OLD / "cache", tmp_path / "cache")))
    assert len(cache.newest(regime(TARGET, Fidelity.ESTIMATE), {"dense"}, 100)) == 2


def test_nothing_is_read_but_what_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path)
    for number in range(20):
        put(cache, number, "dense")
    read: list[Path] = []
    monkeypatch.setattr("dse.store.cache._read", lambda path: read.append(path) or path.read_bytes())
    assert len(cache.newest(OURS, {"dense"}, 3)) == 3
    assert read == []


@pytest.mark.parametrize("name", ["", "claims", "ab"])
def test_links_in_a_cache_are_not_followed(tmp_path: Path, name: str) -> None:
    elsewhere, root = tmp_path / "elsewhere", tmp_path / "cache"
    elsewhere.mkdir()
    if name:
        root.mkdir()
    (root / name).symlink_to(elsewhere)
    cache = Cache(root)
    with pytest.raises(CacheError, match="symbolic link"):
        put(cache, 0xAB << 248, "dense") if name == "ab" else cache.claim("ab" * 32)
    assert list(elsewhere.iterdir()) == []
