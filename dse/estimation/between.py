"""What a network holds beside its layers: activations that hls4ml splits off, and under io_stream the FIFOs between layers.

Measured on 74 builds of others: half of the block RAM of a stream design lies outside all its modules, in these FIFOs.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from dse.design import Layer, Network, Target
from dse.layers._flow import figures
from dse.layers._primitives import memory_blocks
from dse.qor import Qor
from dse.registry import layer_kind

FIFOS = "fifos"

_SHIFT_REGISTER_BITS = 1024  # the tool keeps FIFOs of at most this many bits in shift registers
_CONTROL = (40.0, 45.0)  # LUT, FF of a FIFO in block RAM
_SMALL = (10.0, 6.0)  # and of one in shift registers, beside a LUT a bit
_NO_STREAM = ("input", "identity", "flatten")


def split_off(network: Network) -> Iterator[Layer]:
    """Yield the activations that stand inside layers with weights, which hls4ml builds as layers of their own (`fc1` -> `fc1_relu`)."""
    names = {layer.name for layer in network.layers}
    for layer in network.layers:
        activation = str(layer.attribute("activation", "linear"))
        kind = layer_kind(layer.kind)
        if kind.has_weights and not layer.n_state and activation != "linear":
            n_values = prod(layer.output_shape) if layer.output_shape else layer.n_out * layer.n_positions
            name = f"{layer.name}_{activation}"[:64]
            name = name if name not in names else f"{layer.name[:50]}_own_activation"
            given = (("activation", activation),)
            yield Layer(
                name, "activation", n_values, n_values, inputs=(layer.name,), output_shape=layer.output_shape, attributes=given
            )


def fifos(network: Network, activations: tuple[Layer, ...], target: Target) -> Qor:
    """Return the FIFOs behind all layers but the last: as deep as a result has words, hls4ml's default.

    Vivado HLS keeps the channels of a word in FIFOs of their own, Vitis HLS in one.
    """
    lut = ff = blocks = 0.0
    writers = [layer for layer in (*network.layers[:-1], *activations) if layer.kind not in _NO_STREAM]
    for layer in writers:
        shape = layer.output_shape or (layer.n_positions, layer.n_out)
        channels, depth = shape[-1], max(1, prod(shape[:-1]))
        bits = layer.types.result.width_bits if layer.types and layer.types.result else target.precision.width_bits
        n, width = (1, channels * bits) if target.toolchain.name == "vitis_hls" else (channels, bits)
        if depth * width <= _SHIFT_REGISTER_BITS or depth == 1:
            lut, ff = lut + n * (_SMALL[0] + width), ff + n * _SMALL[1]
        else:
            lut, ff, blocks = lut + n * _CONTROL[0], ff + n * _CONTROL[1], blocks + n * memory_blocks(depth, width)
    costs: dict[str, Any] = dict(figures(lut, ff, 0.0, blocks, 0.0, 0.0))
    return Qor(**costs)
