"""Architecture search in front of the deployment search.

With a training function of one's own:

    from dse.nas import Trained, read_nas, run_search

    def train(architecture, windows, settings, seed, report):
        ...                                  # build and train what `architecture` says on `windows`
        if not report(error): ...            # after each epoch: False means that this training is hopeless
        return Trained(error, test_error, network=keras_file_bytes)

    candidates = run_search(read_nas(Path("search.toml")), train=train)

What needs Optuna or Keras is imported when it is first asked for.
"""

from __future__ import annotations

from typing import Any

from dse.nas.cost import Device, cost_of
from dse.nas.data.windows import Windows
from dse.nas.records import Candidate, Outcome, front_of, volume_of
from dse.nas.spec import NasSpec, read_nas
from dse.nas.tables import Training
from dse.nas.training import Trained, TrainFunction
from dse.networks.architecture import Architecture, ConvBlock, Recurrent

__all__ = [
    "Architecture",
    "Candidate",
    "ConvBlock",
    "Device",
    "NasSpec",
    "Outcome",
    "Recurrent",
    "TrainFunction",
    "Trained",
    "Training",
    "Windows",
    "cost_of",
    "front_of",
    "read_nas",
    "run_search",
    "volume_of",
]


def __getattr__(name: str) -> Any:
    if name == "run_search":
        from dse.nas.session import run_search

        return run_search
    raise AttributeError(f"module 'dse.nas' has no attribute {name!r}")
