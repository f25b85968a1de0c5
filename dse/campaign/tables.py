"""The tables of a campaign file: one frozen class each, its fields the keys; `read_table` checks types strictly (`"5"` is no number)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from dse.campaign.positions import KeyPath
from dse.campaign.problems import Problem, did_you_mean, dotted, unknown_key
from dse.errors import DseError, SpecError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Mode = Literal["performance", "compact", "explore"]
Number = int | float
_MOST = 2**63  # whole numbers beyond this are slips, and no longer numbers to what computes with them


@dataclass(frozen=True, slots=True)
class CampaignTable:
    """What the campaign is called; its state lives in a folder of that name beside the file.

    Attributes:
        name: letters, digits and `_`.
        seed: of everything that is drawn at random; equal seeds give equal proposals for equal results.
        cache: folder of the results that all campaigns share, seen from the file; "" is `cache` beside the folder `campaigns`, or
            beside the file.
    """

    name: str
    seed: int = 0
    cache: str = ""


@dataclass(frozen=True, slots=True)
class NetworkTable:
    """The network.

    Attributes:
        source: its file, seen from the campaign's: Keras .json, .h5 or .keras, or a .toml that lists layers and sizes.
        allow_code: read Lambda and custom layers too; nothing of them is run.
        inputs: a .npy file of inputs, seen from the campaign's; the circuit's numbers are compared with the network's on the first 256 of
            them. Left out, on random ones.
    """

    source: str
    allow_code: bool = False
    inputs: str = ""


@dataclass(frozen=True, slots=True)
class CapacitiesTable:
    """What the device holds: for a part that is not listed, or for what a shell leaves of one that is.

    Attributes:
        lut: look-up tables.
        ff: flip-flops.
        dsp: DSP slices.
        bram_18k: block RAM in 18 Kb halves.
        uram: UltraRAM blocks.
    """

    lut: int
    ff: int
    dsp: int
    bram_18k: int
    uram: int = 0

    def __post_init__(self) -> None:
        for name, least in (("lut", 1), ("ff", 1), ("dsp", 1), ("bram_18k", 1), ("uram", 0)):
            if not least <= getattr(self, name) <= 10**9:
                raise SpecError(f"target.capacities.{name} is {getattr(self, name)}, expected {least} to 10^9")


@dataclass(frozen=True, slots=True)
class TargetTable:
    """What it is built for: all that changes the circuit besides network and reuse factors.

    Attributes:
        clock_period_ns: the requested period.
        part: the full name of the device, with package and speed grade; or name a board.
        board: the board it is on, e.g. "pynq-z2" or "alveo-u250"; the known ones are below.
        capacities: what the device holds, instead of what is known of the part; a table `[target.capacities]`.
        must_fit: the device's capacities and the clock are limits of every design, besides those written below.
        io_type: hls4ml's data flow between layers.
        precision: of weights and results, unless a layer has its own.
        toolchain: the synthesis tool and its version, e.g. "vitis_hls 2023.2".
        hls4ml_version: of the library that writes the project.
        clock_uncertainty_percent: margin that the tool keeps free; left out, hls4ml's default for the tool.
        strategy: hls4ml's strategy of all layers, unless a layer has its own.
    """

    clock_period_ns: Number
    part: str = ""
    board: str = ""
    capacities: CapacitiesTable | None = None
    must_fit: bool = True
    io_type: Literal["io_parallel", "io_stream"] = "io_parallel"
    precision: str = "ap_fixed<16,6>"
    toolchain: str = "vivado_hls 2019.2"
    hls4ml_version: str = "1.3.0"
    clock_uncertainty_percent: Number | None = None
    strategy: Literal["latency", "resource", "resource_unrolled", "distributed_arithmetic"] = "resource"


@dataclass(frozen=True, slots=True)
class LayerTable:
    """What is fixed or narrowed for one layer: `[layer.NAME]`.

    Attributes:
        reuse_factor: the only one to use.
        reuse_factors: the only ones to choose from.
        strategy: instead of the target's.
        precision: instead of the target's.
    """

    reuse_factor: int | None = None
    reuse_factors: tuple[int, ...] | None = None
    strategy: Literal["latency", "resource", "resource_unrolled", "distributed_arithmetic"] | None = None
    precision: str | None = None


@dataclass(frozen=True, slots=True)
class SearchTable:
    """How the next points are chosen; the other keys of `[search]` belong to the search (its `Options`).

    Attributes:
        mode: performance balances the layers at full speed, compact lets the slowest be slower, explore minimises the objectives.
        kind: the search; left out, anchor for performance and compact, explore for explore.
    """

    mode: Mode = "explore"
    kind: str = ""


@dataclass(frozen=True, slots=True)
class ObjectiveTable:
    """A metric to minimise.

    Attributes:
        metric: one of the metrics below.
        reference: where the hypervolume's box ends; all objectives need one for a hypervolume.
    """

    metric: str
    reference: Number | None = None


@dataclass(frozen=True, slots=True)
class LimitTable:
    """A hard bound on a design.

    Attributes:
        metric: one of the metrics below.
        maximum: in the metric's own unit; "device" means the part's own capacity.
    """

    metric: str
    maximum: Number | Literal["device"]


@dataclass(frozen=True, slots=True)
class BackendTable:
    """Where syntheses run; the other keys of `[backend]` belong to the backend (its `Options`).

    Attributes:
        kind: the backend.
        slots: how many jobs may run at once.
    """

    kind: str
    slots: int = 1


@dataclass(frozen=True, slots=True)
class BudgetTable:
    """Bounds on effort; what is left out is unbounded. Raising one continues a campaign that it had stopped.

    Attributes:
        syntheses: backend runs started; what the cache answers costs nothing.
        hours: of wall time, pauses between sessions not counted.
    """

    syntheses: int | None = None
    hours: Number | None = None


@dataclass(frozen=True, slots=True)
class NotifyTable:
    """A command (argument list, never a shell line) to call on events; facts come in environment variables (`DSE_EVENT`, ...).

    Attributes:
        command: program and arguments; `dse run` asks before it is called for the first time.
        on: the events; better is a new best design, failing a failed trial.
    """

    command: tuple[str, ...] = ()
    on: tuple[Literal["done", "better", "failing"], ...] = field(default=("done", "better", "failing"))


T = TypeVar("T")


def read_table(
    cls: type[T], table: object, path: KeyPath, problems: list[Problem], *, extra: bool = False, beside: tuple[str, ...] = ()
) -> T | None:
    """Build a frozen class from a TOML table; None, and problems added, where it cannot be built.

    Args:
        extra: whether keys that are not fields are somebody else's, rather than mistakes.
        beside: keys of the same table that were read before; only for the hints.
    """
    assert is_dataclass(cls)
    if not isinstance(table, Mapping):
        problems.append(Problem(path, f"got {_show(table)}, expected a table"))
        return None
    names = {entry.name: entry for entry in fields(cls)}
    hints = get_type_hints(cls)
    before = len(problems)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key in names:
            members = get_args(hints[key]) if get_origin(hints[key]) is UnionType else ()
            inner = next((member for member in members if is_dataclass(member)), None)
            values[key] = (
                read_table(inner, value, (*path, key), problems)
                if isinstance(inner, type)
                else _checked(hints[key], value, (*path, key), problems)
            )
        elif not extra:
            problems.append(unknown_key((*path, key), dict.fromkeys((*names, *beside))))
    for name, entry in names.items():
        if name not in table and entry.default is MISSING and entry.default_factory is MISSING:
            problems.append(Problem(path, f"the key `{name}` is missing in [{dotted(path)}]", at_key=True))
    if len(problems) > before:
        return None
    try:
        return cls(**values)
    except (DseError, ValueError, ArithmeticError) as error:
        problems.append(Problem(path, str(error), at_key=True))
        return None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _checked(kind: Any, value: object, path: KeyPath, problems: list[Problem]) -> Any:
    from pydantic import ValidationError

    try:
        # strict JSON mode: lists become tuples, and nothing else changes its type
        checked = _adapter(kind).validate_json(json.dumps(value, default=str), strict=True)
        if isinstance(checked, int) and abs(checked) > _MOST:
            raise ValueError
        return checked
    except ValidationError as error:
        first = error.errors()[0]
        allowed = _literals(kind)
        hint = did_you_mean(value, allowed) if isinstance(value, str) else ""
        expected = (
            " or ".join(f'"{word}"' for word in allowed) if allowed and isinstance(value, str) else _expected(kind, first["msg"])
        )
        problems.append(Problem(path, f"{dotted(path)}: got {_show(value)}, expected {expected}", hint))
        return None
    except ValueError:
        problems.append(Problem(path, f"{dotted(path)}: got {_show(value)}, expected a finite number of reasonable size"))
        return None


def _literals(kind: Any) -> tuple[str, ...]:
    if getattr(kind, "__origin__", None) is Literal:
        return tuple(str(word) for word in kind.__args__)
    words: list[str] = []
    for part in getattr(kind, "__args__", ()):
        words.extend(_literals(part))
    return tuple(words)


_WORDS = {int: "a whole number", float: "a number", str: "text in quotes", bool: "true or false"}


def _expected(kind: Any, fallback: str) -> str:
    if kind in _WORDS:
        return _WORDS[kind]
    parts = [part for part in getattr(kind, "__args__", ()) if part is not type(None) and part is not Ellipsis]
    if getattr(kind, "__origin__", None) is tuple and parts:
        return f"a list, each {_expected(parts[0], fallback)}"
    if int in parts and float in parts:
        words = ["a number", *(f'"{word}"' for word in _literals(kind))]
        return " or ".join(words)
    if parts:
        return " or ".join(dict.fromkeys(_expected(part, fallback) for part in parts))
    return fallback.removeprefix("Input should be ")


def _show(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
