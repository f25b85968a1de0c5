"""Network file -> Keras model, inside a worker process.

A model is never loaded as it comes: its description is rebuilt from allow-listed layer classes (Keras 2, TOML) or deserialised in
Keras's safe mode (Keras 3), and weights are read as plain arrays.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras

from dse.design import Network
from dse.errors import NetworkError
from dse.project.seeded_weights import seed_weights

# Arguments that Keras 2 wrote and Keras 3 refuses, or that only matter in training.
_DROPPED = (
    "batch_input_shape",
    "batch_shape",
    "time_major",
    "implementation",
    "sparse",
    "ragged",
    "dtype",
    "reset_after_default",
)
_RESERVED = ("input",)
_INITIALIZERS = ("initializer", "regularizer", "constraint")

# Layer classes that may be built by name. A name that is not here is refused even if `dse.networks` let it pass.
REBUILDABLE = (
    "Activation", "Add", "Average", "AveragePooling1D", "AveragePooling2D", "BatchNormalization", "Bidirectional", "Concatenate",
    "Conv1D", "Conv2D", "Cropping1D", "Cropping2D", "Dense", "DepthwiseConv1D", "DepthwiseConv2D", "Dot", "Dropout", "ELU",
    "Embedding", "Flatten", "GRU", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D",
    "LSTM", "LayerNormalization", "LeakyReLU", "MaxPooling1D", "MaxPooling2D", "Maximum", "Minimum", "Multiply", "PReLU", "Permute",
    "ReLU", "Reshape", "SeparableConv1D", "SeparableConv2D", "SimpleRNN", "Softmax", "Subtract", "ThresholdedReLU",
    "UpSampling1D", "UpSampling2D", "ZeroPadding1D", "ZeroPadding2D",
)  # fmt: skip


def load_model(source: Path, network: Network) -> tuple[Any, tuple[str, ...]]:
    """Return the Keras model of a network file, and notes for the user.

    A file without weights gets weights drawn from a seed that is the network's digest, so that the design is the same everywhere.

    Raises:
        NetworkError: the file holds no model that can be rebuilt; names the layer.
    """
    suffix = source.suffix.lower()
    try:
        if suffix == ".toml":
            from dse.project.listed_layers import build_listed

            model = build_listed(network)
        else:
            model = _rebuild(_rename_reserved(_description(source)))
        if suffix in (".h5", ".hdf5", ".keras"):
            model.load_weights(source)
            return model, ()
    except NetworkError as error:
        raise NetworkError(f"{source.name}: {error}") from error
    except (KeyError, IndexError, AttributeError, TypeError, ValueError, OSError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())[:300]
        raise NetworkError(
            f"{source.name}: Keras cannot build this model; got {type(error).__name__}: {reason}. Save it again with Keras 3."
        ) from error
    seed_weights(model, network.digest)
    return model, ("the network file holds no weights: they were drawn from a seed that is the network's digest",)


def _description(source: Path) -> dict[str, Any]:
    """Return the JSON that describes the layers; nothing else of the file is read."""
    suffix = source.suffix.lower()
    if suffix == ".keras":
        with zipfile.ZipFile(source) as archive:
            text = archive.read("config.json").decode("utf-8")
    elif suffix in (".h5", ".hdf5"):
        with h5py.File(source) as file:
            found = file.attrs["model_config"]
        text = found.decode() if isinstance(found, bytes) else str(found)
    else:
        text = source.read_text(encoding="utf-8")
    return dict(json.loads(text))


def _rename_reserved(description: dict[str, Any]) -> dict[str, Any]:
    """Rename an input layer whose name hls4ml keeps for itself; it has no weights and no choice, so nobody else misses the name."""
    config = description["config"]
    entries = config if isinstance(config, list) else config["layers"]
    inputs = [entry["config"]["name"] for entry in entries if entry["class_name"] == "InputLayer"]
    return dict(_replace(description, {name: f"network_{name}" for name in inputs if name in _RESERVED}))


def _replace(value: Any, names: dict[str, str]) -> Any:
    if not names:
        return value
    if isinstance(value, dict):
        return {key: _replace(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def _rebuild(description: dict[str, Any]) -> Any:
    """Build a model from its JSON; Keras 3 marks its own with a module."""
    if "module" in description:
        return keras.saving.deserialize_keras_object(description, safe_mode=True)
    config = description["config"]
    if isinstance(config, list):  # Keras before 2.2.3
        config = {"layers": config}
    if description["class_name"] == "Sequential":
        return _rebuild_chain(config["layers"], config.get("build_input_shape"))
    return _rebuild_graph(config)


def _rebuild_chain(entries: list[dict[str, Any]], build_shape: list[int | None] | None) -> Any:
    first = entries[0]["config"]
    shape = first.get("batch_input_shape") or first.get("batch_shape") or build_shape
    if shape is None:
        raise NetworkError("the first layer has no input shape. Save the model after it was built.")
    name = first["name"] if entries[0]["class_name"] == "InputLayer" else f"{first['name']}_input"
    tensor = start = keras.Input(tuple(shape[1:]), name=name)
    for entry in entries:
        if entry["class_name"] != "InputLayer":
            tensor = _rebuild_layer(entry)(tensor)
    return keras.Model(start, tensor)


def _rebuild_graph(config: dict[str, Any]) -> Any:
    tensors: dict[str, Any] = {}
    waiting = list(config["layers"])
    while waiting:
        ready = [entry for entry in waiting if all(name in tensors for name in _sources(entry))]
        if not ready:
            raise NetworkError(f"layer {waiting[0]['config']['name']}: its inputs {_sources(waiting[0])} are not in the network.")
        for entry in ready:
            name = entry["config"]["name"]
            if entry["class_name"] == "InputLayer":
                shape = entry["config"].get("batch_input_shape") or entry["config"]["batch_shape"]
                tensors[name] = keras.Input(tuple(shape[1:]), name=name)
                continue
            inputs = [tensors[source] for source in _sources(entry)]
            tensors[name] = _rebuild_layer(entry)(inputs if len(inputs) > 1 else inputs[0])
        waiting = [entry for entry in waiting if entry not in ready]
    inputs, outputs = ([tensors[name] for name in _names(config[key])] for key in ("input_layers", "output_layers"))
    return keras.Model(inputs, outputs)


def _names(references: Any) -> list[str]:
    """Return the layer names of `["a", 0, 0]` or `[["a", 0, 0], ["b", 0, 0]]`."""
    if references and isinstance(references[0], str):
        references = [references]
    return [str(reference[0]) for reference in references]


def _sources(entry: dict[str, Any]) -> list[str]:
    nodes = entry.get("inbound_nodes") or []
    if len(nodes) > 1:
        raise NetworkError(f"layer {entry['config']['name']}: is used {len(nodes)} times; hls4ml builds layers that are used once.")
    return _names(nodes[0]) if nodes else []


def _rebuild_layer(entry: dict[str, Any]) -> Any:
    kind, config = entry["class_name"], entry["config"]
    if kind not in REBUILDABLE:
        raise NetworkError(f"layer {config.get('name')}: class {kind!r} is not one that can be rebuilt.")
    kept = {key: _plain(key, value) for key, value in config.items() if key not in _DROPPED}
    if "layer" in kept:  # a wrapper such as Bidirectional
        kept["layer"] = _rebuild_layer(kept["layer"])
        kept.pop("backward_layer", None)
    return getattr(keras.layers, kind)(**kept)


def _plain(key: str, value: Any) -> Any:
    """Drop initialisers and the like: weights are loaded or seeded anyway, and their spelling changed between versions."""
    if key.endswith(_INITIALIZERS):
        return None if not key.endswith("initializer") else "zeros"
    if key == "axis" and isinstance(value, list):  # BatchNormalization of Keras 2
        return value[0]
    return tuple(value) if isinstance(value, list) else value
