"""Fronts and hypervolumes against brute force, against what must hold, and against moocore."""

from __future__ import annotations

from itertools import product

import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.pareto import hypervolume, non_dominated


@st.composite
def grids(draw, max_m=4, max_n=9, top=6):
    """Small integers: many ties, many duplicates, and exact volumes."""
    m = draw(st.integers(1, max_m))
    rows = draw(st.lists(st.lists(st.integers(0, top), min_size=m, max_size=m), max_size=max_n))
    return np.array(rows, dtype=float).reshape(-1, m)


def dominates(a, b):
    return all(a <= b) and any(a < b)


def cells(points, reference):
    """Count unit cells below the reference that some point dominates."""
    ranges = [range(int(r)) for r in reference]
    return sum(any(all(p <= np.array(cell)) for p in points) for cell in product(*ranges))


@given(grids())
def test_the_front_is_what_brute_force_finds(points):
    mask = non_dominated(points)
    expected = [
        not any(dominates(q, p) for q in points) and not any((q == p).all() for q in points[:i]) for i, p in enumerate(points)
    ]
    assert mask.tolist() == expected


@given(grids(), st.randoms(use_true_random=False))
def test_the_front_as_a_set_does_not_depend_on_the_order(points, random):
    order = list(range(len(points)))
    random.shuffle(order)
    shuffled = points[order]
    front, again = points[non_dominated(points)], shuffled[non_dominated(shuffled)]
    assert sorted(map(tuple, front)) == sorted(map(tuple, again))


@settings(deadline=None)
@given(grids(max_n=6, top=4), st.integers(1, 5))
def test_the_hypervolume_counts_the_cells(points, corner):
    reference = np.full(points.shape[1], float(corner))
    assert hypervolume(points, reference) == cells(points, reference)


@settings(deadline=None)
@given(grids(max_m=5), st.randoms(use_true_random=False))
def test_the_hypervolume_grows_with_points_and_knows_no_order(points, random):
    reference = np.full(points.shape[1], 5.0)
    volumes = [hypervolume(points[:k], reference) for k in range(len(points) + 1)]
    assert volumes == sorted(volumes)
    order = list(range(len(points)))
    random.shuffle(order)
    assert hypervolume(points[order], reference) == volumes[-1]
    assert hypervolume(points[non_dominated(points)], reference) == volumes[-1]


@pytest.mark.parametrize(("n", "m"), [(1, 1), (50, 1), (100, 2), (60, 3), (30, 4), (12, 5), (0, 3)])
@pytest.mark.parametrize("shape", ["cloud", "sphere"])
def test_moocore_agrees(n, m, shape):
    points = np.random.default_rng(n * 10 + m).random((n, m)) * 1.1
    if shape == "sphere" and n:  # all on the front
        points = points / np.linalg.norm(points, axis=1, keepdims=True)
    reference = np.ones(m)
    mine = hypervolume(points, reference)
    if n == 0:
        assert mine == 0.0
        return
    assert mine == pytest.approx(moocore.hypervolume(points, ref=reference), rel=1e-12, abs=1e-15)
    if m > 1:
        assert non_dominated(points).tolist() == moocore.is_nondominated(points, keep_weakly=False).tolist()


def test_inclusion_and_exclusion_of_random_boxes_in_three_objectives():
    a, b = np.random.default_rng(3).random((2, 3))
    both = np.prod(1 - np.maximum(a, b))
    assert hypervolume([a, b], [1, 1, 1]) == pytest.approx(np.prod(1 - a) + np.prod(1 - b) - both, rel=1e-12)


def test_points_beyond_the_reference_add_nothing():
    assert hypervolume([[1, 1], [0, 9], [9, 0], [np.inf, 0]], [3, 3]) == 4
    assert hypervolume([[3, 0]], [3, 3]) == 0


def test_nothing_has_no_front_and_no_volume():
    assert non_dominated(np.empty((0, 2))).tolist() == []
    assert hypervolume([], [1, 1]) == 0


@pytest.mark.parametrize("bad", [[[np.nan, 1]], [1, 2], np.empty((2, 0)), np.zeros((1, 1, 1))])
def test_what_is_no_table_of_known_numbers_is_refused(bad):
    with pytest.raises(ValueError, match="values: got"):
        non_dominated(bad)


@pytest.mark.parametrize(
    ("values", "reference", "what"),
    [
        ([[1, 2]], [3], "values: got shape"),
        ([[1, 2]], [3, np.inf], "reference: got"),
        ([[1, 2]], 3, "reference: got"),
        ([[-np.inf, 2]], [3, 3], "minus infinity"),
    ],
)
def test_a_volume_that_is_undefined_is_refused(values, reference, what):
    with pytest.raises(ValueError, match=what):
        hypervolume(values, reference)
