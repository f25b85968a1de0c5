"""What all places that run a real tool may be told in `[backend]`, and the job document that a shim gets of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from dse.design import Fidelity, Toolchain
from dse.errors import SpecError
from dse.execution.jobdir import Attempt
from dse.execution.toolchain import PASS_ENVIRONMENT, PLAIN_ENVIRONMENT, PROGRAMS, stages
from dse.synth_backends.base import harmless, never_run

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class ToolOptions:
    """Keys of `[backend]` that local, ssh and slurm share.

    Attributes:
        tool: the tool's program; "" looks for it in the environment and on PATH (after `setup`).
        setup: a script to source first, e.g. settings64.sh; "" for none.
        fidelity: csynth, or vsynth to go on with logic synthesis.
        cosim: also run C/RTL co-simulation.
        timeout_minutes: longest time of one job, all stages.
        hang_minutes: no output and no CPU for so long means that the tool hangs.
        memory_gb: most memory of one job (GiB); a job starts only if its host has as much. None means no limit.
        licences: most jobs at once over all hosts; None means as many as there are slots.
        licence_hours: how long to wait for a licence while no job gets one; then the campaign stops, to be resumed.
        disk_reserve_gb: free disk below which nothing starts and running jobs end.
        log_mb: most of a log that is kept.
        nice: of the tool's processes.
        environment: names of further environment variables that the tool may read.
        keep_projects: keep projects and the tool's files once a job is done; reports and logs are always kept.
        generators: worker processes that write projects.
        unreachable_minutes: silence after which a host's jobs are given to another one.
        grace_seconds: between asking a process to end and killing it.
    """

    tool: str = harmless("", *PROGRAMS)
    setup: str = ""
    fidelity: Literal["csynth", "vsynth"] = "csynth"
    cosim: bool = False
    timeout_minutes: float = 720.0
    hang_minutes: float = 20.0
    memory_gb: float | None = None
    licences: int | None = None
    licence_hours: float = 24.0
    disk_reserve_gb: float = 2.0
    log_mb: float = 64.0
    nice: int = 5
    environment: tuple[str, ...] = never_run(())
    keep_projects: bool = False
    generators: int = 1
    unreachable_minutes: float = 120.0
    grace_seconds: float = 5.0

    def __post_init__(self) -> None:
        for name in ("timeout_minutes", "hang_minutes", "log_mb", "unreachable_minutes", "licence_hours"):
            if not getattr(self, name) > 0:
                raise SpecError(f"backend.{name}: got {getattr(self, name)!r}, expected a number > 0.")
        for name, least in (
            ("memory_gb", 0.01),
            ("licences", 1),
            ("disk_reserve_gb", 0),
            ("grace_seconds", 0),
            ("nice", 0),
            ("generators", 1),
        ):
            value = getattr(self, name)
            if value is not None and value < least:
                raise SpecError(f"backend.{name}: got {value!r}, expected at least {least}.")
        for name in ("tool", "setup"):
            if any(character in getattr(self, name) for character in "\0\n"):
                raise SpecError(f"backend.{name}: got {getattr(self, name)!r}, expected a path.")

    def memory_bytes(self, attempt: Attempt | None = None) -> int | None:
        """Return the memory limit of an attempt, None if there is none."""
        factor = attempt.memory_factor if attempt else 1.0
        return None if self.memory_gb is None else int(self.memory_gb * factor * GIB)

    def document(self, attempt: Attempt, toolchain: Toolchain, tool: str) -> bytes:
        """Return what the shim is told of one attempt, as JSON."""
        job: dict[str, object] = {
            "token": attempt.token,
            "stages": stages(toolchain, tool, Fidelity(self.fidelity), self.cosim),
            "setup": self.setup,
            "pass_environment": [*PASS_ENVIRONMENT, *self.environment],
            "environment": PLAIN_ENVIRONMENT,
            "timeout_seconds": 60.0 * self.timeout_minutes,
            "hang_seconds": 60.0 * self.hang_minutes,
            "disk_reserve_bytes": int(self.disk_reserve_gb * GIB / 2),  # half: what starts below the reserve could not go on
            "log_bytes": int(self.log_mb * (1 << 20)),
            "nice": self.nice,
            "grace_seconds": self.grace_seconds,
        }
        if (limit := self.memory_bytes(attempt)) is not None:
            job["memory_limit_bytes"] = limit
        return json.dumps(job, indent=1).encode()
