"""Plain values -> YAML text, in block style; just enough for hls4ml's settings, so that the core needs no YAML library."""

from __future__ import annotations

import json
import re

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")


class Tagged(str):
    """A text that is written as it is, e.g. `!keras_model model.keras`."""

    __slots__ = ()


def yaml_text(value: dict[str, object], depth: int = 0) -> str:
    """Return a mapping as YAML; values are mappings, lists of scalars, texts, numbers, booleans and None.

    >>> print(yaml_text({"Part": "xcu250-figd2104-2L-e", "HLSConfig": {"Model": {"ReuseFactor": 1, "Trace": False}}, "on": None}))
    Part: "xcu250-figd2104-2L-e"
    HLSConfig:
      Model:
        ReuseFactor: 1
        Trace: false
    "on": null
    <BLANKLINE>
    """
    lines = []
    for key, item in value.items():
        start = "  " * depth + _text(key) + ":"
        if isinstance(item, dict) and item:
            lines.append(f"{start}\n{yaml_text(item, depth + 1)}")
        else:
            lines.append(f"{start} {_scalar(item)}\n")
    return "".join(lines)


def _scalar(item: object) -> str:
    if isinstance(item, Tagged):
        return str(item)
    if isinstance(item, str):
        return _text(item)
    text = json.dumps(item)  # YAML reads JSON's numbers, booleans, null, lists and {}
    return re.sub(r"^(-?\d+)e", r"\1.0e", text) if isinstance(item, float) else text  # but takes 1e+16 for a text


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in quoted)
