"""How many weights are not zero is read beside their digest, matrix by matrix, whatever names the file gives them."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from dse.design import LayerChoice, Target
from dse.estimation import estimate_layer
from dse.networks import read_network

LAYERS = [
    {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 8]}},
    {"class_name": "Dense", "config": {"name": "a", "units": 4, "activation": "relu"}},
    {"class_name": "Dense", "config": {"name": "b", "units": 4, "activation": "linear"}},
]


def write(path: Path, a: np.ndarray, b: np.ndarray, names: tuple[str, str]) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"name": "tiny", "layers": LAYERS}})
        for name, matrix in zip(names, (a, b), strict=True):
            file[f"model_weights/{name}"] = matrix
    return path


@pytest.mark.parametrize("names", [("a/a/kernel:0", "b/b/kernel:0"), ("layers/dense_2/vars/0", "layers/dense_10/vars/0")])
def test_zeros_are_counted_after_rounding_to_the_bits_after_the_point(tmp_path: Path, names: tuple[str, str]) -> None:
    a = np.zeros((8, 4), dtype=np.float32)
    a[0] = [1.0, -0.5, 0.25, 0.001]
    network = read_network(write(tmp_path / "tiny.h5", a, np.full((4, 4), 2.0, dtype=np.float32), names))
    counts = network.layer("a").n_nonzero
    assert counts is not None
    assert counts[:3] == (2, 3, 3), (
        "1.0 and a half round to something without bits after the point, a quarter needs one, a thousandth more"
    )
    assert counts[-1] == 4
    assert network.layer("b").n_nonzero == (16,) * len(counts)


def test_a_pruned_file_is_estimated_cheaper_and_its_layers_keep_their_keys(tmp_path: Path) -> None:
    full = np.full((8, 4), 0.7, dtype=np.float32)
    pruned = full * (np.arange(32).reshape(8, 4) % 4 == 0)
    rest = np.full((4, 4), 0.5, dtype=np.float32)
    names = ("a/a/kernel:0", "b/b/kernel:0")
    networks = [read_network(write(tmp_path / f"{n}.h5", kernel, rest, names)) for n, kernel in enumerate((full, pruned))]
    target = Target("xc7a200tfbg6762", 5.0)
    luts = [estimate_layer(network.layer("a"), LayerChoice(1, "latency"), target).lut or 0 for network in networks]
    assert luts[0] > 2 * luts[1]
