"""What `dse nas run --json` streams, and what Ctrl-C does."""

from __future__ import annotations

import sys
from typing import Any

from dse.commands.output import print_event
from dse.nas.following import Follower
from dse.nas.records import Candidate

STOPPING = "stopping after the running trainings; Ctrl-C again ends them"
CANCELLING = "ending the running trainings; they are asked again"


class JsonLines(Follower):
    """One JSON event a line on stdout."""

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()

    def asked(self, candidate: Candidate) -> None:
        print_line(
            {"event": "asked", "number": candidate.number, "architecture": str(candidate.architecture), "cost": candidate.cost}
        )

    def epoch(self, number: int, curve: tuple[float, ...]) -> None:
        print_line({"event": "epoch", "number": number, "epoch": len(curve), "error": curve[-1]})

    def finished(self, candidate: Candidate, candidates: tuple[Candidate, ...]) -> None:
        facts = {"error": candidate.error, "test_error": candidate.test_error, "reason": candidate.reason}
        print_line({"event": "finished", "number": candidate.number, "outcome": candidate.outcome.value, **facts})

    def stopped(self, reason: str) -> None:
        print_line({"event": "stopped", "reason": reason})


def print_line(document: dict[str, Any]) -> None:
    """Print one event of `--json`."""
    print_event("nas_run", document)
