"""What every report of a run says: tool, part, clock; and how cycles are written."""

from __future__ import annotations

from dataclasses import dataclass

from fake_costs import Cost, Module

# device prefix: (product family, BRAM_18K, DSP, FF, LUT, URAM); capacities from the vendor's public tables
_DEVICES = {
    "xc7a35t": ("artix7", 100, 90, 41600, 20800, 0),
    "xc7a200t": ("artix7", 730, 740, 269200, 134600, 0),
    "xc7z007s": ("zynq", 100, 66, 28800, 14400, 0),
    "xc7z020": ("zynq", 280, 220, 106400, 53200, 0),
    "xczu7": ("zynquplus", 624, 1728, 460800, 230400, 96),
    "xczu9": ("zynquplus", 1824, 2520, 548160, 274080, 0),
    "xcku115": ("kintexu", 4320, 5520, 1326720, 663360, 0),
    "xcvu9p": ("virtexuplus", 4320, 6840, 2364480, 1182240, 960),
    "xcvu13p": ("virtexuplus", 5376, 12288, 3456000, 1728000, 1280),
    "xcu250": ("virtexuplus", 5376, 12288, 3456000, 1728000, 1280),
}
_UNKNOWN_DEVICE = ("virtexuplus", 4000, 9000, 2000000, 1000000, 0)
_BUILDS = {"2019.1": "2552052", "2019.2": "2704478", "2020.1": "2897737", "2021.1": "3247384", "2023.2": "4023990"}


@dataclass
class Stamp:
    """What a report says of its run."""

    version: str
    top: str
    part: str
    clock_period_ns: float
    uncertainty_percent: float
    is_undefined: bool = False

    @property
    def is_vitis(self) -> bool:
        return self.version >= "2020.2"

    @property
    def uncertainty_ns(self) -> str:
        return f"{self.clock_period_ns * self.uncertainty_percent / 100:.2f}"

    @property
    def estimated_ns(self) -> str:
        return f"{self.clock_period_ns * (1 - self.uncertainty_percent / 100) - 0.1:.3f}"

    @property
    def device(self) -> tuple[str, int, int, int, int, int]:
        plain = self.part.lower().replace("-", "")
        fits = [name for name in _DEVICES if plain.startswith(name)]
        return _DEVICES[max(fits, key=len)] if fits else _UNKNOWN_DEVICE

    @property
    def build(self) -> str:
        return _BUILDS.get(self.version, "2700000")


def cycles_of(cost: Cost, stamp: Stamp) -> tuple[str, str, str, str, str]:
    """Best, average and worst latency, smallest and largest interval."""
    if stamp.is_undefined:
        return "undef", "undef", "undef", "undef", "undef"
    average = (cost.latency_min + cost.latency_max) // 2
    return str(cost.latency_min), str(average), str(cost.latency_max), str(cost.interval), str(cost.interval)


def absolute(cycles: str, stamp: Stamp) -> str:
    if not cycles.isdigit():
        return cycles
    nanoseconds = int(cycles) * stamp.clock_period_ns
    for limit, factor, unit in ((1e3, 1.0, "ns"), (1e6, 1e3, "us"), (1e9, 1e6, "ms")):
        if nanoseconds < limit:
            return f"{nanoseconds / factor:.3f} {unit}"
    return f"{nanoseconds / 1e9:.3f} sec"


def pipeline_type_of(module: Module, stamp: Stamp) -> str:
    return (
        {"function": "yes", "none": "no"}.get(module.pipeline_type, module.pipeline_type)
        if stamp.is_vitis
        else module.pipeline_type
    )
