"""Faults F01 to F18 as far as they are the execution's, with the fake tool and real processes. The long forms are marked slow."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from execution_kit import StubSource, fake_tools, job_for, orphans, run_until_done, tokens

from dse.design import Fidelity, Toolchain
from dse.errors import BackendError, PartMissing
from dse.execution import agent, process
from dse.execution.engine import Engine
from dse.execution.jobdir import job_folders, read_log
from dse.qor import Failure, FailureKind, Qor
from dse.synth_backends import local
from dse.synth_backends.base import Site
from dse.text import printable

DRIVER = Path(__file__).resolve().parent / "driver.py"
JOBS = (job_for(1, 1), job_for(2, 2), job_for(4, 4))
Make = Callable[..., Engine]
Starts = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def make(site: Site, source: StubSource, tools: Callable[..., Path]) -> Iterator[Make]:
    made: list[Engine] = []

    def create(script: dict[str, Any] | None = None, *, at: Site = site, **changes: Any) -> Engine:
        program = "vivado_hls" if at.target.toolchain.name == "vivado_hls" else "vitis-run"
        options = local.Options(tool=str(tools(script) / program), grace_seconds=0.3)
        backend = local.create(replace(options, **changes), at)
        backend.jobs.projects = source
        backend.jobs.past_seconds.append(60.0)  # a machine that has proved itself
        made.append(backend)
        return backend

    yield create
    for backend in made:
        backend.close()
    assert orphans(site.work) == []


def only(done: dict[str, Any]) -> Any:
    (evaluation,) = done.values()
    return evaluation.outcome


def wait_running(backend: Engine, jobs: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not all(one.state == "running" and one.elapsed_seconds for one in backend.advance(jobs)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_started(starts: Starts, n: int) -> None:
    deadline = time.monotonic() + 20
    while len(starts()) < n:
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- F01, F04: killed at any moment -------------------------------------------------------------------------------------------


def golden(root: Path) -> dict[str, Any]:
    """The results of a run that nobody disturbs."""
    fake_tools.install(root / "tools", {"default": {"sleep_seconds": 0.2}})
    subprocess.run([sys.executable, str(DRIVER), str(root)], check=True, timeout=120)
    return dict(json.loads((root / "results.json").read_text()))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return golden(tmp_path_factory.mktemp("golden"))


def torment(root: Path, rng: random.Random, *, shims_too: bool) -> int:
    """Run the driver until it is through, killing it (and shims) at random moments; return the number of kills."""
    fake_tools.install(root / "tools", {"default": {"sleep_seconds": 0.2}})
    kills = 0
    for _ in range(8):
        driver = subprocess.Popen([sys.executable, str(DRIVER), str(root)], stdin=subprocess.DEVNULL)
        try:
            driver.wait(timeout=rng.uniform(0.2, 2.5))
        except subprocess.TimeoutExpired:
            driver.kill()
            kills += 1
            if shims_too and rng.random() < 0.5:
                kills += kill_a_shim(root / "work", rng)
        driver.wait()
        if driver.returncode == 0:
            return kills
    subprocess.run([sys.executable, str(DRIVER), str(root)], check=True, timeout=120)
    return kills


def kill_a_shim(work: Path, rng: random.Random) -> int:
    alive = []
    for path in work.glob("*/attempt-*/identity.json"):
        identity = json.loads(path.read_text())
        if process.is_alive(identity):
            alive.append(identity["pid"])
    if alive:
        process.send(rng.choice(alive), signal.SIGKILL)
    return len(alive[:1])


def check_after_torment(root: Path, undisturbed: dict[str, Any], *, shims_too: bool) -> None:
    assert json.loads((root / "results.json").read_text()) == undisturbed
    runs = Counter(start["digest"] for start in fake_tools.starts(root / "tools"))
    assert len(runs) == len(undisturbed)
    lost = {folder.key: folder.load().count(FailureKind.LOST) for folder in job_folders(root / "work")}
    assert shims_too or not any(lost.values())
    assert sum(runs.values()) <= len(runs) + sum(lost.values()), "synthesised twice without being lost"
    assert orphans(root / "work") == []


@pytest.mark.parametrize("seed", range(2))
def test_f01_kill_9_at_a_random_moment(tmp_path: Path, undisturbed: dict[str, Any], seed: int) -> None:
    torment(tmp_path, random.Random(seed), shims_too=False)
    check_after_torment(tmp_path, undisturbed, shims_too=False)


@pytest.mark.parametrize("seed", range(100, 102))
def test_f04_kill_9_of_shims_too(tmp_path: Path, undisturbed: dict[str, Any], seed: int) -> None:
    torment(tmp_path, random.Random(seed), shims_too=True)
    check_after_torment(tmp_path, undisturbed, shims_too=True)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shims_too", [False, True])
def test_f01_f04_until_200_kills(tmp_path: Path, undisturbed: dict[str, Any], shims_too: bool) -> None:
    kills, seed = 0, 1000
    while kills < 200:
        root = tmp_path / str(seed)
        root.mkdir()
        kills += torment(root, random.Random(seed), shims_too=shims_too)
        check_after_torment(root, undisturbed, shims_too=shims_too)
        shutil.rmtree(root)
        seed += 1


def test_f04_after_a_reboot_a_running_job_is_lost_and_run_again(make: Make, site: Site, starts: Starts) -> None:
    first = make({"attempts": [{"sleep_seconds": 60}]})
    wait_running(first, JOBS[:1])
    wait_started(starts, 1)
    for pid in sorted(orphans(site.work)):  # the shim first
        os.kill(pid, signal.SIGKILL)
    (identity,) = site.work.glob("*/attempt-1/identity.json")
    identity.write_text(json.dumps(json.loads(identity.read_text()) | {"boot_id": "before the reboot"}))
    assert isinstance(only(run_until_done(make({}), JOBS[:1])), Qor)
    assert len(starts()) == 2


def test_f05_detached_jobs_go_on_and_an_empty_wish_ends_them(make: Make, site: Site, starts: Starts) -> None:
    first = make({"default": {"sleep_seconds": 1.0}})
    wait_running(first, JOBS[:2])
    first.close()  # detach
    assert orphans(site.work)
    second = make({"default": {"sleep_seconds": 30}})
    wait_running(second, JOBS[:3][2:])  # the first two are not wanted any more
    deadline = time.monotonic() + 10
    while len([token for token in tokens(site.work) if process.bearers(token)]) > 1:
        second.advance(JOBS[2:])
        assert time.monotonic() < deadline
        time.sleep(0.05)
    second.advance(())
    assert orphans(site.work) == []


# --- F06 to F13: what the tool may do -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["silent", "logging"])
def test_f06_a_hanging_tool_is_ended_with_its_whole_tree(make: Make, how: str, site: Site) -> None:
    limits: dict[str, float] = {"hang_minutes": 0.5 / 60} if how == "silent" else {"timeout_minutes": 1.0 / 60}
    backend = make({"default": {"hang": how, "children": 3, "ignore_terminate": True}}, **limits)
    outcome = only(run_until_done(backend, JOBS[:1]))
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.TIMEOUT
    assert outcome.limit == (None if how == "silent" else pytest.approx(1.0))  # a hang is no matter of the time allowed
    assert orphans(site.work) == []


@pytest.mark.parametrize("stage", ["csynth"])
def test_f06_endless_noise_costs_a_bounded_log(make: Make, site: Site, stage: str) -> None:
    noise = {"spew_bytes": 30 << 20, "spew_line_bytes": 5 << 20}
    done = run_until_done(make({"default": noise}, log_mb=1), JOBS[:1])
    assert isinstance(only(done), Qor)
    (attempt,) = site.work.glob("*/attempt-1")
    assert sum(path.stat().st_size for path in attempt.glob("log*")) <= 1 << 20


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("behavior", "kind"),
    [
        ({"report": "none"}, FailureKind.NO_REPORT),
        ({"report": "stale"}, FailureKind.NO_REPORT),
        ({"part": "xcu250-figd2104-2L-e"}, FailureKind.NO_REPORT),
        ({"exit": 1}, FailureKind.UNKNOWN),
        ({"report": "undefined"}, FailureKind.UNDEFINED_RESULT),
        ({"failure": "design_error"}, FailureKind.DESIGN_ERROR),
        ({"signal": "SIGKILL"}, FailureKind.LOST),
        pytest.param({"report": "truncated"}, FailureKind.NO_REPORT, marks=SLOW),
        pytest.param({"report": "empty"}, FailureKind.NO_REPORT, marks=SLOW),
        pytest.param({"report": "garbage"}, FailureKind.NO_REPORT, marks=SLOW),
        pytest.param({"top": "another"}, FailureKind.NO_REPORT, marks=SLOW),
        pytest.param({"clock_period_ns": 10.0}, FailureKind.NO_REPORT, marks=SLOW),
        pytest.param({"failure": "crash"}, FailureKind.TOOL_CRASH, marks=SLOW),
        pytest.param({"failure": "out_of_memory"}, FailureKind.OUT_OF_MEMORY, marks=SLOW),
        pytest.param({"signal": "SIGSEGV"}, FailureKind.TOOL_CRASH, marks=SLOW),
    ],
    ids=str,
)
def test_f07_f08_neither_an_exit_status_nor_a_report_is_trusted_alone(
    make: Make, behavior: dict[str, Any], kind: FailureKind
) -> None:
    outcome = only(run_until_done(make({"default": behavior}), JOBS[:1]))
    assert isinstance(outcome, Failure)
    assert outcome.kind is kind, outcome.message
    assert "Next:" in outcome.message
    assert "log" in outcome.message


def test_f08_what_went_wrong_once_may_go_well_the_second_time(make: Make, starts: Starts) -> None:
    assert isinstance(only(run_until_done(make({"attempts": [{"report": "truncated"}, {}]}), JOBS[:1])), Qor)
    assert len(starts()) == 2


def test_f09_nonsense_on_the_output_reaches_nobody(make: Make) -> None:
    backend = make({"default": {"spew_bytes": 1 << 16, "failure": "design_error"}})
    seen = []
    deadline = time.monotonic() + 30
    while True:
        (answer,) = backend.advance(JOBS[:1])
        seen.append(answer.phase + answer.message)
        if answer.evaluation is not None:
            break
        assert time.monotonic() < deadline
        time.sleep(0.02)
    outcome = answer.evaluation.outcome
    assert isinstance(outcome, Failure)
    for text in map(printable, [*seen, outcome.message, outcome.log_tail]):  # the border that a terminal is behind
        assert not any(ord(letter) < 32 and letter not in "\n\t" for letter in text)
        assert "\x7f" not in text


def test_f10_a_licence_denied_and_then_granted(make: Make, starts: Starts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dse.execution.retry.LICENCE_WAIT_SECONDS", (0.2, 0.4))
    assert isinstance(only(run_until_done(make({"licence_denied": 4}), JOBS[:1])), Qor)
    assert len(starts()) == 5


def test_f11_memory_is_watched_and_others_go_on(make: Make) -> None:
    script = {"runs": [{"grow_bytes": 400 << 20, "hold_seconds": 30}], "default": {"sleep_seconds": 0.3}}
    done = run_until_done(make(script, memory_gb=0.15), JOBS)
    assert all(isinstance(evaluation.outcome, Qor) for evaluation in done.values()), "the one was tried again, alone"
    outcome = only(
        run_until_done(make({"default": {"grow_bytes": 400 << 20, "hold_seconds": 30}}, memory_gb=0.1), (job_for(8, 8),))
    )
    assert outcome.kind is FailureKind.OUT_OF_MEMORY
    assert outcome.limit == pytest.approx(0.2)


def test_f12_a_full_disk_is_waited_for(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = make({})
    monkeypatch.setattr(agent, "free_bytes", lambda _: 1 << 20)
    for _ in range(5):
        (answer,) = backend.advance(JOBS[:1])
    assert answer.state == "waiting"
    assert "disk" in answer.message
    monkeypatch.undo()
    assert isinstance(only(run_until_done(backend, JOBS[:1])), Qor)


def test_f12_a_disk_that_fills_while_a_job_is_handed_over(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dse.execution.retry.LICENCE_WAIT_SECONDS", (0.2, 0.4))
    left = [2]
    copytree = shutil.copytree

    def fails(*arguments: Any, **named: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise OSError(28, "No space left on device")
        return copytree(*arguments, **named)

    monkeypatch.setattr(shutil, "copytree", fails)
    assert isinstance(only(run_until_done(make({}), JOBS[:1])), Qor)
    assert left == [0]


def test_f13_a_daemon_that_the_tool_leaves_behind_is_ended(make: Make, site: Site) -> None:
    backend = make({"default": {"daemon_seconds": 600, "children": 2}})
    done = run_until_done(backend, JOBS[:2])
    assert orphans(site.work) == []
    for evaluation in done.values():
        assert isinstance(evaluation.outcome, Qor)
        assert any("left" in note for note in evaluation.provenance.notes)


def test_f15_a_wiped_directory_is_lost_and_run_again(make: Make, site: Site, starts: Starts) -> None:
    backend = make({"attempts": [{"sleep_seconds": 60}]})
    wait_running(backend, JOBS[:1])
    wait_started(starts, 1)
    (attempt,) = site.work.glob("*/attempt-1")
    attempt.rename(site.work / "wiped")  # at once, as the shim still writes
    shutil.rmtree(site.work / "wiped", ignore_errors=True)
    assert isinstance(only(run_until_done(backend, JOBS[:1])), Qor)
    assert len(starts()) == 2


# --- the rest -----------------------------------------------------------------------------------------------------------------


def test_an_unknown_part_stops_the_campaign(make: Make, starts: Starts) -> None:
    backend = make({"installed_parts": ["xcu"]})
    with pytest.raises(PartMissing, match=r"target\.part"):
        run_until_done(backend, JOBS)
    assert len(starts()) <= 2
    backend.advance(())


def test_a_missing_tool_stops_the_campaign_at_once(make: Make, starts: Starts) -> None:
    with pytest.raises(BackendError, match=r"backend\.tool"):
        run_until_done(make(tool="/no/such/tool"), JOBS)
    assert starts() == []


def test_the_vitis_flow(make: Make, site: Site, starts: Starts) -> None:
    target = replace(site.target, toolchain=Toolchain("vitis_hls", "2023.2"))
    job = job_for(2, 2, target=target)
    outcome = only(run_until_done(make({}, at=replace(site, target=target)), (job,)))
    assert isinstance(outcome, Qor)
    (start,) = starts()
    options = start["options"]
    assert (start["tool"], options["csim"], options["synth"], options["cosim"]) == ("vitis-run", "0", "1", "0")


def test_logic_synthesis_is_a_stage_of_its_own(make: Make, starts: Starts) -> None:
    job = job_for(4, 4, fidelity=Fidelity.VSYNTH)
    estimate = only(run_until_done(make({}), (JOBS[2],)))
    backend = make({}, fidelity="vsynth")
    assert backend.fidelity is Fidelity.VSYNTH
    counted = only(run_until_done(backend, (job,)))
    assert isinstance(counted, Qor)
    assert counted.latency_cycles_max == estimate.latency_cycles_max
    assert counted.lut != estimate.lut
    assert [start["options"]["vsynth"] for start in starts()] == ["False", "False", "True"]
    failed = only(run_until_done(make({"default": {"at": "vsynth", "failure": "vsynth_error"}}, fidelity="vsynth"),
                                 (job_for(8, 8, fidelity=Fidelity.VSYNTH),)))  # fmt: skip
    assert isinstance(failed, Failure)
    assert "C synthesis had succeeded" in failed.message


def test_a_failed_cosim_is_told_apart(make: Make) -> None:
    outcome = only(run_until_done(make({"default": {"at": "cosim", "failure": "cosim_mismatch"}}, cosim=True), JOBS[:1]))
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.COSIM_FAILURE


def test_progress_tells_phase_time_and_memory(make: Make) -> None:
    backend = make({"default": {"sleep_seconds": 1.0}})
    seen = []
    deadline = time.monotonic() + 30
    while (answer := backend.advance(JOBS[:1])[0]).state != "done":
        seen.append(answer)
        assert time.monotonic() < deadline
        time.sleep(0.05)
    phases = [answer.phase for answer in seen]
    assert any(phase.startswith("scheduling dense") for phase in phases), phases
    assert max(answer.memory_bytes or 0 for answer in seen) > 1 << 20
    elapsed = [answer.elapsed_seconds for answer in seen if answer.elapsed_seconds is not None]
    assert elapsed == sorted(elapsed)


def test_what_is_done_and_dropped_keeps_reports_and_log_only(make: Make, site: Site) -> None:
    backend = make({})
    run_until_done(backend, JOBS[:1])
    backend.advance(())
    names = {path.name for path in site.work.rglob("*") if path.is_file()}
    assert {"ticket.json", "log", "rc.json", "myproject_csynth.xml", "parameters.h"} <= names
    assert not names & {"myproject.cpp", "myproject.v", "build_prj.tcl"}
    (attempt,) = site.work.glob("*/attempt-1")
    assert "FAKE" in read_log(attempt)


def test_a_tool_found_by_variable_and_by_setup_script(
    make: Make, tools: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tools({})
    monkeypatch.setenv("XILINX_VIVADO_HLS", str(tmp_path / "vivado"))
    (tmp_path / "vivado").mkdir()
    (tmp_path / "vivado" / "bin").symlink_to(place)
    assert isinstance(only(run_until_done(make({}, tool=""), JOBS[:1])), Qor)
    monkeypatch.delenv("XILINX_VIVADO_HLS")
    setup = tmp_path / "settings64.sh"
    setup.write_text(f"echo this script talks\nexport PATH={place}:$PATH\n")
    assert isinstance(only(run_until_done(make({}, tool="", setup=str(setup)), JOBS[1:2])), Qor)
