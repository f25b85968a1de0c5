"""The scanner of key positions agrees with tomllib about which keys there are, and points at them."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from dse.campaign.positions import KeyPath, find_places

TEXT = '''# a comment with = and [brackets]
[campaign]
name = "x # not a comment"   # a comment
"quoted key" = 3

[[limit]]
metric = "dsp"
maximum = 4
[[limit]]
metric = """many
lines = here
[not.a.table]
"""
[layer.conv_1]
reuse_factors = [
  1,  # one ]
  3,
]
strategy.kind = 'literal'
'''


def keys_of(value: object, path: KeyPath = ()) -> set[KeyPath]:
    if isinstance(value, dict):
        return {path} | {found for key, inner in value.items() for found in keys_of(inner, (*path, key))}
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return {found for index, inner in enumerate(value) for found in keys_of(inner, (*path, index))}
    return {path}


def test_every_key_is_found_where_it_stands() -> None:
    places = find_places(TEXT)
    lines = TEXT.split("\n")
    for path in keys_of(tomllib.loads(TEXT)) - {(), ("layer",), ("layer", "conv_1", "strategy")}:
        place = places[path]
        shown = lines[place.line - 1][place.key_column - 1 :][: place.key_length]
        assert str(path[-1]) in shown or (isinstance(path[-1], int) and "limit" in shown)
    assert places["layer", "conv_1", "reuse_factors"].value_length == 1
    assert places["campaign", "name"].value_column == 8


keys = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
values = st.sampled_from(
    ["1", "-2.5", "true", '"te#xt"', "'=['", "[1, 2, [3]]", '[\n 1, # c]\n "]"]', '"""a\nb = 1"""', "{ a = 1, b = [2] }"]
)
tables = st.dictionaries(keys, values, max_size=4)


@given(tables, st.dictionaries(keys, tables, max_size=3), st.lists(tables, max_size=3), st.sampled_from(["", "  # note", "\t"]))
def test_the_scanner_finds_exactly_the_keys_of_tomllib(
    top: dict[str, str], named: dict[str, dict[str, str]], many: list[dict[str, str]], tail: str
) -> None:
    named = {f"t_{name}": table for name, table in named.items()}

    def rows(table: dict[str, str]) -> list[str]:
        return [f"{key} = {value}{tail}" for key, value in table.items()]

    lines = rows({f"k_{key}": value for key, value in top.items()})
    for name, table in named.items():
        lines += ["", f"[{name}]{tail}", *rows(table)]
    for table in many:
        lines += ["[[many]]", *rows(table)]
    text = "\n".join(lines) + "\n"
    document = tomllib.loads(text)
    expected: set[KeyPath] = {(key,) for key in document if key.startswith("k_")}
    expected |= {(name,) for name in named} | {(name, key) for name, table in named.items() for key in table}
    expected |= {("many", index) for index in range(len(many))}
    expected |= {("many", index, key) for index, table in enumerate(many) for key in table}
    places = find_places(text)
    assert set(places) == expected
    split = text.split("\n")
    for path, place in places.items():
        if isinstance(path[-1], str):
            assert split[place.line - 1][place.key_column - 1 :].startswith(("[", path[-1]))
