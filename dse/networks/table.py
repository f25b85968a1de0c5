"""A network as a plain table of layers and sizes: TOML files of our own, and the `[[network.layer]]` of benchmark files.

    name = "tiny"
    [[layer]]
    kind = "conv1d"            # channels, filters, kernel, positions
    channels = 16
    filters = 16
    kernel = 3
    positions = 128
    [[layer]]
    kind = "lstm"              # n_in (features), units, positions (time steps)
    n_in = 16
    units = 8
    positions = 32
    [[layer]]
    kind = "dense"             # n_in, units (or n_out)
    n_in = 256
    units = 16

Layers follow each other unless `inputs` names others. Sizes of neighbours need not fit: what lies between them (pooling, flatten)
may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from dse.canonical import digest
from dse.design import Attribute, Layer, Network
from dse.errors import NetworkError, SpecError
from dse.layers._table import flag, names, text
from dse.registry import layer_kind, layer_kinds

_COMMON = ("name", "kind", "inputs", "n_in", "n_out", "positions", "n_positions", "activation", "use_bias")


def network_from_tables(name: str, tables: Sequence[Mapping[str, object]], where: str = "network") -> Network:
    """Return the network whose layers are given as tables; its digest is over structure alone.

    Raises:
        NetworkError: names the layer and the key that is wrong.
    """
    layers: list[Layer] = []
    if not tables:
        raise NetworkError(f"{where}: no layers; expected at least one [[layer]]")
    for index, table in enumerate(tables):
        if not isinstance(table, Mapping):
            raise NetworkError(f"{where} layer {index + 1}: expected a table")
        try:
            layer = layer_from_table(table, f"{table.get('kind', 'layer')}_{index + 1}", layers[-1].name if layers else "")
        except NetworkError as error:
            raise NetworkError(f"{where} layer {index + 1}: {error}") from error
        known = {other.name for other in layers}
        lost = [source for source in layer.inputs if source not in known]
        if lost:
            raise NetworkError(f"{where} layer {index + 1}: reads {lost[0]!r}, which is no layer above it")
        layers.append(layer)
    try:
        layers = folded(layers)
        return Network(name, tuple(layers), structure_digest(layers))
    except SpecError as error:
        raise NetworkError(f"{where}: {error}") from error


def folded(layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers without the batch normalisations that are folded into the Dense or Conv layer before (`dse.project.folding`)."""
    by_name = {layer.name: layer for layer in layers}
    readers = [source for layer in layers for source in layer.inputs]
    renamed: dict[str, str] = {}
    for layer in layers:
        before = by_name.get(layer.inputs[0]) if len(layer.inputs) == 1 else None
        is_folded = (
            layer.kind == "batchnorm"
            and layer.attribute("last_axis", True)
            and before is not None
            and before.kind in ("dense", "conv1d", "conv2d")
            and before.attribute("activation", "linear") == "linear"
            and readers.count(before.name) == 1
        )
        if is_folded and before is not None:
            renamed[layer.name] = before.name
            said = dict(before.attributes) | {"batchnorm": layer.name}
            by_name[before.name] = replace(before, attributes=tuple(sorted(said.items())))
    kept = [by_name[layer.name] for layer in layers if layer.name not in renamed]
    return [replace(layer, inputs=tuple(renamed.get(source, source) for source in layer.inputs)) for layer in kept]


def structure_digest(layers: Sequence[Layer], weights: str = "") -> str:
    """Return the digest of a network's layers and, where known, of its weights' own digest."""
    return digest(("network", tuple(layers), weights))


def layer_from_table(table: Mapping[str, object], default_name: str, previous: str = "") -> Layer:
    """Return one layer from its table; `previous` is what it reads unless the table says otherwise.

    Sizes that are said twice must agree. For a convolution n_in counts kernel x channels; for a recurrent layer n_in counts
    features, and n_out counts all gates (so say `units`).

    Raises:
        NetworkError: an unknown kind or key, or a size that is missing, not whole or contradicted.
    """
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in layer_kinds():
        near = get_close_matches(str(kind), layer_kinds(), n=3)
        hint = f"did you mean {', '.join(near)}?" if near else f"expected one of {', '.join(layer_kinds())}."
        raise NetworkError(f"unknown kind {str(kind)[:60]!r}; {hint}")
    own = layer_kind(kind)
    allowed = (*_COMMON, *own.table_keys)
    for key in table:
        if key not in allowed:
            near = get_close_matches(key, allowed, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(allowed)}."
            raise NetworkError(f"unknown key {key[:60]!r} of kind {kind!r}; {hint}")
    name, inputs = text(table, "name", default_name), names(table, "inputs", (previous,) if previous else ())
    given: dict[str, Attribute] = {}
    if own.has_weights or "activation" in table:
        given["activation"] = text(table, "activation", "linear")
    if own.has_weights:
        given["use_bias"] = flag(table, "use_bias", True)
    sizes = own.from_table(kind, table)
    try:
        attributes = tuple(sorted((given | dict(sizes.attributes)).items()))
        return Layer(name, kind, *sizes[:4], inputs=inputs, output_shape=sizes.output_shape, attributes=attributes)
    except SpecError as error:
        raise NetworkError(str(error)) from error
