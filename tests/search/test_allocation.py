"""Allocation: both exact solvers against brute force, fronts, conflicts, and the published optimum of N-TORC's Table IV."""

from __future__ import annotations

import csv
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dse.allocation.exact import Problem, TableLimit, allocate, conflict, is_excluded, total
from dse.allocation.highs import ANY
from dse.allocation.knapsack import whole_front
from dse.errors import InfeasibleError

SLACK = 1e-9  # sums of floats have no exact order, so an allocation may exceed a limit by this share

numbers = st.one_of(st.integers(0, 12).map(float), st.floats(0, 1e4, allow_nan=False, allow_subnormal=False))


@st.composite
def tables(draw, n_tables=2):
    counts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    return [tuple(np.array(draw(st.lists(numbers, min_size=count, max_size=count))) for count in counts) for _ in range(n_tables)]


def every(problem):
    return itertools.product(*(range(len(column)) for column in problem.objective))


def brute_force(problem):
    values = [
        total(problem.objective, choices, problem.combine)
        for choices in every(problem)
        if not is_excluded(problem, choices)
        and all(total(limit.table, choices, limit.combine) <= limit.maximum * (1 + SLACK) for limit in problem.limits)
    ]
    return min(values, default=None)


def assert_optimal(problem, reference):
    best = brute_force(problem)
    if best is None:
        with pytest.raises(InfeasibleError):
            allocate(problem, reference=reference)
        return
    found = allocate(problem, reference=reference)
    assert found.objective == pytest.approx(best, rel=1e-7, abs=1e-7)
    assert not is_excluded(problem, found.choices)
    for limit, used in zip(problem.limits, found.used, strict=True):
        assert used <= limit.maximum * (1 + SLACK)


TINY = np.array([1.57658288e-236, 0.0])  # what one choice saves of a limit may be next to nothing


@pytest.mark.parametrize("reference", [True, False])
@settings(max_examples=60, deadline=None)
@given(tables(), st.floats(0.0, 1.2))
@example([(np.array([0.0, 1.0]),), (TINY,)], 0.0)
@example([(np.array([0.0, 0.0, 0.0, 1.0]),), (np.array([1.0, 1.0, TINY[0], 2.2250738585072014e-308]),)], 2.2250738585072014e-308)
def test_one_limit_equals_brute_force(reference, drawn, share):
    objective, used = drawn
    maximum = share * sum(column.max() for column in used)
    assert_optimal(Problem(objective, (TableLimit("latency", used, maximum),)), reference)


@settings(max_examples=60, deadline=None)
@given(tables(4), st.floats(0.2, 1.0), st.sampled_from(["sum", "max"]), st.integers(0, 3), st.booleans())
def test_many_limits_equal_brute_force(drawn, share, combine, n_excluded, is_partial):
    objective, first, second, slowest = drawn
    limits = (
        TableLimit("lut", first, share * sum(c.max() for c in first)),
        TableLimit("dsp", second, share * sum(c.max() for c in second)),
        TableLimit("ii", slowest, share * max(c.max() for c in slowest), "max"),
    )
    problem = Problem(objective, limits, combine)
    excluded = tuple(itertools.islice(every(problem), n_excluded))
    if is_partial:
        excluded = tuple((*choices[:-1], ANY) for choices in excluded if len(choices) > 1)
    assert_optimal(replace(problem, excluded=excluded), False)


@settings(max_examples=60, deadline=None)
@given(tables(), st.sampled_from(["sum", "max"]), st.sampled_from(["sum", "max"]))
def test_front_equals_brute_force(drawn, first_combine, second_combine):
    first, second = drawn
    found = whole_front(first, second, (first_combine, second_combine))
    points = [(total(first, c, first_combine), total(second, c, second_combine)) for c in every(Problem(first))]
    best = {p for p in points if not any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in points)}
    reached = list(zip(found.first, found.second, strict=True))
    assert all(any(p == pytest.approx(q) for q in reached) for p in best)
    for (a, b), choices in zip(reached, found.choices, strict=True):
        assert (total(first, tuple(choices), first_combine), total(second, tuple(choices), second_combine)) == pytest.approx((a, b))


def test_infeasible_names_the_limits_in_conflict_and_no_other():
    lut = (np.array([10.0, 1.0]), np.array([10.0, 1.0]))
    latency = (np.array([1.0, 10.0]), np.array([1.0, 10.0]))
    spare = (np.zeros(2), np.zeros(2))
    limits = (TableLimit("spare", spare, 1.0), TableLimit("lut", lut, 5.0), TableLimit("latency", latency, 5.0))
    assert [limit.name for limit in conflict(Problem(spare, limits))] == ["lut", "latency"]
    with pytest.raises(InfeasibleError, match=r"lut: at least 20 possible with latency kept, limit 5; latency") as caught:
        allocate(Problem(spare, limits))
    assert "spare" not in str(caught.value)


def test_a_limit_that_alone_cannot_be_kept_is_named_alone():
    ii = (np.array([4.0, 8.0]), np.array([5.0, 9.0]))
    with pytest.raises(InfeasibleError, match=r"ii: at least 5 possible, limit 4\.5"):
        allocate(Problem(ii, (TableLimit("ii", ii, 4.5, "max"),)))


def test_excluding_every_point_is_said_so():
    problem = Problem((np.array([1.0]),), excluded=((0,),))
    with pytest.raises(InfeasibleError, match="every point that keeps the limits is excluded"):
        allocate(problem)


@pytest.mark.parametrize("reference", [True, False])
@pytest.mark.parametrize(("model", "lut", "dsp", "cycles"), [("fccm", 94_960, 78, 48_316), ("net2", 374_009, 459, 49_902)])
def test_reproduces_the_published_optimum(shared: Path, model, lut, dsp, cycles, reference):
    layers: dict[str, list[dict[str, str]]] = {}
    for kind in ("conv", "lstm", "dense"):
        path = shared / "data" / "ntorc" / "table4" / f"{kind}_{model}.csv"
        if path.exists():
            for row in csv.DictReader(path.read_text().splitlines()):
                layers.setdefault(row["layer_name"], []).append(row)

    def table(metric):
        return tuple(np.array([float(row[f"predicted_{metric}"]) for row in rows]) for rows in layers.values())

    objective = tuple(sum(parts) for parts in zip(*(table(name) for name in ("lut", "ff", "bram", "dsp")), strict=True))
    found = allocate(Problem(objective, (TableLimit("latency", table("latency_max"), 50_000),)), reference=reference)
    assert round(total(table("lut"), found.choices)) == lut
    assert round(total(table("dsp"), found.choices)) == dsp
    assert round(found.used[0]) == cycles


def test_what_the_solver_prints_stays_off_stdout(capfd):
    """HiGHS prints a line of its own now and then, and stdout may be one JSON document."""
    import ctypes

    from dse.allocation.highs import _words_to_stderr

    with _words_to_stderr():
        ctypes.CDLL(None).puts(b"a word from C")
    print("from Python")
    captured = capfd.readouterr()
    assert captured.out == "from Python\n"
    assert "a word from C" in captured.err
