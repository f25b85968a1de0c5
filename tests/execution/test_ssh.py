"""A real sshd on loopback, with keys of its own: F14, and what the far side may not do to us."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from daemons import SSHD, Sshd
from execution_kit import StubSource, job_for, orphans, run_until_done

from dse.errors import BackendError, ConnectionLost, SpecError
from dse.execution.hosts import SshHost
from dse.execution.ssh_client import HostRefused, SshClient
from dse.qor import Failure, Qor
from dse.synth_backends import ssh
from dse.synth_backends.base import Site

pytestmark = [
    pytest.mark.sshd,
    pytest.mark.skipif(not Path(SSHD).exists() or shutil.which("ssh") is None, reason="no OpenSSH server and client here"),
]


@pytest.fixture
def client(sshd: Sshd) -> Iterator[SshClient]:
    one = SshClient("lab1", config=str(sshd.config), connect_seconds=3, keepalive_seconds=1)
    yield one
    one.close()


Make = Callable[..., ssh.Engine]


@pytest.fixture
def make(sshd: Sshd, site: Site, source: StubSource, tools: Callable[..., Path], tmp_path: Path) -> Iterator[Make]:
    made: list[ssh.Engine] = []

    def create(script: dict[str, Any] | None = None, **changes: Any) -> ssh.Engine:
        options = ssh.Options(
            tool=str(tools(script) / "vivado_hls"), hosts=(ssh.RemoteHost("lab1", 2),), ssh_config=str(sshd.config),
            work=str(tmp_path / "far"), connect_seconds=3, keepalive_seconds=1, grace_seconds=0.3,
        )  # fmt: skip
        backend = ssh.create(replace(options, **changes), site)
        backend.jobs.projects = source
        made.append(backend)
        return backend

    yield create
    for backend in made:
        backend.close()


JOBS = (job_for(1, 1), job_for(2, 2), job_for(4, 4))


def test_jobs_run_over_there_and_their_reports_come_home(make: Make, site: Site, starts: Callable[[], Any], tmp_path: Path) -> None:
    backend = make()
    done = run_until_done(backend, JOBS)
    backend.close()  # which lets the last errands arrive
    assert all(isinstance(evaluation.outcome, Qor) for evaluation in done.values())
    assert {evaluation.provenance.backend for evaluation in done.values()} == {"ssh"}
    assert len(starts()) == 3
    assert all(str(tmp_path / "far") in start["directory"] for start in starts())
    assert all(list((site.work / job.key / "attempt-1").rglob("myproject_csynth.xml")) for job in JOBS)
    assert not list((tmp_path / "far").rglob("project")), "what was fetched is deleted over there"
    assert orphans(site.work) == []


def test_two_hosts_share_the_work(make: Make, starts: Callable[[], Any], site: Site) -> None:
    hosts = (ssh.RemoteHost("lab1", 1), ssh.RemoteHost("lab2", 1))
    backend = make({"default": {"sleep_seconds": 0.5}}, hosts=hosts)
    run_until_done(backend, JOBS)
    places = {attempt.place for job in JOBS for attempt in backend_ticket(site, job.key)}
    assert places == {"lab1", "lab2"}
    assert len(starts()) == 3


def backend_ticket(site: Site, key: str) -> Any:
    from dse.execution.jobdir import JobFolder

    return JobFolder.of(site.work, key).load().attempts


def wait_running(backend: ssh.Engine, jobs: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not all(one.state == "running" and one.elapsed_seconds for one in backend.advance(jobs)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_f14_a_cut_connection_loses_nothing(make: Make, sshd: Sshd, starts: Callable[[], Any]) -> None:
    backend = make({"default": {"sleep_seconds": 1.5}})
    wait_running(backend, JOBS[:2])
    sshd.cut()
    done = run_until_done(backend, JOBS[:2])
    assert all(isinstance(evaluation.outcome, Qor) for evaluation in done.values())
    assert len(starts()) == 2


def test_f14_a_frozen_peer_stops_nobody_and_is_found_again(make: Make, sshd: Sshd, starts: Callable[[], Any]) -> None:
    backend = make({"default": {"sleep_seconds": 1.0}})
    wait_running(backend, JOBS[:2])
    frozen = sshd.sessions()
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    slowest = 0.0
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        began = time.monotonic()
        backend.advance(JOBS[:2])
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.05)
    for pid in frozen:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            continue
    done = run_until_done(backend, JOBS[:2])
    assert all(isinstance(evaluation.outcome, Qor) for evaluation in done.values())
    assert len(starts()) == 2
    assert slowest < 2.5, "advance waited for a silent host"


def test_f14_a_server_that_is_down_for_a_while(make: Make, sshd: Sshd, starts: Callable[[], Any]) -> None:
    backend = make({"default": {"sleep_seconds": 1.0}})
    wait_running(backend, JOBS[:2])
    sshd.stop()
    backend_silence(backend, JOBS[:2])
    time.sleep(1.5)
    sshd.start()
    done = run_until_done(backend, JOBS[:2])
    assert all(isinstance(evaluation.outcome, Qor) for evaluation in done.values())
    assert len(starts()) == 2


def backend_silence(backend: ssh.Engine, jobs: Any) -> None:
    deadline = time.monotonic() + 20
    while not all("no connection" in one.message for one in backend.advance(jobs)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_f14_a_changed_host_key_is_never_accepted(make: Make, sshd: Sshd) -> None:
    sshd.stop()
    shutil.copy(sshd.root / "other_host_key", sshd.root / "host_key")
    sshd.start()
    with pytest.raises(HostRefused, match="ssh lab1"):
        run_until_done(make(), JOBS[:1])


def test_f14_max_sessions_one_and_a_banner_on_stdout(make: Make, sshd: Sshd, tmp_path: Path) -> None:
    """A login script that prints, and a server that allows one session a connection, disturb nothing."""
    sshd.stop()
    banner = tmp_path / "banner.sh"
    banner.write_text(
        "#!/bin/sh\necho 'Welcome! DSE-RC:255 {}'\necho 'DSE-ANSWER:nonsense'\nexec sh -c \"$SSH_ORIGINAL_COMMAND\"\n"
    )
    banner.chmod(0o755)
    sshd.options = {"MaxSessions": "1", "ForceCommand": str(banner), "Banner": str(banner)}
    sshd.start()
    done = run_until_done(make(), JOBS)
    assert all(isinstance(evaluation.outcome, Qor) for evaluation in done.values())


def test_f15_a_wiped_directory_is_a_lost_attempt_and_is_run_again(make: Make, tmp_path: Path, starts: Callable[[], Any]) -> None:
    backend = make({"attempts": [{"sleep_seconds": 30}]})
    wait_running(backend, JOBS[:1])
    while not starts():
        time.sleep(0.02)
    shutil.rmtree(tmp_path / "far")
    done = run_until_done(backend, JOBS[:1])
    assert isinstance(done[JOBS[0].key].outcome, Qor)
    assert len(starts()) == 2


def test_a_job_wanted_no_longer_is_stopped_over_there(make: Make, site: Site) -> None:
    backend = make({"default": {"sleep_seconds": 60, "children": 2, "ignore_terminate": True}})
    wait_running(backend, JOBS[:2])
    backend.advance(())
    assert orphans(site.work) == []


def test_a_new_process_adopts_what_runs_over_there(make: Make, starts: Callable[[], Any]) -> None:
    first = make({"default": {"sleep_seconds": 1.0}})
    wait_running(first, JOBS[:2])
    first.close()
    done = run_until_done(make(), JOBS[:2])
    assert all(isinstance(evaluation.outcome, Qor) for evaluation in done.values())
    assert len(starts()) == 2


def test_a_tool_that_is_not_there_stops_the_campaign(make: Make) -> None:
    with pytest.raises(BackendError, match=r"backend\.tool"):
        run_until_done(make(tool="/no/such/vivado_hls"), JOBS[:1])


def test_nobody_listens(client: SshClient, sshd: Sshd) -> None:
    sshd.stop()
    with pytest.raises(ConnectionLost):
        client.run("true", b"")


def test_an_endless_answer_is_cut(client: SshClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """H12: a forged answer of any length costs a bounded amount of disk and no memory."""
    monkeypatch.setattr("dse.execution.ssh_client.MAX_REPLY_BYTES", 1 << 20)
    with pytest.raises(ConnectionLost, match="without end"):
        client.run("yes", b"")


@pytest.mark.parametrize("answer", ["DSE-ANSWER:[]", "DSE-ANSWER:{", "nothing", 'DSE-ANSWER:{"jobs": 3}'])
def test_a_forged_answer_is_an_error_not_a_crash(
    client: SshClient, answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dse.execution.places import Machine

    place = Machine(SshHost(client, str(tmp_path / "far")), 1)
    monkeypatch.setattr(client, "run_agent", lambda *_: answer.encode())
    monkeypatch.setattr(client, "install", lambda *_: None)
    ref = place.ref("ab" * 32, 1, "t", tmp_path)
    with pytest.raises(BackendError):
        place.survey([ref])


@pytest.mark.parametrize("host", ["-oProxyCommand=touch /tmp/x", "a b", "a;b", "", "a\nb", "$(x)"])
def test_h01_only_host_names_are_hosts(host: str) -> None:
    with pytest.raises(SpecError):
        SshClient(host)


@pytest.mark.parametrize("root", ["a b", "../up", "$(x)", "a;b", "-rf", "a/../../b", ""])
def test_h01_only_plain_directories_are_work_directories(root: str, client: SshClient) -> None:
    with pytest.raises(BackendError):
        SshHost(client, root)


def test_a_failure_over_there_is_a_failure_here(make: Make) -> None:
    done = run_until_done(make({"default": {"failure": "design_error"}}), JOBS[:1])
    outcome = done[JOBS[0].key].outcome
    assert isinstance(outcome, Failure)
    assert "Stop unrolling" in outcome.message
