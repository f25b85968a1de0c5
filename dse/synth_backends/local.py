"""Runs the tool on this machine."""

from __future__ import annotations

from dataclasses import dataclass

from dse.execution.engine import Engine
from dse.execution.host_state import AtOnce
from dse.execution.hosts import LocalHost
from dse.execution.places import Machine
from dse.execution.settings import ToolOptions
from dse.synth_backends.base import Site


@dataclass(frozen=True, slots=True)
class Options(ToolOptions):
    """Keys of `[backend]` for `kind = "local"`; see `ToolOptions`."""


def create(options: Options, site: Site) -> Engine:
    """Return the backend; nothing is started before the first job is wanted."""
    place = Machine(LocalHost(site.work), site.slots)
    return Engine(site, options, "local", [(place, AtOnce())])
