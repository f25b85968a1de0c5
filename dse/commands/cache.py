"""`dse cache check`: read every entry, say which are damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dse.commands.options import AsJson
from dse.commands.output import console, print_json
from dse.errors import CorruptEntry
from dse.store.cache import Cache


def check(
    root: Annotated[Path, typer.Argument(help="the cache's folder")] = Path("cache"),
    *,
    as_json: AsJson = False,
) -> int:
    """Audit the cache under `root`; changes nothing. Returns 3 if an entry is damaged."""
    cache, sound, damaged = Cache(root), 0, []
    for key in cache.keys():  # noqa: SIM118  (not a mapping)
        try:
            cache.read(key)
            sound += 1
        except CorruptEntry as error:
            damaged.append({"key": key, "problem": str(error)})
    if as_json:
        print_json("cache", {"root": str(root), "sound": sound, "damaged": damaged})
    else:
        out = console()
        for entry in damaged:
            out.print(entry["problem"])
        out.print(f"{root}: {sound} entries are sound, {len(damaged)} damaged")
        if damaged:
            out.print("a damaged entry is set aside and evaluated again when a campaign next asks for it")
    return 3 if damaged else 0
