"""Does the circuit that hls4ml writes compute what the network computes? Its own C++, compiled and compared with Keras."""

from __future__ import annotations

from dse.numerics.check import Numerics, Verdict, check_numerics, refuse

__all__ = ["Numerics", "Verdict", "check_numerics", "refuse"]
