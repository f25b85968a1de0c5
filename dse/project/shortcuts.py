"""Spare hls4ml work that every project would repeat; what is written stays the same, byte for byte.

Applied once in a worker process. Each shortcut keeps hls4ml's own rule and only skips the repetition; `tests/project` compares a
project with one that plain hls4ml writes.
"""

from __future__ import annotations

import functools
import gc
import json
from pathlib import Path
from typing import Any

import hls4ml
from hls4ml.backends.fpga.fpga_backend import FPGABackend
from hls4ml.writer import vitis_writer, vivado_writer

_TEMPLATES = Path(hls4ml.__file__).resolve().parent


def take() -> None:
    """Apply all shortcuts to the hls4ml of this process."""
    FPGABackend.set_closest_reuse_factor = _checked_first(FPGABackend.set_closest_reuse_factor)
    vivado_writer.copyfile = vitis_writer.copyfile = vitis_writer.copy = _copy_template
    vivado_writer.VivadoWriter.write_yml = _write_record
    # What the libraries made while loading lives as long as this process; looking through it again and again takes a third of the time.
    gc.collect()
    gc.freeze()


def _checked_first(original: Any) -> Any:
    """Spare the list of all legal reuse factors where hls4ml's own rule already says that the one asked for is legal.

    `set_closest_reuse_factor` tries every number up to n_in x n_out, which takes longer than all the rest for a wide layer. The
    rule (`_validate_reuse_factor`) is hls4ml's, and whatever it refuses takes hls4ml's own way.
    """

    def set_closest_reuse_factor(
        self: Any, layer: Any, n_in: int, n_out: int, attribute: str = "reuse_factor", include_max_rf: bool = True
    ) -> None:
        asked = layer.get_attr(attribute)
        is_offered = include_max_rf or asked != n_in * n_out
        if is_offered and self._validate_reuse_factor(n_in, n_out, asked):
            return
        original(self, layer, n_in, n_out, attribute=attribute, include_max_rf=include_max_rf)

    return set_closest_reuse_factor


def _copy_template(source: Any, destination: Any) -> Any:
    """Write a file of the library from memory; there are some 70 per project, always the same."""
    Path(destination).write_bytes(_template(str(source)) or Path(source).read_bytes())
    return destination


@functools.cache
def _template(source: str) -> bytes | None:
    path = Path(source).resolve()
    return path.read_bytes() if path.is_relative_to(_TEMPLATES) else None


def _write_record(self: Any, model: Any) -> None:
    """Write `hls4ml_config.yml` as JSON, which is YAML too: the YAML library takes ten times as long."""
    record = json.dumps(model.config.config, indent=1, default=str)
    (Path(model.config.get_output_dir()) / vivado_writer.config_filename).write_text(record + "\n", encoding="utf-8")
