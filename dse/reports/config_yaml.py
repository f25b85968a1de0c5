"""What `hls4ml_config.yml` asks for, to compare with what was built. Nothing in it decides anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dse.design import Precision
from dse.errors import SpecError

MAX_CHARACTERS = 2**20
_INTEGER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the configuration asks for one layer; None and "" where it does not say."""

    name: str
    reuse_factor: int | None = None
    strategy: str = ""


def parse_config_yaml(text: str) -> tuple[Wanted, ...]:
    """Return what is asked for each layer by name; empty where the file does not go into layers, or is no YAML."""
    layers = _table(_hls_config(text).get("LayerName"))
    return tuple(_wanted(str(name), _table(asked)) for name, asked in layers.items())


def default_precision(text: str) -> Precision | None:
    """Return the number format that the model as a whole asks for, None where the file does not say a plain one."""
    asked = _table(_hls_config(text).get("Model")).get("Precision")
    if isinstance(asked, dict):
        asked = asked.get("default")
    try:
        return Precision.parse(asked) if isinstance(asked, str) else None
    except SpecError:
        return None


def _hls_config(text: str) -> Mapping[str, Any]:
    import yaml

    try:
        # Texts, lists and tables only: no tag is followed (`!keras_model`), and `1_0` or `0:10` stay texts and become no number.
        document = yaml.load(text[:MAX_CHARACTERS], Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return {}
    return _table(_table(document).get("HLSConfig"))


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _wanted(name: str, asked: Mapping[str, Any]) -> Wanted:
    reuse, strategy = asked.get("ReuseFactor"), asked.get("Strategy")
    number = int(reuse) if isinstance(reuse, str) and _INTEGER.fullmatch(reuse) else None
    return Wanted(name, number, strategy.lower() if isinstance(strategy, str) else "")
