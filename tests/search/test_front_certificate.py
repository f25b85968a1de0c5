"""What a front's certificate claims, against enumeration of every design: nothing between traced points is left out."""

from __future__ import annotations

from itertools import product
from unittest.mock import patch

import fakes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.allocation import cover
from dse.composition import learn
from dse.goal import Limit, Objective
from dse.pareto import hypervolume
from dse.search import _fronts
from dse.search._ask import Ask
from dse.search._metrics import metric
from dse.surrogates.base import METRICS

SUMS = np.array([not name.startswith("ii_") for name in METRICS])
NO_GLUE = learn(METRICS, [])


@st.composite
def worlds(draw):
    """Fully known tables, an ask with 2 or 3 objectives and up to 3 limits, and every design's numbers."""
    counts = draw(st.lists(st.integers(2, 4), min_size=2, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    tables = tuple(
        rng.lognormal(0, draw(st.sampled_from([0.3, 1.5])), (n, len(METRICS))).round(draw(st.integers(0, 3))) for n in counts
    )
    names = draw(st.permutations(["dsp", "lut", "latency_cycles_max", "ii_cycles_max", "ff", "bram_18k"]))
    n_objectives, n_limits = draw(st.integers(2, 3)), draw(st.integers(0, 3))
    designs = list(product(*(range(n) for n in counts)))
    rows = np.array([[t[i] for t, i in zip(tables, design, strict=True)] for design in designs])
    totals = np.where(SUMS, rows.sum(axis=1), rows.max(axis=1))
    limits = []
    for name in names[n_objectives : n_objectives + n_limits]:
        column = totals[:, METRICS.index(name)]
        limits.append(Limit(name, float(np.quantile(column, draw(st.sampled_from([0.3, 0.7, 1.0]))))))
    network = fakes.network(*(fakes.dense(f"fc{i}", 4, 4) for i in range(len(counts))))
    space = fakes.space(network, {f"fc{i}": [2**k for k in range(n)] for i, n in enumerate(counts)})
    view = fakes.view(network, space, objectives=tuple(Objective(n) for n in names[:n_objectives]), limits=tuple(limits))
    wanted = tuple(metric(o.metric, view.goal) for o in view.goal.objectives)
    ask = Ask(
        view, wanted, tuple((metric(x.metric, view.goal), x.maximum) for x in limits), (), (), tuple(np.zeros(n) for n in counts)
    )
    kept = np.all([totals[:, METRICS.index(x.metric)] <= x.maximum * (1 + 1e-9) for x in limits], axis=0) | np.zeros(
        len(totals), bool
    )
    values = totals[np.ix_(np.broadcast_to(kept, len(totals)), [METRICS.index(n) for n in names[:n_objectives]])]
    return ask, tables, values, rng


@given(worlds(), st.sampled_from([cover.MOST, 3]))
def test_no_design_adds_more_than_the_certificate_says(world, most):
    ask, tables, values, rng = world
    if not len(values):
        assert _fronts._world(ask, tables, NO_GLUE).front == ()
        return
    verified = values[rng.choice(len(values), min(len(values), 3), replace=False)]
    corner = np.maximum(values.max(axis=0) * rng.uniform(0.5, 1.1), 1e-3)
    with patch.object(cover.cover, "__defaults__", ((), None, most, None)):
        claimed = _fronts._gap(_fronts._world(ask, tables, NO_GLUE), verified, corner, 0.01)
    ones = np.ones(len(corner))
    whole, have = (hypervolume(rows / corner, ones) for rows in (values, verified))
    missing = 1 - have / whole if whole > 0 else 0.0
    assert claimed >= missing - 1e-9
    if most == cover.MOST:
        assert claimed == pytest.approx(missing, abs=1e-9)
