"""`dse cache check`: read every entry, say which are damaged, and set aside what an older version should not have kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dse.commands.options import AsJson
from dse.commands.output import console, print_json
from dse.errors import CorruptEntry, NewerEntry
from dse.qor import Evaluation, Failure
from dse.reports.failure import is_doubtful
from dse.store.cache import Cache
from dse.study.evaluate import stored_layers


def check(
    root: Annotated[Path, typer.Argument(help="the cache's folder")] = Path("cache"),
    *,
    as_json: AsJson = False,
) -> int:
    """Audit the cache under `root`. Returns 3 if an entry is damaged.

    A failure that rests on a line that is no error (a warning decided, up to 0.1), or that the machine is to blame for, is moved to
    `quarantine/`, so that its design is tried again. Damaged entries stay where they are.
    """
    cache, sound, newer = Cache(root), 0, 0
    damaged: list[dict[str, str]] = []
    dropped: list[dict[str, str]] = []
    for key in list(cache.keys()):  # not a mapping
        try:
            evaluation = cache.read(key)
            stored_layers(cache, key)
        except NewerEntry:
            newer += 1
            continue
        except CorruptEntry as error:
            damaged.append({"key": key, "problem": str(error)})
            continue
        if _rests_on_a_remark(evaluation):
            dropped.append({"key": key, "moved_to": str(cache.set_aside(key))})
        else:
            sound += 1
    if as_json:
        print_json("cache", {"root": str(root), "sound": sound, "newer": newer, "damaged": damaged, "dropped": dropped})
    else:
        out = console()
        for entry in damaged:
            out.print(entry["problem"])
        out.print(f"{root}: {sound} entries are sound, {len(damaged)} damaged, {len(dropped)} dropped")
        if newer:
            out.print(f"{newer} entries were written by a newer dse; they are left as they are")
        if damaged:
            out.print("a damaged entry is set aside and evaluated again when a campaign next asks for it")
        if dropped:
            out.print(
                "dropped: failures that an older version read from a line that is no error of the design; they will be tried again"
            )
    return 3 if damaged else 0


def _rests_on_a_remark(evaluation: Evaluation | None) -> bool:
    outcome = evaluation.outcome if evaluation is not None else None
    return isinstance(outcome, Failure) and is_doubtful(outcome.kind, outcome.message)
