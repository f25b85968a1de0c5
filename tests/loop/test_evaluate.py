"""What failed under a limit is tried again under a larger one, and only then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import fakes
import pytest

from dse.commands.cache import check
from dse.design import Fidelity, Job
from dse.qor import Failure, FailureKind, Qor
from dse.store.cache import Cache
from dse.study.evaluate import Evaluator, transferable

NETWORK = fakes.network(fakes.dense("d1", 8, 4), fakes.dense("d2", 4, 2))
POINT = fakes.space(NETWORK, (1, 2)).point(tuple(option.choices[1] for option in fakes.space(NETWORK, (1, 2)).options))
JOB = Job(NETWORK, POINT, fakes.TARGET, Fidelity.ESTIMATE, "toy")


class Limited(fakes.ToyBackend):
    """A toy that times out below two hours."""

    def __init__(self, seconds: float | None) -> None:
        def toy(layer: object, choice: object) -> Qor | Failure:
            if seconds is not None and seconds < 7200:
                return Failure(FailureKind.TIMEOUT, "too slow", limit=seconds)
            return Qor(lut=1)

        super().__init__(toy=toy)
        self.limits = MappingProxyType({FailureKind.TIMEOUT: seconds})


@pytest.mark.parametrize(("second", "runs_again"), [(1800.0, False), (3600.0, False), (3601.0, True), (7200.0, True), (None, True)])
def test_a_timeout_holds_up_to_its_limit(tmp_path: Path, second: float | None, runs_again: bool) -> None:
    Evaluator(Cache(tmp_path), Limited(3600)).advance({"a": JOB})
    backend = Limited(second)
    (answer,) = Evaluator(Cache(tmp_path), backend).advance({"b": JOB})
    assert (backend.started == [JOB.key]) is runs_again
    assert answer.cached is not runs_again
    assert answer.evaluation is not None
    if second is None or second >= 7200:
        assert answer.evaluation.outcome == Qor(lut=2, layers=(("d1", Qor(lut=1)), ("d2", Qor(lut=1))))
        again = Limited(3600)
        assert Evaluator(Cache(tmp_path), again).advance({"c": JOB})[0].cached


def test_a_second_campaign_waits_for_the_first(tmp_path: Path) -> None:
    first = Evaluator(Cache(tmp_path), fakes.ToyBackend(delay=1))
    second = Evaluator(Cache(tmp_path), fakes.ToyBackend())
    assert first.advance({"a": JOB})[0].progress.state == "running"
    assert second.advance({"b": JOB})[0].progress.state == "waiting"
    assert first.advance({"a": JOB})[0].progress.state == "done"
    (answer,) = second.advance({"b": JOB})
    assert answer.cached
    assert answer.evaluation is not None


def test_measured_layers_can_be_learned_from(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    Evaluator(cache, fakes.ToyBackend()).advance({"a": JOB})
    records = transferable(cache, cache.keys())
    assert [(record.layer.name, record.choice.reuse_factor, record.source) for record in records] == [
        ("d1", 2, JOB.key),
        ("d2", 2, JOB.key),
    ]
    assert records[0].qor == fakes.toy_qor(NETWORK.layers[0], POINT["d1"])
    assert transferable(cache, ["0" * 64]) == ()


@pytest.mark.parametrize("content", [b"not json\n", b"[]\n", b'{"layer": 5}\n', b"{}\n", b"\xff\n"])
def test_odd_layers_in_a_shared_cache_end_no_campaign(tmp_path: Path, content: bytes) -> None:
    cache = Cache(tmp_path)
    Evaluator(cache, fakes.ToyBackend()).advance({"a": JOB})
    odd = replace(cache.read(JOB.key), key="0" * 64)
    cache.put(odd, {"layers.jsonl": content})
    assert [record.layer.name for record in transferable(cache, [odd.key, JOB.key])] == ["d1", "d2"]
    assert "layers.jsonl" in cache.warnings[0]
    assert check(tmp_path, as_json=False) == 3
