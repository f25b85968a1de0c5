"""The JSON Schema of campaign files, for editors."""

from __future__ import annotations

from typing import Any

from dse import registry
from dse.campaign import tables


def campaign_schema() -> dict[str, Any]:
    """Return a JSON Schema (draft 2020-12) of a campaign file; `[search]` and `[backend]` list the keys of every kind."""
    properties = {
        "campaign": _schema(tables.CampaignTable),
        "network": _schema(tables.NetworkTable),
        "target": _schema(tables.TargetTable),
        "search": _merged(tables.SearchTable, "search"),
        "objective": {"type": "array", "items": _schema(tables.ObjectiveTable)},
        "limit": {"type": "array", "items": _schema(tables.LimitTable)},
        "layer": {"type": "object", "additionalProperties": _schema(tables.LayerTable)},
        "backend": _merged(tables.BackendTable, "synth_backends"),
        "budget": _schema(tables.BudgetTable),
        "notify": _schema(tables.NotifyTable),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dse campaign",
        "type": "object",
        "properties": properties,
        "required": ["campaign", "network", "target", "backend"],
        "additionalProperties": False,
    }


def _merged(table: type[Any], room: str) -> dict[str, Any]:
    document = _schema(table)
    document["properties"]["kind"] = {"enum": list(registry.kinds(room))}
    for kind in registry.kinds(room):
        own = _schema(registry.load(room, kind).Options)
        document["properties"] = {**own["properties"], **document["properties"]}
        document.setdefault("$defs", {}).update(own.get("$defs", {}))
    return document


def _schema(table: type[Any]) -> dict[str, Any]:
    from pydantic import TypeAdapter

    document: dict[str, Any] = TypeAdapter(table).json_schema()
    return {**document, "additionalProperties": False}
