"""A candidate network as plain numbers: what the search varies, what Keras builds, and what the device has to hold.

    input (input_length, n_channels)
    -> conv blocks: Conv1D(filters, kernel, same, ReLU), then max-pooling where pool > 1
    -> recurrent layers: LSTM or GRU; all but the last return sequences, the last one may
    -> flatten -> dense layers (ReLU) -> one linear dense output layer

A classifier's outputs are logits: the largest is the class with or without a softmax, and the look-up tables of a softmax on the
device only lose accuracy.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from dse.canonical import digest
from dse.design import Network
from dse.errors import SpaceError
from dse.networks import network_from_keras
from dse.registry import layer_kind

RecurrentKind = Literal["lstm", "gru"]
HeadKind = Literal["regression", "classes"]

_CLASSES = {"lstm": "LSTM", "gru": "GRU"}


@dataclass(frozen=True, slots=True)
class ConvBlock:
    """A convolution with ReLU, and the max-pooling behind it; `pool` 1 means none."""

    filters: int
    kernel: int
    pool: int = 1


@dataclass(frozen=True, slots=True)
class Recurrent:
    """A recurrent layer."""

    kind: RecurrentKind
    units: int
    return_sequences: bool = True


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network's shape. `dense` holds the hidden layers' neurons; `n_outputs` is 1 for a regression, else the classes.

    Raises:
        SpaceError: a size is below 1, pooling leaves nothing, or a recurrent layer reads no sequence.
    """

    input_length: int
    n_channels: int = 1
    conv: tuple[ConvBlock, ...] = ()
    recurrent: tuple[Recurrent, ...] = ()
    dense: tuple[int, ...] = ()
    head: HeadKind = "regression"
    n_outputs: int = 1

    def __post_init__(self) -> None:
        sizes = [self.input_length, self.n_channels, self.n_outputs, *self.dense, *(layer.units for layer in self.recurrent)]
        sizes += [size for block in self.conv for size in (block.filters, block.kernel, block.pool)]
        if min(sizes) < 1:
            raise SpaceError(f"architecture: a size is {min(sizes)}, expected at least 1")
        if self.sequence_length < 1:
            raise SpaceError(
                f"architecture: {self.input_length} samples are pooled to nothing; expected fewer blocks or more samples"
            )
        if not all(layer.return_sequences for layer in self.recurrent[:-1]):
            raise SpaceError("architecture: only the last recurrent layer may leave out its sequence")

    @property
    def sequence_length(self) -> int:
        """Time steps behind the last pooling."""
        length = self.input_length
        for block in self.conv:
            length //= block.pool
        return length

    def layers(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        """Return (Keras class, settings) of every layer, the input first; all are named, as hls4ml asks."""
        found: list[tuple[str, dict[str, Any]]] = [
            ("InputLayer", {"batch_shape": [None, self.input_length, self.n_channels], "name": "signal"})
        ]
        for i, block in enumerate(self.conv, 1):
            given = {"filters": block.filters, "kernel_size": [block.kernel], "padding": "same", "activation": "relu"}
            found.append(("Conv1D", {**given, "name": f"conv_{i}"}))
            if block.pool > 1:
                found.append(("MaxPooling1D", {"pool_size": [block.pool], "name": f"pool_{i}"}))
        for i, layer in enumerate(self.recurrent, 1):
            settings = {"units": layer.units, "return_sequences": layer.return_sequences, "name": f"{layer.kind}_{i}"}
            found.append((_CLASSES[layer.kind], settings))
        if not self.recurrent or self.recurrent[-1].return_sequences:
            found.append(("Flatten", {"name": "flatten"}))
        found += [("Dense", {"units": units, "activation": "relu", "name": f"dense_{i}"}) for i, units in enumerate(self.dense, 1)]
        found.append(("Dense", {"units": self.n_outputs, "activation": "linear", "name": "output"}))
        return tuple(found)

    def network(self, name: str = "candidate") -> Network:
        """Return the layers as the hardware sees them; needs no Keras."""
        layers = [{"class_name": kind, "config": settings} for kind, settings in self.layers()]
        document = {"class_name": "Sequential", "config": {"name": name, "layers": layers}}
        return network_from_keras(document, name, name)

    @property
    def key(self) -> str:
        """64 hex digits that stand for this architecture."""
        return digest(("architecture", *(f"{key}={value}" for key, value in self.to_json().items())))

    def __str__(self) -> str:
        parts = [str(self.input_length)]
        parts += [f"c{block.filters}k{block.kernel}" + (f"p{block.pool}" if block.pool > 1 else "") for block in self.conv]
        parts += [f"{layer.kind}{layer.units}" + ("" if layer.return_sequences else "!") for layer in self.recurrent]
        return "-".join([*parts, *(f"d{units}" for units in self.dense), str(self.n_outputs)])

    def to_json(self) -> dict[str, Any]:
        """Return the architecture as JSON values."""
        document = asdict(self)
        return {**document, "conv": list(document["conv"]), "recurrent": list(document["recurrent"]), "dense": list(self.dense)}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Architecture:
        """Return what `to_json` wrote.

        >>> Architecture.from_json(Architecture(64, dense=(8,)).to_json())
        Architecture(input_length=64, n_channels=1, conv=(), recurrent=(), dense=(8,), head='regression', n_outputs=1)
        """
        conv = tuple(ConvBlock(**block) for block in document["conv"])
        recurrent = tuple(Recurrent(**layer) for layer in document["recurrent"])
        return cls(**{**document, "conv": conv, "recurrent": recurrent, "dense": tuple(document["dense"])})


def workload(network: Network) -> int:
    """Return the multiplications per inference, the proxy that N-TORC trades against the error."""
    kinds = [(layer_kind(layer.kind), layer) for layer in network.layers]
    return sum(kind.multiplications(layer) for kind, layer in kinds if kind.matrices(layer))
