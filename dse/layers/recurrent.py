"""LSTM and GRU: per time step a kernel matrix n_in x n_out on the input and a recurrent one n_state x n_out on the state.

hls4ml takes one reuse factor and moves it to the nearest legal value of each matrix on its own. Offered are the values that are
legal for the kernel matrix, so that the factor asked for is the factor built there; the recurrent matrix then takes the nearest
legal value of its own, which `effective` tells. Each offered value is therefore a different circuit, and a well defined one.
"""

from __future__ import annotations

from typing import Any

from dse.design import Attribute, Layer, Strategy, Target
from dse.errors import NetworkError
from dse.layers._circuit import Context, Geometry, Terms
from dse.layers._keras import Builder, Node, Shape, activation_of, attributes, flag, make, one_input, problem, text, whole
from dse.layers._table import Sizes, Table, one
from dse.layers._table import flag as said_flag
from dse.layers.base import (
    Legal,
    closest,
    explain,
    legal_reuse_factors,
    narrow,
    narrow_by_strategy,
    narrow_by_unrolling,
    refuse,
)

KINDS = ("lstm", "gru", "bidirectional_lstm", "bidirectional_gru")
FAMILY = "recurrent"

_GATES = {"lstm": 4, "gru": 3, "bidirectional_lstm": 4, "bidirectional_gru": 3}


def matrices(layer: Layer) -> tuple[tuple[int, int], ...]:
    """Return kernel and recurrent matrix, of a bidirectional layer twice."""
    return ((layer.n_in, layer.n_out), (layer.n_state, layer.n_out)) * (2 if _is_bidirectional(layer) else 1)


def multiplications(layer: Layer) -> int:
    """Return the products of all matrices over all time steps; the gates' element-wise products are not counted."""
    return sum(n_in * n_out for n_in, n_out in matrices(layer)) * layer.n_positions


def effective(layer: Layer, reuse_factor: int, strategy: Strategy = "resource") -> tuple[int, int]:
    """Return the reuse factors (kernel matrix, recurrent matrix) that hls4ml builds when asked for an offered one.

    >>> effective(Layer("lstm", "lstm", 16, 32, 8, 8), 512)
    (512, 256)
    """
    if strategy == "latency":
        return reuse_factor, reuse_factor
    recurrent = legal_reuse_factors(layer.n_state, _n_out_in_hls4ml(layer))
    if strategy == "resource_unrolled":
        recurrent = recurrent[:-1]
    return reuse_factor, closest(recurrent, reuse_factor)


def legal(layer: Layer, target: Target, strategy: Strategy) -> Legal:
    """Return what hls4ml 1.3 builds as asked (`init_lstm`, `init_gru`, `init_bidirectional` of its Vivado backend)."""
    offered = Legal(legal_reuse_factors(layer.n_in, layer.n_out))
    if strategy == "distributed_arithmetic":
        return refuse(offered, "recurrent_no_distributed_arithmetic", "hls4ml silently builds Latency for a recurrent layer here")
    if _is_bidirectional(layer):
        offered = _narrow_bidirectional(layer, target, strategy, offered)
    if offered.reuse_factors:
        offered = narrow_by_strategy(offered, strategy, largest=layer.n_in * layer.n_out)
    if strategy == "resource_unrolled" and layer.n_state * layer.n_out == 1:
        return refuse(offered, "recurrent_matrix_too_small", "the recurrent matrix has no reuse factor for ResourceUnrolled")
    offered = narrow_by_unrolling(offered, target, strategy, lambda rf: _multipliers(layer, rf, strategy))
    return _explain_recurrent(layer, strategy, offered)


def _is_bidirectional(layer: Layer) -> bool:
    return layer.kind.startswith("bidirectional")


def _n_out_in_hls4ml(layer: Layer) -> int:
    # get_layer_mult_size of hls4ml 1.3 counts three gates for a bidirectional LSTM too.
    return 3 * layer.n_state if _is_bidirectional(layer) else layer.n_out


