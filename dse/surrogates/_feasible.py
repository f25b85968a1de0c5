"""What failed designs teach: how likely a choice is to let its design be synthesised.

A design succeeds if each of its layers does, and they do so independently:

    P(design) = prod_l p_l,    p_l = 1 / (1 + exp(a + b * (log2 m_l - 10) + c * [latency strategy or reuse factor 1]))

m_l is the number of multipliers of layer l, the size that a tool's unrolling, memory and time depend on. Logarithms of p_l add, so a floor
on P(design) is one more sum for allocation. (a, b, c) are of largest posterior density under normal priors (b kept positive): a failure
blames the largest layers first, and a success clears all of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from dse.design import Layer, LayerChoice, Target
from dse.surrogates._features import Floats, sizes

Layers = Sequence[tuple[Layer, LayerChoice]]

_CENTER = np.array([-6.0, np.log(0.7), 0.5])  # a, log b, c
_SPREAD = np.array([2.0, 0.7, 1.0])
_TYPICAL_LOG2 = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Feasibility:
    """The fitted (a, log b, c), how many designs taught it, and how many of them failed."""

    weights: Floats
    target: Target
    n_designs: int
    n_failed: int

    def log_probability(self, layer: Layer, choices: Sequence[LayerChoice]) -> Floats:
        """Return (C,) log p_l: how likely each choice is not to make its design fail."""
        return -_softplus(_logit(_sizes([(layer, choice) for choice in choices], self.target), self.weights))

    def probability(self, design: Layers) -> float:
        """Return the probability that a design can be synthesised."""
        return float(np.exp(-_softplus(_logit(_sizes(design, self.target), self.weights)).sum()))


def fit_feasibility(designs: Sequence[tuple[Layers, bool]], target: Target) -> Feasibility:
    """Learn from (layers with their choices, whether it could be synthesised); none gives the prior."""
    sizes = [(_sizes(layers, target), succeeded) for layers, succeeded in designs if len(layers)]

    def loss(weights: Floats) -> float:
        total = float(0.5 * (((weights - _CENTER) / _SPREAD) ** 2).sum())
        for table, succeeded in sizes:
            log_p = -float(_softplus(_logit(table, weights)).sum())
            total -= log_p if succeeded else float(np.log(-np.expm1(min(log_p, -1e-12))))
        return total

    fitted = minimize(loss, _CENTER, method="L-BFGS-B")
    weights = np.asarray(fitted.x if np.isfinite(fitted.fun) else _CENTER, dtype=np.float64)
    return Feasibility(weights, target, len(designs), sum(not succeeded for _, succeeded in designs))


def _sizes(layers: Layers, target: Target) -> Floats:
    rows = [
        (np.log2(g.n_multipliers) - _TYPICAL_LOG2, choice.strategy == "latency" or choice.reuse_factor == 1)
        for layer, choice in layers
        if (g := sizes(layer, choice, target)) is not None
    ]
    return np.array(rows, dtype=np.float64).reshape(len(rows), 2)


def _logit(sizes: Floats, weights: Floats) -> Floats:
    return np.asarray(weights[0] + np.exp(weights[1]) * sizes[:, 0] + weights[2] * sizes[:, 1], dtype=np.float64)


def _softplus(x: Floats) -> Floats:
    return np.asarray(np.logaddexp(0.0, x), dtype=np.float64)
