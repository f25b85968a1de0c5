"""What is known to be wrong in a version of hls4ml: data in `faults.toml`, looked up before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from dse.design import Attribute, Layer, Network, Target
from dse.errors import NetworkError


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that hls4ml accepts and builds wrongly, or not at all; the keys are explained in `faults.toml`."""

    name: str
    versions: tuple[str, ...]
    kinds: tuple[str, ...]
    what: str
    instead: str
    source: str
    io_type: str = ""
    present: Mapping[str, tuple[Attribute, ...]] = field(default_factory=dict)
    absent: Mapping[str, tuple[Attribute, ...]] = field(default_factory=dict)

    def has(self, layer: Layer, target: Target) -> bool:
        """Whether a layer built for a target has this fault."""
        said = dict(layer.attributes)
        return (
            any(target.hls4ml_version == version or target.hls4ml_version.startswith(f"{version}.") for version in self.versions)
            and (self.io_type in ("", target.io_type))
            and (layer.kind in self.kinds or "*" in self.kinds)
            and all(said.get(name) in values for name, values in self.present.items())
            and all(name not in said or said[name] not in values for name, values in self.absent.items())
        )


@cache
def faults() -> tuple[Fault, ...]:
    """Return all faults of `faults.toml`."""
    import tomllib

    table = tomllib.loads(files("dse").joinpath("faults.toml").read_text(encoding="utf-8"))
    return tuple(_fault(entry) for entry in table["fault"])


def _fault(entry: dict[str, object]) -> Fault:
    lists = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    present, absent = (
        {name: tuple(values) for name, values in table.items()} if isinstance(table, dict) else {}
        for table in (lists.pop("with", None), lists.pop("without", None))
    )
    return Fault(**lists, present=present, absent=absent)  # type: ignore[arg-type]


def known_faults(network: Network, target: Target) -> tuple[tuple[Layer, Fault], ...]:
    """Return the layers of a network that hls4ml is known to build wrongly for a target, each with its fault."""
    return tuple((layer, fault) for layer in network.layers for fault in faults() if fault.has(layer, target))


def sentence(layer: Layer, fault: Fault, target: Target) -> str:
    """Return what is wrong with a layer and what to do instead."""
    return f"layer {layer.name} ({fault.name}, hls4ml {target.hls4ml_version}): {fault.what}. {fault.instead}"


def refuse_known_faults(network: Network, target: Target) -> None:
    """Raise if hls4ml is known to build the network wrongly.

    Raises:
        NetworkError: names every layer that has a known fault, and what to do instead.
    """
    found = known_faults(network, target)
    if found:
        lines = [sentence(layer, fault, target) for layer, fault in found[:10]]
        more = [f"and {len(found) - 10} more"] if len(found) > 10 else []
        raise NetworkError("\n".join([f"network {network.name}: hls4ml would build another circuit, or none:", *lines, *more]))
