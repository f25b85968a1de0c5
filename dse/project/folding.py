"""Folds a batch normalisation into the Dense or Conv layer before it, as hls4ml does where it may choose the types itself.

hls4ml folds only where the layer before has no result type of its own, and `dse` gives every layer one; so it is folded before hls4ml sees the
model, into the same weights: with s = gamma / sqrt(variance + epsilon), kernel' = s * kernel and bias' = s * (bias - mean) + beta.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

FOLDING = ("Dense", "Conv1D", "Conv2D")


def fold_batchnorms(model: Any) -> Any:
    """Return the model without the batch normalisations that can be folded; the model itself where there is none."""
    functional = keras.Model(model.inputs, model.outputs, name=model.name)  # a chain hides its input layer
    folds = {layer.name: before for layer in functional.layers if (before := _before(layer)) is not None}
    if not folds:
        return model
    parents = {before.name: functional.get_layer(name) for name, before in folds.items()}

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        if layer.name in parents:
            config["use_bias"] = True
        return type(layer).from_config(config)

    def call(layer: Any, *arguments: Any, **named: Any) -> Any:
        return arguments[0] if layer.name in folds else layer(*arguments, **named)

    folded = keras.models.clone_model(functional, clone_function=clone, call_function=call)
    for layer in folded.layers:
        own = functional.get_layer(layer.name)
        layer.set_weights(_folded_weights(own, parents[layer.name]) if layer.name in parents else own.get_weights())
    return folded


def _before(layer: Any) -> Any:
    """Return the layer that a batch normalisation folds into; None for any other layer, and where it cannot."""
    if type(layer).__name__ != "BatchNormalization" or isinstance(layer.input, list):
        return None
    axis = layer.axis[0] if isinstance(layer.axis, list | tuple) else layer.axis
    before = layer.input._keras_history.operation
    is_last = axis in (-1, len(layer.input.shape) - 1)
    is_plain = type(before).__name__ in FOLDING and keras.activations.serialize(before.activation) == "linear"
    return before if is_last and is_plain and len(before._outbound_nodes) == 1 else None


def _folded_weights(layer: Any, normalisation: Any) -> list[Any]:
    gamma, beta = (None if value is None else np.asarray(value) for value in (normalisation.gamma, normalisation.beta))
    mean, variance = np.asarray(normalisation.moving_mean), np.asarray(normalisation.moving_variance)
    scale = (1.0 if gamma is None else gamma) / np.sqrt(variance + normalisation.epsilon)
    kernel, bias = np.asarray(layer.kernel), np.asarray(layer.bias) if layer.use_bias else 0.0
    return [kernel * scale, scale * (bias - mean) + (0.0 if beta is None else beta)]
