"""Values <-> JSON, strictly: a field too many, too few or of a wrong type is an error, never a guess."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

from dse.design import DesignPoint, Layer, LayerChoice, Network, Precision
from dse.qor import Evaluation, Qor, scalar_names
from dse.space import DesignSpace, LayerOptions

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def dump_json(value: object) -> str:
    """Return JSON on one line with sorted keys; NaN and infinities are refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def evaluation_to_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation as plain JSON values."""
    document = asdict(evaluation)
    document["outcome"]["is"] = "qor" if isinstance(evaluation.outcome, Qor) else "failure"
    return document


def evaluation_from_json(document: dict[str, Any]) -> Evaluation:
    """Read back what `evaluation_to_json` wrote.

    Raises:
        ValueError: anything that is not exactly an evaluation.
    """
    outcome = dict(document.get("outcome") or {})
    kind = outcome.pop("is", None)
    if kind not in ("qor", "failure"):
        raise ValueError(f"outcome is neither a qor nor a failure: {kind!r}")
    expected = set(scalar_names()) | {"layers"} if kind == "qor" else {"kind", "message", "log_tail", "limit"}
    if set(outcome) != expected:
        raise ValueError(f"outcome has the fields {sorted(outcome)}, expected {sorted(expected)}")
    text = json.dumps({**document, "outcome": outcome})
    evaluation: Evaluation = _adapter(Evaluation).validate_json(text, strict=True)
    return evaluation


def point_to_json(point: DesignPoint) -> dict[str, dict[str, Any]]:
    """Return {layer: {reuse_factor, strategy[, precision]}} in network order."""
    return {name: choice_to_json(choice) for name, choice in point.choices}


def choice_to_json(choice: LayerChoice) -> dict[str, Any]:
    """Return {reuse_factor, strategy[, precision]}."""
    document: dict[str, Any] = {"reuse_factor": choice.reuse_factor, "strategy": choice.strategy}
    return document if choice.precision is None else {**document, "precision": str(choice.precision)}


def point_from_json(document: dict[str, dict[str, Any]]) -> DesignPoint:
    """Read back what `point_to_json` wrote; the order of the document is the network's.

    Raises:
        KeyError, TypeError, DseError: not a point.
    """
    return DesignPoint(tuple((name, _choice(entry)) for name, entry in document.items()))


def _choice(entry: dict[str, Any]) -> LayerChoice:
    precision = Precision.parse(entry["precision"]) if "precision" in entry else None
    return LayerChoice(int(entry["reuse_factor"]), entry["strategy"], precision)


def network_to_json(network: Network) -> dict[str, Any]:
    """Return a network as plain JSON values."""
    return asdict(network)


def network_from_json(document: dict[str, Any]) -> Network:
    """Read back what `network_to_json` wrote.

    Raises:
        ValueError: anything that is not exactly a network.
    """
    network: Network = _adapter(Network).validate_json(json.dumps(document), strict=True)
    return network


def space_to_json(space: DesignSpace) -> dict[str, list[dict[str, Any]]]:
    """Return {layer: [{strategy[, precision], reuse_factors}]} in network order."""
    return {option.layer.name: _menu(option.choices) for option in space.options}


def _menu(choices: tuple[LayerChoice, ...]) -> list[dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for choice in choices:
        entry = choice_to_json(choice)
        factor = entry.pop("reuse_factor")
        groups.setdefault(dump_json(entry), {**entry, "reuse_factors": []})["reuse_factors"].append(factor)
    return list(groups.values())


def space_from_json(document: dict[str, list[dict[str, Any]]], network: Network) -> DesignSpace:
    """Read back what `space_to_json` wrote of a network's space.

    Raises:
        KeyError, TypeError, DseError: not a space of this network.
    """
    return DesignSpace(tuple(LayerOptions(_named(network, name), _choices(menu)) for name, menu in document.items()))


def _named(network: Network, name: str) -> Layer:
    return {layer.name: layer for layer in network.layers}[name]


def _choices(menu: list[dict[str, Any]]) -> tuple[LayerChoice, ...]:
    found = [_choice({**entry, "reuse_factor": factor}) for entry in menu for factor in entry["reuse_factors"]]
    return tuple(sorted(found, key=lambda choice: (choice.reuse_factor, choice.strategy)))


def qor_to_json(qor: Qor) -> dict[str, Any]:
    """Return a Qor as DESIGN's `qor` document: null for unknown, whole numbers as integers, `layers` by name."""
    document: dict[str, Any] = {name: _plain(getattr(qor, name)) for name in scalar_names()}
    document["layers"] = {name: {what: _plain(getattr(layer, what)) for what in scalar_names()} for name, layer in qor.layers}
    return document


def _plain(number: float | None) -> float | int | None:
    return int(number) if number is not None and float(number).is_integer() else number


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
