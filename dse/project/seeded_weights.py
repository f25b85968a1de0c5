"""Weights for a network that comes without: drawn from a seed, the same on every machine and under every Keras backend.

Weights shape the circuit (zeros are left out, constants are folded), so a network without weights must not get new ones in
every process. Kernels are uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010, equation 16), biases and shifts
uniform in +-0.25, scales and variances uniform in 0.5 to 1.5: nothing is zero or one by construction, as in a trained network.
All are rounded to 2^-10, the step of ap_fixed<16,6>: distributed arithmetic builds every bit of a weight that it is given.
"""

from __future__ import annotations

from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

_POSITIVE = ("gamma", "variance")
_FRACTION_BITS = 10
_SHIFTS = ("bias", "beta", "mean")


def seed_weights(model: Any, network_digest: str) -> None:
    """Fill all weights of a Keras model in place, in its own order, from the first 16 hex digits of the network's digest."""
    generator = np.random.default_rng(int(network_digest[:16], 16))
    model.set_weights([_draw(generator, variable.name, tuple(variable.shape)) for variable in model.weights])


def _draw(generator: np.random.Generator, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    if any(word in name for word in _POSITIVE):
        low, high = 0.5, 1.5
    elif any(word in name for word in _SHIFTS) or len(shape) < 2:
        low, high = -0.25, 0.25
    else:
        area = prod(shape[:-2])
        high = sqrt(6 / (area * (shape[-2] + shape[-1])))
        low = -high
    drawn = np.round(generator.uniform(low, high, shape) * 2**_FRACTION_BITS) / 2**_FRACTION_BITS
    return np.asarray(drawn, dtype=np.float32)
