"""A real one-node Slurm of our own: F16, and that licences are counted."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from daemons import MISSING, Slurm, Sshd
from execution_kit import StubSource, job_for, orphans, run_until_done

from dse.errors import BackendError, SpecError
from dse.qor import Failure, FailureKind, Qor
from dse.synth_backends import slurm
from dse.synth_backends.base import Site

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(bool(MISSING), reason=f"no {', '.join(MISSING)} here"),
    pytest.mark.skipif(os.geteuid() != 0, reason="slurmd wants to be root"),
]
JOBS = (job_for(1, 1), job_for(2, 2), job_for(4, 4))


Make = Callable[..., slurm.Engine]


@pytest.fixture
def make(
    controller: Slurm, site: Site, source: StubSource, tools: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Make]:
    monkeypatch.setenv("SLURM_CONF", str(controller.conf))
    controller.resume()
    made: list[slurm.Engine] = []

    def create(script: dict[str, Any] | None = None, **changes: Any) -> slurm.Engine:
        options = slurm.Options(tool=str(tools(script) / "vivado_hls"), grace_seconds=0.3, lost_minutes=0.15)
        backend = slurm.create(replace(options, **changes), site)
        backend.jobs.projects = source
        made.append(backend)
        return backend

    yield create
    for backend in made:
        backend.advance(())
        backend.close()


def wait_running(backend: slurm.Engine, jobs: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not all(one.state == "running" and one.elapsed_seconds for one in backend.advance(jobs)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_jobs_run_under_slurm_one_a_licence(make: Make, starts: Callable[[], Any], site: Site) -> None:
    backend = make({"default": {"sleep_seconds": 1.5}}, licence="vivado:1", memory_gb=0.2)
    seen = set()
    done: dict[str, Any] = {}
    deadline = time.monotonic() + 60
    while len(done) < 3:
        assert time.monotonic() < deadline
        for one in backend.advance(JOBS):
            seen.add((one.state, one.message))
            if one.evaluation is not None:
                done[one.key] = one.evaluation
        time.sleep(0.1)
    assert all(isinstance(evaluation.outcome, Qor) for evaluation in done.values())
    assert any(state == "queued" and "Licenses" in message for state, message in seen), seen
    times = sorted(start["time"] for start in starts())
    assert len(times) == 3
    assert all(later - earlier > 1.5 for earlier, later in pairwise(times)), "two at once on one licence"
    assert orphans(site.work) == []


def test_f16_an_accepted_job_whose_answer_was_lost_runs_once(
    make: Make, starts: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sbatch` accepts and then fails; the job is found by its name."""
    liar = tmp_path / "bin"
    liar.mkdir()
    lines = [
        "#!/bin/sh",
        f'{shutil.which("sbatch")} "$@" >/dev/null',
        '[ "$1" = --version ] && exit 0',
        "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2",
        "exit 1",
    ]
    (liar / "sbatch").write_text("\n".join(lines) + "\n")
    (liar / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{liar}:{os.environ['PATH']}")
    done = run_until_done(make({"default": {"sleep_seconds": 0.3}}), JOBS[:2])
    assert all(isinstance(evaluation.outcome, Qor) for evaluation in done.values())
    assert len(starts()) == 2


def test_f16_a_job_submitted_twice_runs_once(
    make: Make, starts: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two jobs of one name in the queue: the second shim finds the first one's identity and goes home."""
    twice = tmp_path / "bin"
    twice.mkdir()
    (twice / "sbatch").write_text(f'#!/bin/sh\n{shutil.which("sbatch")} "$@"\nexec {shutil.which("sbatch")} "$@"\n')
    (twice / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{twice}:{os.environ['PATH']}")
    done = run_until_done(make({"default": {"sleep_seconds": 0.3}}), JOBS[:1])
    assert isinstance(done[JOBS[0].key].outcome, Qor)
    assert len(starts()) == 1


def test_f16_the_controller_is_killed(make: Make, controller: Slurm, starts: Callable[[], Any]) -> None:
    backend = make({"default": {"sleep_seconds": 1.0}})
    wait_running(backend, JOBS[:2])
    controller.kill("slurmctld")
    deadline = time.monotonic() + 60
    while not all(one.state == "done" for one in backend.advance(JOBS[:2])):  # the shims' word is enough
        assert time.monotonic() < deadline
        time.sleep(0.1)
    controller.start_controller()
    done = run_until_done(backend, JOBS)
    assert all(isinstance(evaluation.outcome, Qor) for evaluation in done.values())
    assert len(starts()) == 3


def test_f16_cancelled_by_somebody_else_is_lost_and_run_again(make: Make, controller: Slurm, starts: Callable[[], Any]) -> None:
    backend = make({"attempts": [{"sleep_seconds": 60}]})
    wait_running(backend, JOBS[:1])
    controller.wait(lambda: bool(starts()))
    controller.ask("scancel", "--me")
    done = run_until_done(backend, JOBS[:1])
    assert isinstance(done[JOBS[0].key].outcome, Qor)
    assert len(starts()) == 2


def test_cancelling_ends_running_and_waiting_jobs(make: Make, controller: Slurm, site: Site) -> None:
    backend = make({"default": {"sleep_seconds": 60, "children": 1}}, licence="vivado:1")
    wait_running(backend, JOBS[:1])
    backend.advance(JOBS[:2])
    backend.advance(())
    assert orphans(site.work) == []
    controller.wait(lambda: not controller.ask("squeue", "-h"), 20)


def test_a_new_process_adopts_what_slurm_runs(make: Make, starts: Callable[[], Any]) -> None:
    first = make({"default": {"sleep_seconds": 1.0}})
    wait_running(first, JOBS[:2])
    first.close()
    done = run_until_done(make({"default": {"sleep_seconds": 1.0}}), JOBS[:2])
    assert all(isinstance(evaluation.outcome, Qor) for evaluation in done.values())
    assert len(starts()) == 2


def test_what_slurm_will_never_accept_stops_the_campaign(make: Make) -> None:
    with pytest.raises(BackendError, match="sbatch refused"):
        run_until_done(make(partition="nowhere"), JOBS[:1])


def test_the_shim_ends_a_job_that_takes_too_much_memory(make: Make) -> None:
    behavior = {"grow_bytes": 400 << 20, "hold_seconds": 30}
    done = run_until_done(make({"default": behavior}, memory_gb=0.1), JOBS[:1])
    outcome = done[JOBS[0].key].outcome
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.OUT_OF_MEMORY
    assert outcome.limit == pytest.approx(0.2)


@pytest.mark.parametrize("word", ["--wrap=x", "a b", "x;y", "$(x)", "a\nb"])
def test_h01_only_plain_words_go_to_sbatch(word: str, site: Site) -> None:
    with pytest.raises(SpecError):
        slurm.create(slurm.Options(partition=word), site)


@pytest.mark.sshd
def test_submitted_from_a_login_host_over_ssh(
    make: Make, controller: Slurm, sshd: Sshd, site: Site, starts: Callable[[], Any], tmp_path: Path
) -> None:
    sshd.stop()
    sshd.options = {"SetEnv": f"SLURM_CONF={controller.conf}"}
    sshd.start()
    backend = make({}, login="lab1", ssh_config=str(sshd.config), work=str(tmp_path / "far"))
    done = run_until_done(backend, JOBS[:2])
    assert all(isinstance(evaluation.outcome, Qor) for evaluation in done.values())
    assert all(str(tmp_path / "far") in start["directory"] for start in starts())
    assert orphans(site.work) == []


@pytest.mark.parametrize("is_allowed", [pytest.param(False, marks=pytest.mark.slow), True])
def test_f16_requeued_by_an_administrator(
    make: Make, controller: Slurm, starts: Callable[[], Any], site: Site, is_allowed: bool
) -> None:
    """Refused, the job goes on. Forced, Slurm ends the shim and starts another, which finds the first one's identity and goes home: lost."""
    backend = make({"attempts": [{"sleep_seconds": 4 if not is_allowed else 60}]})
    wait_running(backend, JOBS[:1])
    controller.wait(lambda: bool(starts()))
    (number,) = controller.ask("squeue", "-h", "-o", "%i").split()
    if is_allowed:
        controller.ask("scontrol", "update", f"jobid={number}", "requeue=1")
    controller.ask("scontrol", "requeue", number)
    done = run_until_done(backend, JOBS[:1], seconds=180)
    assert isinstance(done[JOBS[0].key].outcome, Qor)
    assert len(starts()) == (2 if is_allowed else 1)
    assert orphans(site.work) == []
