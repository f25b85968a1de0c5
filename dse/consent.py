"""What a campaign file makes run on a machine, and whether its user agreed to it.

A campaign may come from somebody else, and no command of `dse` must be a way to run theirs unseen. What counts is declared, not listed
here: every text in `[backend]` but its default, unless the backend says of a key that its values are harmless
(`dse.synth_backends.base.never_run`, `harmless`). So a backend that says nothing is asked about too often, never too rarely.

What was agreed to is remembered outside of the campaign (`$XDG_STATE_HOME/dse/trusted`) as a digest: of key and value where the value is
one absolute path, which is the same script whoever names it; else of the campaign file's place as well.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from dse.campaign.spec import CampaignSpec
from dse.errors import SpecError
from dse.synth_backends.base import HARMLESS

_agreed: set[str] = set()  # in this process: enough where the store cannot be written


@dataclass(frozen=True, slots=True)
class Command:
    """A key of a campaign whose value is run: as a program with arguments, or as a script, or by what reads it."""

    key: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.key} = {' '.join(map(repr, self.words))}"  # repr: nothing that is shown can hide

    def mark(self, file: Path) -> str:
        """Return what stands for the command where consents are kept."""
        is_one_file = len(self.words) == 1 and Path(self.words[0]).is_absolute()
        place = "" if is_one_file else str(file.absolute())
        return hashlib.sha256(json.dumps([place, self.key, self.words]).encode()).hexdigest()


def commands_of(spec: CampaignSpec) -> tuple[Command, ...]:
    """Return all that a campaign file makes run."""
    told = (Command("notify.command", spec.notify.command),) if spec.notify.command else ()
    return (*told, *backend_commands(spec.backend_options))


def backend_commands(options: Any, table: str = "backend") -> tuple[Command, ...]:
    """Return what a backend's `Options` may make run."""
    return tuple(_commands(options, table))


def _commands(options: Any, table: str) -> Iterator[Command]:
    hints = get_type_hints(type(options))
    for field in fields(options):
        value = getattr(options, field.name)
        harmless = field.metadata.get(HARMLESS, ())
        if harmless is None or value == _default(field) or _is_closed(hints[field.name]):
            continue
        entries = value if isinstance(value, tuple) else (value,)
        for entry in entries:
            if is_dataclass(entry):
                yield from _commands(entry, f"{table}.{field.name}")
        words = tuple(_texts(entries))
        if words and not (len(words) == 1 and words[0] in harmless):
            yield Command(f"{table}.{field.name}", words)


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _is_closed(kind: Any) -> bool:
    """Whether the values of a type are listed with it, so that none of them is the campaign's own."""
    return get_origin(kind) is Literal or (
        bool(get_args(kind)) and all(part is type(None) or _is_closed(part) for part in get_args(kind))
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str | os.PathLike):
        yield os.fspath(value)
    elif isinstance(value, Mapping):
        for pair in value.items():
            yield from _texts(pair)
    elif isinstance(value, Iterable):
        for entry in value:
            yield from _texts(entry)


def unknown(file: Path, commands: Iterable[Command]) -> tuple[Command, ...]:
    """Return those of a file's commands that nobody agreed to yet."""
    store = _store()
    known = _agreed | (set(store.read_text(encoding="utf-8").split()) if store.is_file() else set())
    return tuple(command for command in commands if command.mark(file) not in known)


def remember(file: Path, commands: Iterable[Command]) -> None:
    """Note that the user agreed.

    Raises:
        OSError: it cannot be written down, so it holds for this process only.
    """
    marks = [command.mark(file) for command in unknown(file, commands)]
    _agreed.update(marks)
    if marks:
        store = _store()
        store.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with store.open("a", encoding="utf-8") as notes:
            notes.write("".join(f"{mark}\n" for mark in marks))


def refuse_unknown(file: Path, commands: Iterable[Command]) -> None:
    """Raise SpecError if a file makes something run that its user did not agree to; the message shows it."""
    if found := unknown(file, commands):
        shown = "\n".join(f"  {command}" for command in found)
        raise SpecError(
            f"{file}: makes something run that you did not agree to:\n{shown}\n"
            "Read it; if it may run, pass --trust once (Python: trust=True). It is remembered until it changes."
        )


def _store() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "dse" / "trusted"
