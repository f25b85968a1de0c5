"""Records <-> JSON objects, strictly: an unknown key, a wrong type or a number out of range is an error that says where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from dse.design import STRATEGIES, DesignPoint, Fidelity, Layer, LayerChoice, Precision, Target, Toolchain, normalise_part
from dse.errors import CorpusError, SpecError
from dse.qor import METRICS, DesignRecord, Failure, FailureKind, LayerRecord, Qor

Json = dict[str, object]
T = TypeVar("T")
_NUMBERS = (*METRICS, "clock_period_ns")


def encode_record(record: LayerRecord | DesignRecord) -> Json:
    """Return a record as a JSON object; what is unknown or default is left out."""
    common: Json = {"target": _encode_target(record.target), "fidelity": record.fidelity.value, "source": record.source}
    if isinstance(record, LayerRecord):
        layer, choice = _encode_layer(record.layer), _encode_choice(record.choice)
        return {"record": "layer", "layer": layer, "choice": choice, "qor": _encode_qor(record.qor), **common}
    point = [[name, _encode_choice(choice)] for name, choice in record.point.choices]
    outcome = record.outcome
    body: Json = {"qor": _encode_qor(outcome)} if isinstance(outcome, Qor) else {"failure": _encode_failure(outcome)}
    return {"record": "design", "network_digest": record.network_digest, "point": point, **body, **common}


def decode_record(value: Mapping[str, object], where: str) -> LayerRecord | DesignRecord:
    """Read a record.

    Raises:
        CorpusError: names the place, the key, what was got and what was expected.
    """
    item = _Object(value, where)
    kind = item.take("record", str)
    target, source = _decode_target(item.child("target")), item.take("source", str, "")
    fidelity = item.choose("fidelity", tuple(Fidelity))
    record: LayerRecord | DesignRecord
    try:
        if kind == "layer":
            layer, choice = _decode_layer(item.child("layer")), _decode_choice(item.child("choice"))
            record = LayerRecord(layer, choice, target, Fidelity(fidelity), _decode_qor(item.child("qor")), source)
        elif kind == "design":
            outcome = _decode_failure(item.child("failure")) if item.has("failure") else _decode_qor(item.child("qor"))
            network, point = item.take("network_digest", str), _decode_point(item.take("point", list), where)
            record = DesignRecord(network, point, target, Fidelity(fidelity), outcome, source)
        else:
            raise CorpusError(f"{where}: record is {kind!r}, expected 'layer' or 'design'")
    except (SpecError, ValueError) as error:
        raise CorpusError(f"{where}: {error}") from error
    item.done()
    return record


class _Object:
    """A JSON object whose keys are taken one by one; what is left at the end is unknown."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, Mapping):
            raise CorpusError(f"{where}: got {type(value).__name__}, expected an object")
        self.where = where
        self._left = dict(value)

    def has(self, key: str) -> bool:
        return key in self._left

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        value = self._left.pop(key, None)
        if value is None:
            if default is None:
                raise CorpusError(f"{self.where}: no {key!r}")
            return default
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise CorpusError(f"{self.where}: {key} is {value!r}, expected {kind.__name__}")
        return value

    def choose(self, key: str, options: tuple[str, ...]) -> str:
        value = self.take(key, str)
        if value not in options:
            raise CorpusError(f"{self.where}: {key} is {value!r}, expected one of {', '.join(options)}")
        return value

    def child(self, key: str) -> _Object:
        return _Object(self.take(key, dict), f"{self.where} {key}")

    def number(self, key: str) -> float | None:
        return self.take(key, float) if self._left.get(key) is not None else self._left.pop(key, None)

    def rest(self, decode: Callable[[str, object], T]) -> tuple[T, ...]:
        items, self._left = self._left, {}
        return tuple(decode(key, value) for key, value in items.items())

    def done(self) -> None:
        if self._left:
            raise CorpusError(f"{self.where}: unknown key {sorted(self._left)[0]!r}")


def _encode_layer(layer: Layer) -> Json:
    full: Json = {
        "name": layer.name,
        "kind": layer.kind,
        "n_in": layer.n_in,
        "n_out": layer.n_out,
        "n_positions": layer.n_positions,
        "n_state": layer.n_state or None,
        "inputs": list(layer.inputs) or None,
        "output_shape": list(layer.output_shape) or None,
        "attributes": dict(layer.attributes) or None,
    }
    return {key: value for key, value in full.items() if value is not None}


