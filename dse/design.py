"""What is built: a network's layers, the choices made for them, and the device they are built for.

All values are frozen and valid when built. Nothing here knows how a design is found, built or stored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from dse.canonical import COUNTS_IF_SAID, NEVER_COUNTS, digest
from dse.errors import SpecError
from dse.wire import Bare, ByName, Text

Strategy = Literal["latency", "resource", "resource_unrolled", "distributed_arithmetic"]
IoType = Literal["io_parallel", "io_stream"]
Attribute = str | int | float | bool

STRATEGIES: tuple[Strategy, ...] = ("latency", "resource", "resource_unrolled", "distributed_arithmetic")
IO_TYPES: tuple[IoType, ...] = ("io_parallel", "io_stream")

# How projects are written beyond what a job says: part of the keys of tool runs, so that a result of another recipe is not taken for one of
# this. 2: accumulators are hls4ml's to infer (0.1 gave them the type of results, in which sums could overflow).
_RECIPE = "recipe 2"

# Names go into Tcl, C++ and shell scripts: anything but an identifier is refused at the border.
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_FIXED = re.compile(
    r"(?:ap_)?(u?)fixed\s*<\s*([0-9]{1,5})\s*,\s*(-?[0-9]{1,5})\s*((?:,\s*(?:AP_)?[A-Z][A-Z_]*\s*){0,2})(?:,\s*([0-9]{1,5})\s*)?>"
)
_INTEGER_TYPE = re.compile(r"(?:ap_)?(u?)int\s*<\s*([0-9]{1,5})\s*>")
_VERSION = re.compile(r"([0-9A-Za-z][0-9A-Za-z.+_-]{0,39})?")  # "" where nobody knows
_TOOLCHAIN = re.compile(r"(vivado_hls|vitis_hls)\s+([0-9]{4}\.[0-9])(?:\.[0-9]+)?")


def is_identifier(name: str) -> bool:
    """Whether a name may stand in generated Tcl, C++ and file names."""
    return _IDENTIFIER.fullmatch(name) is not None


class Fidelity(StrEnum):
    """A step of evidence, from the cheapest to the dearest: how far a result was taken. Two are never mixed in one column."""

    ESTIMATE = "estimate"  # an analytic model; no tool was run
    SIMULATE = "simulate"  # the numbers of a design, bit by bit
    CSYNTH = "csynth"  # C synthesis
    VSYNTH = "vsynth"  # logic synthesis
    IMPL = "impl"  # placed and routed
    TRAIN = "train"  # a network's error after training


@dataclass(frozen=True, slots=True)
class Precision(Text):
    """A fixed-point type: `width_bits` in all, `integer_bits` of them before the point (sign included).

    >>> str(Precision.parse("ap_fixed< 16, 6 >"))
    'ap_fixed<16,6>'
    """

    width_bits: int
    integer_bits: int
    is_signed: bool = True
    modes: tuple[str, ...] = ()  # rounding and saturation, e.g. ("AP_RND", "AP_SAT"); empty means the tool's default

    def __post_init__(self) -> None:
        if not 1 <= self.width_bits <= 1024:
            raise SpecError(f"precision: width_bits is {self.width_bits}, expected 1 to 1024")

    @classmethod
    def parse(cls, text: str) -> Precision:
        """Read `ap_fixed<W,I>` or `ap_ufixed<W,I>` with up to two modes, in the tools' spelling or hls4ml's own (`fixed<16,6,RND,SAT>`).

        Raises:
            SpecError: if the text is no such type; it says what to write instead.
        """
        match = _FIXED.fullmatch(text.strip())
        if match is None:
            raise SpecError(f"precision: got {text!r}, {_instead(text.strip())}")
        unsigned, width, integer, modes, n_saturated = match.groups()
        if int(n_saturated or 0):
            raise SpecError(f"precision: got {text!r}: saturation bits other than 0 are not supported")
        words = tuple(f"AP_{mode.strip().removeprefix('AP_')}" for mode in modes.split(",") if mode.strip())
        return cls(int(width), int(integer), not unsigned, words)

    def __str__(self) -> str:
        inner = ",".join([str(self.width_bits), str(self.integer_bits), *self.modes])
        return f"ap_{'' if self.is_signed else 'u'}fixed<{inner}>"


def _instead(text: str) -> str:
    """Say what to write for a type that is none of ours."""
    whole = _INTEGER_TYPE.fullmatch(text)
    if whole:
        width = whole[2]
        return f'an integer type; write "ap_{whole[1]}fixed<{width},{width}>", which holds the same numbers'
    if text.startswith("ac_"):
        return 'a type of Catapult and oneAPI, which dse does not drive; write e.g. "ap_fixed<16,6>"'
    if text == "auto":
        return 'which leaves the type to hls4ml layer by layer, so that no design would have one; write e.g. "ap_fixed<16,6>"'
    return 'expected e.g. "ap_fixed<16,6>"'


@dataclass(frozen=True, slots=True)
class Types:
    """The types of a layer by role, where the model itself brings them; None: the choice's, else the target's.

    Attributes:
        weight: of the weights.
        result: of sums and results, and so of the next layer's data.
    """

    weight: Precision | None = None
    result: Precision | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer as the hardware sees it: a matrix product of n_in x n_out, done n_positions times per inference.

    Attributes:
        name: the network's own name of the layer.
        kind: the file of `dse.layers` that knows this kind.
        n_in: rows of the multiplier matrix (convolution: kernel area x channels); for layers without weights the number of
            elements (or channels) that one position reads.
        n_out: columns of the matrix (filters, units; 4 x units for an LSTM, 3 x units for a GRU).
        n_positions: times the matrix is used per inference: output pixels or time steps; 1 for a dense layer.
        n_state: units of a recurrent layer, whose second matrix is n_state x n_out; 0 for all others.
        inputs: names of the layers that it reads.
        output_shape: without the batch.
        attributes: what else shapes the circuit, sorted by name: kernel, stride, padding, activation, ...
        types: what the model itself says of its numbers; None: nothing.
        n_nonzero: weights that are not zero with 0, 1, 2, ... bits after the point (the last entry stands for all further ones);
            None where nobody has counted. It follows from the weights, which have a digest of their own, so it is in no key.
    """

    name: str
    kind: str
    n_in: int
    n_out: int
    n_positions: int = 1
    n_state: int = 0
    inputs: tuple[str, ...] = ()
    output_shape: tuple[int, ...] = ()
    attributes: ByName[Attribute] = ()
    types: Types | None = field(default=None, metadata=COUNTS_IF_SAID)
    n_nonzero: tuple[int, ...] | None = field(default=None, metadata=NEVER_COUNTS)

    def __post_init__(self) -> None:
        if not is_identifier(self.name):
            raise SpecError(f"layer name {self.name!r}: expected a letter followed by letters, digits or _ (at most 64)")
        for what in ("n_in", "n_out", "n_positions"):
            if getattr(self, what) < 1:
                raise SpecError(f"layer {self.name}: {what} is {getattr(self, what)}, expected at least 1")
        object.__setattr__(self, "attributes", tuple(sorted(self.attributes, key=lambda pair: pair[0])))

    def attribute(self, name: str, default: Attribute | None = None) -> Attribute | None:
        """Return an attribute, or the default where the network did not say."""
        return dict(self.attributes).get(name, default)

    @property
    def shape(self) -> tuple[str, int, int, int, int]:
        """What makes two layers the same circuit but for weights: (kind, n_in, n_out, n_positions, n_state).

        Cross-validation splits by this, and transfer between networks joins on it.
        """
        return (self.kind, self.n_in, self.n_out, self.n_positions, self.n_state)


