"""From (network, point, target) to a written hls4ml project; the only room that imports hls4ml and Keras.

Conversion happens in warm worker processes of their own, because models are code, hls4ml is not thread-safe, and loading
TensorFlow takes longer than ten conversions.
"""

from __future__ import annotations

from dse.project.plan import BuiltLayer, ProjectPlan, load_plan
from dse.project.workers import Generation, ProjectGenerator

__all__ = ["BuiltLayer", "Generation", "ProjectGenerator", "ProjectPlan", "load_plan"]
