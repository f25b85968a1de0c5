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
from difflib import get_close_matches
from math import prod

from dse.canonical import digest
from dse.design import Attribute, Layer, Network
from dse.errors import NetworkError, SpecError
from dse.layers import fixed

_GATES = {"lstm": 4, "gru": 3, "bidirectional_lstm": 4, "bidirectional_gru": 3}
_CONVOLUTIONS = ("conv1d", "conv2d", "depthwise_conv1d", "depthwise_conv2d")
_COMMON = ("name", "kind", "inputs", "n_in", "n_out", "positions", "n_positions", "activation", "use_bias")
_KEYS: dict[str, tuple[str, ...]] = {
    "dense": ("units",),
    **dict.fromkeys(_CONVOLUTIONS, ("channels", "filters", "kernel", "stride", "padding", "dilation")),
    **dict.fromkeys(_GATES, ("features", "units", "steps", "return_sequences")),
    **dict.fromkeys(fixed.KINDS, ("channels", "pool", "stride", "op")),
}
_MAXIMUM = 2**31


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
        return Network(name, tuple(layers), structure_digest(layers))
    except SpecError as error:
        raise NetworkError(f"{where}: {error}") from error


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
    if not isinstance(kind, str) or kind not in _KEYS:
        near = get_close_matches(str(kind), _KEYS, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else f"expected one of {', '.join(sorted(_KEYS))}."
        raise NetworkError(f"unknown kind {str(kind)[:60]!r}; {hint}")
    allowed = (*_COMMON, *_KEYS[kind])
    for key in table:
        if key not in allowed:
            near = get_close_matches(key, allowed, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(allowed)}."
            raise NetworkError(f"unknown key {key[:60]!r} of kind {kind!r}; {hint}")
    name = _text(table, "name", default_name)
    given: dict[str, Attribute] = {}
    if kind not in fixed.KINDS:
        given = {"activation": _text(table, "activation", "linear"), "use_bias": _flag(table, "use_bias", True)}
    elif "activation" in table:
        given = {"activation": _text(table, "activation", "linear")}
    sizes = _sizes(kind, table, given)
    try:
        n_in, n_out, positions, state, shape = sizes
        return Layer(name, kind, n_in, n_out, positions, state, _inputs(table, previous), shape, tuple(sorted(given.items())))
    except SpecError as error:
        raise NetworkError(str(error)) from error


_Sizes = tuple[int, int, int, int, tuple[int, ...]]  # n_in, n_out, n_positions, n_state, output_shape


def _sizes(kind: str, table: Mapping[str, object], given: dict[str, Attribute]) -> _Sizes:
    if kind in _CONVOLUTIONS:
        return _convolution(kind, table, given)
    if kind in _GATES:
        return _recurrent(kind, table, given)
    positions = _one(table, ("positions", "n_positions"), 1)
    if kind == "dense":
        n_in, n_out = _one(table, ("n_in",)), _one(table, ("units", "n_out"))
        return n_in, n_out, positions, 0, (n_out,) if positions == 1 else (positions, n_out)
    n_in = _one(table, ("channels", "n_in"))
    n_out = _one(table, ("n_out",), n_in)
    for key in ("pool", "stride"):
        if key in table:
            given[key] = _one(table, (key,))
    if kind.endswith(("pooling1d", "pooling2d")):
        given["channels"], given["op"] = n_in, _text(table, "op", "max")
    return n_in, n_out, positions, 0, (n_out,) if positions == 1 else (positions, n_out)


def _convolution(kind: str, table: Mapping[str, object], given: dict[str, Attribute]) -> _Sizes:
    taps = _taps(kind, table)
    kernel = prod(taps)
    channels = _one(table, ("channels",), 0)
    n_in = _one(table, ("n_in",), kernel * channels)
    if n_in % kernel or n_in == 0 or (channels and n_in != kernel * channels):
        raise NetworkError(
            f"n_in is {n_in or 'missing'}, expected kernel x channels = {kernel} x {channels or '...'}; say channels"
        )
    channels = n_in // kernel
    filters = _one(table, ("filters", "n_out"), channels if kind.startswith("depthwise") else None)
    positions = _one(table, ("positions", "n_positions"))
    given |= {"channels": channels, "filters": filters, "kernel": kernel}
    given |= {"dilation": _one(table, ("dilation",), 1), "padding": _text(table, "padding", "same")}
    stride = _one(table, ("stride",), 1)
    if kind.endswith("1d"):
        given["stride"] = stride
        return n_in, filters, positions, 0, (positions, filters)
    given |= {"kernel_height": taps[0], "kernel_width": taps[1], "stride_height": stride, "stride_width": stride}
    return n_in, filters, positions, 0, ()


def _taps(kind: str, table: Mapping[str, object]) -> list[int]:
    got = table.get("kernel")
    sizes = got if isinstance(got, list) else [got] if kind.endswith("1d") else [got, got]
    if len(sizes) != (1 if kind.endswith("1d") else 2) or not all(_is_whole(size) for size in sizes):
        expected = "a whole number" if kind.endswith("1d") else "a whole number or [height, width]"
        raise NetworkError(f"kernel is {str(got)[:60]}, expected {expected}")
    return [int(str(size)) for size in sizes]


def _recurrent(kind: str, table: Mapping[str, object], given: dict[str, Attribute]) -> _Sizes:
    features, units = _one(table, ("features", "n_in")), _one(table, ("units",))
    n_out, steps = _GATES[kind] * units, _one(table, ("positions", "n_positions", "steps"))
    if _one(table, ("n_out",), n_out) != n_out:
        raise NetworkError(f"n_out is {table['n_out']}, expected {_GATES[kind]} gates x {units} units = {n_out}; leave it out")
    is_twice = kind.startswith("bidirectional")
    sequences = _flag(table, "return_sequences", True)
    given |= {"units": units, "return_sequences": sequences, "direction": "bidirectional" if is_twice else "forward"}
    width = units * (2 if is_twice else 1)
    return features, n_out, steps, units, (steps, width) if sequences else (width,)


def _one(table: Mapping[str, object], keys: tuple[str, ...], default: int | None = None) -> int:
    """Return the whole number that goes by one of several keys; those given must agree."""
    found = {key: table[key] for key in keys if key in table}
    for key, got in found.items():
        if not _is_whole(got):
            raise NetworkError(f"{key} is {str(got)[:60]!r}, expected a whole number from 1")
    if len(set(found.values())) > 1:
        raise NetworkError(" and ".join(f"{key} = {got}" for key, got in found.items()) + " contradict each other")
    if found:
        return int(str(next(iter(found.values()))))
    if default is None:
        raise NetworkError(f"{keys[0]} is missing" + (f" (or {', '.join(keys[1:])})" if keys[1:] else ""))
    return default


def _is_whole(got: object) -> bool:
    return isinstance(got, int) and not isinstance(got, bool) and 1 <= got <= _MAXIMUM


def _text(table: Mapping[str, object], key: str, default: str) -> str:
    got = table.get(key, default)
    if not isinstance(got, str):
        raise NetworkError(f"{key} is {str(got)[:60]}, expected text")
    return got


def _flag(table: Mapping[str, object], key: str, default: bool) -> bool:
    got = table.get(key, default)
    if not isinstance(got, bool):
        raise NetworkError(f"{key} is {str(got)[:60]}, expected true or false")
    return got


def _inputs(table: Mapping[str, object], previous: str) -> tuple[str, ...]:
    got = table.get("inputs")
    if got is None:
        return (previous,) if previous else ()
    if not isinstance(got, list) or not all(isinstance(name, str) for name in got):
        raise NetworkError(f"inputs is {str(got)[:60]}, expected a list of layer names")
    return tuple(got)
