"""Values <-> JSON, strictly: the one form in which results, corpora and requests to workers are written.

A value is written as its dataclass says: one key a field, None left out. Reading takes exactly that: a key too many, a missing one or
a wrong type is an error that says where, and nothing is converted. Where a field is more than it says, its type says so:
`Text` (one text, as in `"ap_fixed<16,6>"`), `Bare` (its only field), `ByName` (pairs as an object, in their order), `OneOf` (a union).
pydantic does the work and is imported only when something is read or written.
"""

from __future__ import annotations

import json
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_type_hints

from dse.errors import DseError

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, TypeAdapter, ValidationError
    from pydantic_core import CoreSchema

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """Return a value as plain JSON values; what is None is left out."""
    kind: Any = type(value)
    return _adapter(kind).dump_python([value], mode="json", exclude_none=True)[0]


def from_json(kind: type[T], document: object) -> T:
    """Read back what `to_json` wrote.

    Raises:
        ValueError: the document is not exactly such a value; one sentence that says where.
    """
    from pydantic import ValidationError

    try:
        # strict JSON mode: lists become tuples, objects values, and nothing else changes its type
        hint: Any = kind
        value: T = _adapter(hint).validate_json(json.dumps([document], allow_nan=False), strict=True)[0]
        return value
    except ValidationError as error:
        raise ValueError(_sentence(error, document)) from error
    except (DseError, RecursionError, ArithmeticError) as error:
        raise ValueError(str(error)) from error


def dump_json(document: object) -> str:
    """Return JSON on one line, keys in the order given; NaN and infinities are refused."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def load_json(text: str | bytes) -> Any:
    """Read JSON that means one thing: UTF-8 without a mark of byte order; NaN, infinities and a key given twice are refused.

    Raises:
        ValueError: anything else.
    """
    try:
        text = text.decode("utf-8") if isinstance(text, bytes) else text
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


class Text:
    """A value that is written as `str(value)` and read by its class method `parse`."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema as schema

        return schema.json_or_python_schema(
            schema.no_info_after_validator_function(cls.parse, schema.str_schema()),  # type: ignore[attr-defined]
            schema.is_instance_schema(cls),
            serialization=schema.to_string_ser_schema(),
        )


class Bare:
    """A value with one field, which is written in its place."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema as schema

        [(name, hint)] = get_type_hints(cls, include_extras=True).items()
        inner = handler.generate_schema(hint)
        return schema.json_or_python_schema(
            schema.no_info_after_validator_function(cls, inner),
            schema.is_instance_schema(cls),
            serialization=schema.plain_serializer_function_ser_schema(lambda value: getattr(value, name), return_schema=inner),
        )


class PairsByName:
    """Marks pairs (name, value) that are written as an object; a list of pairs, as dse 0.1 wrote some, is read as well."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema as schema

        objects = handler.generate_schema(dict[str, get_args(get_args(source)[0])[1]])  # type: ignore[misc]
        pairs = handler(source)
        forms: dict[Any, Any] = {
            "object": schema.no_info_after_validator_function(lambda found: tuple(found.items()), objects),
            "list": schema.no_info_after_validator_function(_each_once, pairs),
        }
        return schema.json_or_python_schema(
            schema.tagged_union_schema(forms, lambda value: "object" if isinstance(value, dict) else "list"),
            pairs,
            serialization=schema.plain_serializer_function_ser_schema(dict, return_schema=objects),
        )


class OneOf:
    """Marks a union of dataclasses, of which a document is the one that shares most keys with it."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema as schema

        keys = {kind.__name__: {field.name for field in fields(kind)} for kind in get_args(source)}

        def name(value: Any) -> str:
            own = type(value).__name__
            given = set(value) if isinstance(value, dict) else set()
            return own if own in keys else max(keys, key=lambda kind: len(keys[kind] & given))

        return schema.tagged_union_schema({kind.__name__: handler(kind) for kind in get_args(source)}, name)


ByName = Annotated[tuple[tuple[str, T], ...], PairsByName()]


@cache
def _adapter(kind: Any) -> TypeAdapter[list[Any]]:
    from pydantic import ConfigDict, TypeAdapter

    # a list, because settings reach dataclasses from what holds them
    return TypeAdapter(list[kind], config=ConfigDict(extra="forbid"))


def _sentence(error: ValidationError, document: Any) -> str:
    """Return what is wrong first, and where: steps of the location that are none of the document's (names of types) are left out."""
    first = error.errors(include_url=False)[0]
    place, last = [], first["loc"][-1]
    for step in first["loc"][1:]:
        try:
            document = document[step]
        except (KeyError, TypeError, IndexError):
            continue
        place.append(str(step))
    match first["type"]:
        case "missing":
            return _told(place, f"no {last!r}")
        case "unexpected_keyword_argument":
            return _told(place[:-1], f"unknown key {last!r}")
        case "value_error":
            return _told(place, str(first["ctx"]["error"]))
    return _told(place, f"got {_shown(first['input'])}, expected {first['msg'].removeprefix('Input should be ')}")


def _told(place: list[str], what: str) -> str:
    return f"{' '.join(place)}: {what}" if place else what


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _each_once(pairs: tuple[tuple[str, Any], ...]) -> tuple[tuple[str, Any], ...]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return pairs


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(_each_once(tuple(pairs)))


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no number")
