"""A layer-kind module as a value: what it says, and for all that it does not say what holds for any kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from types import ModuleType
from typing import Any

from dse.design import Layer, Strategy, Target
from dse.errors import DseError
from dse.layers._circuit import NO_TERMS, Context, Geometry, Terms
from dse.layers._keras import Builder
from dse.layers._table import Sizes, Table, matrix_sizes, rows, weightless_sizes
from dse.layers.base import Legal

Cost = Mapping[str, float]  # of a layer without weights: metrics by name; {}: the templates do not say


def _no_matrices(layer: Layer) -> tuple[tuple[int, int], ...]:
    return ()


def _no_multiplications(layer: Layer) -> int:
    return 0


def _no_choice(layer: Layer, target: Target, strategy: Strategy) -> Legal:
    return Legal(())


def _as_asked(layer: Layer, reuse_factor: int, strategy: Strategy) -> tuple[int, ...]:
    return (reuse_factor,)


def _rows(layer: Layer) -> tuple[int, ...]:
    return rows(layer.n_positions, layer.n_in)


def _positions(layer: Layer, is_recorded: bool) -> int:
    return layer.n_positions


def _one_step_a_pixel(layer: Layer, pixels: int) -> int:
    return pixels


def _no_terms(g: Geometry) -> Terms:
    return NO_TERMS


def _turns(g: Geometry, context: Context) -> tuple[float, Terms]:
    return g.steps * g.slowest, {"dense": 1.0}


def _nothing_shorter(g: Geometry) -> tuple[float, Terms]:
    return 0.0, NO_TERMS


@dataclass(frozen=True, slots=True)
class LayerKind:
    """What one module of `dse.layers` tells; see `dse.layers.base` for the names in a module.

    Attributes:
        keras_layer: `None` where networks listed in TOML cannot hold the kind.
        effective: the reuse factor that every matrix gets; one for all where they share it.
        family: whose fitted terms the kind has; "" for a kind whose cost was never broken into terms.
        pixels: times the matrices are used; told whether a design is one of the recordings' target.
        steps: words that pass by per inference, given the pixels.
        area_terms: what LUT and FF have beside the matrices' own terms.
        latency_terms: offset (cycles that the template's loops state) and terms of the longest latency.
        shortest_terms: offset and terms of how much shorter the shortest latency is (`shortest_is_whole`: of itself).
        cost: of a layer without weights; None: nothing is known.
    """

    kinds: tuple[str, ...]
    has_weights: bool = False
    matrices: Callable[[Layer], tuple[tuple[int, int], ...]] = _no_matrices
    multiplications: Callable[[Layer], int] = _no_multiplications
    legal: Callable[[Layer, Target, Strategy], Legal] = _no_choice
    effective: Callable[[Layer, int, Strategy], tuple[int, ...]] = _as_asked
    keras: Mapping[str, Builder] = field(default_factory=dict)
    table_keys: tuple[str, ...] = ("channels", "pool", "stride", "op")
    from_table: Callable[[str, Table], Sizes] = weightless_sizes
    keras_layer: Callable[[Layer], Any] | None = None
    reads: Callable[[Layer], tuple[int, ...]] = _rows
    family: str = ""
    pixels: Callable[[Layer, bool], int] = _positions
    steps: Callable[[Layer, int], int] = _one_step_a_pixel
    area_terms: Callable[[Geometry], Terms] = _no_terms
    latency_terms: Callable[[Geometry, Context], tuple[float, Terms]] = _turns
    shortest_terms: Callable[[Geometry], tuple[float, Terms]] = _nothing_shorter
    shortest_is_whole: bool = False
    cost: Callable[[Layer, Target], Cost] | None = None

    @classmethod
    def of(cls, module: ModuleType) -> LayerKind:
        """Return what a module says.

        Raises:
            DseError: it names matrices, but not what they cost or allow.
        """
        said: dict[str, Any] = {name: getattr(module, name) for name in (f.name for f in fields(cls)) if hasattr(module, name)}
        said |= {name.lower(): getattr(module, name) for name in _CONSTANTS if hasattr(module, name)}
        if "matrices" not in said:
            return cls(**said)
        missing = [name for name in ("multiplications", "legal") if name not in said]
        if missing:
            raise DseError(f"layers: module {module.__name__} has matrices, but lacks {', '.join(missing)}")
        with_weights: dict[str, Any] = {"has_weights": True, "table_keys": ("units",), "from_table": matrix_sizes}
        return cls(**with_weights | said)


_CONSTANTS = ("KINDS", "KERAS", "TABLE_KEYS", "FAMILY", "SHORTEST_IS_WHOLE")
