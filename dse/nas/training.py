"""What a training is asked and what it tells; `dse.nas.keras_training` is ours, and a caller of `dse.nas.session` may bring one of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dse.nas.data.windows import Windows
from dse.nas.tables import Training
from dse.networks.architecture import Architecture

Report = Callable[[float], bool]  # the validation error after an epoch -> whether to go on


@dataclass(frozen=True, slots=True)
class Trained:
    """A training's end.

    Attributes:
        error: validation error of the kept weights, in the target's own unit; for classes the share of wrong ones.
        test_error: the same on the test windows, None without them.
        ended: `epochs`, `patience`, `time` or `hopeless`.
        network: the trained network as a `.keras` file's bytes, None if there is nothing to deploy.
    """

    error: float
    test_error: float | None = None
    ended: str = "epochs"
    network: bytes | None = None


TrainFunction = Callable[[Architecture, Windows, Training, int, Report], Trained]
