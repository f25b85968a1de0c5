"""How layers make a whole, learned from totals: plain where totals are plain, and open until they tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.composition import compose, learn, parts_and_total
from dse.qor import Qor

METRICS = ("lut", "latency_cycles_max", "ii_cycles_max")
LUT, LATENCY, II = range(3)
designs = st.lists(
    st.lists(st.tuples(*(st.integers(1, 500).map(float) for _ in METRICS)), min_size=3, max_size=3), min_size=1, max_size=6
)


def pairs(rows, total):
    """Designs as layers and what `total` makes of each column."""
    return [(np.array(parts), np.array([total[m](np.array(parts)[:, m]) for m in range(3)])) for parts in rows]


@given(designs)
def test_plain_totals_stay_plain(rows):
    learned = learn(METRICS, pairs(rows, (np.sum, np.sum, np.max)))
    assert learned.combine == ("sum", "sum", "max")
    assert not learned.is_open.any()
    assert learned.offset.tolist() == [0, 0, 0]
    assert learned.ratio.tolist() == [1, 1, 1]
    assert learned.spread.tolist() == [0, 0, 0]


VARIED = [[(10, 40, 35), (20, 9, 5), (30, 5, 2)], [(12, 11, 9), (20, 12, 10), (9, 10, 8)], [(5, 90, 80), (8, 85, 70), (2, 9, 3)]]


def test_intervals_that_add_are_told_from_the_slowest_layer():
    learned = learn(METRICS, pairs(VARIED, (np.sum, np.sum, np.sum)))
    assert (learned.combine[II], learned.is_open[II]) == ("sum", False)


def test_latencies_that_overlap_are_told_from_those_that_add():
    learned = learn(METRICS, pairs(VARIED, (np.sum, lambda c: c.max() + 3, np.max)))
    assert (learned.combine[LATENCY], learned.is_open[LATENCY]) == ("max", False)
    assert learned.offset[LATENCY] == pytest.approx(3)


def test_one_design_cannot_tell_how_cycles_combine():
    learned = learn(METRICS, pairs(VARIED[:1], (np.sum, np.sum, np.sum)))
    assert learned.is_open.tolist() == [False, False, True]


def test_an_exchanged_layer_changes_the_total_as_layers_combine():
    layers = [("a", Qor(lut=10, latency_cycles_max=7, ii_cycles_max=5)), ("b", Qor(lut=20, latency_cycles_max=9, ii_cycles_max=8))]
    whole = compose(layers)
    changed = learn(METRICS, [parts_and_total(METRICS, whole, ["a", "b"])]).exchange(
        whole, "b", {"lut": 15.0, "latency_cycles_max": 2.0, "ii_cycles_max": 1.0}
    )
    assert (changed.lut, changed.latency_cycles_max, changed.ii_cycles_max) == (25, 9, 5)
    glued = Qor(lut=100, latency_cycles_max=30, ii_cycles_max=13, layers=whole.layers)
    told = learn(METRICS, [parts_and_total(METRICS, glued, ["a", "b"])]).exchange(glued, "b", {"lut": 15.0, "ii_cycles_max": 1.0})
    assert (told.lut, told.ii_cycles_max) == (95, None)


def test_a_layer_that_is_not_known_leaves_totals_as_they_are():
    parts, total = parts_and_total(METRICS, Qor(lut=9, layers=(("a", Qor(lut=4)),)), ["a", "b"])
    assert np.isnan(parts[1]).all()
    assert total[LUT] == 9
    assert not learn(METRICS, [(parts, total)]).spread.any()


def test_a_metric_that_one_layer_lacks_is_unknown_for_the_whole():
    assert compose([("a", Qor(lut=1)), ("b", Qor())]).lut is None
    assert compose([]).lut is None
