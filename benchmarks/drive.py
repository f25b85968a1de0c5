"""Lets a search work on a case, one synthesis at a time, and watches when it has found the optimum."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.cases import LATENCY, Case
from dse.goal import Goal, Limit, Objective
from dse.qor import LayerRecord
from dse.search.base import Searcher, Trial, TrialStatus, View

GAPS_AT = (5, 10, 20, 50)


@dataclass(frozen=True, slots=True)
class Run:
    """What a search did on a case.

    Attributes:
        syntheses_to_optimum: when it had a verified design within the tolerance of the optimum; None if it never had.
        syntheses_to_certificate: when it said that it was done; None if it did not.
        certificate_true: whether its best design then was optimal; None without certificate.
        gap_at: (syntheses, how far the best verified design was from the optimum); None where none kept the limit.
        overhead_seconds: wall time of the search's own work per synthesis; the largest is `worst_seconds`.
        overhead_cpu_seconds: its processor time per synthesis, which a busy machine does not change.
    """

    syntheses: int
    syntheses_to_optimum: int | None
    syntheses_to_certificate: int | None
    certificate_true: bool | None
    gap_at: tuple[tuple[int, float | None], ...]
    overhead_seconds: float
    overhead_cpu_seconds: float
    worst_seconds: float
    stop: str | None


def start_view(case: Case, seed: int, transfer: tuple[LayerRecord, ...] = ()) -> View:
    """Return the case as a searcher first sees it: least device cost under the latency limit."""
    recorded = case.recorded
    return View(
        network=recorded.network,
        target=recorded.target,
        space=recorded.space,
        goal=Goal(
            (Objective("device_cost"),), (Limit(LATENCY, case.limit_cycles),), recorded.part, recorded.target.clock_period_ns
        ),
        finished=(),
        pending=(),
        seed=seed,
        transfer=transfer,
    )


def drive(case: Case, searcher: Searcher, start: View, max_syntheses: int) -> Run:
    """Run a search until it stops or has used its syntheses. A search without certificate is left once it has the optimum."""
    finished: list[Trial] = []
    best: float | None = None
    hit: int | None = None
    certified: int | None = None
    history: list[float | None] = []
    seconds: list[float] = []
    cpu = 0.0
    stop: str | None = None
    has_certificate = False
    while len(finished) < max_syntheses:
        view = _grown(start, finished)
        began, busy = time.perf_counter(), time.process_time()
        advice = searcher.propose(view, 1)
        seconds.append(time.perf_counter() - began)
        cpu += time.process_time() - busy
        has_certificate |= advice.certificate is not None
        if not advice.proposals:
            stop = advice.stop
            certified = len(finished) if advice.certificate is not None else None
            break
        point = advice.proposals[0].point
        trial = _evaluate(case, view, len(finished) + 1, advice.proposals[0].proposed_by, point)
        finished.append(trial)
        if view.goal.keeps(trial.outcome):
            cost = view.goal.value(trial.outcome, "device_cost")
            best = cost if best is None or (cost is not None and cost < best) else best
            if hit is None and case.is_optimal(point):
                hit = len(finished)
        history.append(None if best is None else best / case.best_cost - 1)
        if hit is not None and not has_certificate and len(finished) >= min(max_syntheses, GAPS_AT[-1]):
            break
    gaps = tuple((n, history[min(n, len(history)) - 1] if history else None) for n in GAPS_AT)
    true = None if certified is None else hit is not None
    asked = max(len(seconds), 1)
    return Run(len(finished), hit, certified, true, gaps, sum(seconds) / asked, cpu / asked, max(seconds, default=0.0), stop)


def _grown(start: View, finished: list[Trial]) -> View:
    from dataclasses import replace

    return replace(start, finished=tuple(finished))


def _evaluate(case: Case, view: View, number: int, proposed_by: str, point: object) -> Trial:
    from dse.design import DesignPoint

    if not isinstance(point, DesignPoint):
        raise TypeError("a proposal without a point")
    qor = case.recorded.evaluate(point)
    return Trial(number, f"bench-{number}", point, proposed_by, "", TrialStatus.DONE, qor)
