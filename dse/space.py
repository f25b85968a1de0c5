"""The design space: for every layer with weights, the choices that are legal and on offer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from dse.design import DesignPoint, Layer, LayerChoice
from dse.errors import SpaceError


@dataclass(frozen=True, slots=True)
class LayerOptions:
    """One layer and its choices, ascending by reuse factor, never empty."""

    layer: Layer
    choices: tuple[LayerChoice, ...]

    def __post_init__(self) -> None:
        if not self.choices:
            raise SpaceError(f"layer {self.layer.name}: no legal choice is left")
        if tuple(sorted(self.choices, key=lambda c: (c.reuse_factor, c.strategy))) != self.choices:
            raise SpaceError(f"layer {self.layer.name}: choices must ascend by reuse factor")

    @property
    def reuse_factors(self) -> tuple[int, ...]:
        return tuple(choice.reuse_factor for choice in self.choices)

    def nearest(self, reuse_factor: int) -> LayerChoice:
        """Return the choice whose reuse factor is nearest, of two equally near the smaller (hls4ml's own rule)."""
        return min(self.choices, key=lambda c: (abs(c.reuse_factor - reuse_factor), c.reuse_factor))


@dataclass(frozen=True, slots=True)
class DesignSpace:
    """All points: the product of every layer's choices, in network order."""

    options: tuple[LayerOptions, ...]

    @property
    def size(self) -> int:
        """Number of points."""
        return prod(len(option.choices) for option in self.options)

    def point(self, choices: Mapping[str, LayerChoice] | tuple[LayerChoice, ...]) -> DesignPoint:
        """Build a point from one choice per layer, refusing what is not on offer.

        Raises:
            SpaceError: a layer is missing, or its choice is not one of its options; the message names the legal ones.
        """
        if isinstance(choices, tuple):
            choices = {o.layer.name: c for o, c in zip(self.options, choices, strict=True)}
        pairs = []
        for option in self.options:
            choice = choices.get(option.layer.name)
            if choice is None or choice not in option.choices:
                got = "nothing" if choice is None else f"{choice.reuse_factor} ({choice.strategy})"
                raise SpaceError(f"layer {option.layer.name}: got reuse factor {got}, expected one of {option.reuse_factors}")
            pairs.append((option.layer.name, choice))
        return DesignPoint(tuple(pairs))

    def __contains__(self, point: object) -> bool:
        names = tuple(option.layer.name for option in self.options)
        return (
            isinstance(point, DesignPoint)
            and tuple(name for name, _ in point.choices) == names
            and all(c in o.choices for o, (_, c) in zip(self.options, point.choices, strict=True))
        )
