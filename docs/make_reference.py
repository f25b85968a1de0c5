"""Writes docs/campaign.md from the code: `python docs/make_reference.py`. A test fails while the file is not what this writes."""

from __future__ import annotations

import re
from dataclasses import MISSING, Field, fields
from inspect import cleandoc
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from dse import registry
from dse.campaign import tables
from dse.execution.settings import ToolOptions
from dse.goal import NAMES
from dse.parts import known_boards, known_devices, sources

TARGET = Path(__file__).resolve().parent / "campaign.md"

HEAD = """# The campaign file

A campaign is one TOML file. `dse init NETWORK` writes one to start from, `dse check FILE` shows all mistakes at once, and
`dse check --schema` prints a JSON Schema for editors. Unknown keys are errors. Every key can be overridden for one call:
`dse run FILE --set search.mode=explore`.

Written by `docs/make_reference.py` from the code; do not edit.

"""

METRIC_NOTES = {
    "lut": "look-up tables",
    "ff": "flip-flops",
    "dsp": "DSP slices",
    "bram_18k": "18 Kb halves of block RAM; a 36 Kb block counts 2",
    "uram": "UltraRAM blocks; no surrogate predicts them, so they are checked on measured designs only",
    "latency_cycles_min": "first input to last output, shortest case",
    "latency_cycles_max": "the same, longest case",
    "ii_cycles_min": "cycles between the starts of two inferences, shortest case",
    "ii_cycles_max": "the same, longest case",
    "device_cost": "LUT, FF, DSP and BRAM, each as a share of the device, added up",
    "latency_ns_min": "cycles times the slower of the requested and the achieved clock period",
    "latency_ns_max": "the same, longest case",
    "ii_ns_min": "the same for the interval",
    "ii_ns_max": "the same, longest case",
    "clock_period_ns": "the estimated or achieved period; no surrogate predicts it, so it is checked on measured designs only",
}


def reference() -> str:
    """Return the whole file."""
    parts = [HEAD]
    parts.append(_section("[campaign]", tables.CampaignTable))
    parts.append(_section("[network]", tables.NetworkTable))
    parts.append(_section("[target]", tables.TargetTable))
    parts.append(_section("[target.capacities]", tables.CapacitiesTable))
    parts.append(_section("[layer.NAME]", tables.LayerTable))
    parts.append(_section("[search]", tables.SearchTable))
    parts += [_kind("search", kind) for kind in registry.kinds("search")]
    parts.append('### Surrogates: `[search] surrogate`\n\nTheir keys go into `surrogate_options = [["key", value], ...]`.\n\n')
    parts += [_kind("surrogates", kind) for kind in registry.kinds("surrogates")]
    parts.append(_section("[[objective]]", tables.ObjectiveTable))
    parts.append(_section("[[limit]]", tables.LimitTable))
    parts.append(
        "### Metrics\n\n| metric | |\n|---|---|\n" + "".join(f"| `{name}` | {METRIC_NOTES[name]} |\n" for name in NAMES) + "\n"
    )
    parts.append(_section("[backend]", tables.BackendTable))
    parts += [_kind("synth_backends", kind) for kind in registry.kinds("synth_backends")]
    parts.append(f"### Keys of every backend that runs a tool\n\n{_rows(ToolOptions)}\n")
    parts.append(_section("[budget]", tables.BudgetTable))
    parts.append(_section("[notify]", tables.NotifyTable))
    parts.append("## Known devices\n\n" + ", ".join(f"`{name}`" for name in sorted(known_devices())) + ".\n\n")
    parts.append("A part is a device, a package and a speed grade, e.g. `xc7a200tfbg676-2` or `xcu250-figd2104-2L-e`. ")
    parts.append("A device that is not listed is refused, unless `[target.capacities]` says what it holds.\n\n")
    parts.append("## Known boards\n\n" + ", ".join(f"`{name}` ({part})" for name, part in sorted(known_boards().items())) + ".\n\n")
    lines = [f"- {name.replace('_', ' ')}: {source}\n" for name, source in sources().items()]
    parts.append("Where the numbers and names were read:\n\n" + "".join(lines))
    return "".join(parts)


