"""Processes that run what `dse` itself must not: other people's models, heavy libraries, generated C++.

A worker is an interpreter of its own in a session of its own, asked and answering by JSON lines. It gets limits, a clean environment and
no network, is ended when it is late, and leaves an obituary when it dies. It ends with its parent: what has to outlive `dse` is a
job of `dse.execution`.
"""

from __future__ import annotations

from dse.workers.process import DIED, LATE, Limits, Program, Worker, ask_once

__all__ = ["DIED", "LATE", "Limits", "Program", "Worker", "ask_once"]
