"""What one report says. Every number here stands in the report's text; what the report does not say is None.

| notation | meaning |
|---|---|
| cycles | clock cycles of the target clock |
| ns | nanoseconds |
| bram_18k | 18 Kb halves of block RAM; a 36 Kb tile counts 2 |
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from dse.design import Fidelity, normalise_part

Grammar = Literal["csynth_xml", "csynth_rpt", "summary_rpt", "utilization_rpt", "accelerator_rpt", "export_rpt", "timing_rpt"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Primitives used or available. None where the report has no such column (URAM before 2019)."""

    lut: float | None = None
    ff: float | None = None
    dsp: float | None = None
    bram_18k: float | None = None
    uram: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether at least one number is there."""
        return any(getattr(self, field.name) is not None for field in fields(self))


@dataclass(frozen=True, slots=True)
class Span:
    """A number of cycles that the tool gives as one value or as a range; None where it is undefined."""

    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Loop:
    """One loop of a module. `depth` counts from 0; loops follow each other in the report's order."""

    name: str
    depth: int = 0
    trip_count: Span = Span()
    latency_cycles: Span = Span()
    iteration_cycles: Span = Span()
    ii_cycles: Span = Span()
    ii_target_cycles: int | None = None
    is_pipelined: bool | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of a module inside another; `path` names the instances from the top down, itself last."""

    name: str
    module: str
    path: tuple[str, ...] = ()
    used: Usage = Usage()
    latency_cycles: Span = Span()
    ii_cycles: Span = Span()
    pipeline_type: str = ""


@dataclass(frozen=True, slots=True)
class Ports:
    """How many values a module reads and gives, as its interface table counts them; None where it does not (streams, memories).

    Attributes:
        bits_in, bits_out: of one wide port that carries all values; None where each value has a port of its own.
    """

    n_in: int | None = None
    n_out: int | None = None
    bits_in: int | None = None
    bits_out: int | None = None


@dataclass(frozen=True, slots=True)
class Module:
    """One module: area (children included), latency, interval, and what it was asked for.

    Attributes:
        ii_target_cycles: requested interval; None where unset (the tool writes 2^32 - 1).
        slack_ns: against target minus uncertainty, so it may be negative while the estimate is below the target.
        issue: the tool's own word for a violation ("II", "Timing", ...); "" if there is none.
    """

    name: str
    used: Usage = Usage()
    available: Usage = Usage()
    latency_cycles: Span = Span()
    latency_average_cycles: int | None = None
    ii_cycles: Span = Span()
    ii_target_cycles: int | None = None
    depth_cycles: int | None = None
    pipeline_type: str = ""
    clock_target_ns: float | None = None
    clock_uncertainty_ns: float | None = None
    clock_estimated_ns: float | None = None
    slack_ns: float | None = None
    issue: str = ""
    loops: tuple[Loop, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolReport:
    """One report file.

    Attributes:
        grammar: which kind of file it was.
        fidelity: how far the tool had gone; None where that is between the steps, or the file does not say.
        tool: `vivado_hls`, `vitis_hls`, `vivado`; "" where the file does not say.
        version: as written, e.g. "2019.2"; "" where the file does not say.
        part_as_written: "" where the file does not say.
        top: the module that the report is about.
        total: its numbers.
        modules: the modules that the same file describes, the top included where the file lists it.
        instances: the hierarchy that the same file describes.
        ports: the top's interface, where the file has its table.
        state: Vivado's design state, e.g. "Synthesized"; "" for HLS.
        warnings: sentences for the user.
    """

    grammar: Grammar
    fidelity: Fidelity | None
    top: str
    total: Module
    tool: str = ""
    version: str = ""
    part_as_written: str = ""
    date: str = ""
    state: str = ""
    modules: tuple[Module, ...] = ()
    instances: tuple[Instance, ...] = ()
    ports: Ports = Ports()
    warnings: tuple[str, ...] = ()

    @property
    def step(self) -> str:
        """The step that the report is of, for sentences; "an unknown step" where the report does not say."""
        return self.fidelity.value if self.fidelity is not None else "an unknown step"

    @property
    def part(self) -> str:
        """The part in its one spelling; "" where the report does not say."""
        return normalise_part(self.part_as_written) if self.part_as_written else ""

    @property
    def toolchain(self) -> str:
        """Tool and version without a patch number, e.g. "vivado_hls 2019.2"; "" where unknown."""
        return f"{self.tool} {'.'.join(self.version.split('.')[:2])}" if self.tool and self.version else ""


@dataclass(frozen=True, slots=True)
class CosimReport:
    """A co-simulation's result: cycles as measured in simulation. None where the tool wrote NA.

    Attributes:
        language: "Verilog" or "VHDL".
        status: "Pass", "Fail", or "NA" where none was run.
    """

    language: str
    status: str
    latency_cycles: Span = Span()
    latency_average_cycles: int | None = None
    ii_cycles: Span = Span()
    ii_average_cycles: int | None = None
    total_cycles: int | None = None
    warnings: tuple[str, ...] = ()
