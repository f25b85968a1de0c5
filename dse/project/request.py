"""What goes to a worker process and back: plain JSON, so that nothing is ever unpickled.

A request names the network file, the layers, the choices and the target; an answer is a plan or an error by class and message.
"""

from __future__ import annotations

import re
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
    normalise_part,
)
from dse.errors import ConversionError, DiskFull, DseError, NetworkError, SpaceError, SpecError
from dse.parts import find_part

ERRORS: dict[str, type[DseError]] = {
    kind.__name__: kind for kind in (ConversionError, DiskFull, NetworkError, SpaceError, SpecError)
}

# device suffix, package, speed grade, power grade, temperature
_PACKAGE_AND_GRADE = re.compile(r"(cg|eg|ev|dr)?([a-z]{2,4}\d{3,4})(\d)(lv|l|h)?([ceimq])?")
_DASHED_FAMILIES = ("xcu", "xczu", "xcvu", "xcku", "xcau", "xck")  # from UltraScale on: device-package-grade-temperature


def vendor_part(part: str) -> str:
    """Return a part as the vendor's tools spell it, from the normalised spelling of `Target.part`.

    >>> vendor_part("xc7a200tfbg6762"), vendor_part("xcu250figd21042le"), vendor_part("xczu7evffvc11562e")
    ('xc7a200tfbg676-2', 'xcu250-figd2104-2L-e', 'xczu7ev-ffvc1156-2-e')

    Raises:
        SpecError: the part names no package and speed grade, or a device that nobody knows.
    """
    plain = normalise_part(part)
    device = find_part(plain).device
    match = _PACKAGE_AND_GRADE.fullmatch(plain.removeprefix(device))
    if match is None:
        raise SpecError(
            f"part {part!r}: got device {device} and {plain.removeprefix(device)!r}, expected a package and a speed grade. "
            'Write the full name, e.g. "xc7a200tfbg676-2".'
        )
    suffix, package, speed, power, temperature = match.groups()
    device, grade = device + (suffix or ""), speed + (power or "").upper()
    if device.startswith(_DASHED_FAMILIES):
        return "-".join([device, package, grade, *([temperature] if temperature else [])])
    return f"{device}{package}-{grade}{(temperature or '').upper()}"


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
