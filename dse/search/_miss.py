"""When not even optimistic tables hold an untried design: measure the nearest miss before saying that nothing is left."""

from __future__ import annotations

from statistics import NormalDist

from dse.allocation.exact import Problem, allocate, conflict
from dse.errors import InfeasibleError
from dse.search._ask import Ask, unasked
from dse.search._tables import Tables
from dse.search.base import Advice, Certificate, Proposal


def without_hope(ask: Ask, tables: Tables, n: int, tolerance: float, confidence: float) -> Advice:
    """Return the design that comes nearest to the limits in the way, or why the search ends.

    That a limit cannot be kept is believed of measured choices only: as long as the nearest design has another, it is tried.
    """
    feasible = [trial for trial in ask.view.finished if ask.values(trial) is not None]
    notes, certificate = tables.notes, Certificate(0.0, tolerance, confidence) if feasible else None
    if ask.view.pending:
        return Advice(certificate=certificate, notes=notes)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    core = conflict(ask.problem(tables.hope, tables.glue, optimism=z))
    if not core:
        stop = "every design that could keep the limits was tried or contains what failed"
        if len(feasible) == 1 or (feasible and len(ask.objectives) == 1):
            best = ask.view.goal.best([trial.outcome for trial in ask.view.finished])
            number = ask.view.finished[best or 0].number
            stop = f"every other design that could keep the limits was tried; trial {number} is the best"
        return Advice(stop=stop, certificate=certificate, notes=notes)
    names = " and ".join(limit.name for limit in core)
    try:
        nearest = allocate(Problem(core[0].table, core[1:], core[0].combine, (*ask.failed, *ask.seen))).choices
    except InfeasibleError:
        nearest = None
    if nearest is not None and any(fresh[i] for fresh, i in zip(unasked(tables, ()), nearest, strict=True)):
        reason = f"the nearest to keeping {names}, which seems impossible: measure before saying so"
        return Advice((Proposal(ask.design(nearest), "optimistic", reason),) if n > 0 else (), notes=notes)
    return Advice(stop=f"no design can keep {names} (confidence {confidence:.0%})", certificate=certificate, notes=notes)
