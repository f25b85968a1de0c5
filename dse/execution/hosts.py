"""How a host is spoken to: this one in our own process, another one over OpenSSH."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import zipfile
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from dse.errors import BackendError, DiskFull
from dse.execution import agent
from dse.execution.jobdir import JOB, PROJECT
from dse.execution.ssh_client import SshClient

MAX_FILE_BYTES = 64 << 20
MAX_FETCH_BYTES = 1 << 30
MAX_FILES = 10_000
AGENT_FILES = ("process.py", "logfile.py", "shim.py", "agent.py")
_PACKAGE = "dse_host"
_MAIN = f"import sys\n\nfrom {_PACKAGE} import agent\n\nsys.exit(agent.main(sys.argv[1:]))\n"


class Host(Protocol):
    """A machine that holds job directories. All verbs may raise ConnectionLost (try again) or BackendError (pointless)."""

    name: str

    def directory(self, *parts: str) -> str:
        """Return the path on that host of something below its work directory."""
        ...

    def ask(self, verb: str, **request: object) -> dict[str, object]:
        """Put one request to the agent there; see `dse.execution.agent`."""
        ...

    def agent(self) -> str:
        """Return the path of the agent's archive there, installing it if need be."""
        ...

    def put(self, directory: str, project: Path, job: bytes) -> None:
        """Make a job's directory there, complete or not at all; one that exists stays as it is."""
        ...

    def get(self, directory: str, local: Path, patterns: tuple[str, ...]) -> None:
        """Bring the files that match to the local directory, with their times."""
        ...

    def close(self) -> None: ...


