"""A file of TOML before anybody asks what it means: its text, its tables, the command line's overrides on top."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dse.campaign.positions import find_places
from dse.campaign.problems import CampaignProblems, Problem, did_you_mean
from dse.campaign.recognition import refuse_other_formats
from dse.errors import SpecError

MAX_BYTES = 2**20


def read_tables(path: Path, overrides: Iterable[str] = ()) -> tuple[dict[str, Any], str]:
    """Return a file's tables and its text, which `refuse` needs for its messages.

    Args:
        overrides: `key=value` texts, e.g. `search.mode=compact`; values are TOML, or else text.

    Raises:
        SpecError: the file cannot be read, is no TOML, or an override has not that form.
    """
    text = _text_of(path)
    tables = _parsed(path, text)
    for override in overrides:
        _apply(tables, override)
    return tables, text


def refuse(path: Path, text: str, problems: list[Problem]) -> None:
    """Raise `CampaignProblems` with every problem at its place in the text, if there are any."""
    if problems:
        raise CampaignProblems(str(path), text.split("\n"), problems, find_places(text))


def _text_of(path: Path) -> str:
    try:
        if path.is_dir():
            raise SpecError(f"{path}: is a folder, expected a campaign file. Name the .toml file in it.")
        path.stat()  # what is not there is told first
        refuse_other_formats(path)
        if path.stat().st_size > MAX_BYTES:
            raise SpecError(f"{path}: larger than 1 MiB, that is no campaign file.")
        return path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        near = did_you_mean(path.name, tuple(p.name for p in path.parent.glob("*.toml"))) if path.parent.is_dir() else ""
        raise SpecError(
            f"{path}: no such file{', ' + near if near else '.'} `dse init NETWORK` writes a campaign to start from."
        ) from None
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SpecError(f"{path}: not UTF-8 text (byte {error.start}).") from error


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SpecError(f"{path}: not valid TOML: {error}.") from error


def _apply(document: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or len(parts) < 2 or not all(parts):
        raise SpecError(f"--set {override}: expected table.key=value, e.g. --set search.mode=compact")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    table = document
    for part in parts[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise SpecError(f"--set {override}: `{part}` is not a table of this campaign")
    table[parts[-1]] = parsed
