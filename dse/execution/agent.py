"""What a host does for us: put and get files, start, survey and stop jobs, and say what it is fit for.

One request is one JSON line and has one answer, a dictionary; `LocalHost` calls `answer` in its own process, `SshHost` runs this file
in an archive on the far side. Also runs on other hosts, where Python may be as old as 3.6: standard library only, no newer syntax.
"""

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

from . import process, shim  # relative, because the archive for other hosts carries this package under another name

BEGIN = "DSE-ANSWER:"
TAR = b"DSE-TAR\n"
PROBE_SECONDS = 60
SAY_SECONDS = 45
SAY_BYTES = 1 << 16


def answer(request: "dict[str, object]") -> "dict[str, object]":
    """Do what one request asks for; `verb` names the function."""
    verbs = {"survey": survey, "start": start, "stop": stop, "probe": probe, "remove": remove, "batch": batch}
    return verbs[str(request["verb"])](**{key: value for key, value in request.items() if key != "verb"})  # type: ignore[operator, no-any-return]


def survey(root: str, directories: "list[str]", tail_bytes: int = 4096, queue: "list[str] | None" = None) -> "dict[str, object]":
    """Say where each job stands, from its files and processes, and how much memory and disk are free; with `queue`, also what
    that command prints.

    `state` is absent (no directory), fresh (never started), running, elsewhere (claimed on another host), gone (no longer
    alive, left no rc), ended.
    """
    found = {"jobs": {name: _look(Path(name), tail_bytes) for name in directories}}  # type: dict[str, object]
    found["memory_bytes"] = process.available_memory_bytes()
    found["disk_bytes"] = free_bytes(root)
    if queue:
        found["queue"] = batch(queue)
    return found


def _look(directory: Path, tail_bytes: int) -> "dict[str, object]":
    if not (directory / "job.json").exists():
        return {"state": "absent"}
    identity = _read(directory / "identity.json")
    if identity is None:
        return {"state": "fresh"}
    beat = _read(directory / "beat.json") or {}
    facts = {"beat": beat, "tail": tail(directory, tail_bytes), "host": identity.get("host")}
    alive = process.is_alive(identity)  # before rc: a shim that ends in between has left one
    ending = _read(directory / "rc.json")
    if ending is not None:
        return dict(facts, state="ended", rc=ending)
    if alive:
        return dict(facts, state="running")
    if identity.get("host") != os.uname().nodename:
        return dict(facts, state="elsewhere", silent_seconds=_age(directory))
    return dict(facts, state="gone")


def free_bytes(directory: str) -> int:
    """Return the free bytes of the disk that holds a directory, or would hold it."""
    while directory not in ("", "/") and not os.path.isdir(directory):  # noqa: PTH112
        directory = os.path.dirname(directory)  # noqa: PTH120
    space = os.statvfs(directory or ".")
    return space.f_bavail * space.f_frsize


def _age(directory: Path) -> float:
    """Return the seconds since the last beat by the file system's own clock."""
    mark = directory / f"mark.{os.getpid()}"
    mark.write_text("")
    now = mark.stat().st_mtime
    mark.unlink()
    last = directory / "beat.json"
    return now - (last if last.exists() else directory / "identity.json").stat().st_mtime


def _read(path: Path) -> "dict[str, object] | None":
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def tail(directory: Path, n_bytes: int) -> str:
    """Return the end of a job's log as text."""
    for name in ("log.2", "log"):
        path = directory / name
        if path.exists():
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - n_bytes))
                return file.read(n_bytes).decode("utf-8", "replace")
    return ""


def start(directory: str, archive: str) -> "dict[str, object]":
    """Start the shim of a job, unless one has claimed it; returns once it has."""
    job = _read(Path(directory) / "job.json") or {}
    environment = dict(os.environ, **{process.TOKEN: str(job.get("token"))})
    argv = [sys.executable, "-I", "-S", archive, "run", directory]
    nothing = subprocess.DEVNULL
    try:
        done = subprocess.run(argv, env=environment, stdin=nothing, stdout=nothing, stderr=subprocess.PIPE,
                              start_new_session=True, timeout=PROBE_SECONDS, check=False)  # fmt: skip
        error = done.stderr[-500:].decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        error = "no shim in {:.0f} s".format(PROBE_SECONDS)  # noqa: UP032
    return {"started": (Path(directory) / "identity.json").exists(), "error": error}


def stop(directory: str, token: str, hard: bool = False) -> "dict[str, object]":
    """Ask the shim to end its job, or (hard) kill all that carries the job's token."""
    place = Path(directory)
    if place.is_dir():
        (place / "cancel").write_text("")
    identity = _read(place / "identity.json")
    if identity is not None and process.is_alive(identity) and not hard:
        process.send(int(str(identity["pid"])), signal.SIGTERM)
        return {"left": 1}
    return {"left": process.kill_bearers(token)}


def probe(directory: str, tools: "list[str]", variables: "list[str]", setup: str) -> "dict[str, object]":
    """Say which of the tools is found first (paths, then variables naming directories, then PATH) and what it prints of itself."""
    Path(directory).mkdir(parents=True, exist_ok=True)
    facts = {
        "python": sys.version.split()[0], "host": os.uname().nodename, "cores": os.cpu_count(), "tool": "", "banner": "",
        "memory_bytes": process.available_memory_bytes(), "disk_bytes": free_bytes(directory), "error": "",
    }  # type: dict[str, object]  # fmt: skip
    prefix = ["bash", "-c", shim.SETUP, "bash", setup] if setup else []
    try:
        tool = next(filter(None, (_find(tool, variables, prefix) for tool in tools)), "")
        if tool:
            said = _say([*prefix, tool, "--version" if tool.endswith("vitis-run") else "-version"])
            facts.update(tool=tool, banner=said[:2000])
        elif setup:
            facts["error"] = _say([*prefix, "true"])[-500:]
    except Silent as error:
        facts["error"] = str(error)
    return facts


