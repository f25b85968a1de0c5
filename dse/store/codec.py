"""Results as `dse` writes them, read back in today's form or in that of 0.1; spaces; and a Qor as it is shown with `--json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dse.design import LayerChoice, Network
from dse.qor import DesignRecord, Evaluation, LayerRecord, Qor, scalar_names
from dse.space import DesignSpace, LayerOptions
from dse.wire import dump_json, from_json, to_json


def read_evaluation(document: Mapping[str, Any]) -> Evaluation:
    """Read an evaluation; 0.1 also wrote which outcome `is` there.

    Raises:
        ValueError: anything that is not exactly an evaluation.
    """
    outcome = document.get("outcome")
    if isinstance(outcome, dict) and outcome.get("is") in ("qor", "failure"):
        document = {**document, "outcome": {key: value for key, value in outcome.items() if key != "is"}}
    return from_json(Evaluation, document)


def read_record(document: Mapping[str, Any]) -> LayerRecord | DesignRecord:
    """Read a recorded layer or design; 0.1 also wrote which `record` it is, and a design's outcome as `qor` or `failure`.

    Raises:
        ValueError: anything that is not exactly a record.
    """
    if "record" not in document:
        return from_json(DesignRecord, document) if "network_digest" in document else from_json(LayerRecord, document)
    body = {key: value for key, value in document.items() if key != "record"}
    match document["record"]:
        case "layer":
            return from_json(LayerRecord, body)
        case "design":
            outcome = body.pop("failure", None) or body.pop("qor", None)
            return from_json(DesignRecord, {**body, "outcome": outcome})
    raise ValueError(f"record is {document['record']!r}, expected 'layer' or 'design'")


def space_to_json(space: DesignSpace) -> dict[str, list[dict[str, Any]]]:
    """Return {layer: [{strategy[, precision], reuse_factors}]} in network order; choices that differ in their factor alone are one."""
    return {option.layer.name: _menu(option.choices) for option in space.options}


def _menu(choices: tuple[LayerChoice, ...]) -> list[dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for choice in choices:
        entry = to_json(choice)
        factor = entry.pop("reuse_factor")
        groups.setdefault(dump_json(entry), {**entry, "reuse_factors": []})["reuse_factors"].append(factor)
    return list(groups.values())


def space_from_json(document: Mapping[str, list[dict[str, Any]]], network: Network) -> DesignSpace:
    """Read back what `space_to_json` wrote of a network's space.

    Raises:
        KeyError, TypeError, ValueError, DseError: not a space of this network.
    """
    layers = {layer.name: layer for layer in network.layers}
    return DesignSpace(tuple(LayerOptions(layers[name], _choices(menu)) for name, menu in document.items()))


def _choices(menu: list[dict[str, Any]]) -> tuple[LayerChoice, ...]:
    choices = []
    for group in menu:
        rest = {key: value for key, value in group.items() if key != "reuse_factors"}
        choices += [from_json(LayerChoice, {"reuse_factor": factor, **rest}) for factor in group["reuse_factors"]]
    return tuple(sorted(choices, key=lambda choice: (choice.reuse_factor, choice.strategy)))


def qor_to_json(qor: Qor) -> dict[str, Any]:
    """Return a Qor as DESIGN's `qor` document: null for unknown, whole numbers as integers, `layers` by name."""
    document: dict[str, Any] = {name: _plain(getattr(qor, name)) for name in scalar_names()}
    document["layers"] = {name: {what: _plain(getattr(layer, what)) for what in scalar_names()} for name, layer in qor.layers}
    return document


def _plain(number: float | None) -> float | int | None:
    return int(number) if number is not None and float(number).is_integer() else number
