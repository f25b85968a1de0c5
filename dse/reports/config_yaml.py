"""Reuse factors that `hls4ml_config.yml` asks for, to compare with what was built.

Only the block `LayerName:` with its `ReuseFactor:` and `Strategy:` lines is read, by indentation: the file may hold tags of hls4ml's own,
and nothing in it decides anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dse.design import Precision
from dse.errors import SpecError

_LINE = re.compile(r"( *)([A-Za-z_][A-Za-z0-9_]*):\s*(.*?)\s*$")
_DEFAULT = re.compile(
    r"^ {1,8}Model:[^\n]*\n(?: {3,16}[^\n]*\n){0,12}? {3,16}(?:Precision|default): *(ap_u?fixed<[0-9, -]{1,20}>)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the configuration asks for one layer; None and "" where it does not say."""

    name: str
    reuse_factor: int | None = None
    strategy: str = ""


def parse_config_yaml(text: str) -> tuple[Wanted, ...]:
    """Return what is asked for each layer by name; empty where the file does not go into layers."""
    found: list[Wanted] = []
    block: int | None = None
    layer: tuple[int, str] | None = None
    values: dict[str, str] = {}

    def close() -> None:
        if layer is not None:
            reuse = values.get("ReuseFactor", "")
            found.append(
                Wanted(layer[1], int(reuse) if re.fullmatch(r"[0-9]{1,9}", reuse) else None, values.get("Strategy", "").lower())
            )
            values.clear()

    for line in text[: 2**20].splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        indent, key, value = len(match[1]), match[2], match[3]
        if block is not None and indent <= block:
            close()
            block, layer = None, None
        if key == "LayerName" and not value:
            block, layer = indent, None
        elif block is not None:
            if layer is None or indent <= layer[0]:
                close()
                layer = (indent, key)
            elif key in ("ReuseFactor", "Strategy"):
                values.setdefault(key, value)
    if block is not None:
        close()
    return tuple(found)


def default_precision(text: str) -> Precision | None:
    """Return the number format that the model as a whole asks for, None where the file does not say a plain one."""
    match = _DEFAULT.search(text[: 2**20].replace("\r\n", "\n"))
    try:
        return Precision.parse(match[1]) if match else None
    except SpecError:
        return None
