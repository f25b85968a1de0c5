"""What the execution layer costs: `python benchmarks/bench_execution.py`. Prints one JSON document; no tool and no network needed.

tick_fake_ms    one `advance` with N jobs in a world of the tests' own: the engine alone
tick_local_ms   one `advance` with N shims' directories of real files on this machine: what `dse run` pays each second
slots_busy      share of slot time in use, N slots, syntheses of 10 to 60 minutes, on a clock that jumps
agent_bytes       what is sent to another host once
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "execution"))

from execution_kit import NETWORK, TARGET, StubSource, job_for  # type: ignore[import-not-found]  # noqa: E402
from fake_place import Clock, FakePlace, Outcome, make_engine, make_reports  # type: ignore[import-not-found]  # noqa: E402

from dse.execution import hosts, process  # noqa: E402
from dse.execution.jobdir import job_folders  # noqa: E402
from dse.synth_backends import local  # noqa: E402
from dse.synth_backends.base import Site  # noqa: E402

N_JOBS = 64
N_TICKS = 100
JOBS = [job_for(a, b) for a in range(1, 33) for b in range(1, 33)]


def ticks_ms(advance: object, n: int = N_TICKS) -> dict[str, float]:
    """Median and 95th percentile of a call, in milliseconds of wall time, and its mean in CPU time."""
    walls, cpu = [], time.process_time()
    for _ in range(n):
        began = time.perf_counter()
        advance()  # type: ignore[operator]
        walls.append(1000 * (time.perf_counter() - began))
    cpu_ms = 1000 * (time.process_time() - cpu) / n
    return {
        "median": round(statistics.median(walls), 2),
        "p95": round(statistics.quantiles(walls, n=20)[-1], 2),
        "cpu": round(cpu_ms, 2),
    }


def tick_fake(root: Path, reports: Path) -> dict[str, float]:
    """64 running jobs, a place that answers from memory."""
    clock = Clock()
    site = Site(NETWORK, TARGET, root / "x", root / "fake", "bench", slots=N_JOBS)
    engine = make_engine(site, [FakePlace("a", N_JOBS, clock, reports, lambda key, n: Outcome(1e9))], clock)
    engine.advance(JOBS[:N_JOBS])
    return ticks_ms(lambda: engine.advance(JOBS[:N_JOBS]))


def tick_local(root: Path) -> dict[str, float]:
    """64 jobs under real shims that run `sleep`; reads their files and /proc."""
    tool = root / "vivado_hls"
    tool.write_text('#!/bin/sh\n[ "$1" = -version ] && { echo "Vivado(TM) HLS v2019.2"; exit 0; }\necho "FAKE"\nexec sleep 600\n')
    tool.chmod(0o755)
    site = Site(NETWORK, TARGET, root / "x", root / "local", "bench", slots=N_JOBS)
    backend = local.create(local.Options(tool=str(tool), disk_reserve_gb=0.1), site)
    backend.jobs.projects = StubSource()
    try:
        while not all(answer.state == "running" for answer in backend.advance(JOBS[:N_JOBS])):
            time.sleep(0.1)
        time.sleep(2)
        return ticks_ms(lambda: backend.advance(JOBS[:N_JOBS]))
    finally:
        for folder in job_folders(site.work):
            for attempt in folder.load().attempts:
                process.kill_bearers(attempt.token)


def slots_busy(root: Path, reports: Path, n_slots: int) -> float:
    """Share of slot time in use while jobs are waiting."""
    clock, rng = Clock(), random.Random(1)
    durations = {job.key: rng.uniform(600, 3600) for job in JOBS}
    site = Site(NETWORK, TARGET, root / "x", root / f"busy{n_slots}", "bench", slots=n_slots)
    place = FakePlace("a", n_slots, clock, reports, lambda key, n: Outcome(durations[key]))
    engine = make_engine(replace(site), [place], clock)
    waiting, wanted = JOBS[: 5 * n_slots], list(JOBS[:0])
    used = offered = 0.0
    while waiting:
        wanted += [waiting.pop() for _ in range(min(len(waiting), n_slots - len(wanted)))]
        answers = engine.advance(wanted)
        wanted = [job for job, answer in zip(wanted, answers, strict=True) if answer.state != "done"]
        used, offered = used + 5.0 * place.n_running, offered + 5.0 * n_slots
        clock.sleep(5.0)
    return round(used / offered, 4)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        (root / "reports").mkdir()
        reports = make_reports(root / "reports")
        document = {
            "jobs": N_JOBS,
            "tick_fake_ms": tick_fake(root, reports),
            "tick_local_ms": tick_local(root),
            "slots_busy": {n: slots_busy(root, reports, n) for n in (4, 64)},
            "agent_bytes": len(hosts.agent_archive()),
        }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
