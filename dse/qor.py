"""What is known of a design once somebody looked: quality of results, or how it failed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from math import isfinite
from typing import Annotated

from dse.design import DesignPoint, Fidelity, Layer, LayerChoice, Target
from dse.wire import ByName, OneOf

RESOURCES = ("lut", "ff", "dsp", "bram_18k", "uram")
CYCLES = ("latency_cycles_min", "latency_cycles_max", "ii_cycles_min", "ii_cycles_max")
METRICS = RESOURCES + CYCLES


@dataclass(frozen=True, slots=True)
class Qor:
    """Quality of results of a design, or of one of its layers.

    What is unknown is None, never 0. Resources are primitives (block RAM in 18 Kb halves); a mean over several instances may be
    fractional. Cycles are those of the target clock. `clock_period_ns` is the *estimated or achieved* period.
    `layers` holds (name, Qor) in network order and is empty for a layer's own Qor and where nothing is known per layer.
    """

    lut: float | None = None
    ff: float | None = None
    dsp: float | None = None
    bram_18k: float | None = None
    uram: float | None = None
    latency_cycles_min: float | None = None
    latency_cycles_max: float | None = None
    ii_cycles_min: float | None = None
    ii_cycles_max: float | None = None
    clock_period_ns: float | None = None
    layers: ByName[Qor] = ()

    def __post_init__(self) -> None:
        for name in (*METRICS, "clock_period_ns"):
            number = getattr(self, name)
            if number is not None and not (isfinite(number) and 0 <= number < 2**40):
                raise ValueError(f"{name} is {number!r}, expected a finite number from 0 to 2^40")

    def layer(self, name: str) -> Qor | None:
        """Return what is known of one layer, None where nothing is."""
        return dict(self.layers).get(name)


class FailureKind(StrEnum):
    """Why there is no Qor. The first group are facts about the design, the second about the machine (never cached)."""

    DESIGN_ERROR = "design_error"
    COMPILE_ERROR = "compile_error"
    OUT_OF_MEMORY = "out_of_memory"
    TIMEOUT = "timeout"
    TOOL_CRASH = "tool_crash"
    COSIM_FAILURE = "cosim_failure"
    DOES_NOT_FIT = "does_not_fit"
    OPTIMISED_AWAY = "optimised_away"  # the tool removed multipliers that the choices need
    UNDEFINED_RESULT = "undefined_result"  # synthesised, but the tool gave no latency or interval

    NO_REPORT = "no_report"
    LICENCE = "licence"
    PART_MISSING = "part_missing"
    TOOL_MISSING = "tool_missing"
    SCRIPT_ERROR = "script_error"
    DISK_FULL = "disk_full"
    LOST = "lost"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


# Failures that say something about the design; all others are about the machine and must not be remembered.
DESIGN_FACTS = frozenset(
    {
        FailureKind.DESIGN_ERROR,
        FailureKind.COMPILE_ERROR,
        FailureKind.OUT_OF_MEMORY,
        FailureKind.TIMEOUT,
        FailureKind.TOOL_CRASH,
        FailureKind.COSIM_FAILURE,
        FailureKind.DOES_NOT_FIT,
        FailureKind.OPTIMISED_AWAY,
        FailureKind.UNDEFINED_RESULT,
    }
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A design that gave no result. `limit` says under which limit (seconds, gigabytes) a timeout or memory failure is true."""

    kind: FailureKind
    message: str
    log_tail: str = ""
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """What a training told: the outcome of the step `train`, as a Qor is that of a synthesis.

    Attributes:
        error: of the kept weights on the validation windows: rmse in the target's own unit, or the share of wrong classes.
        test_error: the same on the test windows, which no search looks at; None without a test split.
        curve: validation error after each epoch.
        ended: `epochs`, `patience`, `time`, or `hopeless`: given up, so that the error is only the least so far.
        has_network: whether a trained network was kept.
    """

    error: float
    test_error: float | None = None
    curve: tuple[float, ...] = ()
    ended: str = "epochs"
    has_network: bool = False


Outcome = Annotated[Qor | Learned | Failure, OneOf()]  # of any step
DesignOutcome = Annotated[Qor | Failure, OneOf()]  # of a step that takes a design


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a result comes from and what it cost; never part of an identity.

    `made_by` names the campaign run and trial that paid for the result, so that a resumed campaign knows its own.
    `notes` are sentences for the user: replicates used, typical error of an estimate, warnings of a parser.
    """

    backend: str
    tool: str = ""
    tool_seconds: float | None = None
    host: str = ""
    finished_at: str = ""
    made_by: str = ""
    plan_digest: str = ""
    reports: ByName[str] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is known of one job, shared by all campaigns."""

    key: str
    fidelity: Fidelity
    outcome: Outcome
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """One layer measured once: what surrogates learn from and replay serves. `source` says where it was seen."""

    layer: Layer
    choice: LayerChoice
    target: Target
    fidelity: Fidelity
    qor: Qor
    source: str = ""


@dataclass(frozen=True, slots=True)
class DesignRecord:
    """A whole design measured once, e.g. an imported report tree."""

    network_digest: str
    point: DesignPoint
    target: Target
    fidelity: Fidelity
    outcome: DesignOutcome
    source: str = ""


def scalar_names() -> tuple[str, ...]:
    """Names of all numbers a Qor holds, in order."""
    return tuple(field.name for field in fields(Qor) if field.name != "layers")