def _find(tool: str, variables: "list[str]", prefix: "list[str]") -> str:
    if "/" in tool:
        return tool if os.access(tool, os.X_OK) else ""
    if prefix:
        words = _say([*prefix, "sh", "-c", 'command -v "$1"', "sh", tool]).split()
        return words[-1] if words and words[-1].endswith("/" + tool) else ""
    for variable in variables:
        root = os.environ.get(variable)
        for path in (root, os.path.join(root, "bin", tool), os.path.join(root, tool)) if root else ():  # noqa: PTH118
            if os.path.basename(path) == tool and os.access(path, os.X_OK):  # noqa: PTH119
                return path
    return shutil.which(tool) or ""


class Silent(Exception):
    """A command did not end."""


def _say(argv: "list[str]") -> str:
    """Return the beginning of what a command prints; one that prints without end is ended at once, one that hangs is an error."""
    deadline, said = time.monotonic() + SAY_SECONDS, b""
    try:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
    except OSError as error:
        return str(error)
    pipe = child.stdout
    assert pipe is not None
    try:
        while len(said) < SAY_BYTES:
            if not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise Silent("{} did not end within {} s".format(" ".join(argv[-2:]), SAY_SECONDS))
            chunk = os.read(pipe.fileno(), 1 << 14)
            if not chunk:
                break
            said += chunk
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        pipe.close()
        child.wait()
    return said.decode("utf-8", "replace")


def batch(argv: "list[str]", timeout_seconds: float = 30) -> "dict[str, object]":
    """Run one short command of the scheduler; `rc` None means that it gave no answer in time."""
    try:
        done = subprocess.run(  # noqa: UP022  capture_output is newer than 3.6
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout_seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return {"rc": None, "out": "", "error": f"no answer in {timeout_seconds:.0f} s"}
    except OSError as error:
        return {"rc": 127, "out": "", "error": str(error)}
    texts = [stream[: 1 << 20].decode("utf-8", "replace") for stream in (done.stdout, done.stderr)]
    return {"rc": done.returncode, "out": texts[0], "error": texts[1]}


def remove(directory: str, keep: "list[str]") -> "dict[str, object]":
    """Delete a job's directory but for the files to keep (names directly inside it)."""
    place = Path(directory)
    if (place / "job.json").exists():
        for entry in place.iterdir():
            if entry.name in keep:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(str(entry), ignore_errors=True)
            else:
                entry.unlink()
    if not keep:
        shutil.rmtree(directory, ignore_errors=True)
        with contextlib.suppress(OSError):  # other attempts are still there
            place.parent.rmdir()
    return {}


def receive(directory: Path, stream: "object") -> "dict[str, object]":
    """Read a tar stream into a new directory, regular files only, complete or not at all. One that exists is left alone."""
    if directory.exists():
        return {"known": True}
    partial = directory.with_name(directory.name + f".partial{os.getpid()}")
    partial.mkdir(parents=True, mode=0o700)
    with tarfile.open(fileobj=stream, mode="r|gz") as archive:  # type: ignore[call-overload]
        for member in archive:
            inside = re.match(r"^[^/\0]+(/[^/\0]+)*$", member.name) and ".." not in member.name.split("/")
            source = archive.extractfile(member) if member.isfile() and inside else None
            if source is not None:
                path = partial / member.name
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    shutil.copyfileobj(source, file)
                path.chmod(0o700 if member.mode & 0o100 else 0o600)
    try:
        partial.rename(directory)
    except OSError:
        shutil.rmtree(str(partial), ignore_errors=True)
    return {"known": False}


def send(directory: Path, patterns: "list[str]", max_bytes: int, stream: "object") -> None:
    """Write the files that match the patterns (relative to the directory) as a tar stream, with their times."""
    with tarfile.open(fileobj=stream, mode="w|gz") as archive:  # type: ignore[call-overload]
        for path in matching(directory, patterns, max_bytes):
            archive.add(str(path), str(path.relative_to(directory)), recursive=False)


def matching(directory: Path, patterns: "list[str]", max_bytes: int) -> "list[Path]":
    """Return the regular files that match one of the patterns, smaller than `max_bytes`, each once, sorted."""
    found = {path for pattern in patterns for path in directory.glob(pattern)}
    return sorted(path for path in found if path.is_file() and not path.is_symlink() and path.stat().st_size <= max_bytes)


def main(argv: "list[str]") -> int:
    """Entry of the archive: `run DIR [--stay]`, or a request of one JSON line on stdin (`ask`, `put`, `get`)."""
    if argv[0] == "run":
        return shim.main(Path(argv[1]), detach="--stay" not in argv)
    source, sink = sys.stdin.buffer, sys.stdout
    request = json.loads(source.readline().decode("utf-8"))
    os.umask(0o077)
    if argv[0] == "get":
        sink.buffer.write(TAR)
        send(Path(request["directory"]), request["patterns"], request["max_bytes"], sink.buffer)
        return 0
    reply = receive(Path(request["directory"]), source) if argv[0] == "put" else answer(request)
    sink.write("\n" + BEGIN + json.dumps(reply) + "\n")
    return 0
