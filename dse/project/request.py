"""What goes to a worker process and back: plain JSON, so that nothing is ever unpickled.

A request names the network file, the layers, the choices and the target; an answer is a plan or an error by class and message.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from dse.design import (
    DesignPoint,
    Fidelity,
    Job,
    Layer,
    LayerChoice,
    Network,
    Precision,
    Target,
    Toolchain,
)
from dse.errors import ConversionError, DiskFull, DseError, NetworkError, SpaceError, SpecError

ERRORS: dict[str, type[DseError]] = {
    kind.__name__: kind for kind in (ConversionError, DiskFull, NetworkError, SpaceError, SpecError)
}


def encode_job(job: Job) -> dict[str, Any]:
    """Return a job as JSON-able values."""
    document = asdict(job)
    document["target"]["precision"] = str(job.target.precision)
    document["target"]["toolchain"] = str(job.target.toolchain)
    document["point"] = [
        [name, choice.reuse_factor, choice.strategy, None if choice.precision is None else str(choice.precision)]
        for name, choice in job.point.choices
    ]
    return document


def decode_job(document: dict[str, Any]) -> Job:
    """Build the job that `encode_job` wrote."""
    network, target = document["network"], document["target"]
    layers = tuple(_decode_layer(layer) for layer in network["layers"])
    choices = tuple(
        (name, LayerChoice(factor, strategy, None if precision is None else Precision.parse(precision)))
        for name, factor, strategy, precision in document["point"]
    )
    target = {**target, "precision": Precision.parse(target["precision"]), "toolchain": Toolchain.parse(target["toolchain"])}
    return Job(
        Network(network["name"], layers, network["digest"]),
        DesignPoint(choices),
        Target(**target),
        Fidelity(document["fidelity"]),
        document["basis"],
    )


def encode_request(job: Job, source: Path, destination: Path, staging: Path, part: str) -> dict[str, Any]:
    """Return the request for one project: written in `staging`, then renamed to `destination`."""
    return {
        "job": encode_job(job),
        "source": str(source),
        "destination": str(destination),
        "staging": str(staging),
        "part": part,
    }


def _decode_layer(document: dict[str, Any]) -> Layer:
    pairs = {
        "inputs": tuple(document["inputs"]),
        "output_shape": tuple(document["output_shape"]),
        "attributes": tuple((name, value) for name, value in document["attributes"]),
    }
    return Layer(**{**document, **pairs})
