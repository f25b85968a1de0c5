"""A Keras configuration -> its layers in topological order, nested networks flattened; nothing of Keras is imported or run.

Reads what Keras 2 (`inbound_nodes` as nested lists, `batch_input_shape`) and Keras 3 (`__keras_tensor__`, `batch_shape`) write.
A layer called k times becomes k layers with hls4ml's names (`name`, `name_0`, `name_1`, ...). A nested network's layers keep their
own names, as in hls4ml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dse.errors import NetworkError
from dse.layers._keras import Node

MODEL_CLASSES = ("Sequential", "Functional", "Model")
CODE_CLASSES = ("Lambda", "TFSMLayer", "__lambda__")
MAXIMUM_DEPTH = 200
MAXIMUM_LAYERS = 10_000

_TRUSTED_MODULE = re.compile(r"(keras|tf_keras|keras\.api|tensorflow\.keras|tensorflow\.python\.keras)(\.[A-Za-z0-9_]+)*")
_TRAINING = ("compile_config", "optimizer_config", "training_config")


def refuse_code(document: object, where: str) -> None:
    """Refuse a configuration that names code of its own: Lambda and saved-model layers, custom classes, foreign modules.

    Keras would run such code when it loads the file, even in "safe mode" for the older format (CVE-2025-9905, CVE-2026-1462).

    Raises:
        NetworkError: names the class and where it stands.
    """
    for path, item, is_training in _walk(document, where):
        class_name, module, registered = (item.get(key) for key in ("class_name", "module", "registered_name"))
        if class_name in CODE_CLASSES:
            raise NetworkError(f"{path}: {class_name} holds code that would run on this machine.{_ALLOW}")
        if is_training:  # a loss of one's own is only a name here, and nothing that we convert runs it
            continue
        if isinstance(class_name, str) and ">" in class_name:
            raise NetworkError(f"{path}: custom class {class_name!r}.{_ALLOW}")
        if isinstance(class_name, str) and isinstance(module, str) and not _TRUSTED_MODULE.fullmatch(module):
            raise NetworkError(f"{path}: {class_name!r} comes from the module {module!r}, not from Keras.{_ALLOW}")
        if isinstance(registered, str) and registered != class_name:
            raise NetworkError(f"{path}: custom class {registered!r}.{_ALLOW}")


_ALLOW = " Read it only if you trust its author (allow_code)."


def _walk(document: object, where: str) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Yield (path, dict, whether it only matters to training) for all dicts of a document."""
    stack: list[tuple[str, object, int, bool]] = [(where, document, 0, False)]
    while stack:
        path, item, depth, is_training = stack.pop()
        if depth > MAXIMUM_DEPTH:
            raise NetworkError(f"{where}: nested more than {MAXIMUM_DEPTH} levels deep")
        if isinstance(item, dict):
            yield path, item, is_training
            for key, value in item.items():
                stack.append((f"{path}.{key}", value, depth + 1, is_training or key in _TRAINING))
        elif isinstance(item, list):
            stack.extend((f"{path}[{index}]", value, depth + 1, is_training) for index, value in enumerate(item))


def flatten(document: object, where: str) -> tuple[Node, ...]:
    """Return the layers of a Sequential or functional configuration in topological order.

    Raises:
        NetworkError: the document is no such configuration, or its layers refer to each other in a way we cannot follow.
    """
    top = _table(document, where)
    class_name = top.get("class_name")
    if class_name not in MODEL_CLASSES:
        raise NetworkError(
            f"{where}: top class is {class_name!r}, expected Sequential or Functional (a subclassed model has no layers)"
        )
    flattener = _Flattener()
    flattener.model(top, where, None)
    return tuple(flattener.nodes)


Reference = tuple[str, int, int]  # layer, its call, its output


