"""Between what an estimated figure's truth lies in 9 of 10 cases, for the views; what was synthesised has no band."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dse.search.base import Trial
from dse.study.assemble import Question
from dse.synth_backends.base import HasBounds

if TYPE_CHECKING:
    from dse.estimation.bands import Band


def bounds_of(question: Question, trial: Trial) -> Mapping[str, Band]:
    """Return the bounds of a trial's metrics by name; {} where nothing was estimated."""
    if trial.qor is None or not isinstance(question.backend, HasBounds):
        return {}
    return question.backend.bounds(question.job(trial.point), trial.qor)


def band_text(band: Band | None) -> str:
    """Return e.g. ` [1.2k-11k]`, "" for no band."""
    return f" [{short(band[0])}-{short(band[1])}]" if band else ""


def short(value: float) -> str:
    """Return a number in at most four characters, for the ends of a band.

    >>> short(950), short(12_345), short(2_400_000)
    ('950', '12k', '2.4M')
    """
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.1f}{unit}" if value < 10 * size else f"{value / size:.0f}{unit}"
    return f"{value:.0f}"
