"""Processes by identity, not by number: a process is itself only with its start time, its boot and our token.

This file, `logfile.py`, `shim.py` and `agent.py` also run on other hosts, where Python may be as old as 3.6: standard library only, no
newer syntax.
"""

import os
import signal
import time
from pathlib import Path

TOKEN = "DSE_JOB_TOKEN"  # the environment variable that marks every process of a job  # noqa: S105
PROC = Path("/proc")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def boot_id() -> str:
    """Return the kernel's name of this boot; a pid of another boot is another process."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def stat(pid: int) -> "tuple[int, int, int] | None":
    """Return (parent pid, start time in clock ticks since boot, clock ticks of CPU used), None if dead or a zombie.

    CPU includes that of children that were waited for.
    """
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    parts = text.rpartition(")")[2].split()  # the name may hold spaces and brackets
    if len(parts) < 20 or parts[0] in "ZX":
        return None
    return int(parts[1]), int(parts[19]), sum(int(number) for number in parts[11:15])


def has_token(pid: int, token: str) -> bool:
    """Whether a process was started with the token in its environment."""
    try:
        environment = (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return (TOKEN + "=" + token).encode() in environment.split(b"\0")


def identify(pid: int, token: str) -> "dict[str, object]":
    """Return what names a living process for good."""
    known = stat(pid)
    return {"pid": pid, "start_time": known[1] if known else 0, "boot_id": boot_id(), "token": token, "host": os.uname().nodename}


def is_alive(identity: "dict[str, object]") -> bool:
    """Whether the very process that the identity names still runs on this host."""
    pid = identity.get("pid")
    if not isinstance(pid, int) or identity.get("boot_id") != boot_id():
        return False
    known = stat(pid)
    return known is not None and known[1] == identity.get("start_time") and has_token(pid, str(identity.get("token")))


def everybody() -> "dict[int, tuple[int, int, int]]":
    """Return pid -> `stat` of all living processes."""
    found = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            known = stat(int(entry.name))
            if known is not None:
                found[int(entry.name)] = known
    return found


def descendants(root: int) -> "dict[int, tuple[int, int, int]]":
    """Return pid -> `stat` of all processes below `root`."""
    alive = everybody()
    found = {}  # type: dict[int, tuple[int, int, int]]
    border = {root}
    while border:
        border = {pid for pid, known in alive.items() if known[0] in border and pid not in found and pid != root}
        found.update((pid, alive[pid]) for pid in border)
    return found


def bearers(token: str) -> "list[int]":
    """Return the pids of all living processes that carry the token, whoever their parent is by now."""
    return [pid for pid in everybody() if has_token(pid, token)]


def memory_bytes(pids: "list[int]") -> int:
    """Return the resident memory of processes; pages they share are counted for each."""
    total = 0
    for pid in pids:
        try:
            total += int((PROC / str(pid) / "statm").read_text().split()[1]) * PAGE_BYTES
        except (OSError, IndexError):
            continue
    return total


def available_memory_bytes() -> int:
    """Return the memory that could be used without swapping."""
    for line in (PROC / "meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def kill_bearers(token: str, grace_seconds: float = 0.0) -> int:
    """Kill all processes that carry the token; TERM first if there is a grace. Returns how many are left alive."""
    own = os.getpid()
    deadline = time.monotonic() + grace_seconds
    name = signal.SIGTERM if grace_seconds > 0 else signal.SIGKILL
    left = [pid for pid in bearers(token) if pid != own]
    for _ in range(200):
        for pid in left:
            send(pid, name)
        if not left:
            break
        time.sleep(0.02)
        if time.monotonic() >= deadline:
            name = signal.SIGKILL
        left = [pid for pid in bearers(token) if pid != own]
        if time.monotonic() > deadline + 3:
            break
    return len(left)


def send(pid: int, name: signal.Signals) -> None:
    """Signal a process; one that is gone already is no error."""
    try:
        os.kill(pid, name)
    except (ProcessLookupError, PermissionError):
        return
