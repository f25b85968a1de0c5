"""F05: what the terminal and the system may do to a running `dse run`, with real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from campaign_driver import story, write_campaign
from execution_kit import fake_tools, orphans, tokens

from dse.execution import process

DRIVER = Path(__file__).resolve().parent / "campaign_driver.py"


@dataclass
class Runner:
    """`dse run` on one campaign, and the tool it uses."""

    root: Path
    child: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.tools = fake_tools.install(self.root / "tools", {"default": {"sleep_seconds": 0.5, "children": 1}})
        self.path = write_campaign(self.root / "here", self.tools)
        self.work = self.path.parent / "small" / "work"

    def start(self) -> subprocess.Popen[bytes]:
        argv = [sys.executable, str(DRIVER), "run", str(self.path), "--plain", "--trust"]
        self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        return self.child

    def end(self) -> tuple[int, str]:
        assert self.child is not None
        _, errors = self.child.communicate(timeout=120)
        return self.child.returncode, errors.decode()

    def run(self) -> tuple[int, str]:
        self.start()
        return self.end()

    @property
    def n_starts(self) -> int:
        return len(fake_tools.starts(self.tools))

    def clean(self) -> None:
        if self.child is not None and self.child.poll() is None:
            self.child.kill()
            self.child.communicate()
        for token in tokens(self.work):
            process.kill_bearers(token)


def wait(is_true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, int]:
    runner = Runner(tmp_path_factory.mktemp("golden"))
    code, errors = runner.run()
    assert code == 0, errors
    return story(runner.path), runner.n_starts


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    one = Runner(tmp_path)
    yield one
    one.clean()


def is_stopped(pid: int) -> bool:
    return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_f05_hanging_up_detaches(runner: Runner, undisturbed: tuple[Any, int]) -> None:
    child = runner.start()
    wait(lambda: runner.n_starts >= 1)
    child.send_signal(signal.SIGHUP)
    code, errors = runner.end()
    assert code == 143, errors
    assert "go on with" in errors
    wait(lambda: list(runner.work.glob("*/attempt-1/rc.json")))  # nobody looks, and it ends well all the same
    assert runner.run()[0] == 0
    assert (story(runner.path), runner.n_starts) == undisturbed
    assert orphans(runner.work) == []


@pytest.mark.parametrize("times", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_f05_ctrl_c_once_stops_and_twice_cancels(runner: Runner, undisturbed: tuple[Any, int], times: int) -> None:
    child = runner.start()
    wait(lambda: runner.n_starts >= 1)
    for _ in range(times):
        child.send_signal(signal.SIGINT)
        time.sleep(0.2)  # two at once are one
    code, errors = runner.end()
    assert code == 130, errors
    assert orphans(runner.work) == []
    before = runner.n_starts
    found, n_starts = undisturbed
    assert runner.run()[0] == 0
    assert story(runner.path) == found
    assert runner.n_starts <= n_starts + (before if times > 1 else 0)


def test_f05_a_job_is_cancelled_and_the_campaign_stops_early(runner: Runner, undisturbed: tuple[Any, int]) -> None:
    """Exit code 5, and no verdict on the design: the same command takes it up again."""
    fake_tools.rewrite_script(runner.tools, {"default": {"sleep_seconds": 60, "children": 1}})
    runner.start()
    wait(lambda: runner.n_starts >= 1)
    for ticket in runner.work.glob("*/ticket.json"):
        (ticket.parent / "cancel.json").write_text("{}")  # as `dse cancel` does
    wait(lambda: runner.n_starts >= 2 or runner.child.poll() is not None)  # type: ignore[union-attr]
    for ticket in runner.work.glob("*/ticket.json"):
        (ticket.parent / "cancel.json").write_text("{}")
    code, errors = runner.end()
    assert code == 5, errors
    assert "cancelled; go on with" in errors
    assert orphans(runner.work) == []
    fake_tools.rewrite_script(runner.tools, {})
    assert runner.run()[0] == 0
    assert story(runner.path) == undisturbed[0]


@pytest.mark.parametrize("name", ["SIGTSTP", pytest.param("SIGSTOP", marks=pytest.mark.slow)])
def test_f05_suspended_and_continued(runner: Runner, undisturbed: tuple[Any, int], name: str) -> None:
    child = runner.start()
    wait(lambda: runner.n_starts >= 1)
    child.send_signal(signal.Signals[name])
    time.sleep(0.2)
    if not is_stopped(child.pid):
        child.send_signal(signal.SIGSTOP)  # nobody would continue us, so the system ignores the terminal's signal
        wait(lambda: is_stopped(child.pid))
    wait(lambda: list(runner.work.glob("*/attempt-1/rc.json")))  # the tool needs nobody
    child.send_signal(signal.SIGCONT)
    code, errors = runner.end()
    assert code == 0, errors
    assert (story(runner.path), runner.n_starts) == undisturbed
