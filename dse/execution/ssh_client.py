"""OpenSSH's client as a short command: one shared connection per host, no questions asked, no unknown host trusted.

Everything that is run on the far side comes from the fixed templates of this file; data goes through standard input.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

from dse.errors import BackendError, ConnectionLost, SpecError

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,253}")
_HOPELESS = re.compile(
    r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|Permission denied|Bad configuration option"
    r"|No (?:\w+ )*host key is known"
)
_INSTALL = "umask 077 && mkdir -p {root} && cat > {path}.$$ && mv -f {path}.$$ {path} && echo DSE-RC:0"
_RUN = "{python} -I -S {agent} {verb}; rc=$?; echo; echo DSE-RC:$rc"
_RC = re.compile(rb"(?:^|\n)DSE-RC:(\d+)\s*$")
MAX_REPLY_BYTES = 256 << 20


class HostRefused(BackendError):
    """The host cannot be used until somebody acts: changed or unknown host key, no permission."""


class SshClient:
    """Runs commands on one host.

    Args:
        host: a name or an alias of the user's SSH configuration.
        config: an SSH configuration file; "" means the user's own.
        connect_seconds, keepalive_seconds: patience for a connection, and for a silent peer (three times this).
        command_seconds: longest time one command may take.
    """

    def __init__(
        self, host: str, *, config: str = "", python: str = "python3", connect_seconds: int = 30, keepalive_seconds: int = 15,
        command_seconds: float = 120.0, program: str = "ssh",
    ) -> None:  # fmt: skip
        if not _HOST.fullmatch(host):
            raise SpecError(f"backend.hosts: got {host!r}, expected a host name or an alias of your SSH configuration.")
        self.host, self.python, self.command_seconds = host, python, command_seconds
        self.last_error = ""
        self._sockets: Path | None = None
        options = {
            "BatchMode": "yes", "StrictHostKeyChecking": "yes", "ServerAliveInterval": keepalive_seconds, "ServerAliveCountMax": 3,
            "ConnectTimeout": connect_seconds, "ConnectionAttempts": 1, "ForwardAgent": "no", "ForwardX11": "no",
            "ClearAllForwardings": "yes", "PermitLocalCommand": "no", "LogLevel": "ERROR",
        }  # fmt: skip
        self._base = [program, "-T", *(["-F", config] if config else [])]
        self._base += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]

    def install(self, root: str, path: str, content: bytes) -> None:
        """Write one file below `root`, at once or not at all."""
        command = _INSTALL.format(root=shlex.quote(root), path=shlex.quote(path))
        reply, rc = self.run(command, content)
        if rc != 0:
            raise BackendError(f"{self.host}: cannot write {path}; got {reply[-200:]!r}.")

    def run_agent(self, agent: str, verb: str, stdin: bytes) -> bytes | None:
        """Run the agent with one verb and return what it printed; None if it did not start."""
        command = _RUN.format(python=shlex.quote(self.python), agent=shlex.quote(agent), verb=shlex.quote(verb))
        reply, rc = self.run(command, stdin)
        if rc == 0:
            return reply
        if rc in (2, 126, 127) and b"DSE-" not in reply:
            return None
        raise BackendError(f"{self.host}: the far side failed with exit code {rc}; got {self.last_error[-300:]!r}.")

    def run(self, command: str, stdin: bytes) -> tuple[bytes, int]:
        """Run a command line of ours and return (output, exit code of the far side).

        Raises:
            ConnectionLost: nobody knows whether it ran.
            HostRefused: it did not run and will not until somebody acts.
        """
        self._ensure_master()
        output, rc = self._call([*self._base, "-o", "ControlMaster=no", "--", self.host, command], stdin)
        match = _RC.search(output)
        if match:
            return output[: match.start()], int(match.group(1))
        said = self.last_error
        self._drop_master()
        raise self._explained(rc, said)

    def close(self) -> None:
        """End the shared connection."""
        self._drop_master()

    @property
    def _socket(self) -> Path | None:
        return None if self._sockets is None else self._sockets / "c"

    def _ensure_master(self) -> None:
        if self._socket is not None and self._socket.exists():
            return
        if self._sockets is None:
            if shutil.which(self._base[0]) is None:
                raise BackendError(f"{self.host}: no program {self._base[0]!r} on PATH. Install the OpenSSH client.")
            self._sockets = Path(tempfile.mkdtemp(prefix="dse-"))  # short, as a socket's path must be; mode 0700
            weakref.finalize(self, shutil.rmtree, self._sockets, ignore_errors=True)
            self._base += ["-o", f"ControlPath={self._socket}"]
        argv = [*self._base, "-o", "ControlMaster=yes", "-o", "ControlPersist=600", "-N", "-f", "--", self.host]
        # -f goes to the background once the login is done; its streams must not be pipes, or we would wait for it for ever.
        _, rc = self._call(argv, b"")
        if rc != 0:
            raise self._explained(rc, self.last_error)

    def _drop_master(self) -> None:
        if self._socket is not None and self._socket.exists():
            with contextlib.suppress(ConnectionLost):
                self._call([*self._base, "-O", "exit", "--", self.host], b"", seconds=5)
            self._socket.unlink(missing_ok=True)

    def _explained(self, rc: int, said: str) -> BackendError:
        reason = " ".join(said.split())[-400:]
        if _HOPELESS.search(said):
            return HostRefused(
                f"{self.host}: SSH refused: {reason}. Log in by hand (`ssh {self.host}`) and settle it there; host keys are never accepted blindly."
            )
        return ConnectionLost(
            f"{self.host}: no connection (ssh ended with {rc}): {reason or 'no reason given'}. It is tried again."
        )

    def _call(self, argv: Sequence[str], stdin: bytes, seconds: float | None = None) -> tuple[bytes, int]:
        limit = self.command_seconds if seconds is None else seconds
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            given.write(stdin)
            given.seek(0)
            # A session of its own: Ctrl-C in the terminal is for us to handle, not for the connection.
            client = subprocess.Popen(argv, stdin=given, stdout=output, stderr=errors, start_new_session=True)
            rc = _wait(client, output.fileno(), limit)
            errors.seek(0)
            self.last_error = errors.read(8192).decode("utf-8", "replace")
            if rc is None:
                self.last_error = f"no answer in {limit:.0f} s, or one without end"
                rc = 255
            output.seek(0)
            return output.read(MAX_REPLY_BYTES), rc


def _wait(client: subprocess.Popen[bytes], output: int, seconds: float) -> int | None:
    """Wait for the client; None if it took too long or said too much, after killing it."""
    deadline = time.monotonic() + seconds
    pause = 0.002
    while client.poll() is None:
        if time.monotonic() > deadline or os.fstat(output).st_size > MAX_REPLY_BYTES:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(client.pid, signal.SIGKILL)
            client.wait()
            return None
        time.sleep(pause)
        pause = min(0.05, pause * 1.5)
    return client.returncode
