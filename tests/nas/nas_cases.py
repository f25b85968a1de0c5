"""A small search whose trainings are arithmetic: what tests of the search share."""

from __future__ import annotations

import time
from pathlib import Path

from dse.nas.records import Candidate
from dse.nas.session import candidates_of, read_search
from dse.nas.spec import NasSpec, read_nas
from dse.nas.training import Trained

TEXT = """
[nas]
name = "small"
seed = {seed}
[data]
kind = "cantilever"
runs = 3
samples = 400
test = ["beam_02"]
validation = ["beam_01"]
stride = 40
[space]
input_length = [16, 48]
[space.conv]
blocks = [0, 2]
filters = [4, 8]
step = 4
[space.recurrent]
layers = 0
[space.dense]
layers = [1, 2]
units = [4, 16]
[training]
epochs = 4
prune_after = 2
[target]
part = "xczu7ev-ffvc1156-2-e"
clock_period_ns = 4.0
io_type = "io_stream"
toolchain = "vivado_hls 2019.1"
[[objective]]
metric = "rmse"
reference = 20
[[objective]]
metric = "device_cost"
reference = 0.5
[[limit]]
metric = "latency_ns_max"
maximum = {limit}
[search]
sampler = "{sampler}"
startup = 4
workers = 1
[budget]
trials = {trials}
[deploy]
networks = 2
syntheses = 4
"""


def write_search(folder: Path, *, sampler: str = "random", trials: int = 8, seed: int = 1, limit: int = 200_000) -> Path:
    path = folder / "small.toml"
    path.write_text(TEXT.format(sampler=sampler, trials=trials, seed=seed, limit=limit), encoding="utf-8")
    return path


def small_search(folder: Path, **changes) -> NasSpec:
    return read_nas(write_search(folder, **changes))


def found_by(spec: NasSpec) -> tuple[Candidate, ...]:
    """All candidates of a search, read from its journal."""
    return candidates_of(spec, read_search(spec)[0])


def arithmetic(architecture, windows, settings, seed, report) -> Trained:
    """Error falls with the network's size; each epoch halves what is left."""
    size = sum(block.filters for block in architecture.conv) + sum(architecture.dense)
    error = 100.0 / (5 + size) + architecture.input_length / 500
    for epoch in range(settings.epochs):
        reached = error * (1 + 2.0**-epoch)
        if not report(reached):
            return Trained(reached, reached, "hopeless")
    return Trained(error, error + 1, "epochs")


def slow(architecture, windows, settings, seed, report) -> Trained:
    """The same, in a time that a test can kill it in."""
    time.sleep(0.15)
    return arithmetic(architecture, windows, settings, seed, report)
