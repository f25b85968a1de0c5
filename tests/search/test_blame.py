"""What the machine did says nothing about a design."""

from __future__ import annotations

import fakes

from dse import registry
from dse.goal import Objective
from dse.qor import FailureKind
from dse.search._ask import ask
from dse.search._tables import build

NETWORK = fakes.network(fakes.dense("d1", 8, 4), fakes.dense("d2", 4, 4))
SPACE = fakes.space(NETWORK, {"d1": (1, 2, 4, 8), "d2": (1, 2, 4)})


def excluded(kind: FailureKind) -> int:
    point = SPACE.point(tuple(option.choices[0] for option in SPACE.options))
    trial = fakes.finish(fakes.pending_trial(NETWORK, 1, fakes.Proposal(point, "probe", "")), fakes.fails(kind))
    view = fakes.view(NETWORK, SPACE, [trial], objectives=(Objective("dsp"),))
    options = registry.load("surrogates", "forest").Options()
    return len(ask(view, build(view, "forest", options, 0.95)).failed)


def test_only_facts_about_the_design_are_blamed_on_its_choices() -> None:
    assert excluded(FailureKind.DESIGN_ERROR) == 1
    for kind in (FailureKind.LOST, FailureKind.CANCELLED, FailureKind.LICENCE, FailureKind.NO_REPORT):
        assert excluded(kind) == 0
