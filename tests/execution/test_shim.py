"""The shim alone: what it leaves behind, what it puts an end to, and that nobody outlives it."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dse.execution import agent, hosts, process
from dse.execution.jobdir import read_log

MODULES = ("process.py", "logfile.py", "shim.py", "agent.py")
TOKEN = "f" * 32


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Write a job whose one stage runs a piece of Python."""

    def write(script: str, **settings: Any) -> Path:
        directory = tmp_path / "attempt-1"
        (directory / "project").mkdir(parents=True)
        stage = {"name": "csynth", "argv": [sys.executable, "-c", script], "cwd": "project"}
        job = {"token": TOKEN, "stages": [stage], "pass_environment": ["PATH"], "grace_seconds": 0.3, **settings}
        (directory / "job.json").write_text(json.dumps(job))
        return directory

    yield write
    assert process.kill_bearers(TOKEN) == 0


def start(directory: Path) -> None:
    assert agent.start(str(directory), str(hosts.install_agent(directory.parent)))["started"]


def ending(directory: Path, seconds: float = 30.0) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while not (directory / "rc.json").exists():
        assert time.monotonic() < deadline, read_log(directory)
        time.sleep(0.02)
    while process.bearers(TOKEN):
        assert time.monotonic() < deadline + 10, "somebody outlived the job"
        time.sleep(0.02)
    return dict(json.loads((directory / "rc.json").read_text()))


def look(directory: Path) -> dict[str, Any]:
    jobs: Any = agent.survey(str(directory.parent), [str(directory)])["jobs"]
    return dict(jobs[str(directory)])


def test_a_run_leaves_its_status_its_log_and_its_cost(make: Callable[..., Path]) -> None:
    directory = make("import time; print('hello'); time.sleep(0.3); raise SystemExit(3)")
    assert look(directory)["state"] == "fresh"
    start(directory)
    assert look(directory)["state"] == "running"
    end = ending(directory)
    assert (end["verdict"], end["stages"][0]["rc"], end["leftovers"]) == ("done", 3, 0)
    assert end["peak_memory_bytes"] > 1 << 20
    assert read_log(directory) == "hello\n"
    assert look(directory)["state"] == "ended"


def test_a_second_shim_goes_home(make: Callable[..., Path]) -> None:
    directory = make("import os, time; open('started-%d' % os.getpid(), 'w'); time.sleep(0.5)")
    start(directory)
    start(directory)
    ending(directory)
    start(directory)
    assert len(list((directory / "project").glob("started-*"))) == 1


def test_the_stages_after_a_failed_one_do_not_run(make: Callable[..., Path]) -> None:
    directory = make("")
    job = json.loads((directory / "job.json").read_text())
    job["stages"] = [
        {"name": name, "argv": ["sh", "-c", f"exit {rc}"], "cwd": "project"} for name, rc in (("a", 0), ("b", 5), ("c", 0))
    ]
    (directory / "job.json").write_text(json.dumps(job))
    start(directory)
    assert [(stage["name"], stage["rc"]) for stage in ending(directory)["stages"]] == [("a", 0), ("b", 5)]


@pytest.mark.parametrize(
    ("verdict", "script", "settings"),
    [
        ("timeout", "import time; time.sleep(60)", {"timeout_seconds": 0.5}),
        ("timeout", "while True: print('busy' * 100, flush=True)", {"timeout_seconds": 0.5}),
        ("hang", "import time; time.sleep(60)", {"hang_seconds": 0.5}),
        ("memory", "import time; held = b'x' * (300 << 20); time.sleep(60)", {"memory_limit_bytes": 150 << 20}),
        ("disk", "import time; time.sleep(60)", {"disk_reserve_bytes": 1 << 60}),
    ],
)  # fmt: skip
def test_a_limit_ends_the_run(make: Callable[..., Path], verdict: str, script: str, settings: dict[str, Any]) -> None:
    directory = make(script, **settings)
    start(directory)
    assert ending(directory)["verdict"] == verdict


