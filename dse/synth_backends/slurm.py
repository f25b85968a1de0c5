"""Hands the tool's runs to Slurm, here or on a login node over OpenSSH."""

from __future__ import annotations

from dataclasses import dataclass

from dse.errors import SpecError
from dse.execution.cluster import ClusterOptions, SlurmCluster
from dse.execution.engine import Engine
from dse.execution.host_state import InThread
from dse.execution.hosts import Host, LocalHost, SshHost, campaign_root
from dse.execution.settings import ToolOptions
from dse.execution.ssh_client import SshClient
from dse.synth_backends.base import Site, never_run


@dataclass(frozen=True, slots=True)
class Options(ToolOptions):
    """Keys of `[backend]` for `kind = "slurm"`; see also `ToolOptions`.

    Memory and time are asked of Slurm as `--mem` (memory_gb) and `--time` (timeout_minutes and five more).

    Attributes:
        licence: what to count licences by, e.g. "vivado:1" or "vivado@server:1"; given to `sbatch -L`.
        partition, account, qos, constraint: given to `sbatch` if not "".
        cores: per job.
        login: a host to submit from, over SSH; "" submits from here.
        work: directory of the jobs on the login host, on a file system that all nodes see (login only).
        python, ssh_config, connect_seconds, keepalive_seconds: as for `kind = "ssh"`.
        lost_minutes: how long a job may be unknown to Slurm and silent before it counts as lost.
    """

    licence: str = never_run("")
    partition: str = never_run("")
    account: str = never_run("")
    qos: str = never_run("")
    constraint: str = never_run("")
    cores: int = 1
    login: str = never_run("")
    work: str = never_run(".dse")
    python: str = "python3"
    ssh_config: str = ""
    connect_seconds: int = 30
    keepalive_seconds: int = 15
    lost_minutes: float = 5.0

    def __post_init__(self) -> None:
        super(Options, self).__post_init__()
        if self.cores < 1:
            raise SpecError(f"backend.cores: got {self.cores}, expected at least 1.")


def create(options: Options, site: Site) -> Engine:
    """Return the backend; the scheduler is not spoken to before the first job is wanted.

    Raises:
        SpecError: an option that is no word for `sbatch`.
    """
    host: Host = LocalHost(site.work, "slurm")
    if options.login:
        client = SshClient(
            options.login,
            config=options.ssh_config,
            python=options.python,
            connect_seconds=options.connect_seconds,
            keepalive_seconds=options.keepalive_seconds,
        )
        host = SshHost(client, campaign_root(options.work, site.campaign, site.work))
    wishes = {name: getattr(options, name) for name in ("licence", "partition", "account", "qos", "constraint", "cores")}
    cluster = ClusterOptions(
        campaign=site.campaign,
        python=options.python,
        minutes=options.timeout_minutes + 5,
        memory_gb=options.memory_gb,
        lost_seconds=60 * options.lost_minutes,
        **wishes,
    )
    # A thread even for this machine: with its controller away, every command of Slurm takes its time-out.
    place = SlurmCluster(host, site.slots, cluster)
    return Engine(site, options, "slurm", [(place, InThread("slurm"))])
