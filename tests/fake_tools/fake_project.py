"""Read a generated hls4ml project the way a tool would: its Tcl settings, its configurations and its calls."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

_STRUCT = re.compile(r"struct (\w+) : nnet::(\w+) \{(.*?)\n\};", re.DOTALL)
_NUMBER = re.compile(r"static const \w+ (\w+)\s*=\s*(\d+);")
_ENUM = re.compile(r"static const \w+ (\w+)\s*=\s*nnet::(\w+);")
_CALL = re.compile(r"^\s*nnet::(\w+)<(.+)>\(.*\);\s*// (\w+)\s*$", re.MULTILINE)
_TYPEDEF = re.compile(r"typedef (.+?) (\w+);")
_FIXED = re.compile(r"ap_u?fixed<(\d+),\s*(-?\d+)")
_SETTING = re.compile(r'^set (\w+) "?([^"\n]*)"?$', re.MULTILINE)


@dataclass
class Config:
    """One `struct configN` of parameters.h."""

    name: str
    base: str
    numbers: dict[str, int] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def get(self, name: str, default: int = 1) -> int:
        return self.numbers.get(name, default)


@dataclass
class Call:
    """One layer call in the top function."""

    function: str
    input_type: str
    output_type: str
    config: Config
    layer: str


@dataclass
class Project:
    name: str
    part: str
    clock_period_ns: float
    uncertainty_percent: float
    backend: str
    is_dataflow: bool
    is_stream: bool
    calls: list[Call]
    configs: dict[str, Config]
    digest: str


def read_project(directory: Path) -> Project:
    settings = dict(_SETTING.findall((directory / "project.tcl").read_text()))
    name = settings["project_name"]
    firmware = directory / "firmware"
    configs = {}
    for struct, base, body in _STRUCT.findall((firmware / "parameters.h").read_text()):
        numbers = {key: int(value) for key, value in _NUMBER.findall(body)}
        configs[struct] = Config(struct, base, numbers, dict(_ENUM.findall(body)))
    types = {alias: text for text, alias in _TYPEDEF.findall((firmware / "defines.h").read_text())}
    source = (firmware / f"{name}.cpp").read_text()
    calls = []
    for function, arguments, layer in _CALL.findall(source):
        parts = [part.strip() for part in arguments.split(",")]
        if parts[-1] in configs:
            calls.append(Call(function, types.get(parts[0], ""), types.get(parts[-2], ""), configs[parts[-1]], layer))
    return Project(
        name=name,
        part=settings["part"],
        clock_period_ns=float(settings["clock_period"]),
        uncertainty_percent=float(settings["clock_uncertainty"].rstrip("%")),
        backend=settings["backend"],
        is_dataflow="#pragma HLS DATAFLOW" in source,
        is_stream="hls::stream" in source,
        calls=calls,
        configs=configs,
        digest=project_digest(directory),
    )


def project_digest(directory: Path) -> str:
    """The plan's digest where `dse` wrote one, else a digest of sources and settings."""
    plan = directory / "dse_plan.json"
    if plan.exists():
        return str(json.loads(plan.read_text())["digest"])
    hasher = hashlib.sha256()
    for path in [directory / "project.tcl", *sorted((directory / "firmware").rglob("*.[hc]*"))]:
        hasher.update(path.relative_to(directory).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return hasher.hexdigest()


def width_bits(type_text: str) -> int:
    """Bits of one number of a type; 16 where the text names none."""
    match = _FIXED.search(type_text)
    return int(match.group(1)) if match else 16


def type_name(type_text: str) -> str:
    """`ap_fixed<16,6>` as it stands in a module name: ap_fixed_16_6_5_3_0."""
    match = _FIXED.search(type_text)
    return f"ap_fixed_{match.group(1)}_{match.group(2)}_5_3_0" if match else "ap_fixed_16_6_5_3_0"