@dataclass(frozen=True, slots=True)
class Network:
    """A network: its layers in topological order, and the digest of its structure and weights (64 hex digits)."""

    name: str
    layers: tuple[Layer, ...]
    digest: str

    def __post_init__(self) -> None:
        names = [layer.name for layer in self.layers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SpecError(f"network {self.name}: layer name {twice[0]!r} is used more than once")

    def layer(self, name: str) -> Layer:
        """Return the layer of that name; KeyError if there is none."""
        return next(layer for layer in self.layers if layer.name == name)


@dataclass(frozen=True, slots=True, order=True)
class LayerChoice:
    """What is chosen for one layer.

    Attributes:
        precision: of its results, and of its weights unless `weight` says another; None: the model's own, else the target's.
        weight: of its weights.
    """

    reuse_factor: int
    strategy: Strategy = "resource"
    precision: Precision | None = None
    weight: Precision | None = field(default=None, metadata=COUNTS_IF_SAID)

    def __post_init__(self) -> None:
        if self.reuse_factor < 1:
            raise SpecError(f"reuse factor {self.reuse_factor}: expected at least 1")


@dataclass(frozen=True, slots=True)
class DesignPoint(Bare):
    """One choice per layer that has one, in network order. Layers without weights have no entry: they stay at 1."""

    choices: ByName[LayerChoice]

    def __getitem__(self, layer_name: str) -> LayerChoice:
        return dict(self.choices)[layer_name]

    @property
    def reuse_factors(self) -> tuple[int, ...]:
        """The reuse factors in network order."""
        return tuple(choice.reuse_factor for _, choice in self.choices)

    def __str__(self) -> str:
        return "[" + ", ".join(str(factor) for factor in self.reuse_factors) + "]"


@dataclass(frozen=True, slots=True)
class Toolchain(Text):
    """The synthesis tool.

    >>> Toolchain.parse("vivado_hls 2019.2")
    Toolchain(name='vivado_hls', version='2019.2')
    """

    name: str
    version: str

    @classmethod
    def parse(cls, text: str) -> Toolchain:
        """Read e.g. `vivado_hls 2019.2`; a patch number is dropped.

        Raises:
            SpecError: if the text names no known tool and version.
        """
        match = _TOOLCHAIN.fullmatch(text.strip())
        if match is None:
            raise SpecError(f'toolchain: got {text!r}, expected e.g. "vivado_hls 2019.2" or "vitis_hls 2023.2"')
        return cls(*match.groups())

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Target:
    """Everything besides network and point that changes the circuit.

    `part` is kept normalised (see `normalise_part`). `clock_uncertainty_percent` None means hls4ml's default for the tool.
    """

    part: str
    clock_period_ns: float
    io_type: IoType = "io_parallel"
    precision: Precision = Precision(16, 6)
    toolchain: Toolchain = Toolchain("vivado_hls", "2019.2")
    hls4ml_version: str = "1.3.0"
    clock_uncertainty_percent: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "part", normalise_part(self.part))
        if not 0.1 <= self.clock_period_ns <= 1000:
            raise SpecError(f"clock_period_ns is {self.clock_period_ns!r}, expected 0.1 to 1000")
        if _VERSION.fullmatch(self.hls4ml_version) is None:
            raise SpecError(f'hls4ml_version is {self.hls4ml_version!r}, expected a version, e.g. "1.3.0"')
        if self.io_type not in IO_TYPES:
            raise SpecError(f"io_type is {self.io_type!r}, expected one of {', '.join(IO_TYPES)}")


def normalise_part(part: str) -> str:
    """Return the one spelling of a part: lower case, no dashes, prefix `xc`.

    >>> normalise_part("7z020clg400-1"), normalise_part("xcu250-figd2104-2L-e")
    ('xc7z020clg4001', 'xcu250figd21042le')
    """
    bare = part.strip().lower().replace("-", "")
    return bare if bare.startswith("xc") else "xc" + bare


@dataclass(frozen=True, slots=True)
class Job:
    """One question to a backend.

    `basis` is "" for a run of the tool; for an estimate or a composition of recorded layers it is the digest of the constants or
    of the corpus (with its replicate rule) that the answer rests on, so that two different answers never share a key.
    """

    network: Network
    point: DesignPoint
    target: Target
    fidelity: Fidelity
    basis: str = ""

    @property
    def key(self) -> str:
        """64 hex digits over all that changes the circuit or the answer: never a path, host, date or backend name."""
        basis = self.basis or _RECIPE
        return digest((self.network.digest, self.point, self.target, self.fidelity, basis))
