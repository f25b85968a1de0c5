"""The rows of a design: which layer costs what, which layers are not told apart, and what belongs to none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dse.qor import Qor
from dse.reports.defines_h import Types
from dse.reports.hls_folder import HlsFolder
from dse.reports.layer_map import Part, add_up, bound_of, part_qor, remainder, split
from dse.reports.layer_shapes import Group, match_by_shape
from dse.reports.parameters_h import LayerConfig
from dse.reports.records import Usage

_NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One row of a design: a layer, or a module that belongs to none.

    Attributes:
        name: hls4ml's name of the layer; `configN` where no `parameters.h` names it; the module's name for glue; for layers that are
            not told apart, all their names.
        index: N of `configN`; None for glue and for layers that are not told apart.
        config: what was built; None where no `parameters.h` was found.
        modules: the outermost modules, each once.
        bound: what sets its interval, in a few words; "" where not known.
    """

    name: str
    index: int | None
    qor: Qor
    config: LayerConfig | None = None
    modules: tuple[str, ...] = ()
    n_instances: int = 0
    bound: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a design is made of; the attributes are those of `TreeReport`."""

    layers: tuple[LayerReport, ...] = ()
    groups: tuple[LayerReport, ...] = ()
    inlined: tuple[str, ...] = ()
    glue: tuple[LayerReport, ...] = ()
    remainder: Usage = _NOTHING


def rows_of(hls: HlsFolder, parameters: tuple[LayerConfig, ...], types: Types) -> Rows:
    """Return the rows of a design, its layers in the order of `parameters.h`."""
    if not hls.roots:
        return Rows()
    configs = {config.index: config for config in parameters}
    layer_parts, glue_parts = split(hls.roots)
    by_index = {part.index: part for part in layer_parts if part.index is not None}
    without = [config for config in parameters if config.index not in by_index]
    told, groups = match_by_shape(glue_parts, without, hls.ports, types.widths)
    by_index.update(told)
    in_groups = [part for group in groups for part in group.parts]
    taken = [*told.values(), *in_groups]
    order = [config.index for config in parameters if config.index in by_index]
    order += sorted(index for index in by_index if index not in configs)
    not_told_apart = {config.index for group in groups for config in group.configs}
    return Rows(
        layers=tuple(_row(index, by_index[index], configs, hls) for index in order),
        groups=tuple(_group_row(group) for group in groups),
        inlined=tuple(_name(config) for config in without if config.index not in by_index and config.index not in not_told_apart),
        glue=tuple(_row(None, part, configs, hls) for part in glue_parts if not any(part is one for one in taken)),
        remainder=remainder(hls.top.total.used, (*layer_parts, *glue_parts)),
    )


def unknown_layers(hls: HlsFolder, parameters: str) -> tuple[int, ...]:
    """Return the indices of layers that stand in the reports and nowhere in the text of `parameters.h`."""
    layers, _ = split(hls.roots)
    indices = sorted(part.index for part in layers if part.index is not None)
    return tuple(index for index in indices if re.search(rf"config{index}(?![0-9])", parameters) is None)


def _name(config: LayerConfig) -> str:
    return config.name or f"config{config.index}"


def _row(index: int | None, part: Part, configs: Mapping[int, LayerConfig], hls: HlsFolder) -> LayerReport:
    config = configs.get(index) if index is not None else None
    name = part.instances[0].module if index is None else f"config{index}"
    return LayerReport(
        name=(config.name if config else "") or name,
        index=index,
        qor=part_qor(part, hls.modules),
        config=config,
        modules=tuple(dict.fromkeys(instance.module for instance in part.instances)),
        n_instances=len(part.instances),
        bound=bound_of(part, hls.modules),
    )


def _group_row(group: Group) -> LayerReport:
    instances = [instance for part in group.parts for instance in part.instances]
    used = add_up(instances)
    return LayerReport(
        name=", ".join(_name(config) for config in group.configs),
        index=None,
        qor=Qor(lut=used.lut, ff=used.ff, dsp=used.dsp, bram_18k=used.bram_18k, uram=used.uram),
        modules=tuple(dict.fromkeys(instance.module for instance in instances)),
        n_instances=len(instances),
    )
