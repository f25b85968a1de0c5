"""`dse estimate` and `dse.estimate`: all layers and factors, whole designs with bands, and the exact front without a search."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import dse
from dse.commands.estimate import estimate
from dse.errors import NetworkError, SpecError
from dse.pareto import non_dominated

NETWORK = """
[[layer]]
name = "a"
kind = "dense"
n_in = 8
units = 6
[[layer]]
name = "act"
kind = "activation"
activation = "relu"
n_in = 6
[[layer]]
name = "b"
kind = "dense"
n_in = 6
units = 3
"""


@pytest.fixture
def network(tmp_path: Path) -> Path:
    (tmp_path / "net.toml").write_text(NETWORK)
    return tmp_path / "net.toml"


def test_the_front_is_exactly_what_trying_all_designs_finds(network: Path) -> None:
    found = dse.estimate(network, part="xc7a35tcpg236-1")
    points = [dict(zip(found.legal, factors, strict=True)) for factors in product(*found.legal.values())]
    designs = [
        found.design(dse.DesignPoint(tuple((name, dse.LayerChoice(factor)) for name, factor in point.items()))) for point in points
    ]
    values = [(design.qor.latency_cycles_max, design.device_cost) for design in designs]
    kept = {value for value, keep in zip(values, non_dominated(values), strict=True) if keep}
    on_front = [(design.qor.latency_cycles_max, design.device_cost) for design in found.front]
    assert np.array(sorted(on_front)) == pytest.approx(np.array(sorted(kept)))


def test_every_figure_lies_in_its_bounds(network: Path) -> None:
    found = dse.estimate(network)
    for design in found.front:
        assert all(low <= getattr(design.qor, metric) <= high for metric, (low, high) in design.bounds.items())
    for row in found.layers():
        assert all(low <= getattr(row.qor, metric) <= high for metric, (low, high) in row.bounds.items())


def test_a_model_object_and_what_is_none(network: Path) -> None:
    class Model:
        name = "tiny"

        def to_json(self) -> str:
            layers = [
                {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 8]}},
                {"class_name": "Dense", "config": {"name": "d", "units": 4, "activation": "relu"}},
            ]
            return json.dumps({"class_name": "Sequential", "config": {"name": "tiny", "layers": layers}})

    assert dse.estimate(Model()).legal["d"][0] == 1
    with pytest.raises(NetworkError, match="int is no network"):
        dse.estimate(3)
    with pytest.raises(SpecError, match="io_type"):
        dse.estimate(network, io_type="io_serial")


def test_the_command_says_estimates_and_its_json_holds_bands(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert estimate(network, reuse=[2], front=True) == 0
    shown = capsys.readouterr().out
    assert "No tool was run" in shown
    assert "synthes" not in shown
    assert estimate(network, reuse=[2], front=True, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "dse.estimate/1"
    assert document["is_estimate"] is True
    (design,) = document["designs"]
    assert design["estimate"]["lut"]["low"] < design["estimate"]["lut"]["value"] < design["estimate"]["lut"]["high"]
    assert {row["reuse_factor"] for row in document["layers"] if row["name"] == "b"} == {1, 2, 3, 6, 18}


def test_a_factor_that_means_nothing_is_refused(network: Path) -> None:
    with pytest.raises(SpecError, match="--reuse"):
        estimate(network, reuse=[0])
    with pytest.raises(SpecError, match="--strategy"):
        estimate(network, strategy="fast")
