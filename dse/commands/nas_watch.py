"""What `dse nas run` shows while it works: a line per change, and what Ctrl-C does."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from dse.commands.output import clean, console, number
from dse.nas.records import Candidate, front_of
from dse.nas.spec import NasSpec
from dse.view.nas_page import sparkline

STOPPING = "stopping after the running trainings; Ctrl-C again leaves"
CANCELLING = "leaving; trainings in flight are asked again"


class JsonLines:
    """One JSON event a line on stdout."""

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
    sys.stdout.write(json.dumps({"schema": "dse.nas_run/1", **document}, ensure_ascii=False) + "\n")
    sys.stdout.flush()


class Lines:
    """One line per change, and on a terminal one more with the trainings under way."""

    def __init__(self, spec: NasSpec, page: Callable[[tuple[Candidate, ...]], None], *, plain: bool = False) -> None:
        self._page = page
        self._spec, self._out = spec, console(plain=plain)
        self._is_live = sys.stdout.isatty() and not plain
        self._curves: dict[int, tuple[float, ...]] = {}
        self._write_page_at = 0.0

    def asked(self, candidate: Candidate) -> None:
        cost = candidate.cost or {}
        self._print(
            f"#{candidate.number} training {candidate.architecture}: {number(cost.get('workload'))} multiplications,"
            f" device cost {number(cost.get('device_cost'), 4)} ({1000 * candidate.cost_seconds:.0f} ms)"
        )

    def epoch(self, number: int, curve: tuple[float, ...]) -> None:
        self._curves[number] = curve
        if self._is_live:
            parts = [f"#{n} {sparkline(c)} {c[-1]:.4g} epoch {len(c)}" for n, c in self._curves.items()]
            sys.stdout.write("\r\x1b[2K" + "   ".join(parts)[:150])
            sys.stdout.flush()

    def finished(self, candidate: Candidate, candidates: tuple[Candidate, ...]) -> None:
        self._curves.pop(candidate.number, None)
        best = front_of(candidates, self._spec.goals)
        mark = "*" if candidate.number in {other.number for other in best} else " "
        end = "" if candidate.error is None else f" error {candidate.error:.4g}"
        trail = f" {sparkline(candidate.curve)} {len(candidate.curve)} epochs, {number(candidate.seconds, 1)} s, {candidate.reason}"
        self._print(f"#{candidate.number}{mark} {candidate.outcome.value}{end}{trail}; front of {len(best)}")
        if time.monotonic() > self._write_page_at:
            self._page(candidates)
            self._write_page_at = time.monotonic() + 20

    def stopped(self, reason: str) -> None:
        self._print(f"stopped: {reason}")

    def _print(self, text: str) -> None:
        if self._is_live:
            sys.stdout.write("\r\x1b[2K")
        self._out.print(clean(text))