def _multipliers(layer: Layer, reuse_factor: int, strategy: Strategy) -> int:
    """Return the products unrolled side by side in the larger of the two matrices."""
    kernel, recurrent = (1, 1) if strategy == "latency" else effective(layer, reuse_factor, strategy)
    return max(-(-layer.n_in * layer.n_out // kernel), -(-layer.n_state * layer.n_out // recurrent))


def _narrow_bidirectional(layer: Layer, target: Target, strategy: Strategy, offered: Legal) -> Legal:
    if target.toolchain.name == "vitis_hls" and target.io_type == "io_stream":
        return refuse(offered, "bidirectional_io_stream", "hls4ml's Vitis backend refuses bidirectional layers under io_stream")
    if strategy == "resource_unrolled":
        return refuse(offered, "bidirectional_unrolled", "hls4ml always builds Resource instead of ResourceUnrolled here")
    if strategy == "latency":
        return offered
    unsnapped = set(legal_reuse_factors(layer.n_in, _n_out_in_hls4ml(layer)))
    offered = narrow(
        offered,
        "bidirectional_three_gates",
        "hls4ml checks a bidirectional layer as if it had three gates and would move these values",
        lambda rf: rf in unsnapped,
    )
    sound = set(legal_reuse_factors(layer.n_state, layer.n_out))
    return narrow(
        offered,
        "bidirectional_recurrent",
        "hls4ml would give the recurrent matrix a reuse factor that does not divide it",
        lambda rf: effective(layer, rf, strategy)[1] in sound,
    )


def _explain_recurrent(layer: Layer, strategy: Strategy, offered: Legal) -> Legal:
    moved = [pair for pair in (effective(layer, rf, strategy) for rf in offered.reuse_factors) if pair[0] != pair[1]]
    if not moved:
        return offered
    pairs = ", ".join(f"{kernel} -> {recurrent}" for kernel, recurrent in moved)
    return explain(offered, "recurrent_nearest", f"the recurrent matrix takes the nearest value that is legal for it: {pairs}")


# What the estimate counts.


def area_terms(g: Geometry) -> Terms:
    """Return a layer, its inputs, its units, and the multiplexers before its multipliers."""
    multiplexed = sum(matrix.n_multipliers for matrix in g.matrices if 2 < matrix.reuse_factor < matrix.n_in)
    terms = {"recurrent": 1.0, "recurrent_input": float(g.layer.n_in), "unit": float(g.layer.n_state)}
    return terms | ({"recurrent_mux": float(multiplexed)} if multiplexed else {})


def latency_terms(g: Geometry, context: Context) -> tuple[float, Terms]:
    """Return the turns, and the terms of a time step and of loading its input."""
    return g.steps * g.slowest, {"recurrent_step": g.steps, "recurrent_load": g.steps * g.layer.n_in}


def shortest_terms(g: Geometry) -> tuple[float, Terms]:
    """Return a cycle a time step: an input that is ready saves it."""
    return float(g.steps), {}


# Reading.


def _from_keras(kind: str) -> Builder:
    def builder(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
        shape = one_input(node, shapes)
        if len(shape) != 2:
            raise problem(node, "input", shape, "(time steps, features)")
        units = whole(node, "units")
        if flag(node, "return_state", False):
            raise problem(node, "return_state", True, "false: hls4ml does not give the state out")
        sequences = flag(node, "return_sequences", False)
        backwards = flag(node, "go_backwards", False)
        # where the reset gate acts is another circuit, and nothing else of the structure tells
        reset: dict[str, Attribute] = {"reset_after": flag(node, "reset_after", True)} if kind == "gru" else {}
        given = attributes(
            **reset,
            activation=activation_of(node, "tanh"),
            recurrent_activation=activation_of(node, "sigmoid", "recurrent_activation"),
            use_bias=flag(node, "use_bias", True),
            units=units,
            return_sequences=sequences,
            direction="backward" if backwards else "forward",
        )
        out = (shape[0], units) if sequences else (units,)
        return (make(node, kind, shape[1], _GATES[kind] * units, out, given, positions=shape[0], state=units),)

    return builder


def _bidirectional(node: Node, shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    forward = _wrapped(node, "layer")
    backward = _wrapped(node, "backward_layer") if node.config.get("backward_layer") else forward
    one_way, other = (KERAS[part.class_name](part, shapes)[0] for part in (forward, backward))
    if (one_way.kind, one_way.n_state) != (other.kind, other.n_state):
        raise problem(
            node, "backward_layer", f"{other.kind} of {other.n_state}", f"{one_way.kind} of {one_way.n_state}, as forward"
        )
    mode = text(node, "merge_mode", "concat", ("concat", "sum", "mul", "ave"))
    units, n_in, positions = one_way.n_state, one_way.n_in, one_way.n_positions
    given = attributes(**dict(one_way.attributes) | {"direction": "bidirectional", "merge_mode": mode})
    out = (*one_way.output_shape[:-1], units * (2 if mode == "concat" else 1))
    return (make(node, f"bidirectional_{one_way.kind}", n_in, one_way.n_out, out, given, positions=positions, state=units),)


def _wrapped(node: Node, key: str) -> Node:
    inner: Any = node.config.get(key)
    if not isinstance(inner, dict) or not isinstance(inner.get("config"), dict):
        raise problem(node, key, inner, "a layer")
    if inner.get("class_name") not in ("LSTM", "GRU"):
        raise problem(node, key, inner.get("class_name"), "LSTM or GRU")
    return Node(node.name, str(inner.get("class_name")), inner["config"], node.inputs, f"{node.where} ({key})")


KERAS: dict[str, Builder] = {"LSTM": _from_keras("lstm"), "GRU": _from_keras("gru"), "Bidirectional": _bidirectional}
TABLE_KEYS = ("features", "units", "steps", "return_sequences")


def from_table(kind: str, table: Table) -> Sizes:
    """Read features (or n_in), units, steps (or positions), return_sequences; n_out, where said, counts all gates."""
    features, units = one(table, ("features", "n_in")), one(table, ("units",))
    n_out, n_steps = _GATES[kind] * units, one(table, ("positions", "n_positions", "steps"))
    if one(table, ("n_out",), n_out) != n_out:
        raise NetworkError(f"n_out is {table['n_out']}, expected {_GATES[kind]} gates x {units} units = {n_out}; leave it out")
    is_twice = kind.startswith("bidirectional")
    sequences = said_flag(table, "return_sequences", True)
    direction = "bidirectional" if is_twice else "forward"
    given: dict[str, Attribute] = {"units": units, "return_sequences": sequences, "direction": direction}
    width = units * (2 if is_twice else 1)
    return Sizes(features, n_out, n_steps, units, (n_steps, width) if sequences else (width,), given)


def reads(layer: Layer) -> tuple[int, ...]:
    """Return (time steps, features)."""
    return (layer.n_positions, layer.n_in)


def keras_layer(layer: Layer) -> Any:
    """Return the Keras layer of a listed LSTM or GRU.

    Raises:
        NetworkError: of a bidirectional one, which a list does not tell enough of.
    """
    if _is_bidirectional(layer):
        raise NetworkError(f"layer {layer.name}: kind {layer.kind}, expected lstm or gru in a list")
    import keras

    kind = keras.layers.LSTM if layer.kind == "lstm" else keras.layers.GRU
    # A list says "linear" where it says nothing, and a linear recurrent layer is not what anybody means.
    activation = layer.attribute("activation", "linear")
    return kind(
        layer.n_state,
        activation="tanh" if activation == "linear" else activation,
        return_sequences=bool(layer.attribute("return_sequences", True)),
        use_bias=bool(layer.attribute("use_bias", True)),
        name=layer.name,
    )