@dataclass
class LocalHost:
    """This machine; job directories lie in the campaign's work directory itself."""

    work: Path
    name: str = "local"

    def directory(self, *parts: str) -> str:
        return str(self.work.joinpath(*parts))

    def ask(self, verb: str, **request: object) -> dict[str, object]:
        try:
            return agent.answer({"verb": verb, **request})
        except OSError as error:
            raise BackendError(f"{self.name}: {verb}: {error}.") from error

    def agent(self) -> str:
        try:
            return str(install_agent(self.work))
        except OSError as error:
            raise BackendError(f"{self.work}: cannot be written: {error}.") from error

    def put(self, directory: str, project: Path, job: bytes) -> None:
        path = Path(directory)
        if path.exists():
            return
        partial = path.with_name(path.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir(parents=True, mode=0o700)
            shutil.copytree(project, partial / PROJECT, copy_function=shutil.copyfile)
            (partial / JOB).write_bytes(job)
            partial.rename(path)
        except (OSError, shutil.Error) as error:
            shutil.rmtree(partial, ignore_errors=True)
            is_full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
            raise (DiskFull if is_full else BackendError)(f"{path}: cannot be written: {error}.") from error

    def get(self, directory: str, local: Path, patterns: tuple[str, ...]) -> None:
        return

    def close(self) -> None:
        return


class SshHost:
    """Another machine over OpenSSH; job directories lie below `root` there, relative to the login's home unless absolute."""

    def __init__(self, client: SshClient, root: str) -> None:
        if not re.fullmatch(r"/?[A-Za-z0-9._][A-Za-z0-9._/-]*", root) or ".." in root.split("/"):
            raise BackendError(f"{client.host}: work directory {root!r}: expected letters, digits, . _ - and / only.")
        self.client, self.root, self.name = client, root.rstrip("/"), client.host
        self._agent = ""

    def directory(self, *parts: str) -> str:
        return "/".join((self.root, *parts))

    def ask(self, verb: str, **request: object) -> dict[str, object]:
        return self._answered("ask", {"verb": verb, **request})

    def agent(self) -> str:
        if not self._agent:
            path = self.directory(agent_name())
            self.client.install(self.root, path, agent_archive())
            self._agent = path
        return self._agent

    def put(self, directory: str, project: Path, job: bytes) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
            member = tarfile.TarInfo(JOB)
            member.size, member.mode = len(job), 0o600
            archive.addfile(member, io.BytesIO(job))
            for path in sorted(project.rglob("*")):
                if path.is_file() and path.suffix != ".keras":
                    archive.add(path, f"{PROJECT}/{path.relative_to(project)}", recursive=False)
        self._answered("put", {"directory": directory}, buffer.getvalue())

    def get(self, directory: str, local: Path, patterns: tuple[str, ...]) -> None:
        request = {"directory": directory, "patterns": patterns, "max_bytes": MAX_FILE_BYTES}
        reply = self._run("get", request)
        _, marker, content = reply.partition(agent.TAR)
        if not marker:
            raise BackendError(f"{self.name}: sent no files; got {reply[:80]!r}.")
        unpack(content, local, patterns, self.name)

    def close(self) -> None:
        self.client.close()

    def _answered(self, verb: str, request: dict[str, object], body: bytes = b"") -> dict[str, object]:
        reply = self._run(verb, request, body).decode("utf-8", "replace")
        lines = [line for line in reply.splitlines() if line.startswith(agent.BEGIN)]
        try:
            document = json.loads(lines[-1].removeprefix(agent.BEGIN))
        except (IndexError, ValueError) as error:
            raise BackendError(f"{self.name}: gave no answer that can be read; got {reply[-200:]!r}.") from error
        if not isinstance(document, dict):
            raise BackendError(f"{self.name}: answered with a {type(document).__name__}, expected a table.")
        return document

    def _run(self, verb: str, request: dict[str, object], body: bytes = b"") -> bytes:
        line = json.dumps(request).encode() + b"\n" + body
        reply = self.client.run_agent(self.agent(), verb, line)
        if reply is None:  # somebody deleted the work directory there, the archive included
            self._agent = ""
            reply = self.client.run_agent(self.agent(), verb, line)
        if reply is None:
            raise BackendError(
                f"{self.name}: Python does not start {self._agent} there. Check that python3 (3.6 or later) is on PATH."
            )
        return reply


def unpack(content: bytes, local: Path, patterns: tuple[str, ...], source: str) -> None:
    """Write the regular files of a tar stream that were asked for below `local`; nothing else, nothing outside, nothing huge.

    Raises:
        BackendError: the stream is broken or breaks a bound.
    """
    total = count = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                count, total = count + 1, total + member.size
                if count > MAX_FILES or total > MAX_FETCH_BYTES or member.size > MAX_FILE_BYTES:
                    raise BackendError(f"{source}: sent more than was asked for ({count} files, {total} bytes).")
                parts = Path(member.name).parts
                wished = any(fnmatch(member.name, pattern.replace("**/", "*/")) for pattern in patterns)
                if not member.isfile() or ".." in parts or member.name.startswith("/") or not wished:
                    continue
                stream = archive.extractfile(member)
                if stream is not None:
                    _write(local.joinpath(*parts), stream.read(), member.mtime, local)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BackendError(f"{source}: the files it sent cannot be read: {error}.") from error


def _write(path: Path, content: bytes, modified: float, root: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.parent.resolve().is_relative_to(root.resolve()):
        raise BackendError(f"{path}: would be written outside {root}.")
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    os.utime(partial, (modified, modified))
    partial.replace(path)


def campaign_root(base: str, campaign: str, work: Path) -> str:
    """Return a campaign's directory below the work directory of a host: two campaigns of one name do not meet there."""
    mark = hashlib.sha256(f"{os.uname().nodename}:{work.absolute()}".encode()).hexdigest()[:8]
    return f"{base.rstrip('/')}/{campaign}-{mark}"


@lru_cache(maxsize=1)
def agent_archive() -> bytes:
    """Return the few files that run beside the tool, in one archive that Python starts without installing anything."""
    here = Path(__file__).parent
    texts = {"__main__.py": _MAIN, f"{_PACKAGE}/__init__.py": ""}
    texts |= {f"{_PACKAGE}/{name}": (here / name).read_text(encoding="utf-8") for name in AGENT_FILES}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in texts.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)  # always the same bytes
    return buffer.getvalue()


def agent_name() -> str:
    """Return the archive's file name, which changes with its content: jobs of an older `dse` keep the agent they started with."""
    return f"agent-{hashlib.sha256(agent_archive()).hexdigest()[:12]}.pyz"


def install_agent(directory: Path) -> Path:
    """Write the archive into a directory, if it is not there yet, and return its path."""
    path = directory / agent_name()
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(agent_archive())
        partial.replace(path)
    return path
