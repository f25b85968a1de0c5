"""Capacities of FPGA parts, from the vendor's public product tables."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from dse.design import normalise_part
from dse.errors import SpecError


@dataclass(frozen=True, slots=True)
class Part:
    """A device and what it holds; block RAM in 18 Kb halves."""

    device: str
    lut: int
    ff: int
    dsp: int
    bram_18k: int
    uram: int

    def capacity(self, resource: str) -> int:
        """Return how many primitives of a resource (`lut`, `ff`, `dsp`, `bram_18k`, `uram`) the device has."""
        return int(getattr(self, resource))


@cache
def known_devices() -> dict[str, Part]:
    """Return all devices we know, by name (`xczu7ev`); a part name is a device, a package and a speed grade."""
    import tomllib

    table = tomllib.loads(files("dse").joinpath("parts.toml").read_text(encoding="utf-8"))
    return {name: Part(name, **numbers) for name, numbers in table.items()}


def find_part(part: str) -> Part:
    """Return the device of a full part name.

    Raises:
        SpecError: for a device that is not in `dse/parts.toml`; names near matches.
    """
    wanted = normalise_part(part)
    devices = known_devices()
    fits = [name for name in devices if wanted.startswith(name)]
    if not fits:
        near = get_close_matches(wanted, devices, n=3, cutoff=0.4)
        hint = f" Did you mean a part of {', '.join(near)}?" if near else ""
        raise SpecError(f"unknown part {part!r}.{hint} Known devices: {', '.join(sorted(devices))}.")
    return devices[max(fits, key=len)]
