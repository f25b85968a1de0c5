"""Real daemons of our own, on loopback, with all their files in one directory: an sshd, and a one-node Slurm."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dse.execution import process

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scancel", "scontrol")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None and not Path("/usr/sbin", name).exists()]


def program(name: str) -> str:
    return shutil.which(name) or f"/usr/sbin/{name}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Sshd:
    """One sshd on a port of its own."""

    root: Path
    port: int
    options: dict[str, str] = field(default_factory=dict)
    server: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        return self.root / "ssh_config"

    def start(self) -> None:
        settings = {
            "Port": self.port, "ListenAddress": "127.0.0.1", "HostKey": self.root / "host_key", "PidFile": "none",
            "AuthorizedKeysFile": self.root / "authorized_keys", "StrictModes": "no", "UsePAM": "no", "PasswordAuthentication": "no",
            "PermitRootLogin": "prohibit-password", "LogLevel": "QUIET", **self.options,
        }  # fmt: skip
        path = self.root / "sshd_config"
        path.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self.server = subprocess.Popen([SSHD, "-D", "-f", str(path)], stdin=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def sessions(self) -> list[int]:
        """The processes that serve connections: children of our server, however deep."""
        assert self.server is not None
        found = []
        for pid in process.descendants(self.server.pid):
            with suppress(OSError):  # it may have ended meanwhile
                if (Path("/proc") / str(pid) / "comm").read_text().startswith("sshd"):
                    found.append(pid)
        return found

    def cut(self) -> None:
        """Kill all connections, not the server."""
        for pid in self.sessions():
            os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        if self.server is not None:
            for pid in [*self.sessions(), self.server.pid]:
                for name in (signal.SIGCONT, signal.SIGKILL):
                    try:
                        os.kill(pid, name)
                    except ProcessLookupError:
                        break
            self.server.wait()
            self.server = None


def make_keys(root: Path) -> None:
    """Generate host and user keys."""
    for name in ("host_key", "other_host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(root / name)], check=True)


def make_sshd(root: Path, keys: Path) -> Sshd:
    """Start a server that lets this user in as `lab1`, `lab2`, ..., with a client configuration of its own."""
    shutil.copytree(keys, root)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    shutil.copy(root / "user_key.pub", root / "authorized_keys")
    port = free_port()
    known = " ".join((root / "host_key.pub").read_text().split()[:2])
    (root / "known_hosts").write_text(f"[127.0.0.1]:{port} {known}\n")
    user = pwd.getpwuid(os.geteuid()).pw_name
    (root / "ssh_config").write_text(
        f"Host lab*\n  HostName 127.0.0.1\n  Port {port}\n  User {user}\n  IdentityFile {root}/user_key\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {root}/known_hosts\n  GlobalKnownHostsFile /dev/null\n"
    )
    server = Sshd(root, port)
    server.start()
    return server


@dataclass
class Slurm:
    """munged, slurmctld and slurmd with all their files in one directory."""

    root: Path
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    first_job: int = 1

    @property
    def conf(self) -> Path:
        return self.root / "slurm.conf"

    def configure(self) -> None:
        host = os.uname().nodename
        for name in ("state", "spool", "munge"):
            (self.root / name).mkdir(mode=0o755)
        key = self.root / "munge" / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        settings = {
            "ClusterName": "test", "SlurmctldHost": f"{host}(127.0.0.1)", "SlurmUser": "root", "AuthType": "auth/munge",
            "AuthInfo": f"socket={self.root}/munge/socket", "CredType": "cred/munge", "SlurmctldPort": free_port(),
            "SlurmdPort": free_port(), "StateSaveLocation": self.root / "state", "SlurmdSpoolDir": self.root / "spool",
            "SlurmctldPidFile": self.root / "ctld.pid", "SlurmdPidFile": self.root / "d.pid", "SwitchType": "switch/none",
            "SlurmctldLogFile": self.root / "ctld.log", "SlurmdLogFile": self.root / "d.log", "MpiDefault": "none",
            "ProctrackType": "proctrack/linuxproc", "TaskPlugin": "task/none", "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_CPU_Memory", "ReturnToService": 2, "Licenses": "vivado:1", "KillWait": 2,
            "SchedulerParameters": "sched_interval=1,bf_interval=1,batch_sched_delay=0", "JobAcctGatherType": "jobacct_gather/none",
            "AccountingStorageType": "accounting_storage/none", "SlurmdParameters": "config_overrides", "JobRequeue": 0, "MessageTimeout": 3,
        }  # fmt: skip
        lines = [f"{name}={value}" for name, value in settings.items()]
        lines.append(f"NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=8000 State=UNKNOWN")
        lines.append(f"PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP DefMemPerCPU=100")
        self.conf.write_text("\n".join(lines) + "\n")

    def start(self, name: str, *argv: str) -> None:
        environment = dict(os.environ, SLURM_CONF=str(self.conf))
        with (self.root / f"{name}.out").open("ab") as output:
            self.daemons[name] = subprocess.Popen(
                [program(name), *argv],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def start_all(self) -> None:
        munge = self.root / "munge"
        options = [
            f"--{what}={munge / what.removesuffix('-file')}" for what in ("socket", "key-file", "pid-file", "log-file", "seed-file")
        ]
        self.start("munged", "--foreground", "--force", *options)
        self.wait(lambda: (munge / "socket").exists())
        self.start_controller()
        self.start("slurmd", "-D", "-f", str(self.conf))
        self.wait(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T"))

    def start_controller(self) -> None:
        # A killed controller forgets its last job numbers, and slurmd drains a node that is given one twice: count on from elsewhere.
        lines = [line for line in self.conf.read_text().splitlines() if not line.startswith("FirstJobId=")]
        self.conf.write_text("\n".join([*lines, f"FirstJobId={self.first_job}"]) + "\n")
        self.first_job += 1000
        self.start("slurmctld", "-D", "-f", str(self.conf))
        self.wait(lambda: "UP" in self.ask("scontrol", "ping"))

    def resume(self) -> None:
        """Begin with a usable node, whatever the test before did to it; a killed controller may list finished jobs as running."""
        self.ask("scancel", "--me")
        if self.is_out():
            self.ask("scontrol", "update", f"nodename={os.uname().nodename}", "state=resume")
            self.wait(lambda: not self.is_out())

    def is_out(self) -> bool:
        state = self.ask("sinfo", "-h", "-o", "%T")
        return "down" in state or "drain" in state

    def kill(self, name: str) -> None:
        daemon = self.daemons.pop(name)
        daemon.kill()
        daemon.wait()

    def ask(self, *argv: str) -> str:
        environment = dict(os.environ, SLURM_CONF=str(self.conf))
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=30, check=False)
        return done.stdout

    def wait(self, is_true: Callable[[], bool], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not is_true():
            assert time.monotonic() < deadline, [path.read_text()[-800:] for path in self.root.glob("*.*o*") if path.is_file()]
            time.sleep(0.1)

    def stop(self) -> None:
        for name in ("slurmd", "slurmctld", "munged"):
            if name in self.daemons:
                daemon = self.daemons.pop(name)
                daemon.send_signal(signal.SIGTERM)
                try:
                    daemon.wait(10)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()
