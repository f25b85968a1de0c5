"""The sizes of a layer under a choice and a target, as its kind tells them."""

from __future__ import annotations

from dse.design import Layer, LayerChoice, Precision, Target, Types
from dse.layers._circuit import Geometry, Matrix
from dse.layers.base import legal_reuse_factors
from dse.registry import layer_kind

# The recordings that the constants were fitted on: N-TORC's, Vivado HLS 2019.1.
_RECORDED_PART, _RECORDED_CLOCK_NS, _RECORDED_BITS = "xczu7ev", 4.0, 16


def geometry(layer: Layer, choice: LayerChoice, target: Target) -> Geometry:
    """Return the sizes that hls4ml builds."""
    precision, weight = types_of(layer, choice, target)
    is_recorded = (
        target.io_type == "io_stream"
        and target.part.startswith(_RECORDED_PART)
        and target.clock_period_ns == _RECORDED_CLOCK_NS
        and precision.width_bits == _RECORDED_BITS
    )
    kind = layer_kind(layer.kind)
    sizes = kind.matrices(layer)
    factors = kind.effective(layer, choice.reuse_factor, choice.strategy)
    factors *= len(sizes) // len(factors)
    matrices = tuple(Matrix(n_in, n_out, min(rf, n_in * n_out)) for (n_in, n_out), rf in zip(sizes, factors, strict=True))
    pixels = kind.pixels(layer, is_recorded)
    return Geometry(
        layer=layer,
        family=kind.family,
        matrices=matrices,
        precision=precision,
        weight=weight,
        strategy=choice.strategy,
        steps=kind.steps(layer, pixels),
        pixels=pixels,
        is_recorded_target=is_recorded,
        is_unrolled=_is_unrolled(layer, choice, is_recorded),
    )


def types_of(layer: Layer, choice: LayerChoice, target: Target) -> tuple[Precision, Precision]:
    """Return the types of (sums and results, weights): the choice's, else the model's own, else the target's."""
    own = layer.types or Types()
    result = choice.precision or own.result or target.precision
    return result, choice.weight or choice.precision or own.weight or target.precision


def _is_unrolled(layer: Layer, choice: LayerChoice, is_recorded: bool) -> bool:
    if choice.reuse_factor != 1:
        return False
    if choice.strategy != "resource":
        return True
    # N-TORC built its designs with Latency where 1 was asked for. Where a matrix has no legal 2, a request for 2 came to 1 as
    # well, under Resource, and those are most of its recordings at 1.
    return is_recorded and (layer.kind != "conv1d" or 2 in legal_reuse_factors(layer.n_in, layer.n_out))
