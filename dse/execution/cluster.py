"""Slurm as a place: `sbatch` gives it a job, `squeue` says what it thinks of it, and only what the shim wrote is believed.

Three ways to lose a job are met here. `sbatch` may accept a job and answer with an error: jobs are looked up by name before they are
submitted again, and should two of one name run all the same, the second shim finds the first one's identity and goes home. The
controller may forget a job: unknown to Slurm, silent and without an ending for some minutes, it counts as lost. And Slurm may end it:
then there is no ending either, and what `sacct` or `scontrol` says is noted as a hint.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dse.errors import BackendError, SpecError
from dse.execution.hosts import Host
from dse.execution.places import Facts, Machine, Ref, Sighting, Survey
from dse.execution.process import TOKEN
from dse.execution.ssh_client import HostRefused

_WORD = re.compile(r"[A-Za-z0-9_.,:@&|*()\[\]-]*")
_SQUEUE = ["squeue", "--me", "-h", "-t", "all", "-o", "%i|%j|%T|%r|%N"]
_REFUSAL = re.compile(
    r"(?i)invalid|not available|violates|unrecognized|denied|exceeds|no such"
)  # anything else is settled by looking
WAITING = ("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "RESIZING", "SUSPENDED")
NEVER_ACCEPTED_SECONDS = 30.0
AFTER_END_SECONDS = 5.0
LIVELY = (*WAITING, "RUNNING", "COMPLETING", "STAGE_OUT", "SIGNALING")


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What `sbatch` is told; see `dse.synth_backends.slurm.Options`."""

    campaign: str
    python: str = "python3"
    minutes: float = 60.0
    memory_gb: float | None = None
    lost_seconds: float = 300.0
    licence: str = ""
    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    cores: int = 1

    def __post_init__(self) -> None:
        for name in ("licence", "partition", "account", "qos", "constraint"):
            word = getattr(self, name)
            if not _WORD.fullmatch(word) or word.startswith("-"):
                raise SpecError(f"backend.{name}: got {word!r}, expected a plain word for sbatch.")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of `squeue`."""

    number: str
    name: str
    state: str
    reason: str
    nodes: str


class SlurmCluster(Machine):
    """A scheduler, seen from a host whose file system the nodes share."""

    def __init__(self, host: Host, slots: int, options: ClusterOptions, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(host, slots)
        self.options, self.now = options, now
        self._unknown_since: dict[Ref, float] = {}

    def probe(self, tools: list[str], variables: list[str], setup: str) -> Facts:
        """The tool may be installed on the nodes only: where it is not found here, the nodes are left to find it."""
        facts = super().probe(tools, variables, setup)
        if self.host.ask("batch", argv=["sbatch", "--version"]).get("rc") != 0:
            raise BackendError(f"{self.name}: no sbatch on PATH there. Set backend.login to a host that submits to Slurm.")
        facts = replace(facts, memory_bytes=0)  # this host's; that of the nodes is Slurm's to count
        return facts if facts.tool else replace(facts, tool=tools[0], banner="")

    def job_name(self, ref: Ref) -> str:
        """Return the name by which a job is found again."""
        return f"dse-{self.options.campaign}-{ref.key[:16]}-{ref.token[:8]}"

    def submit(self, ref: Ref, project: Path, job: bytes) -> None:
        """Hand over unless Slurm knows the name already; an error of `sbatch` is no proof that it was refused."""
        self.host.put(ref.directory, project, job)
        agent, name = self.host.agent(), self.job_name(ref)
        if any(entry.name == name and entry.state in LIVELY for entry in _entries(self.host.ask("batch", argv=_SQUEUE))):
            return
        reply = self.host.ask("batch", argv=self._sbatch(ref, agent))
        error = str(reply.get("error")).strip()
        if reply.get("rc") not in (0, None) and _REFUSAL.search(error):
            raise HostRefused(f"{self.name}: sbatch refused the job: {error[-300:]}")

    def _sbatch(self, ref: Ref, agent: str) -> list[str]:
        options = self.options
        argv = ["sbatch", "--parsable", "--no-requeue", f"--job-name={self.job_name(ref)}", f"--cpus-per-task={options.cores}"]
        argv += [f"--time={max(1, round(options.minutes))}", f"--output={ref.directory}/slurm.out"]
        if options.memory_gb is not None:
            # Slurm's bound is the outer one: the shim's own watchdog speaks first, and says why.
            argv.append(f"--mem={round(options.memory_gb * 2 * 1024) + 64}M")
        named = {"licenses": options.licence, "partition": options.partition, "account": options.account, "qos": options.qos}
        argv += [f"--{name}={word}" for name, word in {**named, "constraint": options.constraint}.items() if word]
        python, agent, directory = (shlex.quote(word) for word in (options.python, agent, ref.directory))
        # exec, so that the shim itself gets Slurm's signals; env, so that its token can be read from outside.
        return [*argv, "--wrap", f"exec env {TOKEN}={ref.token} {python} -I -S {agent} run {directory} --stay"]

    def survey(self, refs: Sequence[Ref]) -> Survey:
        found = self.host.ask("survey", root=self.root, directories=[ref.directory for ref in refs], queue=_SQUEUE)
        survey = self._read(found, refs)
        queue = found.get("queue")
        answer = queue if isinstance(queue, dict) else {}
        known = {entry.name: entry for entry in _entries(answer)} if answer.get("rc") == 0 else None
        judged = {ref: self._judge(ref, seen, known) for ref, seen in survey.sightings.items()}
        return replace(survey, sightings=judged, memory_bytes=None)

    def _judge(self, ref: Ref, seen: Sighting, known: dict[str, Entry] | None) -> Sighting:
        """Put the scheduler's hint beside what the files say."""
        entry = None if known is None else known.get(self.job_name(ref))
        is_fresh = seen.state == "fresh"
        if seen.state in ("ended", "absent"):
            self._unknown_since.pop(ref, None)
            return seen
        if known is None:  # no answer from the controller: nothing can be concluded
            return replace(seen, state="queued" if is_fresh else "running", reason="Slurm's controller does not answer")
        if entry is None or entry.state not in LIVELY:
            return self._unknown(ref, seen)
        self._unknown_since.pop(ref, None)
        if is_fresh:
            reason = f"Slurm: {entry.state.lower()}" + (f" ({entry.reason})" if entry.reason not in ("", "None") else "")
            return replace(seen, state="queued", reason=reason)
        return replace(seen, state="running", hint=entry.state)

    def _unknown(self, ref: Ref, seen: Sighting) -> Sighting:
        """The controller answers, and does not know the job (any more)."""
        waited = self.now() - self._unknown_since.setdefault(ref, self.now())
        patience, hint = self.options.lost_seconds, self._hint(ref)
        is_fresh = seen.state == "fresh"
        if is_fresh and hint and hint not in LIVELY:
            return replace(seen, state="gone", hint=hint)
        if is_fresh and waited > min(NEVER_ACCEPTED_SECONDS, patience):
            self._unknown_since.pop(ref, None)
            return seen  # to be submitted again
        is_silent = seen.silent_seconds is None or seen.silent_seconds > patience
        has_ended = bool(hint) and hint not in (*LIVELY, "COMPLETED") and waited > min(AFTER_END_SECONDS, patience)
        if not is_fresh and (has_ended or (waited > patience and is_silent)):
            return replace(seen, state="gone", hint=hint)
        reason = "unknown to Slurm; waiting for a word of the job"
        return replace(seen, state="queued" if is_fresh else "running", reason=reason)

    def _hint(self, ref: Ref) -> str:
        """Return what Slurm's memory says of a job that is no longer queued, "" if nothing."""
        name = self.job_name(ref)
        reply = self.host.ask("batch", argv=["sacct", "-n", "-X", "-P", "-S", "now-30days", f"--name={name}", "--format=State"])
        words = str(reply.get("out", "")).split() if reply.get("rc") == 0 else []
        if words:
            return words[-1][:40]
        reply = self.host.ask("batch", argv=["scontrol", "-o", "show", "jobs"])
        for line in str(reply.get("out", "")).splitlines():
            if f"JobName={name} " in line and (match := re.search(r"JobState=(\w+)", line)):
                return match.group(1)
        return ""

    def stop(self, ref: Ref, hard: bool) -> int:
        name = f"--name={self.job_name(ref)}"
        left = super().stop(ref, hard)
        signals = [["--signal=KILL", "--full"], []] if hard else [["--signal=TERM", "--batch", "--state=RUNNING"]]
        for options in (["--state=PENDING"], *signals):
            self.host.ask("batch", argv=["scancel", name, *options])
        return left


def _entries(reply: dict[str, Any]) -> list[Entry]:
    lines = str(reply.get("out", "")).splitlines()
    return [Entry(*parts) for line in lines if len(parts := line.strip().split("|")) == 5]
