"""Workers that serve, tell of their progress, raise, are late, flood, die, or are abandoned; under this and another interpreter."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dse.workers import DIED, LATE, Limits, Program, Worker, ask_once
from dse.workers.process import without_network

SCRIPT = """
import os, subprocess, sys, time

def start():
    print("loading, says a library")
    return serve

def serve(request, tell):
    kind = request.get("kind")
    if kind == "environment":
        return {"environment": dict(os.environ), "cwd": os.getcwd(), "nice": os.nice(0), "path": sys.path}
    if kind == "raise":
        raise ZeroDivisionError("a  long\\nreason")
    if kind == "die":
        os.write(2, b"a last word")
        os.kill(os.getpid(), 9)
    if kind == "hang":
        subprocess.Popen(["sleep", "600"])
        time.sleep(600)
    if kind == "flood":
        return {"x": "x" * (17 << 20)}
    if kind == "allocate":
        return {"n": len(bytearray(8 << 30))}
    if kind == "write":
        open("large", "wb").write(bytes(2 << 20))
    if kind == "epochs":
        n = 0
        while tell(n) and n < 400:
            n += 1
            time.sleep(0.002)
        return {"epochs": n}
    return {"double": 2 * request["number"]}

def broken():
    raise RuntimeError("no such library")
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(SCRIPT)
    return path


@pytest.fixture
def make(script: Path) -> Iterator[Callable[..., Worker]]:
    made: list[Worker] = []

    def worker(*, function: str = "start", python: Path | None = None, log: Path | None = None, **limits: float) -> Worker:
        program = Program("doubler", f"{script}:{function}", python, advice="Wait longer.")
        made.append(Worker(program, Limits(**limits), log=log))  # type: ignore[arg-type]
        return made[-1]

    yield worker
    for each in made:
        each.kill()


def ask(worker: Worker, **request: object) -> dict[str, object]:
    worker.ask(request)
    return worker.wait()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_one_process_serves_many_requests(make: Callable[..., Worker]) -> None:
    worker = make()
    assert [ask(worker, number=n) for n in range(3)] == [{"double": 0}, {"double": 2}, {"double": 4}]
    pid = worker.pid
    assert ask(worker, number=4) == {"double": 8}
    assert worker.pid == pid
    worker.kill()
    assert worker.pid is None
    assert worker.fileno() == -1
    assert ask(worker, number=5) == {"double": 10}


def test_progress_until_it_is_stopped_and_the_worker_stays_warm(make: Callable[..., Worker]) -> None:
    worker = make()
    worker.ask({"kind": "epochs"})
    assert wait_for(lambda: worker.answer() is not None or len(worker.progress) > 3)
    pid = worker.pid
    worker.stop()
    answer = worker.wait()
    assert 3 <= answer["epochs"] < 400
    assert worker.progress == list(range(answer["epochs"] + 1))
    worker.stop()  # too late: it must not touch the next request
    assert ask(worker, kind="epochs") == {"epochs": 400}
    assert worker.pid == pid


def test_what_a_program_raises_is_an_answer(make: Callable[..., Worker], tmp_path: Path) -> None:
    log = tmp_path / "logs" / "worker.log"
    worker = make(log=log)
    assert ask(worker, kind="raise") == {"error": "ZeroDivisionError", "message": "a long reason"}
    assert ask(worker, number=1) == {"double": 2}
    assert "Traceback" in log.read_text()
    assert "loading, says a library" in log.read_text()


def test_program_that_cannot_start_says_why(make: Callable[..., Worker]) -> None:
    assert ask(make(function="broken"), number=1) == {"error": "RuntimeError", "message": "no such library"}
    assert ask(make(function="absent"), number=1)["error"] == "KeyError"


def test_death_leaves_an_obituary(make: Callable[..., Worker]) -> None:
    worker = make()
    answer = ask(worker, kind="die")
    assert answer["error"] == DIED
    assert "doubler: the worker process ended by signal 9. Its last words: 'a last word'" in str(answer["message"])
    assert ask(worker, number=1) == {"double": 2}


