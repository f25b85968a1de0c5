"""The parent's side: asks a worker once per network and types, remembers the answer, and says what it means."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from dse.canonical import digest
from dse.design import DesignPoint, Job, Target
from dse.errors import ConversionError
from dse.parts import vendor_part
from dse.store.fsops import write_atomically
from dse.wire import from_json, to_json
from dse.workers import DIED, Limits, Program, ask_once

# A template that computes something else is off by a third of the range and more; tables and rounding stay far below a tenth.
TOLERANCE = 0.1
N_SAMPLES = 64
_PROGRAM = Program("numeric check", "dse.numerics.emulation:start", advice="Skip it with --no-check-numerics.")
_LIMITS = Limits(seconds=900.0)


class Verdict(StrEnum):
    """What the comparison says."""

    AGREES = "agrees"
    TYPES = "types"  # it would agree with wider types: they round too much, or overflow
    DIFFERS = "differs"  # not with any types: another circuit
    CRASHES = "crashes"
    DOES_NOT_COMPILE = "does_not_compile"
    UNCHECKED = "unchecked"  # nothing to compile with

    @property
    def is_wrong(self) -> bool:
        """Whether no choice of types makes this the network."""
        return self in (Verdict.DIFFERS, Verdict.CRASHES, Verdict.DOES_NOT_COMPILE)


@dataclass(frozen=True, slots=True)
class Numerics:
    """The outcome of one comparison.

    Attributes:
        verdict: see `Verdict`.
        message: one sentence for the user.
        layer: the layer at fault; "" where none can be named.
        difference: the largest between circuit and network, of the network's outputs; None where nothing was computed.
        range: largest minus smallest of the network's outputs on the same inputs.
        n_samples: inputs compared.
        input_kind: "random" (standard normal) or "given".
        seconds: wall time that it took.
    """

    verdict: Verdict
    message: str
    layer: str = ""
    difference: float | None = None
    range: float | None = None
    n_samples: int = 0
    input_kind: str = "random"
    seconds: float = 0.0


def check_numerics(job: Job, source: Path, cache: Path | None, inputs: Path | None = None) -> Numerics:
    """Compare hls4ml's C++ of a job with Keras; the answer is remembered in `cache` by network, types and inputs.

    Reuse factors, part and clock change no number, so one comparison serves a whole campaign. Takes seconds to a minute, more for networks
    that g++ compiles slowly.

    Args:
        job: any point of the campaign.
        source: the network's file.
        cache: the folder of shared results; None remembers nothing.
        inputs: a .npy file of inputs, first axis the samples; None draws standard normal ones.

    Raises:
        ConversionError: hls4ml is missing, or cannot convert the network.
        NetworkError: the network's file cannot be loaded.
    """
    given = "" if inputs is None else digest(inputs.read_bytes())
    file = None if cache is None else cache / "numerics" / f"{key_of(job, given)}.json"
    if file is not None and file.is_file():
        try:
            return from_json(Numerics, json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            pass  # as if it were not there
    if shutil.which("g++") is None:
        return Numerics(Verdict.UNCHECKED, "numbers were not checked: there is no g++ here to compile hls4ml's C++ with")
    found = _ask(job, source, inputs)
    if file is not None and found.verdict is not Verdict.UNCHECKED:
        write_atomically(file, json.dumps(to_json(found), indent=1).encode())
    return found


def key_of(job: Job, inputs: str = "") -> str:
    """Return the digest of all that changes numbers: network, types, strategies, data flow, hls4ml and the inputs."""
    choices = tuple((name, replace(choice, reuse_factor=1)) for name, choice in job.point.choices)
    target = Target("", 1.0, job.target.io_type, job.target.precision, job.target.toolchain, job.target.hls4ml_version)
    return digest(("numerics-1", job.network.digest, DesignPoint(choices), target, N_SAMPLES, inputs))


def refuse(found: Numerics) -> None:
    """Raise if the circuit is not the network.

    Raises:
        ConversionError: says which layer, and what to do.
    """
    if found.verdict.is_wrong:
        raise ConversionError(f"{found.message} Use another layer, or skip this check with --no-check-numerics.")


def _ask(job: Job, source: Path, inputs: Path | None) -> Numerics:
    from dse.project.request import ERRORS

    with tempfile.TemporaryDirectory(prefix="dse-numerics-") as scratch:
        request = {
            "job": to_json(job),
            "source": str(source.absolute()),
            "part": vendor_part(job.target.part),
            "folder": scratch,
            "inputs": None if inputs is None else str(inputs.absolute()),
            "n_samples": N_SAMPLES,
            "tolerance": TOLERANCE,
        }
        answer = ask_once(_PROGRAM, request, _LIMITS)
    if answer.get("error") == DIED and " by signal " in str(answer["message"]):
        message = "hls4ml's C++ of this network crashes when it runs: a template reads or writes beyond what it is given."
        return Numerics(Verdict.CRASHES, message)
    if "error" in answer:
        raise ERRORS.get(str(answer["error"]), ConversionError)(str(answer.get("message", "no message")))
    return from_json(Numerics, answer)
