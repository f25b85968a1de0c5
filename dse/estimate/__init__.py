"""What hls4ml's templates cost, before anybody has synthesised anything: an analytic estimate, never called a synthesis.

`estimate_layer` costs one layer, `estimate_design` a network at a point; `typical_errors` says how far they are off.
"""

from __future__ import annotations

from dse.estimate.context import Context, context_of
from dse.estimate.model import basis, estimate_design, estimate_layer, fitting, is_fitted, is_known, typical_errors

__all__ = [
    "Context",
    "basis",
    "context_of",
    "estimate_design",
    "estimate_layer",
    "fitting",
    "is_fitted",
    "is_known",
    "typical_errors",
]
