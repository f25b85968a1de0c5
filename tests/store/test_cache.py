"""The cache gives back what was put in, or nothing; never something else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.design import Fidelity
from dse.errors import CacheConflict, CacheError, CorruptEntry
from dse.qor import METRICS, Evaluation, Failure, FailureKind, Provenance, Qor
from dse.store import fsops
from dse.store.cache import Cache, is_cacheable
from dse.wire import from_json, to_json

KEY = "ab" * 32
EVALUATION = Evaluation(
    KEY,
    Fidelity.CSYNTH,
    Qor(lut=3, dsp=2.5, layers=(("fc1", Qor(lut=3, dsp=2.5)),)),
    Provenance("replay", made_by="c@t#1", notes=("a note",)),
)

numbers = st.none() | st.integers(0, 2**40 - 1) | st.floats(0, 2**40, exclude_max=True, allow_nan=False)
qors = st.builds(Qor, **dict.fromkeys(METRICS, numbers))
failures = st.builds(Failure, st.sampled_from(FailureKind), st.text(), st.text(), st.none() | st.floats(0, 1e6))


@given(qors | failures, st.text(), st.tuples(st.text()))
def test_json_round_trip(outcome: Qor | Failure, host: str, notes: tuple[str, ...]) -> None:
    evaluation = Evaluation(KEY, Fidelity.VSYNTH, outcome, Provenance("ssh", host=host, notes=notes))
    document = json.loads(json.dumps(to_json(evaluation)))
    assert from_json(Evaluation, document) == evaluation


def test_what_was_put_comes_back(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.get(KEY) is None
    cache.put(EVALUATION)
    assert Cache(tmp_path).get(KEY) == EVALUATION
    cache.put(EVALUATION)
    assert list(cache.keys()) == [KEY]


def test_a_different_outcome_for_a_key_is_refused(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put(EVALUATION)
    with pytest.raises(CacheConflict, match="different outcome"):
        cache.put(replace(EVALUATION, outcome=Qor(lut=4)))
    assert cache.get(KEY) == EVALUATION


@pytest.mark.parametrize("name", ["evaluation.json", "manifest.json"])
def test_every_damage_is_a_miss_and_is_set_aside(tmp_path: Path, name: str) -> None:
    Cache(tmp_path / "whole").put(EVALUATION)
    content = (tmp_path / "whole" / KEY[:2] / KEY / name).read_bytes()
    damages = [content[:cut] for cut in range(0, len(content), 37)]
    damages += [content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :] for at in range(0, len(content), 11)]
    for number, damage in enumerate(damages):
        cache = Cache(tmp_path / str(number))
        cache.put(EVALUATION)
        place = cache.root / KEY[:2] / KEY / name
        place.write_bytes(damage)
        with pytest.raises(CorruptEntry):
            cache.read(KEY)
        assert cache.get(KEY) is None
        assert len(cache.warnings) == 1
        cache.put(EVALUATION)
        assert cache.get(KEY) == EVALUATION


def test_entries_that_are_no_directories(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    place = tmp_path / KEY[:2] / KEY
    place.parent.mkdir()
    place.write_text("a file")
    assert cache.get(KEY) is None
    place.symlink_to(tmp_path / "nowhere")
    assert cache.get(KEY) is None
    cache.put(EVALUATION)
    assert cache.get(KEY) == EVALUATION


def test_swapped_entries_are_noticed(tmp_path: Path) -> None:
    other = "cd" * 32
    cache = Cache(tmp_path)
    cache.put(EVALUATION)
    (tmp_path / other[:2]).mkdir()
    (tmp_path / KEY[:2] / KEY).rename(tmp_path / other[:2] / other)
    assert cache.get(other) is None


def test_only_facts_about_the_design_are_remembered() -> None:
    def failed(kind: FailureKind) -> Evaluation:
        return replace(EVALUATION, outcome=Failure(kind, ""))

    assert is_cacheable(EVALUATION)
    assert is_cacheable(failed(FailureKind.DESIGN_ERROR))
    for kind in (FailureKind.LICENCE, FailureKind.LOST, FailureKind.CANCELLED, FailureKind.NO_REPORT, FailureKind.DISK_FULL):
        assert not is_cacheable(failed(kind))


def test_a_claim_holds_until_released(tmp_path: Path) -> None:
    first, second = Cache(tmp_path), Cache(tmp_path)
    assert first.claim(KEY)
    assert first.claim(KEY)
    assert not second.claim(KEY)
    first.release(KEY)
    assert second.claim(KEY)
    second.release(KEY)


def test_an_unwritable_place_gets_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("not a folder")
    with pytest.raises(CacheError, match="cannot be written"):
        Cache(tmp_path / "cache").put(EVALUATION)
    with pytest.raises(CacheError, match="cannot be written"):
        Cache(tmp_path / "cache").claim(KEY)


def test_a_crash_between_any_two_steps_leaves_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = 0

    def crash_at(limit: int, original: object) -> object:
        def step(*args: object, **kwargs: object) -> object:
            nonlocal steps
            steps += 1
            if steps > limit:
                raise KeyboardInterrupt
            return original(*args, **kwargs)  # type: ignore[operator]

        return step

    for limit in range(20):
        steps = 0
        cache = Cache(tmp_path / str(limit))
        with monkeypatch.context() as patch:
            for name in ("fsync", "open", "close"):
                patch.setattr(fsops.os, name, crash_at(limit, getattr(fsops.os, name)))
            try:
                cache.put(EVALUATION)
            except KeyboardInterrupt:
                pass
            else:
                assert limit > 3
                break
        assert cache.get(KEY) in (None, EVALUATION)
        assert not cache.warnings
        cache.put(EVALUATION)
        assert cache.get(KEY) == EVALUATION
    else:
        pytest.fail("the write never ran to its end")


def test_an_entry_of_a_newer_dse_is_left_alone(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put(EVALUATION)
    manifest = tmp_path / KEY[:2] / KEY / "manifest.json"
    newer = manifest.read_text().replace("dse.evaluation/2", "dse.evaluation/3")
    manifest.write_text(newer)
    assert cache.get(KEY) is None
    assert "written by a newer dse" in cache.warnings[0]
    cache.put(EVALUATION)
    assert manifest.read_text() == newer
    assert not (tmp_path / "quarantine").exists()
