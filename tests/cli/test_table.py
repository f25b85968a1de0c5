"""The table of commands: each row leads to a function with options, and naming commands imports none of them."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from worlds import Dse

from dse.cli.table import COMMANDS, Command, Group

ROWS = {
    " ".join(words): row
    for name, entry in COMMANDS.items()
    for words, row in (
        [((name,), entry)] if isinstance(entry, Command) else [((name, sub), row) for sub, row in entry.commands.items()]
    )
}


@pytest.mark.parametrize("words", ROWS)
def test_every_row_is_a_command_with_help(words: str, dse_here: Dse) -> None:
    shown = dse_here(*words.split(), "--help")
    assert shown.returncode == 0
    assert ROWS[words].help.split(".")[0].split()[0] in shown.stdout
    module, _, name = ROWS[words].function.partition(":")
    assert callable(getattr(importlib.import_module(f"dse.commands.{module}"), name))


def test_groups_say_what_they_hold(dse_here: Dse) -> None:
    for name, entry in COMMANDS.items():
        if isinstance(entry, Group):
            shown = dse_here(name, "--help").stdout
            assert all(sub in shown for sub in entry.commands)


def test_a_mistyped_command_is_answered_with_the_nearest(dse_here: Dse) -> None:
    shown = dse_here("statsu", "x.toml")
    assert shown.returncode == 2
    assert "Did you mean 'status'" in shown.stderr


def test_the_exit_code_is_what_the_command_returns(dse_here: Dse, tmp_path: Path) -> None:
    assert dse_here("cache", "check", tmp_path / "cache").returncode == 0
    assert dse_here("check").returncode == 2