@dataclass(slots=True)
class _Flattener:
    nodes: list[Node] = field(default_factory=list)

    def model(self, item: Mapping[str, Any], where: str, inputs: tuple[str, ...] | None, depth: int = 0) -> tuple[str, ...]:
        """Append a network's layers; return the names of its outputs. `inputs` None: it is the outermost one."""
        if depth > 20:
            raise NetworkError(f"{where}: networks nested more than 20 deep")
        config = item.get("config")
        layers = config if isinstance(config, list) else _table(config, where).get("layers")
        if not isinstance(layers, list) or not layers:
            raise NetworkError(f"{where}: no layers")
        tables = [_table(layer, f"{where} layer {index}") for index, layer in enumerate(layers)]
        if item.get("class_name") == "Sequential":
            built = config.get("build_input_shape") if isinstance(config, dict) else None
            return self._sequential(tables, where, inputs, built, depth)
        return self._functional(_table(config, where), tables, where, inputs, depth)

    def _add(self, item: Mapping[str, Any], name: str, inputs: tuple[str, ...], where: str, input_shape: Any = None) -> str:
        if len(self.nodes) >= MAXIMUM_LAYERS:
            raise NetworkError(f"{where}: more than {MAXIMUM_LAYERS} layers")
        self.nodes.append(Node(name, str(item.get("class_name")), _table(item.get("config"), where), inputs, where, input_shape))
        return name

    def _sequential(
        self, tables: list[dict[str, Any]], where: str, inputs: tuple[str, ...] | None, built: Any, depth: int
    ) -> tuple[str, ...]:
        last = inputs
        for item in tables:
            name = _name(item, where)
            place = f"{where} layer {name!r}"
            if item.get("class_name") == "InputLayer":
                last = last if last is not None else (self._add(item, name, (), place),)
            elif item.get("class_name") in MODEL_CLASSES:
                last = self.model(item, place, last, depth + 1)
            else:
                if last is None:
                    config = _table(item.get("config"), place)
                    shape = config.get("batch_input_shape") or config.get("batch_shape") or built
                    last = (self._add({"class_name": "InputLayer", "config": {}}, f"{name}_input", (), place, shape),)
                last = (self._add(item, name, last, place),)
        return last or ()

    def _functional(
        self, config: Mapping[str, Any], tables: list[dict[str, Any]], where: str, inputs: tuple[str, ...] | None, depth: int
    ) -> tuple[str, ...]:
        made: dict[Reference, str] = {}
        if inputs is not None:
            entries = _references(config.get("input_layers"), where)
            if len(entries) != len(inputs):
                raise NetworkError(f"{where}: called with {len(inputs)} inputs, expected {len(entries)}")
            made.update(zip(entries, inputs, strict=True))
        calls = [call for item in tables for call in self._calls(item, where) if (call.name, call.number, 0) not in made]
        while calls:
            ready = [call for call in calls if all(reference in made for reference in call.references)]
            if not ready:
                raise NetworkError(f"{where}: layer {calls[0].name!r} reads {calls[0].references}, which nothing gives")
            for call in ready:
                made.update(self._call(call, tuple(made[reference] for reference in call.references), depth))
            calls = [call for call in calls if not any(call is done for done in ready)]
        outputs = _references(config.get("output_layers"), where)
        lost = [reference for reference in outputs if reference not in made]
        if lost:
            raise NetworkError(f"{where}: output {lost[0]} is given by no layer")
        return tuple(made[reference] for reference in outputs)

    def _calls(self, item: dict[str, Any], where: str) -> list[_Call]:
        name = _name(item, where)
        place = f"{where} layer {name!r}"
        calls = item.get("inbound_nodes", [])
        if not isinstance(calls, list):
            raise NetworkError(f"{place}: inbound_nodes is no list")
        if item.get("class_name") == "InputLayer" or not calls:
            return [_Call(name, 0, (), item, place)]
        return [_Call(name, number, tuple(_call_inputs(call, place)), item, place) for number, call in enumerate(calls)]

    def _call(self, call: _Call, inputs: tuple[str, ...], depth: int) -> dict[Reference, str]:
        if call.item.get("class_name") in MODEL_CLASSES:
            outputs = self.model(call.item, call.where, inputs, depth + 1)
            return {(call.name, call.number, index): output for index, output in enumerate(outputs)}
        name = call.name if call.number == 0 else f"{call.name}_{call.number - 1}"
        return {(call.name, call.number, 0): self._add(call.item, name, inputs, call.where)}


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    name: str
    number: int
    references: tuple[Reference, ...]
    item: dict[str, Any]
    where: str


def _call_inputs(call: object, where: str) -> Iterator[Reference]:
    """Yield what one call of a layer reads, in order (Keras 3 dict of args and kwargs, or Keras 2 list of references)."""
    if isinstance(call, dict):
        yield from _tensors([call.get("args", []), call.get("kwargs", {})], where)
    elif isinstance(call, list):
        pieces = [call] if call and isinstance(call[0], str) else call
        for piece in pieces:
            yield _reference(piece, where)
    else:
        raise NetworkError(f"{where}: cannot read inbound_nodes")


def _tensors(item: object, where: str, depth: int = 0) -> Iterator[Reference]:
    if depth > 20:
        raise NetworkError(f"{where}: arguments nested more than 20 deep")
    if isinstance(item, dict):
        if item.get("class_name") == "__keras_tensor__":
            yield _reference(_table(item.get("config"), where).get("keras_history"), where)
            return
        item = list(item.values())
    if isinstance(item, list):
        for part in item:
            yield from _tensors(part, where, depth + 1)


def _references(item: object, where: str) -> list[Reference]:
    """Read `input_layers` or `output_layers`: one reference or a list of them."""
    if isinstance(item, list) and item and isinstance(item[0], str):
        return [_reference(item, where)]
    if isinstance(item, list):
        return [_reference(part, where) for part in item]
    raise NetworkError(f"{where}: inputs and outputs must be a list of layers; got {type(item).__name__}")


def _reference(item: object, where: str) -> Reference:
    if isinstance(item, list) and len(item) >= 3:
        name, call, output = item[:3]
        if isinstance(name, str) and isinstance(call, int) and isinstance(output, int):
            return (name, call, output)
    raise NetworkError(f"{where}: got {str(item)[:60]}, expected a layer, its call and its output")


def _name(item: Mapping[str, Any], where: str) -> str:
    name = item.get("name") or _table(item.get("config"), where).get("name")
    if not isinstance(name, str):
        raise NetworkError(f"{where}: a {str(item.get('class_name'))[:60]} layer has no name")
    return name


def _table(item: object, where: str) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise NetworkError(f"{where}: got {type(item).__name__}, expected a table of a Keras configuration")
    return item
