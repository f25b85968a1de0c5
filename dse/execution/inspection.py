"""What is known of an engine's jobs and hosts without running any: for `dse logs`, `dse cancel`, `--watch` and `dse doctor`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from dse.errors import DseError
from dse.execution.host_state import HostState
from dse.execution.jobdir import BEAT, IDENTITY, LOGS, JobFolder, job_folders, read_json, read_log
from dse.execution.phases import estimate_remaining, read_phase
from dse.execution.settings import GIB, ToolOptions
from dse.synth_backends.base import Finding, KnownJob, Progress

SILENT_SECONDS = 60.0  # a shim writes its beat every few seconds
TAIL_BYTES = 16_384


def known_jobs(work: Path) -> Iterator[KnownJob]:
    """Yield the jobs of a work directory that were started."""
    for folder in job_folders(work):
        last = folder.load().last
        if last is None:
            continue
        attempt = folder.attempt(last.number)
        identity = read_json(attempt / IDENTITY) or {}
        process = f"{identity['host']}, pid {identity['pid']}" if {"host", "pid"} <= identity.keys() else ""
        has_log = any((attempt / name).exists() for name in LOGS)
        yield KnownJob(folder.key, last.number, last.place, last.is_open, process, has_log)


def glance(folder: JobFolder, past_seconds: Sequence[float]) -> Progress:
    """Return where a job stands, as far as its files on this machine tell."""
    last = None
    with suppress(DseError):
        last = folder.load().last
    if last is None or not last.is_open:
        return Progress(folder.key, "queued")
    attempt = folder.attempt(last.number)
    beat = read_json(attempt / BEAT)
    if beat is None:  # on another machine, or only just handed over
        return Progress(folder.key, "running", host=last.place)
    age = _age(attempt / BEAT)
    seconds, used = beat.get("seconds"), beat.get("memory_bytes")
    elapsed = seconds + age if isinstance(seconds, int | float) else None
    is_silent = age > SILENT_SECONDS
    return Progress(
        key=folder.key,
        state="waiting" if is_silent else "running",
        host=last.place,
        phase=read_phase(read_log(attempt, TAIL_BYTES)[-TAIL_BYTES:]) or str(beat.get("stage", "")),
        elapsed_seconds=elapsed,
        eta_seconds=None if elapsed is None else estimate_remaining(elapsed, past_seconds),
        memory_bytes=used if isinstance(used, int) else None,
        message=f"silent for {age / 60:.0f} m" if is_silent else "",
    )


def _age(path: Path) -> float:
    """Return seconds since a file was written; 0 if it went away meanwhile."""
    with suppress(OSError):
        return max(0.0, time.time() - path.stat().st_mtime)
    return 0.0


def options_health(hosts: Sequence[HostState], options: ToolOptions, n_slots: int) -> Iterator[Finding]:
    """Say what the options alone tell."""
    if options.memory_gb is None:
        yield Finding("warn", "memory limit", "none set: one synthesis may take all memory", "set backend.memory_gb")
    offered = sum(host.place.slots for host in hosts)
    if offered > n_slots:
        yield Finding("warn", "slots", f"the hosts offer {offered}, the campaign uses {n_slots}", f"set backend.slots = {offered}")


def host_health(host: HostState, options: ToolOptions) -> Iterator[Finding]:
    """Say what a probe found of one host."""
    name, facts = host.name, host.facts
    if facts is None or host.error is not None:
        yield Finding("fail", name, str(host.error or host.silence or "no answer"))
    else:
        assert host.tool is not None
        yield Finding("ok", name, f"{host.tool.path}: {host.tool.banner or '(does not say its version)'}")
    if facts is None:
        return
    free, needed, jobs = facts.memory_bytes, options.memory_bytes(), host.place.slots
    memory = f"{free / GIB:.1f} GiB of memory free, {facts.cores} cores, {jobs} job{'s' if jobs != 1 else ''} at once"
    too_little = needed is not None and needed * jobs > free
    fix = "lower slots or backend.memory_gb; jobs wait for memory meanwhile" if too_little else ""
    yield Finding("warn" if too_little else "ok", f"{name} memory", memory, fix)
    is_full = facts.disk_bytes < options.disk_reserve_gb * GIB
    fix = "make room there, or lower backend.disk_reserve_gb" if is_full else ""
    yield Finding("fail" if is_full else "ok", f"{name} disk", f"{facts.disk_bytes / GIB:.1f} GiB free", fix)
