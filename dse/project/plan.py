"""What a written project is: where it lies, what the tool will read of it, and which configuration belongs to which layer."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dse.canonical import digest
from dse.errors import ConversionError

PLAN_FILE = "dse_plan.json"
MODEL_FILE = "model.keras"  # these two are there only if they were asked for
CONFIGURATION_FILE = "hls_config.json"
PROJECT_NAME = "myproject"  # constant, because it goes into every generated file

# What C synthesis, logic synthesis and co-simulation read. `build_opt.tcl` holds options of one run, `build_lib.sh` and
# `hls4ml_config.yml` hold stamps and paths, and `ap_types` is only for g++ (the tools bring their own): none is part of the content.
_CONTENT = ("firmware/**/*", "project.tcl", "build_prj.tcl", "vivado_synth.tcl", "*_test.cpp")


@dataclass(frozen=True, slots=True)
class BuiltLayer:
    """One layer as hls4ml built it, read back after conversion.

    Attributes:
        config_index: N of `configN` in `firmware/parameters.h`, in module names and in reports; not the layer's position.
        name: hls4ml's name.
        source: the network's layer that it comes from (`fc1` for `fc1_relu`); "" for one that hls4ml added on its own.
        class_name: hls4ml's class, e.g. `Dense`.
        strategy: None where hls4ml has none for the class; in hls4ml's lower-case spelling.
        reuse_factor: None where the layer has none.
        recurrent_reuse_factor: of the second matrix of a recurrent layer; None for all others.
    """

    config_index: int
    name: str
    source: str
    class_name: str
    strategy: str | None = None
    reuse_factor: int | None = None
    recurrent_reuse_factor: int | None = None


@dataclass(frozen=True, slots=True)
class ProjectPlan:
    """A complete hls4ml project on disk, ready for the tool.

    Attributes:
        directory: absolute.
        digest: 64 hex digits over the content that the tool reads; equal for equal designs wherever and whenever written.
        top: the top function.
        layers: in hls4ml's order, inputs included.
        hls4ml_version: of the library that wrote it.
        notes: what hls4ml printed beyond its usual lines, and what the reader should know.
    """

    directory: Path
    digest: str
    top: str
    layers: tuple[BuiltLayer, ...]
    hls4ml_version: str
    notes: tuple[str, ...] = ()

    def layer_names(self) -> dict[int, str]:
        """Return config index -> the network's layer name, for the layers that come from one."""
        return {layer.config_index: layer.source for layer in self.layers if layer.source}

    def built_from(self, network_layer: str) -> tuple[BuiltLayer, ...]:
        """Return the layers that hls4ml made of one layer of the network; empty if it was optimised away."""
        return tuple(layer for layer in self.layers if layer.source == network_layer)

    def save(self) -> None:
        """Write the plan into its project, so that a later process finds it with `load_plan`."""
        document = asdict(self)
        del document["directory"]
        (self.directory / PLAN_FILE).write_text(json.dumps(document, indent=1), encoding="utf-8")


def load_plan(directory: Path, *, check_content: bool = True) -> ProjectPlan:
    """Read the plan of a project written earlier and check that the project is unchanged.

    Args:
        directory: the project.
        check_content: hash the project again; not needed right after it was written.

    Raises:
        ConversionError: no complete project lies there, or its content is not what the plan says.
    """
    try:
        document = json.loads((directory / PLAN_FILE).read_text(encoding="utf-8"))
        plan = ProjectPlan(
            directory=directory.absolute(),
            digest=document["digest"],
            top=document["top"],
            layers=tuple(BuiltLayer(**layer) for layer in document["layers"]),
            hls4ml_version=document["hls4ml_version"],
            notes=tuple(document["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConversionError(f"{directory}: no complete project; got {error}. Remove the directory and generate again.") from error
    if check_content and (found := content_digest(directory)) != plan.digest:
        raise ConversionError(
            f"{directory}: the project was changed after it was written; got digest {found[:12]}, expected {plan.digest[:12]}. "
            "Remove the directory and generate again."
        )
    return plan


def content_digest(directory: Path) -> str:
    """Return the digest of all that the tool reads of a project (64 hex digits)."""
    found = {path for pattern in _CONTENT for path in directory.glob(pattern)}
    files = [path for path in found if path.relative_to(directory).parts[:2] != ("firmware", "ap_types") and path.is_file()]
    entries = sorted((path.relative_to(directory).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files)
    return digest(tuple(entries))
