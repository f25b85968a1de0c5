"""What hls4ml's templates cost, before anybody has synthesised anything: an analytic estimate, never called a synthesis.

`estimate_layer` costs one layer, `estimate_design` a network at a point; `typical_errors` says how far they are off.
"""

from __future__ import annotations

from dse.estimation.constants import basis, fitting
from dse.estimation.context import Context, context_of
from dse.estimation.model import estimate_design, estimate_layer, fixed_parts, is_known

__all__ = ["Context", "basis", "context_of", "estimate_design", "estimate_layer", "fitting", "fixed_parts", "is_known"]