def _decode_layer(item: _Object) -> Layer:
    attributes = item.take("attributes", dict, {})
    for key, value in attributes.items():
        if not isinstance(value, (str, int, float, bool)):
            raise CorpusError(f"{item.where}: attribute {key} is {value!r}, expected text, a number, true or false")
    layer = Layer(
        name=item.take("name", str),
        kind=item.take("kind", str),
        n_in=item.take("n_in", int),
        n_out=item.take("n_out", int),
        n_positions=item.take("n_positions", int, 1),
        n_state=item.take("n_state", int, 0),
        inputs=_all(str, item.take("inputs", list, []), item.where),
        output_shape=_all(int, item.take("output_shape", list, []), item.where),
        attributes=tuple(sorted(attributes.items())),
    )
    item.done()
    return layer


def _all(kind: type[T], values: list[object], where: str) -> tuple[T, ...]:
    for value in values:
        if not isinstance(value, kind) or isinstance(value, bool):
            raise CorpusError(f"{where}: got {value!r}, expected {kind.__name__}")
    return tuple(values)  # type: ignore[arg-type]


def _encode_choice(choice: LayerChoice) -> Json:
    body: Json = {"reuse_factor": choice.reuse_factor, "strategy": choice.strategy}
    return body if choice.precision is None else body | {"precision": str(choice.precision)}


def _decode_choice(item: _Object) -> LayerChoice:
    factor, strategy = item.take("reuse_factor", int), item.choose("strategy", STRATEGIES)
    precision = Precision.parse(item.take("precision", str)) if item.has("precision") else None
    item.done()
    return LayerChoice(factor, strategy, precision)  # type: ignore[arg-type]


def _decode_point(pairs: list[object], where: str) -> DesignPoint:
    choices = []
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
            raise CorpusError(f"{where} point: got {pair!r}, expected [layer name, choice]")
        choices.append((pair[0], _decode_choice(_Object(pair[1], f"{where} point {pair[0]}"))))
    return DesignPoint(tuple(choices))


def _encode_target(target: Target) -> Json:
    body: Json = {
        "part": target.part,
        "clock_period_ns": target.clock_period_ns,
        "io_type": target.io_type,
        "precision": str(target.precision),
        "toolchain": str(target.toolchain),
        "hls4ml_version": target.hls4ml_version,
        "clock_uncertainty_percent": target.clock_uncertainty_percent,
    }
    return {key: value for key, value in body.items() if value is not None}


def _decode_target(item: _Object) -> Target:
    try:
        target = Target(
            part=normalise_part(item.take("part", str)),
            clock_period_ns=item.take("clock_period_ns", float),
            io_type=item.take("io_type", str),  # type: ignore[arg-type]
            precision=Precision.parse(item.take("precision", str)),
            toolchain=Toolchain.parse(item.take("toolchain", str)),
            hls4ml_version=item.take("hls4ml_version", str, ""),
            clock_uncertainty_percent=item.number("clock_uncertainty_percent"),
        )
    except SpecError as error:
        raise CorpusError(f"{item.where}: {error}") from error
    item.done()
    return target


def _encode_qor(qor: Qor) -> Json:
    body: Json = {name: value for name in _NUMBERS if (value := getattr(qor, name)) is not None}
    return body | {"layers": {name: _encode_qor(part) for name, part in qor.layers}} if qor.layers else body


def _decode_qor(item: _Object, depth: int = 0) -> Qor:
    numbers = {name: item.number(name) for name in _NUMBERS}
    layers: tuple[tuple[str, Qor], ...] = ()
    if depth == 0 and item.has("layers"):
        inner = item.child("layers")
        layers = inner.rest(lambda name, value: (name, _decode_qor(_Object(value, f"{inner.where} {name}"), 1)))
    item.done()
    for low, high in (("latency_cycles_min", "latency_cycles_max"), ("ii_cycles_min", "ii_cycles_max")):
        first, last = numbers[low], numbers[high]
        if first is not None and last is not None and first > last:
            raise CorpusError(f"{item.where}: contradicts itself; {low} {first} is above {high} {last}")
    return Qor(**numbers, layers=layers)


def _encode_failure(failure: Failure) -> Json:
    body: Json = {"kind": failure.kind.value, "message": failure.message}
    body |= {"log_tail": failure.log_tail} if failure.log_tail else {}
    return body if failure.limit is None else body | {"limit": failure.limit}


def _decode_failure(item: _Object) -> Failure:
    kind = FailureKind(item.choose("kind", tuple(FailureKind)))
    failure = Failure(kind, item.take("message", str), item.take("log_tail", str, ""), item.number("limit"))
    item.done()
    return failure
