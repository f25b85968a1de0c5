"""The owner of one run: starts the tool's stages, watches time, memory, disk and silence, and leaves `rc.json` behind.

It lives in a session of its own and needs nobody: `dse` may crash, log out or lose the network meanwhile. All it knows is in the
job's directory (`job.json`), all it has to say is written there:

    identity.json   pid, start time, boot, token, host: linked into place, so that of two shims on one directory one goes home
    log, log.1 ...  what the tool printed, head and tail, never more than the job allows
    beat.json       stage, seconds, memory, log size, every few seconds
    rc.json         how it ended; written last, by rename

Also runs on other hosts, where Python may be as old as 3.6: standard library only, no newer syntax.
"""

import contextlib
import ctypes
import errno
import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path

from . import logfile, process  # relative, because the archive for other hosts carries this package under another name

# A vendor's script may end with status 1 although it works: that is said, and the tool is tried all the same.
SETUP = '. "$1" >/dev/null || echo "dse: $1 ended with status $?" >&2; shift; exec "$@"'
GONE_LOOKS = 3  # so often in a row the job's directory is not there, until it counts as moved or deleted
PR_SET_CHILD_SUBREAPER = 36
TERM_GRACE_SECONDS = 5.0
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Shim:
    """One run. `verdict` tells why it ended: done, or what the shim itself put an end to."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory = Path(os.path.abspath(str(directory)))  # noqa: PTH100  resolve() would follow links
        self.job = json.loads((directory / "job.json").read_text(encoding="utf-8"))
        self.verdict = ""
        self.stopped = False
        self.peak_bytes = self.leftovers = 0
        self.stages = []  # type: list[dict[str, object]]
        self.began = time.monotonic()

    def claim(self) -> bool:
        """Make this directory ours; False if another shim was first."""
        mine = self.directory / f"identity.{os.getpid()}"
        logfile.write_json(mine, process.identify(os.getpid(), self.job["token"]))
        try:
            os.link(str(mine), str(self.directory / "identity.json"))
        except FileExistsError:
            return False
        finally:
            mine.unlink()
        self.inode = (self.directory / "identity.json").stat().st_ino
        return True

    def is_at_home(self) -> bool:
        """Whether the directory is still there, and ours."""
        try:
            return (self.directory / "identity.json").stat().st_ino == self.inode
        except OSError:
            return False

    def run(self) -> None:
        """Run the stages in order until one does not succeed, then say so."""
        with contextlib.suppress(Exception):  # an old kernel: setsid'ed grandchildren are then found by their token only
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        for name in (signal.SIGINT, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._on_term)
        os.nice(int(self.job.get("nice", 0)))
        reserve = self.directory / "reserve"
        with contextlib.suppress(OSError):
            reserve.write_bytes(b"\0" * 65536)  # so that rc.json still fits on a full disk
        self.log = logfile.Log(self.directory, int(self.job.get("log_bytes", 1 << 26)))
        for stage in self.job["stages"]:
            self._run_stage(stage)
            if self.verdict or self.stages[-1]["rc"] != 0:
                break
        self.log.file.close()
        with contextlib.suppress(OSError):
            reserve.unlink()
        self._conclude()

    def _conclude(self) -> None:
        ending = {
            "verdict": self.verdict or "done", "stages": self.stages, "seconds": time.monotonic() - self.began,
            "peak_memory_bytes": self.peak_bytes, "leftovers": self.leftovers, "log_bytes": self.log.total,
            "host": os.uname().nodename,
        }  # type: dict[str, object]  # fmt: skip
        while True:
            try:
                return logfile.write_json(self.directory / "rc.json", ending, durable=True)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT) or self.stopped:
                    return None  # there is no directory any more to leave a word in
                time.sleep(5)

    def _on_term(self, *_: object) -> None:
        self.stopped = True

    def _run_stage(self, stage: "dict[str, object]") -> None:
        began, cwd = time.monotonic(), self.directory / str(stage["cwd"])
        record = {"name": stage["name"], "rc": None, "signal": None, "seconds": 0.0}  # type: dict[str, object]
        self.stages.append(record)
        for name, text in dict(stage.get("files", {})).items():  # type: ignore[call-overload]
            (cwd / name).write_text(text, encoding="utf-8")
        argv = [str(word) for word in stage["argv"]]  # type: ignore[attr-defined]
        if self.job.get("setup"):
            argv = ["bash", "-c", SETUP, "bash", str(self.job["setup"]), *argv]
        read_end, write_end = os.pipe()
        try:
            tool = subprocess.Popen(argv, cwd=str(cwd), env=self._environment(), stdin=subprocess.DEVNULL, stdout=write_end,
                                    stderr=write_end, start_new_session=True)  # fmt: skip
        except OSError as error:
            self.verdict = "missing"
            self.log.write(f"dse: cannot start {argv[0]}: {error}\n".encode())
            os.close(read_end)
            return
        finally:
            os.close(write_end)
        status = Watch(self, str(stage["name"]), tool.pid, read_end).until_end()
        self.leftovers += self._sweep()
        _drain(read_end, self)
        os.close(read_end)
        tool.returncode = 0  # waited for by the watch, which also reaps orphans
        record["seconds"] = time.monotonic() - began
        if status is not None and os.WIFEXITED(status):
            record["rc"] = os.WEXITSTATUS(status)
        elif status is not None:
            record["signal"] = os.WTERMSIG(status)
            record["rc"] = 128 + os.WTERMSIG(status)

    def _environment(self) -> "dict[str, str]":
        names = self.job.get("pass_environment", [])
        chosen = {name: value for name, value in os.environ.items()
                  if any(name == wish or (wish.endswith("*") and name.startswith(wish[:-1])) for wish in names)}  # fmt: skip
        chosen.update(self.job.get("environment", {}))
        chosen[process.TOKEN] = self.job["token"]
        scratch = self.directory / "tmp"
        scratch.mkdir(exist_ok=True)
        chosen["TMPDIR"] = str(scratch)
        return chosen

    def relatives(self) -> "dict[int, tuple[int, int, int]]":
        """Return all processes of this job but the shim."""
        return process.descendants(os.getpid())

    def _sweep(self) -> int:
        """Kill whatever the stage left behind; return how many there were."""
        first = set(self.relatives()) | set(process.bearers(self.job["token"])) - {os.getpid()}
        deadline = time.monotonic() + self.job.get("grace_seconds", TERM_GRACE_SECONDS)
        left = first
        while left:
            name = signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL
            for pid in left:
                process.send(pid, name)
            time.sleep(0.02)
            reap()
            left = set(self.relatives()) | set(process.bearers(self.job["token"])) - {os.getpid()}
            if time.monotonic() > deadline + 10:
                break
        reap()
        return len(first)


def reap() -> "dict[int, int]":
    """Collect all children that ended: pid -> wait status. As subreaper we get the orphans, too."""
    ended = {}  # type: dict[int, int]
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = status


def _drain(descriptor: int, shim: Shim) -> None:
    while select.select([descriptor], [], [], 0)[0]:
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            return
        with contextlib.suppress(OSError):
            shim.log.write(chunk)


class Watch:
    """Follows one stage to its end and ends it when a limit is reached."""

    def __init__(self, shim: Shim, stage: str, pid: int, descriptor: int) -> None:
        self.shim, self.stage, self.pid, self.descriptor = shim, stage, pid, descriptor
        self.began = self.stirred = time.monotonic()
        self.looked = self.began - 60
        self.activity = (-1, -1)
        self.n_gone = 0
        self.memory = 0

    def until_end(self) -> "int | None":
        """Return the tool's wait status, None if it was killed so that no status is its own."""
        is_open = True
        while True:
            if is_open:
                is_open = self._read()
            else:
                time.sleep(0.05)
            ended = reap()
            if self.pid in ended:
                return ended[self.pid]
            now = time.monotonic()
            if now - self.looked >= min(2.0, 0.1 + (now - self.began) / 20):
                self.looked = now
                self._look(now)
            if self.shim.stopped and not self.shim.verdict:
                self.shim.verdict = "cancelled" if (self.shim.directory / "cancel").exists() else "terminated"
            if self.shim.verdict:
                return None  # the sweep that follows kills it with all its kin

    def _read(self) -> bool:
        if not select.select([self.descriptor], [], [], 0.1)[0]:
            return True
        chunk = os.read(self.descriptor, 1 << 16)
        try:
            self.shim.log.write(chunk)
        except OSError:
            self.shim.verdict = "disk"
        return bool(chunk)

    def _look(self, now: float) -> None:
        shim, job = self.shim, self.shim.job
        kin = shim.relatives()
        self.memory = process.memory_bytes(list(kin))
        shim.peak_bytes = max(shim.peak_bytes, self.memory)
        # A second of CPU an hour is no life: the tool's launchers poll.
        activity = (shim.log.total, sum(known[2] for known in kin.values()) // (2 * TICKS_PER_SECOND))
        if activity != self.activity:
            self.activity, self.stirred = activity, now
        if self.memory > job.get("memory_limit_bytes", float("inf")):
            shim.verdict = "memory"
        elif now - shim.began > job.get("timeout_seconds", float("inf")):
            shim.verdict = "timeout"
        elif now - self.stirred > job.get("hang_seconds", float("inf")):
            shim.verdict = "hang"
        self.n_gone = 0 if shim.is_at_home() else self.n_gone + 1
        if self.n_gone >= GONE_LOOKS:
            shim.verdict = "gone"
        with contextlib.suppress(OSError):
            space = os.statvfs(str(shim.directory))
            if space.f_bavail * space.f_frsize < job.get("disk_reserve_bytes", 0):
                shim.verdict = "disk"
        with contextlib.suppress(OSError):
            logfile.write_json(shim.directory / "beat.json", {
                "stage": self.stage, "seconds": now - shim.began, "memory_bytes": self.memory,
                "peak_memory_bytes": shim.peak_bytes, "log_bytes": shim.log.total,
            })  # fmt: skip


def main(directory: Path, detach: bool) -> int:
    """Run the job in `directory`; detached, return once the shim is on its own feet."""
    os.umask(0o077)
    shim = Shim(directory)
    if detach:
        read_end, write_end = os.pipe()
        if os.fork():
            os.close(write_end)
            os.read(read_end, 1)  # until the child has its identity, or died
            return 0
        os.close(read_end)
        os.setsid()
    if not shim.claim():
        return 0
    if detach:
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        os.close(write_end)
    shim.run()
    return 0
