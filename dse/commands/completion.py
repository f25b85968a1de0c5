"""`dse completion`: what a shell needs to complete `dse` commands and options."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dse.errors import SpecError

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_DSE_COMPLETE"  # typer looks for this name, made of the program's


def completion(shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish")]) -> int:
    """Print the completion script of a shell.

    Raises:
        SpecError: a shell that is not supported.
    """
    if shell not in SHELLS:
        raise SpecError(f"dse completion: got {shell!r}, expected one of {', '.join(SHELLS)}")
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # no other way in

    sys.stdout.write(get_completion_script(prog_name="dse", complete_var=VARIABLE, shell=shell).strip() + "\n")
    return 0
