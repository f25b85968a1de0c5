"""The device and the clock are limits of every design: what does not fit, or misses its clock, is never the best."""

from __future__ import annotations

from dataclasses import replace

from dse.goal import CLOCK, Goal, Limit, Objective, implied_limits
from dse.parts import find_part
from dse.qor import Qor

PART = find_part("xc7a200tfbg676-2")  # 740 DSP slices
FITS = Qor(lut=50_000, ff=50_000, dsp=533, bram_18k=10, latency_cycles_max=100, ii_cycles_max=8, clock_period_ns=4.4)
TOO_LARGE = replace(FITS, dsp=4256, latency_cycles_max=20)
TOO_SLOW = replace(FITS, dsp=300, latency_cycles_max=57, clock_period_ns=9.5)


def goal(*limits: Limit) -> Goal:
    return Goal((Objective("latency_ns_max"),), (*limits, *implied_limits(limits, PART, 5.0)), PART, 5.0)


def test_a_design_that_does_not_fit_is_not_the_best() -> None:
    assert goal().best([TOO_LARGE, FITS]) == 1
    (broken,) = goal().violations(TOO_LARGE)
    assert (broken.metric, broken.maximum) == ("dsp", 740.0)


def test_a_missed_clock_is_a_violation_and_slows_the_nanoseconds() -> None:
    assert [broken.metric for broken in goal().violations(TOO_SLOW)] == [CLOCK]
    assert goal().value(TOO_SLOW, "latency_ns_max") == 57 * 9.5
    assert goal().best([TOO_SLOW, FITS]) == 1


def test_what_was_written_stands_and_what_is_unknown_breaks_nothing() -> None:
    assert goal(Limit("dsp", 10_000.0)).keeps(TOO_LARGE)  # a part of a larger system may say so
    assert goal(Limit(CLOCK, 10.0)).keeps(TOO_SLOW)
    assert goal().keeps(Qor(latency_cycles_max=5))
    assert not goal(Limit("uram", 5.0)).keeps(FITS)  # written, and not told by the report
