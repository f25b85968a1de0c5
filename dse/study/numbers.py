"""Does the circuit of a campaign compute its network? Asked once, before the first synthesis."""

from __future__ import annotations

import os

from dse.design import DesignPoint
from dse.numerics import Numerics, check_numerics, refuse
from dse.study.assemble import Question

VARIABLE = "DSE_CHECK_NUMERICS"  # 0 leaves the check out, e.g. where many campaigns of one network are started by a script


def is_wanted(asked: bool) -> bool:
    """Whether numbers are to be checked: asked for, and not switched off in the environment."""
    return asked and os.environ.get(VARIABLE, "1") != "0"


def check_question(question: Question, point: DesignPoint | None = None) -> Numerics:
    """Compare hls4ml's C++ of a campaign's network with Keras, with the types of a point (the first of the space unless told).

    Raises:
        ConversionError: hls4ml is missing, cannot convert the network, or builds another circuit; says which layer.
        NetworkError: the network's file cannot be loaded.
    """
    spec = question.spec
    first = DesignPoint(tuple((entry.layer.name, entry.choices[0]) for entry in question.space.options))
    found = check_numerics(question.job(point or first), spec.source, spec.cache, spec.inputs)
    refuse(found)
    return found


def builds_circuits(question: Question) -> bool:
    """Whether the campaign's backend runs a tool on projects of its own; estimates and recordings rest on something else."""
    return question.backend.basis == ""
