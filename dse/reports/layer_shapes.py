"""Layers whose modules carry no index: Vivado HLS writes `dense_latency_0_0_0_0_1` or `dense_resource_2` where it specialises a function.

The name still says which function it is, and the interface says how many values go in and come out. Where that fits one layer of
`parameters.h` alone, the module is that layer's. Where it fits several, they are not told apart: their sum is known, their shares are not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dse.reports.layer_map import Part
from dse.reports.parameters_h import LayerConfig
from dse.reports.records import Ports

# Function of hls4ml -> what its layer's struct derives from. An activation's struct is named after its function.
_FUNCTIONS = (
    (re.compile(r"(?:dense|compute_layer)(?:_|$)"), ("dense_config",)),
    (re.compile(r"(?:pointwise_|depthwise_|separable_)?conv_?1d"), ("conv1d_config", "depthconv1d_config", "sepconv1d_config")),
    (re.compile(r"(?:pointwise_|depthwise_|separable_)?conv_?2d"), ("conv2d_config", "depthconv2d_config", "sepconv2d_config")),
    (re.compile(r"(?:global_)?pooling1d"), ("pooling1d_config", "global_pooling1d_config")),
    (re.compile(r"(?:global_)?pooling2d"), ("pooling2d_config", "global_pooling2d_config")),
    (re.compile(r"normalize"), ("batchnorm_config",)),
    (re.compile(r"lstm"), ("lstm_config",)),
    (re.compile(r"gru"), ("gru_config",)),
)
_MAX_WIDTH = 64


@dataclass(frozen=True, slots=True)
class Group:
    """Layers of one function that no name and no size tells apart, and the modules that are theirs."""

    configs: tuple[LayerConfig, ...]
    parts: tuple[Part, ...]


def match_by_shape(
    parts: Sequence[Part], configs: Sequence[LayerConfig], ports: Mapping[str, Ports], widths: frozenset[int]
) -> tuple[dict[int, Part], tuple[Group, ...]]:
    """Give modules without an index to layers without a module.

    Args:
        parts: the glue of a design, one module each.
        configs: the layers that have no module yet.
        ports: of each module whose report was read.
        widths: of all number formats of the design, to tell how many values a wide port carries; empty where unknown.

    Returns:
        The part of each layer that one module alone fits, by its index, and the groups that are not told apart.
    """
    by_function: dict[str, list[Part]] = {}
    for part in parts:
        function = _function_of(part.instances[0].module, configs)
        if function:
            by_function.setdefault(function, []).append(part)
    told: dict[int, Part] = {}
    groups: list[Group] = []
    for function, candidates in by_function.items():
        layers = [config for config in configs if _function_of_layer(config) == function]
        pairs = _pairs(candidates, layers, ports, widths)
        told.update(pairs)
        rest = tuple(config for config in layers if config.index not in pairs)
        left = tuple(part for part in candidates if part not in pairs.values())
        if rest and left:
            groups.append(Group(rest, left))
    return told, tuple(groups)


def _function_of(module: str, configs: Sequence[LayerConfig]) -> str:
    for pattern, bases in _FUNCTIONS:
        if pattern.match(module):
            return bases[0]
    functions = [
        config.function for config in configs if config.function and re.match(rf"{re.escape(config.function)}(?:_|$)", module)
    ]
    return max(functions, key=len, default="")


def _function_of_layer(config: LayerConfig) -> str:
    if config.function:
        return config.function
    return next((bases[0] for _, bases in _FUNCTIONS if config.base in bases), "")


def _pairs(
    parts: Sequence[Part], layers: Sequence[LayerConfig], ports: Mapping[str, Ports], widths: frozenset[int]
) -> dict[int, Part]:
    """Return which part is which layer's, as far as that is certain; a module that stands twice is two layers', and neither's alone.

    First a part and a layer that have the same sizes, and no others have. What pruning left unused has no port, so a port is only a
    lower bound; a part that fits one layer alone under these bounds is that layer's, and leaves the others to the rest.
    """
    single = [part for part in parts if len(part.instances) == 1]
    found = {part: ports.get(part.instances[0].module, Ports()) for part in single}
    told: dict[int, Part] = {}
    same = {config.index: [part for part in single if _fits(found[part], config, widths, is_exact=True)] for config in layers}
    for index, fitting in same.items():
        if len(fitting) == 1 and sum(fitting[0] in others for others in same.values()) == 1:
            told[index] = fitting[0]
    while True:
        rest = [part for part in single if part not in told.values()]
        open_layers = [config for config in layers if config.index not in told]
        fits = [[config.index for config in open_layers if _fits(found[part], config, widths, is_exact=False)] for part in rest]
        certain = [n for n, indices in enumerate(fits) if len(indices) == 1 and fits.count(indices) == 1]
        if not certain:
            return told
        told.update({fits[n][0]: rest[n] for n in certain})


def _fits(ports: Ports, config: LayerConfig, widths: frozenset[int], *, is_exact: bool) -> bool:
    n_in = config.size("n_in")
    n_out = n_in if config.function else config.size("n_out")
    if n_in is None or n_out is None:
        return not is_exact
    sides = ((ports.n_in, ports.bits_in, n_in), (ports.n_out, ports.bits_out, n_out))
    return all(_fits_side(*side, widths, is_exact=is_exact) for side in sides)


def _fits_side(n_ports: int | None, bits: int | None, n_values: int, widths: frozenset[int], *, is_exact: bool) -> bool:
    if n_ports is not None:
        return n_ports == n_values if is_exact else n_ports <= n_values
    if bits is None:
        return not is_exact
    width = bits // n_values
    return bits % n_values == 0 and (width in widths if widths else width <= _MAX_WIDTH)
