"""The space of architectures: a fixed list of named parameters, and how they make an `Architecture`.

Every parameter is always asked for, also those of layers that a candidate does not have, so that all samplers see one box of fixed
dimension (a Gaussian process could not model anything else). Ranges hold for all layers of a sort or are listed layer by layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from dse.errors import SpecError
from dse.networks.architecture import Architecture, ConvBlock, HeadKind, Recurrent, RecurrentKind

Range = int | tuple[int, int]
Ranges = int | tuple[int, int] | tuple[tuple[int, int], ...]
Value = int | str

_LOGARITHMIC = 8  # a range whose end is this many times its beginning is searched by ratios

MAXIMUM_CONV, MAXIMUM_RECURRENT, MAXIMUM_DENSE = 5, 3, 5


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `low` to `high` in steps of `step`."""

    name: str
    low: int
    high: int
    step: int = 1

    @property
    def is_logarithmic(self) -> bool:
        return self.step == 1 and self.low >= 1 and self.high >= _LOGARITHMIC * self.low


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few values."""

    name: str
    options: tuple[Value, ...]


Parameter = Whole | Choice


@dataclass(frozen=True, slots=True)
class ConvSpace:
    """`[space.conv]`: number of blocks, filters, and choices of kernel and pooling (1: none). `step`: filters are multiples of it."""

    blocks: Range = (0, 5)
    filters: Ranges = (4, 64)
    kernel: tuple[int, ...] = (3,)
    pool: tuple[int, ...] = (2,)
    step: int = 1


@dataclass(frozen=True, slots=True)
class RecurrentSpace:
    """`[space.recurrent]`: number of layers, units, kinds, and what the last layer hands on: `all` its sequence, or the `last` step."""

    layers: Range = (0, 3)
    units: Ranges = (4, 32)
    kind: tuple[RecurrentKind, ...] = ("lstm",)
    returns: tuple[Literal["all", "last"], ...] = ("all",)
    step: int = 1


@dataclass(frozen=True, slots=True)
class DenseSpace:
    """`[space.dense]`: number of hidden layers and their neurons."""

    layers: Range = (1, 5)
    units: Ranges = (4, 64)
    step: int = 1


@dataclass(frozen=True, slots=True)
class Head:
    """`[space.head]`: a regression, or so many classes."""

    kind: HeadKind = "regression"
    classes: int | None = None

    def __post_init__(self) -> None:
        if (self.kind == "classes") != (self.classes is not None) or (self.classes or 2) < 2:
            raise SpecError('space.head: expected kind = "regression" alone, or kind = "classes" with classes = 2 or more')


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """All candidates. `same_sizes`: one size for all convolutions, one for all recurrent and one for all dense layers, as N-TORC has it."""

    input_length: Range
    conv: ConvSpace
    recurrent: RecurrentSpace
    dense: DenseSpace
    head: Head
    same_sizes: bool = False

    def __post_init__(self) -> None:
        problem = next(iter(problems_of(self)), None)
        if problem is not None:
            raise SpecError(f"space.{'.'.join(problem[0])}: {problem[1]}")

    @property
    def longest_input(self) -> int:
        return both(self.input_length)[1]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All that varies, in a fixed order; what has one value only is not among them."""
        found: list[Parameter] = [_whole("input_length", self.input_length)]
        conv, recurrent, dense = self.conv, self.recurrent, self.dense
        found.append(_whole("conv_blocks", conv.blocks))
        for i in self._each(conv.blocks):
            found.append(_whole(f"conv_{i}_filters", _of(conv.filters, i), conv.step))
            found += [Choice(f"conv_{i}_kernel", conv.kernel), Choice(f"conv_{i}_pool", conv.pool)]
        found.append(_whole("recurrent_layers", recurrent.layers))
        if both(recurrent.layers)[1]:
            found += [Choice("recurrent_kind", recurrent.kind), Choice("recurrent_returns", recurrent.returns)]
        found += [_whole(f"recurrent_{i}_units", _of(recurrent.units, i), recurrent.step) for i in self._each(recurrent.layers)]
        found.append(_whole("dense_layers", dense.layers))
        found += [_whole(f"dense_{i}_units", _of(dense.units, i), dense.step) for i in self._each(dense.layers)]
        return tuple(p for p in found if (p.high > p.low if isinstance(p, Whole) else len(p.options) > 1))

    def architecture(self, values: Mapping[str, Any], n_channels: int = 1) -> Architecture:
        """Return the architecture of a value per parameter; parameters of layers that it does not have are ignored.

        Raises:
            SpaceError: the candidate cannot be built, e.g. pooling leaves nothing.
        """
        conv, recurrent, dense = self.conv, self.recurrent, self.dense

        def whole(name: str, among: Range) -> int:
            return int(values.get(name, both(among)[0]))

        def chosen(name: str, options: tuple[Any, ...]) -> Any:
            return values.get(name, options[0])

        blocks = [
            ConvBlock(
                whole(f"conv_{k}_filters", _of(conv.filters, k)),
                chosen(f"conv_{k}_kernel", conv.kernel),
                chosen(f"conv_{k}_pool", conv.pool),
            )
            for k in self._used(whole("conv_blocks", conv.blocks))
        ]
        kind, returns = chosen("recurrent_kind", recurrent.kind), chosen("recurrent_returns", recurrent.returns)
        n = whole("recurrent_layers", recurrent.layers)
        units = [whole(f"recurrent_{k}_units", _of(recurrent.units, k)) for k in self._used(n)]
        layers = [Recurrent(kind, u, i < n - 1 or returns == "all") for i, u in enumerate(units)]
        hidden = [whole(f"dense_{k}_units", _of(dense.units, k)) for k in self._used(whole("dense_layers", dense.layers))]
        length = whole("input_length", self.input_length)
        outputs = self.head.classes or 1
        return Architecture(length, n_channels, tuple(blocks), tuple(layers), tuple(hidden), self.head.kind, outputs)

    def sample(self, rng: np.random.Generator) -> dict[str, Value]:
        """Draw a value for every parameter, uniformly (or by ratios where a range is wide)."""
        drawn: dict[str, Value] = {}
        for p in self.parameters:
            if isinstance(p, Choice):
                drawn[p.name] = p.options[int(rng.integers(len(p.options)))]
            elif p.is_logarithmic:
                drawn[p.name] = int(np.clip(np.exp(rng.uniform(np.log(p.low - 0.5), np.log(p.high + 0.5))).round(), p.low, p.high))
            else:
                drawn[p.name] = p.low + p.step * int(rng.integers((p.high - p.low) // p.step + 1))
        return drawn

    def _each(self, count: Range) -> range:
        """Return the numbers of the layers that have parameters of their own."""
        most = both(count)[1]
        return range(1, (min(most, 1) if self.same_sizes else most) + 1)

    def _used(self, count: int) -> list[int]:
        """Return whose parameters each of so many layers takes."""
        return [1] * count if self.same_sizes else list(range(1, count + 1))


def both(among: Range) -> tuple[int, int]:
    """Return a range's two ends; a single number is both."""
    return (among, among) if isinstance(among, int) else among


def problems_of(space: SearchSpace) -> list[tuple[tuple[str, ...], str]]:
    """Return (keys below `[space]`, what is wrong) of all that no candidate could be made of."""
    found: list[tuple[tuple[str, ...], str]] = []

    def check(path: tuple[str, ...], among: Range, least: int, most: int | None = None) -> None:
        low, high = both(among)
        if not least <= low <= high or (most is not None and high > most):
            upper = f" and at most {most}" if most is not None else ""
            found.append((path, f"got {list(both(among))}, expected an ascending range from {least}{upper}"))

    check(("input_length",), space.input_length, 1, 1 << 20)
    check(("conv", "blocks"), space.conv.blocks, 0, MAXIMUM_CONV)
    check(("recurrent", "layers"), space.recurrent.layers, 0, MAXIMUM_RECURRENT)
    check(("dense", "layers"), space.dense.layers, 0, MAXIMUM_DENSE)
    sizes: tuple[tuple[tuple[str, ...], Ranges, int], ...] = (
        (("conv", "filters"), space.conv.filters, space.conv.step),
        (("recurrent", "units"), space.recurrent.units, space.recurrent.step),
        (("dense", "units"), space.dense.units, space.dense.step),
    )
    for path, ranges, step in sizes:
        if step < 1:
            found.append(((path[0], "step"), f"got {step}, expected at least 1"))
            continue
        for among in _listed(ranges):
            check(path, among, 1, 1 << 16)
            if any(end % step for end in both(among)):
                found.append((path, f"got {list(both(among))}, expected multiples of step = {step}"))
    for section in (space.conv, space.recurrent):
        for entry in fields(section):
            options = getattr(section, entry.name)
            if entry.name in ("kernel", "pool", "kind", "returns") and (not options or len(set(options)) < len(options)):
                found.append(
                    (("conv" if section is space.conv else "recurrent", entry.name), "expected at least one choice, each once")
                )
    for name in ("kernel", "pool"):
        if any(option < 1 for option in getattr(space.conv, name)):
            found.append((("conv", name), "expected whole numbers from 1"))
    return found


def _listed(ranges: Ranges) -> tuple[Range, ...]:
    if isinstance(ranges, int):
        return (ranges,)
    return tuple(r for r in ranges if not isinstance(r, int)) or (ranges,)  # type: ignore[return-value]


def _of(ranges: Ranges, number: int) -> Range:
    """Return the range of a layer, counted from 1; the last of a list holds for all further ones."""
    listed = _listed(ranges)
    return listed[min(number, len(listed)) - 1]


def _whole(name: str, among: Range, step: int = 1) -> Whole:
    low, high = both(among)
    return Whole(name, low, high, step)
