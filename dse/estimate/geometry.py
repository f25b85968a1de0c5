"""The sizes of a layer as hls4ml builds it: its matrices, each with its effective reuse factor, and the steps it takes."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

from dse.design import Layer, LayerChoice, Precision, Strategy, Target
from dse.layers import recurrent
from dse.layers.base import legal_reuse_factors
from dse.registry import layer_kind

# The recordings that the constants were fitted on: N-TORC's, Vivado HLS 2019.1.
_RECORDED_PART, _RECORDED_CLOCK_NS, _RECORDED_BITS = "xczu7ev", 4.0, 16

RECURRENT = ("lstm", "gru", "bidirectional_lstm", "bidirectional_gru")


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
        steps: words that pass through a convolution per inference (padded input pixels), time steps of a recurrent layer, else 1.
        pixels: times the matrix is used.
        is_unrolled: whether all products are separate constants in one pipeline: the latency strategy at reuse factor 1.
    """

    layer: Layer
    kind: str
    matrices: tuple[Matrix, ...]
    precision: Precision
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
        """Whether the recordings' way of listing positions was followed, see `_pixels`."""
        return self.pixels != self.layer.n_positions

    @property
    def saturates(self) -> bool:
        """Whether sums saturate, which costs most of a multiplier's LUTs. The recordings do (`AP_RND, AP_SAT`)."""
        return self.is_recorded_target or any("SAT" in mode for mode in self.precision.modes)


def geometry(layer: Layer, choice: LayerChoice, target: Target) -> Geometry:
    """Return the sizes that hls4ml builds."""
    precision = choice.precision or target.precision
    is_recorded = (
        target.io_type == "io_stream"
        and target.part.startswith(_RECORDED_PART)
        and target.clock_period_ns == _RECORDED_CLOCK_NS
        and precision.width_bits == _RECORDED_BITS
    )
    sizes = layer_kind(layer.kind).matrices(layer)
    factors = [choice.reuse_factor] * len(sizes)
    if layer.kind in RECURRENT and len(sizes) % 2 == 0:
        factors = [*recurrent.effective(layer, choice.reuse_factor, choice.strategy)] * (len(sizes) // 2)
    matrices = tuple(Matrix(n_in, n_out, min(rf, n_in * n_out)) for (n_in, n_out), rf in zip(sizes, factors, strict=True))
    pixels = _pixels(layer, is_recorded)
    kind = "conv" if "conv" in layer.kind else "recurrent" if layer.kind in RECURRENT else layer.kind
    return Geometry(
        layer=layer,
        kind=kind,
        matrices=matrices,
        precision=precision,
        strategy=choice.strategy,
        steps=_steps(layer, pixels),
        pixels=pixels,
        is_recorded_target=is_recorded,
        is_unrolled=_is_unrolled(layer, choice, is_recorded),
    )


def _is_unrolled(layer: Layer, choice: LayerChoice, is_recorded: bool) -> bool:
    if choice.reuse_factor != 1:
        return False
    if choice.strategy != "resource":
        return True
    # N-TORC built its designs with Latency where 1 was asked for. Where a matrix has no legal 2, a request for 2 came to 1 as
    # well, under Resource, and those are most of its recordings at 1.
    return is_recorded and (layer.kind != "conv1d" or 2 in legal_reuse_factors(layer.n_in, layer.n_out))


def _pixels(layer: Layer, is_recorded: bool) -> int:
    kernel = layer.attribute("kernel", 1)
    channels = layer.attribute("channels") or (layer.n_in // kernel if isinstance(kernel, int) else 1)
    # N-TORC lists a convolution behind a pooling by two with the length before that pooling, and uses its tables that way; on
    # its target the estimate follows, or it would be off by two everywhere.
    if is_recorded and layer.kind == "conv1d" and channels != 1:
        return max(1, layer.n_positions // 2)
    return layer.n_positions


def _steps(layer: Layer, pixels: int) -> int:
    """Return the words that pass by; a stream convolution sees every padded input pixel."""
    if "conv" not in layer.kind:
        return pixels
    stride, kernel = (_number(layer, name, 1) for name in ("stride", "kernel"))
    if layer.kind.endswith("2d") and len(layer.output_shape) == 3:
        sides = zip(layer.output_shape[:2], ("height", "width"), strict=True)
        return prod(out * _number(layer, f"stride_{side}", 1) + _number(layer, f"kernel_{side}", 1) - 1 for out, side in sides)
    return pixels * stride + kernel - 1


def _number(layer: Layer, name: str, default: int) -> int:
    value = layer.attribute(name, default)
    return value if isinstance(value, int) and not isinstance(value, bool) else default
