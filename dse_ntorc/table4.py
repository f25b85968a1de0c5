"""Table IV of N-TORC: what its forests predict for every legal reuse factor of its models 1 and 2, taken as measured.

`*_fccm.csv` is model 1, `*_net2.csv` model 2. As a recorded space it is large (1.3e11 and 3.4e11 points) and rugged.
"""

from __future__ import annotations

import csv
import hashlib
from math import isfinite
from pathlib import Path
from typing import Any

from dse.corpus.base import Corpus
from dse.design import Fidelity, Layer, LayerChoice
from dse.errors import CorpusError
from dse.qor import LayerRecord, Qor
from dse_ntorc.tables import TARGET

FORMAT = "N-TORC's Table IV: a folder with conv_fccm.csv or conv_net2.csv"
HOW_TO_GET = ""

RecordedLayer = tuple[Layer, tuple[LayerChoice, ...], tuple[Qor, ...]]

MODELS = {"model_1": "_fccm", "model_2": "_net2"}
_SIZE = {"conv": "cnn_filters", "dense": "dense_size", "lstm": "lstm_size"}
_FEATURES = {"conv": "cnn_in", "dense": "n_in", "lstm": "n_in"}
_METRICS = {
    "predicted_lut": "lut",
    "predicted_ff": "ff",
    "predicted_bram": "bram_18k",
    "predicted_dsp": "dsp",
    "predicted_latency_min": "latency_cycles_min",
    "predicted_latency_max": "latency_cycles_max",
}


def is_readable(path: Path) -> bool:
    """Whether a folder holds these tables."""
    return any((path / f"conv{suffix}.csv").is_file() for suffix in MODELS.values())


def read_table4(folder: Path) -> dict[str, tuple[RecordedLayer, ...]]:
    """Return per model its layers in network order, each with its choices (ascending) and what is recorded of each.

    Raises:
        CorpusError: no table is there, or a row is broken.
    """
    models = {name: _read_model(folder, suffix) for name, suffix in MODELS.items()}
    models = {name: layers for name, layers in models.items() if layers}
    if not models:
        raise CorpusError(f"{folder}: got no conv_fccm.csv or conv_net2.csv, expected the tables of N-TORC's Table IV")
    return models


def read(path: Path) -> Corpus:
    """Read both models as one corpus of layers, as if they had been synthesised. Layers that two models share are recorded once."""
    digest, seen, records = hashlib.sha256(b"table4/1"), set(), []
    for table in sorted(path.glob("*.csv")):
        digest.update(hashlib.sha256(table.read_bytes()).digest())
    for name, layers in read_table4(path).items():
        for layer, choices, qors in layers:
            for choice, qor in zip(choices, qors, strict=True):
                if (layer.shape, choice, qor) not in seen:
                    seen.add((layer.shape, choice, qor))
                    records.append(LayerRecord(layer, choice, TARGET, Fidelity.CSYNTH, qor, f"{name} {layer.name}"))
    note = "predicted by N-TORC's forests and taken as if measured: a benchmark, not a result of synthesis"
    return Corpus(path.resolve().name, digest.hexdigest(), tuple(records), (), TARGET, (note,))


def _read_model(folder: Path, suffix: str) -> tuple[RecordedLayer, ...]:
    found: dict[str, tuple[Layer, dict[LayerChoice, Qor]]] = {}
    for kind in ("conv", "lstm", "dense"):
        path = folder / f"{kind}{suffix}.csv"
        if not path.is_file():
            continue
        with path.open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            for row in rows:
                where = f"{path.name}:{rows.line_num}"
                layer, choice, qor = _read_row(row, kind, where)
                _, table = found.setdefault(layer.name, (layer, {}))
                if choice in table:
                    raise CorpusError(
                        f"{where}: contradicts itself; layer {layer.name} has reuse factor {choice.reuse_factor} twice"
                    )
                table[choice] = qor
    # Layers are numbered in network order within a kind, and the kinds follow each other: convolutions, LSTMs, dense layers.
    kinds = ["conv1d", "lstm", "dense"]
    order = sorted(found.values(), key=lambda pair: (kinds.index(pair[0].kind), int(pair[0].name.rsplit("_", 1)[1])))
    return tuple((layer, tuple(sorted(table)), tuple(table[choice] for choice in sorted(table))) for layer, table in order)


def _read_row(row: dict[str, str], kind: str, where: str) -> tuple[Layer, LayerChoice, Qor]:
    try:
        factor, positions = int(row["reuse_factor"]), int(row["sequence_length"])
        features, size = int(row[_FEATURES[kind]]), int(row[_SIZE[kind]])
        numbers: dict[str, Any] = {name: float(row[column]) for column, name in _METRICS.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise CorpusError(f"{where}: {type(error).__name__} {error}; expected the columns and numbers of Table IV") from error
    if min(factor, positions, features, size) < 1 or not all(isfinite(value) and value >= 0 for value in numbers.values()):
        raise CorpusError(f"{where}: got a number out of range, expected sizes from 1 and finite predictions from 0")
    name = row["layer_name"]
    match kind:
        case "conv":
            attributes = (("kernel", 3), ("padding", "same"), ("stride", 1))
            layer = Layer(name, "conv1d", 3 * features, size, positions, output_shape=(positions, size), attributes=attributes)
        case "lstm":
            layer = Layer(name, "lstm", features, 4 * size, positions, n_state=size)
        case _:
            layer = Layer(name, "dense", features, size, output_shape=(size,))
    return layer, LayerChoice(factor, "resource"), Qor(**numbers)
