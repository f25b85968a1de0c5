"""A layer as hls4ml builds it under a choice: its matrices, each with its effective reuse factor, and the steps it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Literal

from dse.design import Layer, Precision, Strategy

Style = Literal["dataflow", "pipeline"]
Terms = Mapping[str, float]  # how often a circuit has what costs something; the constants beside them are the estimate's

NO_TERMS: Terms = {}


@dataclass(frozen=True, slots=True)
class Context:
    """A layer's surroundings.

    Attributes:
        style: `dataflow` (each layer a process of its own) or `pipeline` (the whole top is one pipeline).
        input_packets: words in which a dense layer's input arrives under io_stream; None: not known (a layer alone), taken as
            one word up to 64 values and words of 16 values beyond, as in the recordings.
        is_alone: whether the layer is the whole design, as in the recordings of io_parallel.
        data_bits: width of the values that a layer reads; None: as its own results.
    """

    style: Style = "dataflow"
    input_packets: int | None = None
    data_bits: int | None = None
    is_alone: bool = False


@dataclass(frozen=True, slots=True)
class Matrix:
    """One multiplier matrix under its effective reuse factor."""

    n_in: int
    n_out: int
    reuse_factor: int

    @property
    def n_multipliers(self) -> int:
        """Multipliers side by side: ceil(n_in * n_out / reuse factor), hls4ml's block factor."""
        return ceil(self.n_in * self.n_out / self.reuse_factor)

    @property
    def fan(self) -> int:
        """Measured width of the multiplexer before each multiplier of a dense layer: its outputs, or for one output its inputs."""
        return self.n_out if self.n_out > 1 else self.n_in


@dataclass(frozen=True, slots=True)
class Geometry:
    """A layer under a choice and a target.

    Attributes:
        family: the kind's `FAMILY`: whose terms it has.
        precision: of sums and results.
        weight: of the weights.
        steps: words that pass through a convolution per inference (padded input pixels), time steps of a recurrent layer, else 1.
        pixels: times the matrix is used.
        is_unrolled: whether all products are separate constants in one pipeline: the latency strategy at reuse factor 1.
    """

    layer: Layer
    family: str
    matrices: tuple[Matrix, ...]
    precision: Precision
    weight: Precision
    strategy: Strategy
    steps: int
    pixels: int
    is_recorded_target: bool
    is_unrolled: bool

    @property
    def n_multipliers(self) -> int:
        return sum(matrix.n_multipliers for matrix in self.matrices)

    @property
    def slowest(self) -> int:
        """The largest effective reuse factor of the matrices."""
        return max(matrix.reuse_factor for matrix in self.matrices)

    @property
    def counts_half_the_pixels(self) -> bool:
        """Whether the recordings' way of listing positions was followed, see `dse.layers.conv`."""
        return self.pixels != self.layer.n_positions

    @property
    def saturates(self) -> bool:
        """Whether sums saturate, which costs most of a multiplier's LUTs. The recordings do (`AP_RND, AP_SAT`)."""
        return self.is_recorded_target or any("SAT" in mode for mode in self.precision.modes)


def number(layer: Layer, name: str, default: int = 1) -> int:
    """Return an attribute that is a whole number, or the default."""
    value = layer.attribute(name, default)
    return value if isinstance(value, int) and not isinstance(value, bool) else default