def test_a_tool_that_does_not_exist_is_said_to_be_missing(make: Callable[..., Path]) -> None:
    directory = make("")
    job = json.loads((directory / "job.json").read_text())
    job["stages"][0]["argv"] = ["/no/such/tool"]
    (directory / "job.json").write_text(json.dumps(job))
    start(directory)
    assert ending(directory)["verdict"] == "missing"
    assert "/no/such/tool" in read_log(directory)


DAEMON = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.environ.clear()
        time.sleep(600)
    os._exit(0)
os.wait()
"""


@pytest.mark.parametrize("tail", ["", "time.sleep(600)"])
def test_nobody_outlives_a_run(make: Callable[..., Path], tail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """F13: a double-forked grandchild in a session of its own that ignores TERM, after a normal end and after a timeout."""
    directory = make(DAEMON + tail, timeout_seconds=1.0 if tail else 60.0)
    start(directory)
    end = ending(directory)
    assert end["verdict"] == ("timeout" if tail else "done")
    assert end["leftovers"] >= 1
    assert process.bearers(TOKEN) == []


def test_a_killed_shim_is_gone_and_its_tool_is_found_by_the_token(make: Callable[..., Path]) -> None:
    """F04: the shim is killed; the next survey says so, and a hard stop ends what it left behind."""
    directory = make("import time; time.sleep(600)")
    start(directory)
    identity = json.loads((directory / "identity.json").read_text())
    os.kill(identity["pid"], signal.SIGKILL)
    while process.stat(identity["pid"]) is not None:
        time.sleep(0.01)
    assert look(directory)["state"] == "gone"
    assert agent.stop(str(directory), TOKEN, hard=True)["left"] == 0
    assert process.bearers(TOKEN) == []


def test_after_a_reboot_a_pid_is_somebody_else(make: Callable[..., Path]) -> None:
    """F04, H14: another boot, another start time or another token, and the process is not ours to touch."""
    directory = make("import time; time.sleep(600)")
    start(directory)
    path = directory / "identity.json"
    true = json.loads(path.read_text())
    for change in ({"boot_id": "another"}, {"start_time": 1}, {"token": "another"}):
        path.write_text(json.dumps(true | change))
        assert look(directory)["state"] == "gone", change
    path.write_text(json.dumps(true))
    assert look(directory)["state"] == "running"
    agent.stop(str(directory), TOKEN)
    assert ending(directory)["verdict"] == "cancelled"


def test_term_from_outside_is_not_our_cancel(make: Callable[..., Path]) -> None:
    directory = make("import time; time.sleep(600)")
    start(directory)
    os.kill(json.loads((directory / "identity.json").read_text())["pid"], signal.SIGTERM)
    assert ending(directory)["verdict"] == "terminated"


def test_a_log_without_end_keeps_its_head_and_its_newest_part(make: Callable[..., Path]) -> None:
    """F06, F09: one long line, NULs, escapes and bytes that are no text; the log stays bounded."""
    script = "import sys; w = sys.stdout.buffer.write; w(b'HEAD'); [w(b'\\0\\x1b]52;c;AAAA\\x07\\xff' * 4096) for _ in range(400)]; w(b'TAIL')"
    directory = make(script, log_bytes=1 << 20)
    start(directory)
    end = ending(directory)
    assert end["log_bytes"] > 20 << 20
    log = read_log(directory)
    assert sum((directory / name).stat().st_size for name in ("log", "log.1", "log.2")) <= 1 << 20
    assert log.startswith("HEAD")
    assert log.endswith("TAIL")
    assert "dropped" in log


def test_the_tool_sees_only_what_it_may(make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/secret")
    monkeypatch.setenv("XILINXD_LICENSE_FILE", "2100@server")
    directory = make("import json, os; print(json.dumps(dict(os.environ)))", pass_environment=["PATH", "XILINX*"])
    start(directory)
    ending(directory)
    seen = json.loads(read_log(directory))
    assert "SSH_AUTH_SOCK" not in seen
    assert seen["XILINXD_LICENSE_FILE"] == "2100@server"
    assert Path(seen["TMPDIR"]).is_relative_to(directory)


def test_a_setup_script_is_sourced_and_its_names_are_only_data(make: Callable[..., Path], tmp_path: Path) -> None:
    setup = tmp_path / "set up; touch hacked.sh"
    setup.write_text("export FROM_SETUP=yes\n")
    directory = make("import os; print(os.environ['FROM_SETUP'])", setup=str(setup))
    start(directory)
    assert ending(directory)["stages"][0]["rc"] == 0
    assert read_log(directory) == "yes\n"
    assert not (directory / "project" / "hacked.sh").exists()


def test_the_archive_is_the_same_every_time_and_old_python_can_read_it(tmp_path: Path) -> None:
    path = hosts.install_agent(tmp_path)
    assert path.read_bytes() == hosts.agent_archive()
    for name in MODULES:
        text = (Path(hosts.__file__).parent / name).read_text()
        tree = ast.parse(text, feature_version=(3, 6))
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert imported <= set(sys.stdlib_module_names)
        assert "from __future__ import annotations" not in text  # 3.6 does not know it


def test_receive_writes_only_below_its_directory(tmp_path: Path) -> None:
    """H08: absolute names, parents, links and devices in an archive are not written."""
    import io
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in ("job.json", "../outside", "/absolute", "a/../../b", "project/x"):
            member = tarfile.TarInfo(name)
            member.size = 2
            archive.addfile(member, io.BytesIO(b"{}"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    buffer.seek(0)
    agent.receive(tmp_path / "in" / "job", buffer)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir()}
    assert found == {"in/job/job.json", "in/job/project/x"}
    assert agent.receive(tmp_path / "in" / "job", io.BytesIO(b"")) == {"known": True}


@pytest.mark.parametrize("how", ["moved", "deleted"])
def test_a_folder_that_is_taken_away_ends_its_tool(make: Callable[..., Path], tmp_path: Path, how: str) -> None:
    """Nobody would ever end it, nor hear of it."""
    directory = make("import time; time.sleep(600)")
    start(directory)
    assert process.bearers(TOKEN)
    if how == "moved":
        directory.rename(tmp_path / "elsewhere")
    else:
        shutil.rmtree(directory)
    deadline = time.monotonic() + 60
    while process.bearers(TOKEN):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_tool_speaks_plain_c_whatever_the_users_shell_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    from dse.design import Toolchain
    from dse.execution.jobdir import Attempt
    from dse.execution.settings import ToolOptions

    job = json.loads(ToolOptions().document(Attempt(1, "local", "t"), Toolchain.parse("vivado_hls 2019.2"), "/opt/vivado_hls"))
    assert job["environment"] == {"LANG": "C", "LC_ALL": "C", "LC_NUMERIC": "C"}
    assert not [name for name in job["pass_environment"] if name.startswith(("LANG", "LC_"))]


def probe(tmp_path: Path, setup: str, tool: str = "#!/bin/sh\necho Vivado v2019.2\n") -> dict[str, Any]:
    script, program = tmp_path / "settings64.sh", tmp_path / "bin" / "vivado_hls"
    program.parent.mkdir(exist_ok=True)
    script.write_text(f"export PATH={program.parent}:$PATH\n{setup}\n")
    program.write_text(tool)
    program.chmod(0o755)
    return agent.probe(str(tmp_path), ["vivado_hls"], [], str(script))


def test_a_setup_script_that_ends_with_status_1_is_used_and_named(tmp_path: Path) -> None:
    facts = probe(tmp_path, "false")
    assert facts["tool"] == str(tmp_path / "bin" / "vivado_hls")
    assert "settings64.sh ended with status 1" in str(facts["banner"])
    assert "Vivado v2019.2" in str(facts["banner"])


def test_what_prints_without_end_or_never_ends_costs_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "SAY_SECONDS", 1.0)
    assert "did not end within" in str(probe(tmp_path, "sleep 600")["error"])
    endless = probe(tmp_path, "", "#!/bin/sh\nwhile :; do echo Vivado v2019.2; done\n")
    assert "Vivado v2019.2" in str(endless["banner"])
    assert len(str(endless["banner"])) <= 2000
    assert probe(tmp_path, "while :; do echo noise >&2; done")["tool"] == ""
