"""A campaign file may name a command to call; the first time, and whenever it changes, its owner is asked.

A campaign may come from somebody else, and `dse run` must not be a way to run their commands unseen. What was agreed to is remembered
outside the campaign (`$XDG_STATE_HOME/dse/trusted`), as a digest of the file's place and the command.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

from dse.campaign.spec import CampaignSpec
from dse.commands.output import clean
from dse.errors import SpecError


def agree_to_commands(spec: CampaignSpec, *, is_trusted: bool) -> None:
    """Return if the campaign names no command, or its owner agreed to it, now or before.

    Raises:
        SpecError: nobody can be asked, or the answer was no.
    """
    command = spec.notify.command
    if not command:
        return
    mark = hashlib.sha256(json.dumps([str(spec.path.absolute()), command]).encode()).hexdigest()
    store = _store()
    if mark in (store.read_text(encoding="utf-8").split() if store.is_file() else ()):
        return
    shown = clean(" ".join(json.dumps(word, ensure_ascii=False) for word in command))
    if not is_trusted and not _asked(shown):
        raise SpecError(f"{spec.path} [notify].command: calls {shown}, which you did not agree to. Pass --trust if it may run.")
    try:
        store.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with store.open("a", encoding="utf-8") as file:
            file.write(mark + "\n")
    except OSError as error:
        sys.stderr.write(f"warning: {store}: cannot be written ({error.strerror}); you will be asked again\n")


def _asked(shown: str) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    sys.stderr.write(f"this campaign calls a command when something happens: {shown}\nmay it? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _store() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "dse" / "trusted"
