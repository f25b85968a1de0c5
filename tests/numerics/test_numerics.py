"""The circuit is the network: hls4ml's own C++, compiled and compared with Keras."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dse.design import DesignPoint, Fidelity, Job, LayerChoice, Precision, Target, Toolchain
from dse.errors import ConversionError
from dse.networks import read_network
from dse.numerics import Numerics, Verdict, check, check_numerics, refuse
from dse.workers import DIED

needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None or importlib.util.find_spec("hls4ml") is None, reason="needs g++ and hls4ml"
)
TARGET = Target("xcu250figd21042le", 5.0, "io_parallel", Precision(24, 12), Toolchain("vitis_hls", "2023.2"))


def layer(kind: str, name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, **config}}


def job(folder: Path, shape: tuple[int, ...], *layers: dict[str, Any], target: Target = TARGET) -> tuple[Job, Path]:
    first = layer("InputLayer", "inp", batch_input_shape=[None, *shape])
    file = folder / "net.json"
    file.write_text(json.dumps({"class_name": "Sequential", "config": {"name": "net", "layers": [first, *layers]}}))
    network = read_network(file)
    point = DesignPoint(
        tuple((name, LayerChoice(1)) for name in ("rnn", "fc1", "out") if name in {own.name for own in network.layers})
    )
    return Job(network, point, target, Fidelity.CSYNTH), file


DENSE = ((8,), layer("Dense", "fc1", units=6, activation="relu"), layer("Dense", "out", units=3))


@needs_compiler
def test_a_plain_network_agrees_and_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, source = job(tmp_path, *DENSE)
    found = check_numerics(asked, source, tmp_path / "cache")
    assert found.verdict is Verdict.AGREES
    assert found.difference is not None
    assert found.difference < 0.01 * (found.range or 0.0)
    monkeypatch.setattr(check, "ask_once", lambda *_: pytest.fail("asked again"))
    faster = replace(asked, target=replace(asked.target, clock_period_ns=2.0, part="xc7z020clg4001"))
    assert check_numerics(faster, source, tmp_path / "cache") == found


@needs_compiler
def test_a_template_that_computes_something_else_is_named(tmp_path: Path) -> None:
    found = check_numerics(
        *job(tmp_path, (5, 3), layer("GRU", "rnn", units=6, reset_after=False), layer("Dense", "out", units=3)), None
    )
    assert (found.verdict, found.layer) == (Verdict.DIFFERS, "rnn")
    with pytest.raises(ConversionError, match="layer rnn differs even with wide types"):
        refuse(found)


@needs_compiler
def test_types_that_overflow_are_told_from_a_wrong_template(tmp_path: Path) -> None:
    found = check_numerics(*job(tmp_path, *DENSE, target=replace(TARGET, precision=Precision(10, 1))), None)
    assert found.verdict is Verdict.TYPES
    assert "beyond the 1 of its result type" in found.message
    refuse(found)  # a note, not a refusal: the user chose the types


@needs_compiler
def test_what_does_not_compile_is_told_with_the_compilers_words(tmp_path: Path) -> None:
    found = check_numerics(
        *job(tmp_path, (8,), layer("Dense", "fc1", units=6, activation="hard_tanh"), layer("Dense", "out", units=3)), None
    )
    assert found.verdict is Verdict.DOES_NOT_COMPILE
    assert "slope" in found.message


def answering(answer: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    return lambda *_: answer


def test_a_crash_of_the_emulation_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check.shutil, "which", lambda _: "/usr/bin/g++")
    monkeypatch.setattr(check, "ask_once", answering({"error": DIED, "message": "the worker process ended by signal 11."}))
    found = check_numerics(*job(tmp_path, *DENSE), None)
    assert found.verdict is Verdict.CRASHES
    with pytest.raises(ConversionError, match="crashes when it runs"):
        refuse(found)


def test_without_a_compiler_there_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check.shutil, "which", lambda _: None)
    found = check_numerics(*job(tmp_path, *DENSE), tmp_path / "cache")
    assert found.verdict is Verdict.UNCHECKED
    refuse(found)
    assert not (tmp_path / "cache").exists()  # it is asked again where there is a compiler


def test_a_torn_memory_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, source = job(tmp_path, *DENSE)
    monkeypatch.setattr(check.shutil, "which", lambda _: "/usr/bin/g++")
    monkeypatch.setattr(check, "ask_once", answering({"verdict": "agrees", "message": "fine", "difference": 0.1, "range": 2.0}))
    first = check_numerics(asked, source, tmp_path)
    (file,) = (tmp_path / "numerics").iterdir()
    file.write_text(file.read_text()[:20])
    assert check_numerics(asked, source, tmp_path) == first == Numerics(Verdict.AGREES, "fine", "", 0.1, 2.0)
