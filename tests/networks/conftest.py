"""Network files as Keras writes them, made without Keras."""

from __future__ import annotations

import io
import json
import zipfile

import h5py
import numpy as np
import pytest


def layer(class_name, name, module="keras.layers", registered=None, **config):
    """One entry of a Keras 3 layer list."""
    return {"module": module, "class_name": class_name, "config": {"name": name, **config}, "registered_name": registered}


def dense(name, units, activation="relu", **config):
    return layer("Dense", name, units=units, activation=activation, use_bias=True, **config)


def start(*shape, name="inp"):
    return layer("InputLayer", name, batch_shape=[None, *shape])


def sequential(*layers, name="net"):
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": name, "layers": list(layers)},
        "registered_name": None,
    }


def tensor(name, call=0):
    return {"class_name": "__keras_tensor__", "config": {"shape": [None], "keras_history": [name, call, 0]}}


def called(entry, *inputs, joined=False):
    """A layer of a functional network, called on the tensors of other layers; several inputs may come as one list."""
    tensors = [tensor(*(source if isinstance(source, tuple) else (source,))) for source in inputs]
    calls = [{"args": [tensors] if joined else tensors, "kwargs": {}}] if inputs else []
    return {**entry, "name": entry["config"]["name"], "inbound_nodes": calls}


def functional(layers, outputs, inputs=("inp",), name="net"):
    config = {
        "name": name,
        "layers": layers,
        "input_layers": [[source, 0, 0] for source in inputs],
        "output_layers": [[output, 0, 0] for output in outputs],
    }
    module = "keras.src.models.functional"
    return {"module": module, "class_name": "Functional", "config": config, "registered_name": "Functional"}


SMALL = sequential(start(4), dense("fc1", 8), dense("out", 2, "softmax"))


def weights_file(value=1.0, prefix=""):
    """The bytes of an HDF5 file with weights, laid out as Keras does."""
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        for name, shape in (("dense", (4, 8)), ("dense_1", (8, 2))):
            file[f"{prefix}layers/{name}/vars/0"] = np.full(shape, value, np.float32)
            file[f"{prefix}layers/{name}/vars/1"] = np.zeros(shape[-1], np.float32)
        file["optimizer/vars/0"] = np.full(3, value)
    return data.getvalue()


class Files:
    """Writes network files into a folder of their own."""

    def __init__(self, folder):
        self.folder = folder

    def json(self, document, name="net.json"):
        path = self.folder / name
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return path

    def bytes(self, data, name):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def keras(self, document=SMALL, weights=None, name="net.keras", compression=zipfile.ZIP_STORED, **more):
        path = self.folder / name
        with zipfile.ZipFile(path, "w", compression) as archive:
            archive.writestr("metadata.json", "{}")
            archive.writestr("config.json", document if isinstance(document, str | bytes) else json.dumps(document))
            archive.writestr("model.weights.h5", weights_file() if weights is None else weights)
            for member, data in more.items():
                archive.writestr(member, data)
        return path

    def h5(self, document=SMALL, value=1.0, name="net.h5", change=None):
        path = self.folder / name
        with h5py.File(path, "w") as file:
            if document is not None:
                file.attrs["model_config"] = json.dumps(document)
            for layer_name, shape in (("fc1", (4, 8)), ("out", (8, 2))):
                file[f"model_weights/{layer_name}/{layer_name}/kernel"] = np.full(shape, value, np.float32)
            if change is not None:
                change(file)
        return path


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


@pytest.fixture(scope="session")
def make():
    """The makers above, for tests to describe networks with."""
    from types import SimpleNamespace

    return SimpleNamespace(
        layer=layer,
        dense=dense,
        start=start,
        sequential=sequential,
        called=called,
        functional=functional,
        small=SMALL,
        weights=weights_file,
    )
