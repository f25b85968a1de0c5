"""Trains a candidate with Keras on the CPU; the only file of this room that imports Keras for training."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np

from dse.nas.data.signals import Floats
from dse.nas.data.windows import Windows
from dse.nas.tables import Training
from dse.nas.training import Report, Trained
from dse.networks.architecture import Architecture

_PREDICT_BATCH = 1024


def prepare(threads: int = 1) -> None:
    """Set TensorFlow up for trainings side by side, with the same result every time where TensorFlow allows."""
    import tensorflow

    with contextlib.suppress(RuntimeError):  # too late: TensorFlow runs already
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
    tensorflow.config.experimental.enable_op_determinism()


def build_model(architecture: Architecture) -> Any:
    """Return the Keras model of an architecture, with fresh weights."""
    (_, first), *others = architecture.layers()
    parts = [keras.Input(tuple(first["batch_shape"][1:]), name=first["name"])]
    parts += [getattr(keras.layers, kind)(**settings) for kind, settings in others]
    return keras.Sequential(parts, name="candidate")


def train(architecture: Architecture, windows: Windows, settings: Training, seed: int, report: Report) -> Trained:
    """Train one candidate; the weights with the best validation error are kept.

    Raises:
        ArithmeticError: the training diverged before it had any finite validation error.
    """
    with _quiet():
        return _train(architecture, windows, settings, seed, report)


def _train(architecture: Architecture, windows: Windows, settings: Training, seed: int, report: Report) -> Trained:
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed % 2**32)
    model = build_model(architecture)
    is_classes = architecture.head == "classes"
    loss: Any = keras.losses.SparseCategoricalCrossentropy(from_logits=True) if is_classes else "mse"
    optimizer = keras.optimizers.Adam(float(settings.learning_rate), clipnorm=1.0)
    model.compile(optimizer, loss, jit_compile=False)
    watch = _watch(model, windows, settings, report, is_classes)
    model.fit(
        windows.x["training"],
        windows.y["training"],
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        verbose=0,
        callbacks=[watch],
    )
    if watch.weights is None:
        raise ArithmeticError("the training diverged: no epoch had a finite validation error. Lower the learning rate.")
    model.set_weights(watch.weights)
    tested = error_of(model, windows, "test", is_classes) if "test" in windows.x else None
    return Trained(watch.best, tested, watch.ended, save_model(model))


def error_of(model: Any, windows: Windows, split: Any, is_classes: bool) -> float:
    """Return the error on a split: RMSE in the target's unit, or the share of wrong classes."""
    with _quiet():
        predicted = model.predict(windows.x[split], batch_size=_PREDICT_BATCH, verbose=0)
    return error_between(predicted, windows.y[split], windows.scale, is_classes)


def error_between(predicted: Floats, wanted: Floats, scale: float, is_classes: bool) -> float:
    """Return the error of predictions (n, outputs) against (n,) standardised values or classes."""
    if is_classes:
        return float(np.mean(np.argmax(predicted, axis=-1) != wanted))
    return float(np.sqrt(np.mean(np.square(predicted[:, 0].astype(np.float64) - wanted))) * scale)


def save_model(model: Any) -> bytes:
    """Return a model as the bytes of a `.keras` file."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()), _quiet():
        path = Path(folder) / "network.keras"
        model.save(path)
        return path.read_bytes()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what TensorFlow and numpy 2 tell each other about deprecations, with every weight that is copied."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _watch(model: Any, windows: Windows, settings: Training, report: Report, is_classes: bool) -> Any:
    class Watch(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
        """Looks at every epoch: keeps the best weights, ends what is late, stale or hopeless."""

        def __init__(self) -> None:
            super().__init__()
            self.best, self.weights, self.ended = float("inf"), None, "epochs"
            self.stale, self.deadline = 0, time.monotonic() + float(settings.seconds or 1e12)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if time.monotonic() > self.deadline:
                self._end("time")

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            error = error_of(model, windows, "validation", is_classes)
            if not np.isfinite(error):
                self._end("diverged")
                return
            self.stale += 1
            if error < self.best:
                self.best, self.weights, self.stale = error, model.get_weights(), 0
            if not report(error):
                self._end("hopeless")
            elif settings.patience is not None and self.stale >= settings.patience:
                self._end("patience")

        def _end(self, why: str) -> None:
            if self.ended == "epochs":
                self.ended = why
            model.stop_training = True

    return Watch()