def _section(title: str, table: type[Any]) -> str:
    return f"## `{title}`\n\n{_sentence(_summary(table))}\n\n{_rows(table)}\n"


def _kind(room: str, kind: str) -> str:
    options = registry.load(room, kind).Options
    what = {"search": "[search] kind", "synth_backends": "[backend] kind", "surrogates": "surrogate"}[room]
    shared = ToolOptions if issubclass(options, ToolOptions) else None
    also = "Besides the [keys of every backend that runs a tool](#keys-of-every-backend-that-runs-a-tool):\n\n" if shared else ""
    if shared and len(fields(options)) == len(fields(shared)):
        return f'### `{what} = "{kind}"`\n\n{_about(room, kind)} Its keys are those of every backend that runs a tool, below.\n\n'
    return f'### `{what} = "{kind}"`\n\n{_about(room, kind)}\n\n{also}{_rows(options, shared)}\n'


def _about(room: str, kind: str) -> str:
    """Return the first paragraph of the module's docstring."""
    text = cleandoc(registry.load(room, kind).__doc__ or "")
    return _sentence(" ".join(text.split("\n\n")[0].split()))


def _rows(table: type[Any], without: type[Any] | None = None) -> str:
    """Return a table of keys, without those of a base class that are listed elsewhere."""
    listed = {own.name for own in fields(without)} if without else set()
    notes = _notes(table)
    hints = get_type_hints(table)
    own_fields = [own for own in fields(table) if own.name not in listed]
    rows = [f"| `{own.name}` | {_words(hints[own.name])} | {_default(own)} | {notes.get(own.name, '')} |\n" for own in own_fields]
    return "| key | value | default | |\n|---|---|---|---|\n" + "".join(rows) if rows else "No keys of its own.\n"


def _summary(table: type[Any]) -> str:
    return " ".join(cleandoc(table.__doc__ or "").split("\n\n")[0].split())


def _notes(table: type[Any]) -> dict[str, str]:
    """Return what the docstrings of a class and its bases say of each key: an `Attributes:` section, or `key`: text; ..."""
    found: dict[str, str] = {}
    for cls in reversed(table.__mro__[:-1]):
        text = cleandoc(cls.__doc__ or "")
        for names, note in re.findall(r"^    (\w+(?:, \w+)*): (.*(?:\n        .*)*)", text, re.MULTILINE):
            found |= dict.fromkeys(names.split(", "), _cell(note))
        found |= {name: _cell(note) for name, note in re.findall(r"`(\w+)`: ([^;`]*)", text.split("\n\n")[0])}
    return found


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").rstrip(".")


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _words(kind: Any) -> str:
    if kind in (int, float, str, bool):
        return {int: "whole number", float: "number", str: "text", bool: "true or false"}[kind]
    if kind is Any:
        return "any"
    arguments = [part for part in get_args(kind) if part is not type(None)]
    if get_origin(kind) is Literal:
        return ", ".join(f'`"{word}"`' for word in arguments)
    if get_origin(kind) is tuple:
        inner = [part for part in arguments if part is not Ellipsis]
        return f"list of {_words(inner[0])}" if len(inner) == 1 else "pairs `[key, value]`"
    if set(arguments) == {int, float}:
        return "number"
    if len(arguments) > 1 and {int, float} <= set(arguments):
        return " or ".join(["number", *(_words(part) for part in arguments if part not in (int, float))])
    if arguments:
        return " or ".join(_words(part) for part in arguments)
    if hasattr(kind, "__members__"):
        return ", ".join(f'`"{word.value}"`' for word in kind)
    return "table: " + ", ".join(f"`{own.name}`" for own in fields(kind))


def _default(own: Field[Any]) -> str:
    value = own.default if own.default is not MISSING else own.default_factory() if own.default_factory is not MISSING else MISSING
    if value is MISSING:
        return "**required**"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{word}"' for word in value) + "]`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
