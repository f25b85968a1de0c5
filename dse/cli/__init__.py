"""The command line: a table of names, and the one way out. A command's file is imported when it is called, so `dse --help` stays quick."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperCommand, TyperGroup

from dse.cli.table import COMMANDS, Command, Group

HELP = "Find the reuse factors of an hls4ml design with a handful of syntheses."


class LazyCommand(TyperCommand):
    """A command that is known by name and help; its file is imported when it is called, or asked for its options."""

    def __init__(self, name: str, row: Command) -> None:
        super().__init__(name, help=row.help, rich_markup_mode=None)
        self.row = row

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return self._loaded().make_context(info_name, args, parent, **extra)

    def _loaded(self) -> Any:
        module, _, name = self.row.function.partition(":")
        function = getattr(importlib.import_module(f"dse.commands.{module}"), name)
        app = _app(self.row.help)
        app.command(self.name, help=self.row.help)(_leaving(function))
        return typer.main.get_command(app)


class ReaderGone(Exception):
    """Whoever read the output has left, as `head` does; nothing is wrong."""


def _leaving(function: Callable[..., int]) -> Callable[..., None]:
    """Return a function that ends the process's command with the exit code that `function` returns."""

    @functools.wraps(function)
    def call(**values: Any) -> None:
        try:
            code = function(**values)
        except BrokenPipeError as error:  # typer would make it exit code 1, which means something else here
            raise ReaderGone from error
        raise typer.Exit(code)

    return call


def _app(help_text: str) -> typer.Typer:
    return typer.Typer(
        help=help_text, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
    )


def _version(wanted: bool) -> None:
    if wanted:
        from dse import __version__

        sys.stdout.write(f"dse {__version__}\n")
        raise typer.Exit


def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="show the version")] = False,
) -> None:
    """Has one option of its own; all else is in the table."""


def command_line() -> TyperGroup:
    """Return `dse` with all its commands, none of them imported."""
    root = _app(HELP)
    root.callback()(_root)
    group = typer.main.get_command(root)
    assert isinstance(group, TyperGroup)
    group.commands.update(_commands(COMMANDS))
    return group


def _commands(table: dict[str, Any]) -> dict[str, Any]:
    return {
        name: TyperGroup(name=name, commands=_commands(row.commands), help=row.help, no_args_is_help=True, rich_markup_mode=None)
        if isinstance(row, Group)
        else LazyCommand(name, row)
        for name, row in table.items()
    }


def main() -> None:
    """Entry point of the `dse` script: every error that is the user's to mend is one message and an exit code."""
    _open_missing_streams()
    try:
        code = _call()
        sys.stdout.flush()
    except (ReaderGone, BrokenPipeError):
        code = 0
    except OSError as error:
        code = 3
        _tell(f"standard output cannot be written: {error.strerror}")
    for stream in (sys.stdout, sys.stderr):
        _give_up_unwritable(stream)
    sys.exit(code)


def _call() -> Any:
    """Run the command that was asked for and return its exit code; OSError is raised only for output that cannot be written."""
    from dse.errors import DseError

    if "_DSE_COMPLETE" in os.environ:  # the shell asks, see `dse completion`
        from typer.completion import completion_init  # type: ignore[attr-defined]  # no other way in

        completion_init()
    try:
        command_line()(standalone_mode=True, prog_name="dse")
    except SystemExit as end:
        return end.code
    except DseError as error:
        _tell(str(error))
        return error.exit_code
    except ReaderGone:
        raise
    except Exception as error:
        if isinstance(error, OSError):
            for stream in (sys.stdout, sys.stderr):
                print(file=stream, flush=True)
        from dse.commands.crash import write_report

        _tell(f"internal error: {type(error).__name__}. Nothing was lost. Please report it with {write_report(error)}")
        return 4


def _tell(text: str) -> None:
    from dse.text import printable

    with suppress(OSError):
        sys.stderr.write(printable(f"{text}\n"))


def _open_missing_streams() -> None:
    """Open what the caller closed (`>&-`) on /dev/null: else the next file would get its number, and be written to by prints."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115


def _give_up_unwritable(stream: TextIO) -> None:
    """Let what cannot be written go, so that Python does not complain about it when it ends."""
    try:
        stream.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