def test_late_worker_is_ended_with_its_children(make: Callable[..., Worker]) -> None:
    worker = make(seconds=0.4)
    worker.ask({"kind": "hang"})
    assert wait_for(lambda: worker.answer() is None and bool(children(worker.pid)))
    kin = [worker.pid, *children(worker.pid)]
    assert worker.wait() == {"error": LATE, "message": "doubler: no answer within 0.4 s. Wait longer."}
    assert wait_for(lambda: not any(is_alive(pid) for pid in kin if pid is not None))


def children(pid: int | None) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def test_flood_is_cut_off(make: Callable[..., Worker]) -> None:
    answer = ask(make(), kind="flood")
    assert answer["error"] == DIED
    assert "overlong answer" in str(answer["message"])


def test_memory_and_files_are_limited(make: Callable[..., Worker]) -> None:
    assert ask(make(memory_bytes=1 << 30), kind="allocate")["error"] == "MemoryError"
    assert ask(make(file_bytes=1 << 20), kind="write")["error"] in ("OSError", DIED)


def test_environment_holds_no_secrets(make: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSH_AUTH_SOCK", "XILINXD_LICENSE_FILE", "LM_LICENSE_FILE", "AWS_SECRET_ACCESS_KEY", "MY_TOKEN", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("PYTHONPATH", "/canary")
    worker = make(nice=3)
    seen = ask(worker, kind="environment")
    environment = seen["environment"]
    assert isinstance(environment, dict)
    assert not [name for name, value in environment.items() if "canary" in value]
    assert environment["HOME"] == seen["cwd"] != os.environ.get("HOME")
    assert seen["nice"] == os.nice(0) + 3
    scratch = Path(str(seen["cwd"]))
    assert scratch.is_dir()
    worker.kill()
    assert not scratch.exists()


def test_another_interpreter_needs_no_dse(make: Callable[..., Worker], tmp_path: Path) -> None:
    """The interpreter is a wrapper with no packages at all, as another environment may have other ones."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    python.chmod(0o755)
    worker = make(python=python)
    assert ask(worker, number=21) == {"double": 42}
    path = ask(worker, kind="environment")["path"]
    assert isinstance(path, list)
    assert not [entry for entry in path if Path(entry, "dse").exists()]


def test_interpreter_that_is_none_is_a_sentence(make: Callable[..., Worker], tmp_path: Path) -> None:
    answer = ask(make(python=tmp_path / "nothing" / "python"), number=1)
    assert answer["error"] == DIED
    assert "nothing/python" in str(answer["message"])


def test_no_network(make: Callable[..., Worker]) -> None:
    prefix = without_network()
    if not prefix:
        pytest.skip("this system does not let a user take the network away from a process (unshare -n)")
    listing = subprocess.run([*prefix, "cat", "/proc/net/dev"], capture_output=True, text=True, check=True).stdout
    assert [line.split(":")[0].strip() for line in listing.splitlines()[2:]] == ["lo"]


def test_one_request_one_process(script: Path) -> None:
    assert ask_once(Program("doubler", f"{script}:start"), {"number": 2}) == {"double": 4}
    assert ask_once(Program("doubler", f"{script}:start"), {"kind": "hang"}, Limits(seconds=0.3))["error"] == LATE


ABANDON = """
import json, sys, time
from pathlib import Path
from dse.workers import Program, Worker
worker = Worker(Program("doubler", sys.argv[1] + ":start"))
worker.ask({"kind": "hang"})
while not Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().strip():
    worker.answer()
    time.sleep(0.02)
print(json.dumps([worker.pid, str(worker._scratch)]), flush=True)
time.sleep(600)
"""


def test_worker_ends_with_its_parent(script: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", ABANDON, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker, scratch = json.loads(parent.stdout.readline())
    assert is_alive(worker)
    (grandchild,) = children(worker)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert wait_for(lambda: not is_alive(worker) and not is_alive(grandchild))
    assert wait_for(lambda: not Path(scratch).exists())
