"""What `dse nas` tells: documents for programs and tables for people."""

from __future__ import annotations

from typing import Any

from dse.commands.output import console, number, print_table
from dse.nas.deploy import Deployed, read_deployed, table_row
from dse.nas.records import SPENT, Candidate, Outcome, front_of, volume_of
from dse.nas.session import read_search
from dse.nas.spec import NasSpec

_COLUMNS = ("#", "network", "error", "test", "workload", "device cost", "latency us", "epochs", "s", "ended")
_DEPLOYED = ("#", "network", "error", "test", "fixed", "workload", "LUT", "DSP", "BRAM", "latency us", "reuse factors", "by")
_TEXTS = frozenset(("", "by", "network", "reuse factors", "ended"))
_GIVEN_UP = ("by", "s", "epochs", "test", "ended", "BRAM", "workload", "latency us", "DSP", "device cost")  # the first first


def goal_names(spec: NasSpec) -> list[str]:
    """Return the objectives' metrics in their order."""
    return [goal.metric for goal in spec.goals]


def candidate_document(spec: NasSpec, candidate: Candidate) -> dict[str, Any]:
    """Return one candidate as JSON values; `error` is RMSE in the target's unit, or the share of wrong classes."""
    cost = candidate.cost or {}
    return {
        "number": candidate.number,
        "outcome": candidate.outcome.value,
        "architecture": None if candidate.architecture is None else candidate.architecture.to_json(),
        "summary": str(candidate.architecture) if candidate.architecture else None,
        "error": candidate.error,
        "test_error": candidate.test_error,
        "workload": cost.get("workload"),
        "device_cost": cost.get("device_cost"),
        "latency_ns": cost.get("latency_ns"),
        "least_latency_ns": cost.get("least_latency_ns"),
        "point": cost.get("point"),
        "qor": cost.get("qor"),
        "curve": list(candidate.curve),
        "reason": candidate.reason,
        "seconds": candidate.seconds,
        "ask_seconds": candidate.ask_seconds,
        "cost_seconds": candidate.cost_seconds,
        "network": str(spec.state / candidate.file) if candidate.file else None,
    }


def status_document(spec: NasSpec, candidates: tuple[Candidate, ...]) -> dict[str, Any]:
    """Return the document of `dse nas status --json`."""
    state, _ = read_search(spec)
    front = front_of(candidates, spec.goals)
    return {
        "search": spec.name,
        "state": "finished" if state.stop else "unfinished" if candidates else "new",
        "sampler": spec.search.sampler,
        "objectives": goal_names(spec),
        "trainings": sum(candidate.outcome in SPENT for candidate in candidates),
        "counts": {outcome.value: sum(c.outcome is outcome for c in candidates) for outcome in Outcome},
        "trials": [candidate_document(spec, candidate) for candidate in candidates if candidate.number],
        "refused": [candidate_document(spec, candidate) for candidate in candidates if not candidate.number],
        "front": [candidate.number for candidate in front],
        "hypervolume": volume_of(candidates, spec.goals),
        "deployed": [table_row(spec, read_deployed(spec, candidate)) for candidate in front],
        "stop_reason": state.stop[1] if state.stop else None,
        "cache_hits": state.cache_hits,
        "seconds": round(state.active_seconds, 3),
    }


def print_candidates(spec: NasSpec, candidates: tuple[Candidate, ...]) -> None:
    """Print a table of all candidates but the refused."""
    best = {candidate.number for candidate in front_of(candidates, spec.goals)}
    shown = [candidate for candidate in candidates if candidate.outcome is not Outcome.REFUSED]
    print_table(("", *_COLUMNS), [("*" if c.number in best else " ", *_cells(c)) for c in shown], texts=_TEXTS, given_up=_GIVEN_UP)
    refused = sum(candidate.outcome is Outcome.REFUSED for candidate in candidates)
    if refused:
        console().print(f"{refused} candidates were refused without a training: known already, or they cannot keep the limits")


def _cells(candidate: Candidate) -> list[str]:
    latency = (candidate.cost or {}).get("latency_ns")
    return [
        str(candidate.number),
        str(candidate.architecture),
        number(candidate.error, 4),
        number(candidate.test_error, 4),
        number(candidate.value("workload")),
        number(candidate.value("device_cost"), 4),
        number(None if latency is None else latency / 1000, 1),
        str(len(candidate.curve)),
        number(candidate.seconds, 1),
        candidate.outcome.value if candidate.outcome is not Outcome.TRAINED else candidate.reason,
    ]


def print_front(spec: NasSpec, candidates: tuple[Candidate, ...]) -> None:
    """Print the Pareto front."""
    out = console()
    front = front_of(candidates, spec.goals)
    spent = sum(candidate.outcome in SPENT for candidate in candidates)
    volume = volume_of(candidates, spec.goals)
    words = f" · hypervolume {volume:.4f}" if volume is not None else ""
    out.print(f"{spec.name} · {' against '.join(goal_names(spec))} · {spent} trainings · {len(front)} on the front{words}")
    if not front:
        return
    print_table(_COLUMNS, map(_cells, front), texts=_TEXTS, given_up=_GIVEN_UP)
    out.print(
        f"device cost and latency: allocation over the {'estimate' if spec.cost.tables == 'estimate' else 'surrogate'}, not verified by synthesis"
    )


def print_deployed(spec: NasSpec, deployed: tuple[Deployed, ...]) -> None:
    """Print the deployed networks as N-TORC's Table III does."""
    rows = []
    for one in deployed:
        row = table_row(spec, one)
        fixed = (row["simulation"] or {}).get("fixed_error")
        numbers = [number(row[key]) for key in ("workload", "lut", "dsp", "bram_18k")]
        factors = " ".join(map(str, row["reuse_factors"])) if row["reuse_factors"] else one.problem or "no design keeps the limits"
        errors = [number(value, 4) for value in (row["error"], row["test_error"], fixed)]
        cells = [str(row["trial"]), row["architecture"], *errors, *numbers]
        rows.append([*cells, number(row["latency_us"], 1), factors, row["fidelity"] or "-"])
    console().print(f"{len(deployed)} networks deployed")
    print_table(_DEPLOYED, rows, texts=_TEXTS, given_up=_GIVEN_UP)
