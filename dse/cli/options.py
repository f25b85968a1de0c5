"""What the commands' stanzas share: arguments and options that mean the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CampaignFile = Annotated[Path, typer.Argument(metavar="CAMPAIGN.toml", help="the campaign file")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document")]
Overrides = Annotated[list[str] | None, typer.Option("-o", metavar="KEY=VALUE", help="override a key, e.g. -o search.mode=compact")]
Trust = Annotated[bool, typer.Option("--trust", help="let what the file names be run (setup, tool, notify, ...); ask nothing")]


def leave(code: int) -> None:
    """End the command with an exit code."""
    raise typer.Exit(code)


def app_of(help_text: str = "") -> typer.Typer:
    """Return an application that commands can be added to; it prints plainly and leaves errors alone."""
    return typer.Typer(
        help=help_text, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
    )
