"""What tells one question from another: the difference between a journal's meaning and a file's, and when it is none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dse.design import Fidelity
from dse.errors import SpecChanged, SpecError
from dse.study.fold import evidence_of

# Who answers, how far, and resting on what: another backend is asked the same question.
BACKEND_KEYS = frozenset({"backend.kind", "backend.fidelity", "backend.basis"})
# What `dse` itself puts into a campaign's folder before the journal has a line.
OURS = frozenset({"journal.jsonl", "lock", "work", "page.html"})


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return one line for each way in which the second meaning differs from the first."""
    return [f"{key}: {before.get(key, '(not set)')} -> {after.get(key, '(not set)')}" for key in _differing(before, after)]


def goes_on(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether a campaign may go on as another meaning: the same question, to a backend whose evidence is the same or goes further."""
    if not BACKEND_KEYS.issuperset(_differing(before, after)):
        return False
    depth = [fidelity.value for fidelity in Fidelity]
    was, now = evidence_of(before), evidence_of(after)
    return was == now or depth.index(now[0]) > depth.index(was[0])


def refuse_changes(before: Mapping[str, str], after: Mapping[str, str], path: Path) -> None:
    """Raise SpecChanged if a campaign with a journal now means something else; the message shows each difference."""
    if not before or goes_on(before, after):
        return
    raise SpecChanged(
        "\n".join(
            [
                f"{path}: the campaign has results, and the file now asks something else:",
                *(f"  {line}" for line in changes(before, after)),
                "Undo the change (or repeat the --set that it was begun with), give the campaign another name,"
                " or start again with --fresh (the old state is kept aside).",
            ]
        )
    )


def refuse_foreign(folder: Path, path: Path) -> None:
    """Raise SpecError if the folder that a campaign's name means is the user's own: files, and no journal."""
    if (folder / "journal.jsonl").exists():
        return
    try:
        foreign = sorted(entry.name for entry in folder.iterdir() if entry.name not in OURS)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise SpecError(
            f"{folder}: is a file, and the campaign's state would be a folder of that name. Rename the campaign."
        ) from None
    if foreign:
        shown = ", ".join(foreign[:3]) + (", ..." if len(foreign) > 3 else "")
        raise SpecError(
            f"{path}: the campaign's state would go to {folder}, which is a folder of your own ({shown}; no journal)."
            " Nothing in it was touched. Give the campaign another name."
        )


def _differing(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
