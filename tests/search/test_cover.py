"""Bounds on whole fronts, against enumeration of every design."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.allocation.cover import cover
from dse.allocation.exact import TableLimit, total
from dse.pareto import non_dominated

numbers = st.one_of(st.integers(0, 6).map(float), st.floats(0, 100).map(lambda x: round(x, 2)))  # few numbers: ties and plateaus


@st.composite
def problems(draw):
    counts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))

    def table():
        return tuple(np.array(draw(st.lists(numbers, min_size=n, max_size=n))) for n in counts)

    objectives = [(table(), draw(st.sampled_from(["sum", "sum", "max"]))) for _ in range(draw(st.integers(1, 3)))]
    limits = []
    for i in range(draw(st.integers(0, 3))):
        columns, combine = table(), draw(st.sampled_from(["sum", "sum", "max"]))
        ends = [f([f(c) for c in columns]) if combine == "max" else sum(f(c) for c in columns) for f in (min, max)]
        limits.append(TableLimit(f"limit {i}", columns, draw(st.floats(0, 1.1)) * (ends[1] - ends[0]) + ends[0], combine))
    designs = list(product(*(range(n) for n in counts)))
    kept = [d for d in designs if all(total(x.table, d, x.combine) <= x.maximum * (1 + 1e-9) for x in limits)]
    values = np.array([[total(t, d, how) for t, how in objectives] for d in kept]).reshape(len(kept), len(objectives))
    held = values[draw(st.lists(st.integers(0, len(kept) - 1), max_size=3))] if len(kept) else values
    return objectives, limits, values, held


@given(problems())
def test_it_is_the_front_where_nothing_is_merged(problem):
    objectives, limits, values, _held = problem
    found = cover(objectives, limits)
    assert found.is_exact
    expected = np.unique(values[non_dominated(values)], axis=0) if len(values) else values
    assert np.unique(found.values, axis=0) == pytest.approx(expected)
    for row, choices in zip(found.values, found.choices, strict=True):
        assert row == pytest.approx([total(t, tuple(choices), how) for t, how in objectives])
        assert all(total(x.table, tuple(choices), x.combine) <= x.maximum * (1 + 1e-9) for x in limits)


@given(problems(), st.integers(1, 6))
def test_every_design_is_covered_however_few_labels_are_carried(problem, most):
    objectives, limits, values, held = problem
    found = cover(objectives, limits, held, most)
    bounds = np.vstack([found.values, held])
    for row in values:
        assert (bounds <= row + 1e-9).all(axis=1).any()
    assert len(found.values) <= most


@given(problems())
def test_what_is_held_needs_no_cover(problem):
    objectives, limits, _values, held = problem
    found = cover(objectives, limits, held)
    for row in found.values:
        assert not (held <= row - 1e-9).all(axis=1).any()
