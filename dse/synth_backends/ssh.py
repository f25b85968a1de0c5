"""Runs the tool on other machines over OpenSSH."""

from __future__ import annotations

from dataclasses import dataclass

from dse.errors import SpecError
from dse.execution.engine import Engine
from dse.execution.host_state import Executor, InThread
from dse.execution.hosts import SshHost, campaign_root
from dse.execution.places import Machine, Place
from dse.execution.settings import ToolOptions
from dse.execution.ssh_client import SshClient
from dse.synth_backends.base import Site, never_run


@dataclass(frozen=True, slots=True)
class RemoteHost:
    """One of `hosts`: a name or an alias of your SSH configuration, and how many jobs it takes at once."""

    host: str = never_run()
    slots: int = 1

    def __post_init__(self) -> None:
        if self.slots < 1:
            raise SpecError(f"backend.hosts: {self.host}: got {self.slots} slots, expected at least 1.")


@dataclass(frozen=True, slots=True)
class Options(ToolOptions):
    """Keys of `[backend]` for `kind = "ssh"`; see also `ToolOptions`.

    Attributes:
        hosts: where jobs may run, e.g. `[{host = "lab3", slots = 2}]`; login, port and keys are your SSH configuration's.
        work: directory there, relative to the home unless absolute.
        python: Python there, 3.6 or later.
        ssh_config: an SSH configuration file to use instead of your own.
        connect_seconds, keepalive_seconds: patience for a connection; a peer is given up after three silent intervals.
    """

    hosts: tuple[RemoteHost, ...] = ()
    work: str = never_run(".dse")
    python: str = "python3"
    ssh_config: str = ""
    connect_seconds: int = 30
    keepalive_seconds: int = 15

    def __post_init__(self) -> None:
        super(Options, self).__post_init__()
        names = [entry.host for entry in self.hosts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SpecError(f"backend.hosts: {twice[0]!r} is listed more than once.")


def create(options: Options, site: Site) -> Engine:
    """Return the backend; no host is spoken to before the first job is wanted.

    Raises:
        SpecError: no hosts, or a name that is no host's.
    """
    if not options.hosts:
        raise SpecError('backend.hosts: got none, expected e.g. hosts = [{host = "lab3", slots = 2}].')
    places: list[tuple[Place, Executor]] = []
    for entry in options.hosts:
        client = SshClient(
            entry.host,
            config=options.ssh_config,
            python=options.python,
            connect_seconds=options.connect_seconds,
            keepalive_seconds=options.keepalive_seconds,
        )
        host = SshHost(client, campaign_root(options.work, site.campaign, site.work))
        places.append((Machine(host, entry.slots), InThread(entry.host)))
    return Engine(site, options, "ssh", places)
