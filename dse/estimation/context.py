"""What of the whole design shapes one layer: how hls4ml pipelines the top, and how a layer's input arrives."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from dse.design import DesignPoint, Layer, LayerChoice, Network, Target
from dse.layers._circuit import Context, Style
from dse.registry import layer_kind

__all__ = ["Context", "alone", "context_of"]


def context_of(network: Network, point: DesignPoint, target: Target) -> dict[str, Context]:
    """Return every layer's context by name.

    hls4ml's rule (`pipeline_style.py`, style `auto`): io_stream, any convolution worked off pixel by pixel, or any layer with the
    Resource strategy makes the whole top a dataflow region.
    """
    style: Style = "dataflow" if _is_dataflow(network, point, target) else "pipeline"
    by_name, chosen = {layer.name: layer for layer in network.layers}, dict(point.choices)
    return {
        layer.name: Context(
            style,
            _packets(layer, by_name) if target.io_type == "io_stream" else 1,
            _data_bits(layer, by_name, chosen, target),
            len(point.choices) == 1,
        )
        for layer in network.layers
    }


def _data_bits(layer: Layer, by_name: Mapping[str, Layer], chosen: Mapping[str, LayerChoice], target: Target) -> int:
    """Return the width of what a layer reads: of the last layer before it that says a type of its own, else the target's."""
    source = by_name.get(layer.inputs[0]) if layer.inputs else None
    while source is not None:
        own = chosen[source.name].precision if source.name in chosen else None
        said = own or (source.types.result if source.types else None)
        if said is not None:
            return said.width_bits
        if source.name in chosen or not source.inputs:
            break
        source = by_name.get(source.inputs[0])
    return target.precision.width_bits


def alone(layer: Layer, strategy: str, target: Target) -> Context:
    """Return the context of a layer of which nothing else is known."""
    is_dataflow = target.io_type == "io_stream" or strategy == "resource" or _is_worked_off(layer)
    return Context("dataflow" if is_dataflow else "pipeline", None if target.io_type == "io_stream" else 1, is_alone=True)


def _is_dataflow(network: Network, point: DesignPoint, target: Target) -> bool:
    if target.io_type == "io_stream" or any(choice.strategy == "resource" for _, choice in point.choices):
        return True
    return any(_is_worked_off(layer) and layer.n_positions > 1 for layer in network.layers)


def _is_worked_off(layer: Layer) -> bool:
    """Whether a layer works pixel by pixel."""
    return layer_kind(layer.kind).family == "conv"


def _packets(layer: Layer, by_name: dict[str, Layer]) -> int | None:
    """Return how many words bring a layer's input: a flattened tensor comes as many words of its last axis."""
    if not layer.inputs:
        return None
    source = by_name.get(layer.inputs[0])
    while source is not None and source.kind in ("flatten", "reshape", "identity") and source.inputs:
        source = by_name.get(source.inputs[0])
    if source is None or not source.output_shape:
        return None
    return max(1, ceil(layer.n_in / source.output_shape[-1]))
