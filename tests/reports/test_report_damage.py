"""Damaged files: cut anywhere, or with bits flipped. The answer is the same number, no number, or an error; never another number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from random import Random

import pytest

from dse.errors import ReportError
from dse.reports.kinds import parse_report
from dse.reports.parameters_h import parse_parameters_h

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(path.name for path in GOLDEN.iterdir() if path.name.startswith("parameters") or path.suffix in (".rpt", ".xml"))


def parser_of(name: str) -> Callable[[str, str], object]:
    return parse_parameters_h if name.endswith(".h") else parse_report


def leaves(value: object, path: tuple[object, ...] = ()) -> Iterator[tuple[tuple[object, ...], float]]:
    """Yield (place, number) for every number in a record; parts of a sequence are placed by their name where they have one."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from leaves(getattr(value, field.name), (*path, field.name))
    elif isinstance(value, tuple):
        seen: dict[object, int] = {}
        for item in value:
            name = item[0] if isinstance(item, tuple) else getattr(item, "name", "")
            seen[name] = seen.get(name, -1) + 1
            yield from leaves(item, (*path, name, seen[name]))
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path, value


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_at_every_64th_byte_never_gives_another_number(name: str) -> None:
    data = (GOLDEN / name).read_bytes()
    whole = dict(leaves(parser_of(name)(data.decode(), name)))
    for end in range(0, len(data), 64):
        try:
            found = parser_of(name)(data[:end].decode(errors="replace"), name)
        except ReportError:
            continue
        wrong = {place: (number, whole.get(place)) for place, number in leaves(found) if whole.get(place) != number}
        assert not wrong, f"cut at {end}: {wrong}"


def test_a_cut_list_of_layers_never_takes_a_part_for_the_layer() -> None:
    text = (GOLDEN / "parameters_conv_lstm.h").read_text().replace("#ifndef PARAMETERS_H_", "")
    whole = dict(leaves(parse_parameters_h(text)))
    for end in range(len(text)):
        try:
            found = dict(leaves(parse_parameters_h(text[:end])))
        except ReportError:
            continue
        assert all(whole.get(place) == number for place, number in found.items()), end


@pytest.mark.parametrize("name", FILES)
def test_flipped_bytes_give_a_record_or_an_error_and_only_numbers_of_the_text(name: str) -> None:
    data = (GOLDEN / name).read_bytes()
    random = Random(name)
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(random.randint(1, 3)):
            damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
        text = bytes(damaged).decode(errors="replace")
        try:
            found = parser_of(name)(text, name)
        except ReportError:
            continue
        assert_numbers_stand_in(found, text)


def assert_numbers_stand_in(found: object, text: str) -> None:
    """Every number stands in the text, or follows from one by a unit: 0 for `-`, halves of tiles, ns of us, period minus slack."""
    import re

    written = {float(token) for token in re.findall(r"[0-9]+(?:\.[0-9]+)?", text)}
    period_and_slack = {round(a + sign * b, 6) for a in written for b in written if len(written) < 200 for sign in (1, -1)}
    for place, number in leaves(found):
        if "depth" in place:
            continue
        value = abs(float(number))
        allowed = value in written or value == 0 or value / 2 in written
        allowed = allowed or any(round(value / unit, 9) in written for unit in (1e3, 1e6, 1e9, 1e-3))
        if not allowed and place[-1] == "clock_estimated_ns":
            allowed = value in period_and_slack
        assert allowed, f"{place}: {number} stands nowhere in the text"
