"""FPGA parts: what a part name says, what the device holds, and which part is on which board.

Numbers and their sources are in `parts.toml`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from dse.design import normalise_part
from dse.errors import SpecError

# The devices of every family from the 7 series on, as the vendor names them. A name is read by this grammar and then looked up
# whole: a table searched by prefixes would take xczu29dr for xczu2.
_DEVICE = r"xc(?:7s\d+|7z0(?:07|12|14)s|7z\d+|7(?:[ak]|v[xh]?)\d+t?|[akvs]u\d+p?|zu\d+t?(?:cg|eg|ev|dr)|u55[cn]|u\d+|k\d+|v(?:[cmpehn]\d{4}|80))"
# Package, speed grade, power grade, temperature; Versal: static power and engineering sample too
_ORDERING = (
    r"(?P<package>[a-z]{2,4}\d{3,4}?)"
    r"(?:(?P<speed>[123])(?:(?P<power>[a-z]{0,3}?)(?P<rest>[ceimq][sl]?(?:es\d?)?)|(?P<only>[a-z]{0,3})))?"
)
_PART = re.compile(f"(?P<device>{_DEVICE})(?:{_ORDERING})?")
_UNDASHED = re.compile(r"xc7")  # 7 series: device, package and speed grade in one word


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

    @property
    def is_listed(self) -> bool:
        """Whether the numbers are those of `parts.toml`, not a user's own."""
        return known_devices().get(self.device) == self


@cache
def _tables() -> dict[str, Any]:
    import tomllib

    return tomllib.loads(files("dse").joinpath("parts.toml").read_text(encoding="utf-8"))


@cache
def known_devices() -> dict[str, Part]:
    """Return all devices we know, by name (`xczu7ev`); a part name is a device, a package and a speed grade."""
    devices = {}
    for family in _tables()["family"].values():
        for name, (lut, dsp, bram_18k, uram) in family["devices"].items():
            for variant in family.get("variants", {}).get(name, ("",)):
                # all these families have two flip-flops to a look-up table
                devices[name + variant] = Part(name + variant, lut, 2 * lut, dsp, bram_18k, uram)
    return devices


@cache
def known_boards() -> dict[str, str]:
    """Return all boards we know, by name (`pynq-z2`), with the full name of the part on each."""
    return {name: part for maker in _tables()["boards"].values() for name, part in maker["parts"].items()}


def sources() -> dict[str, str]:
    """Return what `parts.toml` was read from, by family and by list of boards."""
    return {name: entry["source"] for group in ("family", "boards") for name, entry in _tables()[group].items()}


def device_of(part: str) -> str:
    """Return the device that a part name begins with; of a name in no family that we know, the whole name."""
    wanted = normalise_part(part)
    match = _PART.fullmatch(wanted)
    return match["device"] if match else wanted


def find_part(part: str) -> Part:
    """Return the device of a part name, with or without package and speed grade.

    Raises:
        SpecError: for a device that is not in `dse/parts.toml`; names near matches and what to do.
    """
    device, devices = device_of(part), known_devices()
    if device in devices:
        return devices[device]
    near = get_close_matches(device, devices, n=3, cutoff=0.7)
    hint = f" Did you mean a part of {', '.join(near)}?" if near else ""
    raise SpecError(
        f"unknown part {part!r}.{hint} All known devices are in docs/campaign.md; "
        "for another one give its capacities: [target.capacities] with lut, ff, dsp, bram_18k (and uram)."
    )


def board_part(board: str) -> str:
    """Return the full name of the part on a board.

    Raises:
        SpecError: for a board that is not in `dse/parts.toml`; names near matches.
    """
    boards = known_boards()
    plain = board.strip().lower().replace("_", "-").replace(" ", "-")
    if plain in boards:
        return boards[plain]
    near = get_close_matches(plain, boards, n=3, cutoff=0.6)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    raise SpecError(f"unknown board {board!r}.{hint} Known boards: {', '.join(sorted(boards))}. Or name the part itself.")


def vendor_part(part: str) -> str:
    """Return a part as the vendor's tools spell it, from the normalised spelling of `Target.part`.

    >>> vendor_part("xc7a200tfbg6762"), vendor_part("xcu250figd21042le"), vendor_part("xcvc1902vsva21972mpes")
    ('xc7a200tfbg676-2', 'xcu250-figd2104-2L-e', 'xcvc1902-vsva2197-2MP-e-S')

    Raises:
        SpecError: the name does not say device, package and speed grade.
    """
    match = _PART.fullmatch(normalise_part(part))
    if match is None or match["package"] is None or match["speed"] is None:
        raise SpecError(
            f'part {part!r}: expected a device, a package and a speed grade. Write the full name, e.g. "xc7a200tfbg676-2".'
        )
    device, package, rest = match["device"], match["package"], match["rest"] or ""
    grade = match["speed"] + (match["power"] or match["only"] or "").upper()
    if _UNDASHED.match(device):
        return f"{device}{package}-{grade}{rest.upper()}"
    static = [rest[1].upper(), *([rest[2:]] if rest[2:] else [])] if len(rest) > 1 else []
    return "-".join([device, package, grade, *rest[:1], *static])
