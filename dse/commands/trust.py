"""What a campaign file makes run is shown and asked about the first time, and whenever it changes; see `dse.consent`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from dse.consent import Command, refuse_unknown, remember, unknown


def agree_to_commands(
    file: Path, commands: Iterable[Command], *, is_trusted: bool, overrides: Iterable[str] = (), may_ask: bool = True
) -> None:
    """Return if the user agreed to all that the file makes run, now or before.

    Args:
        is_trusted: the user passed --trust.
        overrides: what the user typed as `key=value` needs no question.
        may_ask: False after -y, which asks nothing and agrees to nothing: only --trust agrees.

    Raises:
        SpecError: nobody can be asked, or the answer was no.
    """
    typed = {override.partition("=")[0].strip() for override in overrides}
    commands = tuple(commands)
    asked = tuple(command for command in unknown(file, commands) if command.key not in typed)
    if not (is_trusted or not asked or (may_ask and _asked(file, asked))):
        refuse_unknown(file, asked)
    try:
        remember(file, commands)
    except OSError as error:
        sys.stderr.write(f"warning: {error.filename}: cannot be written ({error.strerror}); you will be asked again\n")


def _asked(file: Path, commands: Iterable[Command]) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    shown = "".join(f"  {command}\n" for command in commands)
    sys.stderr.write(f"{str(file)!r} makes this run here or on its hosts:\n{shown}may it? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
