"""From the tables of a campaign file to values: one function a table, each adding to a list what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from dse import registry
from dse.campaign.positions import KeyPath
from dse.campaign.problems import Problem, did_you_mean, dotted
from dse.campaign.tables import (
    BackendTable,
    LayerTable,
    LimitTable,
    NetworkTable,
    ObjectiveTable,
    SearchTable,
    TargetTable,
    read_table,
)
from dse.design import Network, Precision, Strategy, Target, Toolchain, normalise_part
from dse.errors import DseError, SpecError
from dse.goal import NAMES, Limit, Objective
from dse.networks import read_network
from dse.parts import Part, board_part, device_of, find_part
from dse.qor import RESOURCES

T = TypeVar("T")


def network_of(path: Path, table: NetworkTable | None, problems: list[Problem]) -> Network | None:
    if table is None:
        return None
    if table.inputs and not (path.parent / table.inputs).is_file():
        problems.append(
            Problem(("network", "inputs"), f"network.inputs: {table.inputs!r}: no such file. Expected a .npy of inputs.")
        )
    try:
        return read_network(path.parent / table.source, allow_code=table.allow_code)
    except DseError as error:
        problems.append(Problem(("network", "source"), str(error)))
        return None


def read_target(document: object, problems: list[Problem]) -> tuple[TargetTable | None, Target | None, Part | None]:
    """Read `[target]`; the part, precision and toolchain are looked at even where another key is wrong."""
    table = read_table(TargetTable, document, ("target",), problems)
    given = document if isinstance(document, dict) else {}
    texts = {own.name: getattr(table, own.name) for own in fields(table)} if table else given
    precision = _parsed("precision", Precision.parse, texts.get("precision"), problems)
    toolchain = _parsed("toolchain", Toolchain.parse, texts.get("toolchain"), problems)
    named = _named_part(texts, problems)
    part = None if named is None else _part(named, table, problems)
    if table is None or named is None or part is None or precision is None or toolchain is None:
        return None, None, part
    try:
        uncertainty = table.clock_uncertainty_percent
        target = Target(
            part=normalise_part(named),
            clock_period_ns=float(table.clock_period_ns),
            io_type=table.io_type,
            precision=precision,
            toolchain=toolchain,
            hls4ml_version=table.hls4ml_version,
            clock_uncertainty_percent=None if uncertainty is None else float(uncertainty),
        )
    except SpecError as error:
        problems.append(Problem(("target", "clock_period_ns"), f"target.{error}"))
        return None, None, part
    return table, target, part


def _parsed(key: str, parse: Callable[[str], T], text: object, problems: list[Problem]) -> T | None:
    """Parse a text of `[target]`; None, and a problem, where it cannot be. What is no text was complained of by the table."""
    if not isinstance(text, str):
        return None
    try:
        return parse(text)
    except SpecError as error:
        problems.append(Problem(("target", key), f"target.{key}: {error}"))
        return None


def _named_part(texts: dict[str, Any], problems: list[Problem]) -> str | None:
    """Return the part that `part` or `board` names; exactly one of them must."""
    given = [key for key in ("part", "board") if texts.get(key, "") != ""]
    if len(given) != 1:
        got = "got neither" if not given else "got both"
        problems.append(Problem(("target", *given[1:]), f"target: {got} `part` and `board`, expected one of them", at_key=True))
        return None
    return texts["part"] if given == ["part"] else _parsed("board", board_part, texts["board"], problems)


def _part(named: str, table: TargetTable | None, problems: list[Problem]) -> Part | None:
    if table is not None and table.capacities is not None:
        return Part(device_of(named), **asdict(table.capacities))
    return _parsed("part", find_part, named, problems)


def read_search(document: object, problems: list[Problem]) -> tuple[str, str, Any]:
    table = read_table(SearchTable, document, ("search",), problems, extra=True)
    if table is None or not isinstance(document, dict):
        return "", "", None
    kind = table.kind or ("explore" if table.mode == "explore" else "anchor")
    module = _module("search", kind, ("search", "kind"), problems)
    if module is None:
        return table.mode, kind, None
    own = {key: value for key, value in document.items() if key not in ("mode", "kind")}
    if hasattr(module, "in_mode"):
        own, wrong = module.in_mode(table.mode, own)
        problems += [Problem(("search", key), f"search.{key}: {what}") for key, what in wrong.items()]
    options = read_table(module.Options, own, ("search",), problems, beside=("mode", "kind"))
    return table.mode, kind, options


def read_backend(document: object, problems: list[Problem]) -> tuple[BackendTable | None, Any]:
    if document is None:
        problems.append(Problem(("backend",), 'the table [backend] is missing; say where syntheses run, e.g. kind = "estimate"'))
        return None, None
    table = read_table(BackendTable, document, ("backend",), problems, extra=True)
    if table is None or not isinstance(document, dict):
        return None, None
    if table.slots < 1:
        problems.append(Problem(("backend", "slots"), f"backend.slots: got {table.slots}, expected at least 1"))
    module = _module("synth_backends", table.kind, ("backend", "kind"), problems)
    own = {key: value for key, value in document.items() if key not in ("kind", "slots")}
    options = read_table(module.Options, own, ("backend",), problems, beside=("kind", "slots")) if module else None
    return table, options


def _module(room: str, kind: str, path: KeyPath, problems: list[Problem]) -> Any:
    known = registry.kinds(room)
    if kind in known:
        return registry.load(room, kind)
    problems.append(
        Problem(path, f"{dotted(path)}: got {kind!r}, expected one of {', '.join(sorted(known))}", did_you_mean(kind, tuple(known)))
    )
    return None


def _metric(metric: str, path: KeyPath, problems: list[Problem]) -> bool:
    if metric not in NAMES:
        expected = ", ".join(NAMES)
        problems.append(
            Problem(path, f"{dotted(path)}: unknown metric {metric!r}; expected one of {expected}", did_you_mean(metric, NAMES))
        )
    return metric in NAMES


def read_objectives(documents: object, problems: list[Problem]) -> tuple[Objective, ...]:
    found: list[Objective] = []
    for table, path in _each(ObjectiveTable, documents, "objective", problems):
        if _metric(table.metric, (*path, "metric"), problems):
            reference = None if table.reference is None else float(table.reference)
            _add(found, partial(Objective, table.metric, reference), (*path, "reference"), problems)
    return tuple(found)


def read_limits(documents: object, part: Part | None, problems: list[Problem]) -> tuple[Limit, ...]:
    found: list[Limit] = []
    for table, path in _each(LimitTable, documents, "limit", problems):
        if not _metric(table.metric, (*path, "metric"), problems):
            continue
        if table.maximum != "device":
            _add(found, partial(Limit, table.metric, float(table.maximum)), (*path, "maximum"), problems)
        elif table.metric not in RESOURCES:
            problems.append(Problem((*path, "maximum"), f'{dotted(path)}: maximum = "device" is for {", ".join(RESOURCES)} only'))
        elif part:
            found.append(Limit(table.metric, float(part.capacity(table.metric))))
    return tuple(found)


def _add(found: list[Any], make: Callable[[], Any], path: KeyPath, problems: list[Problem]) -> None:
    try:
        found.append(make())
    except SpecError as error:
        problems.append(Problem(path, f"{dotted(path)}: {error}"))


def _each(cls: type[Any], documents: object, name: str, problems: list[Problem]) -> Iterable[tuple[Any, KeyPath]]:
    if not isinstance(documents, list):
        problems.append(Problem((name,), f"expected [[{name}]], a list of tables"))
        return
    for index, document in enumerate(documents):
        table = read_table(cls, document, (name, index), problems)
        if table is not None:
            yield table, (name, index)


def read_layer_rules(
    documents: object, network: Network | None, target: Target | None, table: TargetTable | None, problems: list[Problem]
) -> tuple[tuple[str, LayerTable], ...]:
    if not isinstance(documents, dict):
        problems.append(Problem(("layer",), "expected tables [layer.NAME]"))
        return ()
    found = []
    for name, document in documents.items():
        rule = read_table(LayerTable, document, ("layer", name), problems)
        if rule is None or network is None or target is None or table is None:
            continue
        path = ("layer", name)
        known = tuple(layer.name for layer in network.layers if registry.layer_kind(layer.kind).matrices(layer))
        if name not in known:
            expected = f"expected one of {', '.join(known)}"
            problems.append(
                Problem(path, f"{dotted(path)}: no layer {name!r} with weights; {expected}", did_you_mean(name, known), True)
            )
            continue
        _check_rule(rule, path, network, target, rule.strategy or table.strategy, problems)
        found.append((name, rule))
    return tuple(found)


def _check_rule(
    rule: LayerTable, path: KeyPath, network: Network, target: Target, strategy: Strategy, problems: list[Problem]
) -> None:
    layer = network.layer(str(path[-1]))
    legal = registry.layer_kind(layer.kind).legal(layer, target, strategy).reuse_factors
    asked = {"reuse_factor": () if rule.reuse_factor is None else (rule.reuse_factor,), "reuse_factors": rule.reuse_factors or ()}
    for key, factors in asked.items():
        for factor in factors:
            if factor not in legal:
                shown = ", ".join(map(str, legal))
                problems.append(
                    Problem(
                        (*path, key), f"{dotted((*path, key))}: {factor} is not legal for {layer.name} ({strategy}); legal: {shown}"
                    )
                )
    if rule.precision is not None:
        try:
            Precision.parse(rule.precision)
        except SpecError as error:
            problems.append(Problem((*path, "precision"), str(error)))
