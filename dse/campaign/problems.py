"""What is wrong with a campaign file, all at once, each with its place, a caret and the nearest word that would be right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from dse.campaign.positions import KeyPath, Place
from dse.errors import SpecError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (path of keys), whether the key or its value is meant, what, and a hint."""

    path: KeyPath
    message: str
    hint: str = ""
    at_key: bool = False


class CampaignProblems(SpecError):
    """All that is wrong with a campaign file; its text is what the user sees."""

    def __init__(self, source: str, lines: Sequence[str], problems: Sequence[Problem], places: Mapping[KeyPath, Place]):
        self.problems = tuple(problems)
        ordered = sorted(problems, key=lambda problem: _anchor(problem, places)[0])
        blocks = [_render(problem, source, lines, places) for problem in ordered]
        count = f"{len(problems)} error{'s' if len(problems) != 1 else ''} in {source}"
        super().__init__("\n".join([*blocks, count]))


def unknown_key(path: KeyPath, known: Mapping[str, object]) -> Problem:
    """A problem for a key that nobody knows, with the nearest known one."""
    where = dotted(path[:-1])
    place = f" in [{where}]" if where else ""
    expected = f"expected one of: {', '.join(sorted(known))}" if known else "no keys are expected here"
    return Problem(path, f"unknown key `{path[-1]}`{place}; {expected}", did_you_mean(str(path[-1]), known), at_key=True)


def did_you_mean(word: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    """Return `did you mean ...?` for the nearest known word, "" if none is near."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""


def dotted(path: KeyPath) -> str:
    """Return a path as TOML writes it; indices of arrays of tables are counted from 1."""
    parts = [f"#{part + 1}" if isinstance(part, int) else part for part in path]
    return ".".join(parts).replace(".#", " #")


def _anchor(problem: Problem, places: Mapping[KeyPath, Place]) -> tuple[tuple[int, int], int]:
    """Line and column to point at, and how many characters to underline; the nearest enclosing table if the key is not there."""
    path = problem.path
    while path and path not in places:
        path = path[:-1]
    place = places.get(path)
    if place is None:
        return (1, 1), 1
    if problem.at_key or path != problem.path:
        return (place.line, place.key_column), place.key_length
    return (place.value_line, place.value_column), place.value_length


def _render(problem: Problem, source: str, lines: Sequence[str], places: Mapping[KeyPath, Place]) -> str:
    (line, column), length = _anchor(problem, places)
    shown = lines[line - 1] if line <= len(lines) else ""
    number = f"{line:5d}"
    caret = " " * (column - 1) + "^" * max(1, min(length, len(shown) - column + 1))
    hint = f" {problem.hint}" if problem.hint else ""
    return f"error: {problem.message}    {source}:{line}:{column}\n{number} | {shown}\n      | {caret}{hint}"
