"""Which stored results tell of which kinds of layers: so that a search reads what it can learn from, and not the whole cache.

One file per regime (step, io type, clock, tool), one line per entry: its key, and how many measured layers of each kind it holds, the
newest last. Entries that hold none are in the file `none`. What is in no file, because dse 0.1 stored it or a process died in between, is
added when somebody asks. Nothing rests on these files: an entry is checked when it is read.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from dse.design import Fidelity, Target
from dse.wire import load_json, to_json

_NONE = "none"
_LINE = re.compile(r"([0-9a-f]{64}) ([a-z0-9_:,]*)")


def regime(target: Target, fidelity: Fidelity) -> str:
    """Return what measured layers must share for one to tell of another: step, io type, clock, tool."""
    return _regime(to_json(target), fidelity.value)


class Index:
    """The index of a cache, in a folder of its root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, key: str, layers: bytes) -> None:
        """Note what an entry holds; where that cannot be written, it is noted by somebody else, or never."""
        name, kinds = _contents(layers)
        line = f"\n{key} {','.join(f'{kind}:{n}' for kind, n in sorted(kinds.items()))}".encode()  # begins anew behind a torn one
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Return those of these entries that nobody has noted."""
        seen = {key for place in self.folder.glob("*") for key, _ in _lines(place)}
        return [key for key in keys if key not in seen]

    def newest(self, name: str, kinds: Collection[str], n_layers: int) -> tuple[str, ...]:
        """Return the newest entries of a regime that hold layers of these kinds, the newest last, until they hold so many layers."""
        keys: dict[str, None] = {}
        found = 0
        for key, held in reversed(_lines(self.folder / name)):
            n = sum(int(count) for kind, _, count in (part.partition(":") for part in held.split(",")) if kind in kinds)
            if n and key not in keys:
                keys[key] = None
                found += n
            if found >= n_layers:
                break
        return tuple(reversed(keys))


def _lines(path: Path) -> list[tuple[str, str]]:
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return []
    return [match.groups() for line in text.splitlines() if (match := _LINE.fullmatch(line))]  # type: ignore[misc]


def _contents(layers: bytes) -> tuple[str, Counter[str]]:
    """Return the regime of an entry's measured layers, and how many of each kind there are."""
    try:
        records = [load_json(line) for line in layers.splitlines()]
        kinds = Counter(str(record["layer"]["kind"]) for record in records)
        names = {_regime(record["target"], record["fidelity"]) for record in records}
    except (ValueError, KeyError, TypeError, AttributeError):
        return _NONE, Counter()
    return (names.pop(), kinds) if len(names) == 1 else (_NONE, Counter())


def _regime(target: dict[str, Any], fidelity: str) -> str:
    tool = str(target["toolchain"]).partition(" ")[0]
    return re.sub(r"[^a-z0-9_.-]", "_", f"{fidelity}-{target['io_type']}-{float(target['clock_period_ns']):g}-{tool}")
