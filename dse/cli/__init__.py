"""The command line: parse, call, exit. Every command imports what it needs when it runs, so that `dse --help` stays quick."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from dse.cli import campaigns, groups, tools
from dse.cli.options import app_of

app = app_of("Find the reuse factors of an hls4ml design with a handful of syntheses.")


def _version(wanted: bool) -> None:
    if wanted:
        from dse import __version__

        sys.stdout.write(f"dse {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="show the version")] = False,
) -> None:
    """Find the reuse factors of an hls4ml design with a handful of syntheses."""


for commands in (campaigns.app, tools.app):
    app.add_typer(commands)
named = {"cache": tools.cache_app, "surrogate": groups.surrogate_app, "nas": groups.nas_app, "bench": groups.bench_app}
for name, group in named.items():
    app.add_typer(group, name=name)


def main() -> None:
    """Entry point of the `dse` script: every error that is the user's to mend is one message and an exit code."""
    from dse.errors import DseError

    if "_DSE_COMPLETE" in os.environ:  # the shell asks, see `dse completion`
        from typer.completion import completion_init  # type: ignore[attr-defined]  # no other way in

        completion_init()
    try:
        app(standalone_mode=True, prog_name="dse")
    except DseError as error:
        from dse.commands.output import clean

        sys.stderr.write(clean(f"{error}\n"))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # `dse ... | head`: nobody reads any more, and nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        from dse.commands.crash import write_report

        sys.stderr.write(f"internal error: {type(error).__name__}. Nothing was lost. Please report it with {write_report(error)}\n")
        sys.exit(4)
