"""The seam to what is believed: recipe in, belief out.

A surrogate is an untrained recipe; `fit` returns a belief, so that an unfitted one cannot be asked. Surrogates never see a path, a
backend or a campaign. A surrogate module exposes
    Options
    create(options) -> Surrogate

Notation: L layers, C_l choices of layer l, M metrics (`METRICS` order below). Tables hold original units, float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dse.design import Layer, LayerChoice, Target
from dse.qor import LayerRecord

METRICS = ("lut", "ff", "dsp", "bram_18k", "latency_cycles_min", "latency_cycles_max", "ii_cycles_max")


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Beliefs about one layer's choices.

    Attributes:
        mean, lower, upper: (C, M), original units; lower and upper bound a central interval of the asked confidence.
            NaN where nothing is known of a metric (e.g. the corpus has no II).
        extrapolates: (C,) whether a choice lies outside what was measured (reuse factor or shape).
    """

    mean: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    extrapolates: NDArray[np.bool_]


class Belief(Protocol):
    """A fitted surrogate."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know: fallbacks taken, metrics without data."""
        ...

    def predict(self, layer: Layer, choices: Sequence[LayerChoice], *, confidence: float = 0.9) -> Prediction: ...

    def sample(self, layers: Sequence[tuple[Layer, Sequence[LayerChoice]]], rng: np.random.Generator) -> list[NDArray[np.float64]]:
        """Draw one joint sample of all tables: L arrays of shape (C_l, M), original units."""
        ...


class Surrogate(Protocol):
    """A recipe."""

    def fit(self, records: Sequence[LayerRecord], target: Target, *, seed: int) -> Belief:
        """Learn from measured layers; an empty sequence is allowed and gives the prior.

        Never raises because of the data: a fit that fails falls back and says so in `Belief.notes`.
        """
        ...
