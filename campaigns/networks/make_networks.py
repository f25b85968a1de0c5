"""Writes the example networks beside this file with Keras 3 (`python campaigns/networks/make_networks.py`; needs the extra `hls4ml`).

All layers are named, because hls4ml looks up settings by name and Keras counts its own names up.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
from keras import layers


def jet_tagger() -> keras.Model:
    """Three convolutions and three dense layers, the shape of the network in the anchor-layer paper; its sizes are our assumption.

    Sixteen particles of four features; pooling halves the positions, so the layers' II drift apart unless they are balanced.
    """
    parts = [keras.Input((16, 4), name="input")]
    for i, filters in ((1, 8), (2, 16), (3, 16)):
        parts.append(layers.Conv1D(filters, 3, padding="same", activation="relu", name=f"conv_{i}"))
        if i < 3:
            parts.append(layers.MaxPooling1D(2, name=f"pool_{i}"))
    dense = [layers.Dense(units, activation="relu", name=f"fc_{i}") for i, units in ((1, 16), (2, 32))]
    parts += [layers.Flatten(name="flatten"), *dense, layers.Dense(5, activation="softmax", name="fc_3")]
    return keras.Sequential(parts, name="jet_tagger")


def mlp() -> keras.Model:
    """hls4ml's well-known jet classifier, 16-64-32-32-5."""
    hidden = [layers.Dense(n, activation="relu", name=f"fc{i}") for i, n in ((1, 64), (2, 32), (3, 32))]
    return keras.Sequential(
        [keras.Input((16,), name="input"), *hidden, layers.Dense(5, activation="softmax", name="output")], name="mlp"
    )


def dropbear() -> keras.Model:
    """Convolutions, LSTMs and dense layers on 256 samples of a vibration, every layer of a shape that N-TORC recorded."""
    parts = [keras.Input((256, 1), name="input")]
    for i in (1, 2, 3):
        parts.append(layers.Conv1D(16, 3, padding="same", activation="relu", name=f"conv_{i}"))
        parts.append(layers.MaxPooling1D(2, name=f"pool_{i}"))
    parts += [layers.LSTM(8, return_sequences=True, name=f"lstm_{i}") for i in (1, 2)]
    parts += [layers.Flatten(name="flatten")]
    parts += [layers.Dense(16, activation="relu", name=f"dense_{i}") for i in (1, 2)]
    return keras.Sequential([*parts, layers.Dense(1, name="output")], name="dropbear")


def main() -> None:
    """Write all networks as Keras 3 JSON."""
    folder = Path(__file__).resolve().parent
    for network in (jet_tagger(), mlp(), dropbear()):
        text = json.dumps(json.loads(network.to_json()), indent=1)
        (folder / f"{network.name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
