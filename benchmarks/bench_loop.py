"""Overhead of the loop without backend time: milliseconds per trial for a ten-layer network (`python benchmarks/bench_loop.py`).

A trial's overhead is everything but the backend's own seconds: search, keys, journal with fsync, cache entry with fsync, summary.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from dse.campaign.spec import read_campaign
from dse.design import Job
from dse.study.assemble import assemble, open_campaign
from dse.study.loop import run
from dse.synth_backends.base import Progress, SynthBackend

CAMPAIGN = """
[campaign]
name = "{name}"
[network]
source = "ten.toml"
[target]
part = "xczu7ev-ffvc1156-2-e"
clock_period_ns = 4.0
io_type = "io_stream"
[search]
{search}
[[objective]]
metric = "device_cost"
[[limit]]
metric = "latency_ns_max"
maximum = 400000
[backend]
kind = "estimate"
[budget]
syntheses = {budget}
"""


class Timed:
    """A backend that knows how long it was busy."""

    def __init__(self, backend: SynthBackend) -> None:
        self.backend, self.fidelity, self.basis, self.seconds = backend, backend.fidelity, backend.basis, 0.0

    def advance(self, wanted: Sequence[Job]) -> tuple[Progress, ...]:
        start = time.perf_counter()
        try:
            return self.backend.advance(wanted)
        finally:
            self.seconds += time.perf_counter() - start


def network() -> str:
    """Six convolutions and four dense layers."""
    rows = ['name = "ten"']
    for i, channels in enumerate((2, 8, 8, 16, 16, 16)):
        filters = (8, 8, 16, 16, 16, 16)[i]
        sizes = f"channels = {channels}\nfilters = {filters}\nkernel = 3\npositions = {256 >> i}"
        rows.append(f'[[layer]]\nname = "c{i}"\nkind = "conv1d"\n{sizes}')
    rows += [
        f'[[layer]]\nname = "d{i}"\nkind = "dense"\nn_in = {n}\nn_out = {m}'
        for i, (n, m) in enumerate(((128, 64), (64, 64), (64, 32), (32, 4)))
    ]
    return "\n".join(rows) + "\n"


def measure(folder: Path, name: str, search: str, budget: int) -> dict[str, object]:
    """Run one campaign and return milliseconds per trial."""
    path = folder / f"{name}.toml"
    path.write_text(CAMPAIGN.format(name=name, search=search, budget=budget), encoding="utf-8")
    (folder / "ten.toml").write_text(network(), encoding="utf-8")
    question = assemble(read_campaign(path))
    campaign = open_campaign(question)
    timed = Timed(campaign.evaluator.backend)
    campaign.evaluator.backend = timed
    marks: list[float] = []

    class Clock:
        def event(self, event: dict[str, object], state: object) -> None:
            marks.append(time.perf_counter())

        def tick(self, answers: object, state: object) -> None: ...

    campaign.watchers = (Clock(),)
    start = time.perf_counter()
    state = run(campaign)
    seconds = time.perf_counter() - start - timed.seconds
    campaign.journal.close()
    gaps = [b - a for a, b in pairwise(marks)]
    return {
        "search": name,
        "trials": len(state.trials),
        "ms_per_trial": round(1000 * seconds / max(1, len(state.trials)), 2),
        "longest_event_ms": round(1000 * max(gaps), 2) if gaps else None,
        "median_event_ms": round(1000 * statistics.median(gaps), 2) if gaps else None,
        "stop": state.stop,
    }


def main() -> None:
    """Print one JSON document."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(Path(folder), "compact", 'mode = "compact"', 50)]
        if "--explore" in sys.argv:
            rows.append(measure(Path(folder), "explore", 'mode = "explore"', 30))
    print(json.dumps({"schema": "dse.bench-loop/1", "layers": 10, "runs": rows}, indent=1))


if __name__ == "__main__":
    main()
