"""Dual prices: what they make of an allocation is a lower bound, and layers fall apart."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.allocation.exact import Problem, TableLimit, total
from dse.allocation.prices import priced


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 1.0), st.sampled_from(["sum", "max"]))
def test_priced_layers_bound_the_optimum(seed, share, combine):
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 5, int(rng.integers(1, 5)))
    objective, used = (tuple(rng.uniform(0, 100, n) for n in counts) for _ in range(2))
    maximum = share * sum(column.max() for column in used)
    problem = Problem(objective, (TableLimit("latency", used, maximum),), combine)
    values = [
        total(objective, choices, combine)
        for choices in itertools.product(*(range(n) for n in counts))
        if total(used, choices) <= maximum
    ]
    found = priced(problem)
    if found is None:
        assert not values
        return
    # At the optimal prices the relaxation is the sum of the layers' best minus what the whole limit costs.
    slope = [p - np.asarray(o) for p, o in zip(found, objective, strict=True)] if combine == "sum" else None
    if values and slope is not None:
        price = max(float((s / u).max()) for s, u in zip(slope, used, strict=True))
        bound = sum(float(column.min()) for column in found) - price * maximum
        assert bound <= min(values) + 1e-6 * max(1.0, abs(min(values)))


def test_without_limits_the_prices_change_nothing():
    objective = (np.array([3.0, 1.0]), np.array([2.0, 5.0]))
    found = priced(Problem(objective))
    assert all(np.allclose(a, b) for a, b in zip(found, objective, strict=True))


def test_a_problem_without_solution_has_no_prices():
    one = (np.array([3.0]),)
    assert priced(Problem(one, (TableLimit("lut", one, 1.0),))) is None


def test_what_breaks_a_maximum_is_priced_out():
    ii = (np.array([3.0, 9.0]),)
    found = priced(Problem((np.array([5.0, 1.0]),), (TableLimit("ii", ii, 4.0, "max"),)))
    assert np.isinf(found[0][1])
    assert np.isfinite(found[0][0])
