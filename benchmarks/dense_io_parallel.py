"""Reads the recordings of single dense layers under io_parallel (Vivado HLS 2020.1; Dendendelen/wa-hls4ml-search, Apache-2.0).

They say one precision: that of the weights (QKeras `quantized_bits(bits, 0)`). Data and sums were hls4ml's default, 16 bits with 6 before the
point: with weights of 2 bits a layer keeps 16 bits per output (FF), and LUT do not change between weights of 8 and 14 bits.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

from dse.design import Fidelity, Layer, LayerChoice, Precision, Strategy, Target, Toolchain, normalise_part
from dse.qor import LayerRecord, Qor

NAME = "dense_io_parallel"
TARGET = Target(normalise_part("xcu250-figd2104-2L-e"), 5.0, "io_parallel", Precision(16, 6), Toolchain("vivado_hls", "2020.1"))


def read_dense_io_parallel(folder: Path) -> Iterator[LayerRecord]:
    """Yield a record per synthesis that succeeded; BRAM in 18 Kb halves.

    Args:
        folder: holds `*.csv.gz` or `*.csv` files.
    """
    for path in sorted([*folder.glob("*.csv.gz"), *folder.glob("*.csv")]):
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["hls_synth_success"].lower() in ("true", "1"):
                    yield _record(row)


def _record(row: dict[str, str]) -> LayerRecord:
    n_in, n_out, weight = int(row["d_in"]), int(row["d_out"]), Precision(int(row["prec"]), 1)
    strategy: Strategy = "latency" if row["strategy"] == "latency" else "resource"
    layer = Layer(f"dense_{n_in}_{n_out}", "dense", n_in, n_out, output_shape=(n_out,))
    columns = {name: float(row[column]) for name, column in _COLUMNS.items()}
    choice = LayerChoice(int(row["rf"]), strategy, weight=weight)
    return LayerRecord(layer, choice, TARGET, Fidelity.CSYNTH, Qor(**columns), NAME)


_COLUMNS = {
    "lut": "LUT_hls",
    "ff": "FF_hls",
    "dsp": "DSP_hls",
    "bram_18k": "BRAM_18K_hls",
    "uram": "URAM_hls",
    "latency_cycles_min": "BestLatency_hls",
    "latency_cycles_max": "WorstLatency_hls",
    "ii_cycles_min": "IntervalMin_hls",
    "ii_cycles_max": "IntervalMax_hls",
}
