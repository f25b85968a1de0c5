"""The reports of one run, read and compared with what was asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from dse.composition import compose
from dse.design import Fidelity, Job
from dse.errors import ReportError
from dse.project.plan import PROJECT_NAME, ProjectPlan
from dse.qor import Qor
from dse.registry import layer_kind
from dse.reports.result import read_result
from dse.reports.tree import TreeReport, qor_of_tree

FRESH_SLACK_SECONDS = 2.0  # file systems that keep whole seconds


@dataclass(frozen=True, slots=True)
class Reading:
    """A result as reported, with the digests of the reports and what the reader noticed."""

    qor: Qor
    digests: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def read_reports(project: Path, plan: ProjectPlan | None, job: Job, started_at: float) -> Reading:
    """Read what the tool left in a project.

    Args:
        plan: what was generated; names the layers.
        started_at: when the shim started, by the clock of the file system that the reports lie on.

    Raises:
        ReportError: there is no complete report, or it is of another run, top, part, clock, tool or version.
    """
    fidelity = Fidelity.VSYNTH if job.fidelity is Fidelity.VSYNTH else Fidelity.CSYNTH
    tree = read_result(
        project,
        expected_top=plan.top if plan else PROJECT_NAME,
        expected_part=job.target.part,
        expected_clock_ns=job.target.clock_period_ns,
        newer_than=started_at - FRESH_SLACK_SECONDS,
        fidelity=fidelity,
    )
    wanted, made_by = job.target.toolchain, tree.csynth
    if made_by.version and not made_by.version.startswith(wanted.version):
        raise ReportError(f"the report is of version {made_by.version}, the campaign's toolchain is {str(wanted)!r}")
    if made_by.tool and made_by.tool != wanted.name:
        raise ReportError(f"the report is of {made_by.tool}, the campaign's toolchain is {str(wanted)!r}")
    qor = qor_of_tree(tree, fidelity)
    if fidelity is Fidelity.CSYNTH and plan is not None:
        qor = replace(qor, layers=_layers(tree, plan, job))
    return Reading(qor, tree.sources, tree.warnings)


def optimised_away(qor: Qor, job: Job) -> str:
    """Return one sentence where a design has not what its multipliers need, "" where it has.

    A multiplier of a Resource layer with a reuse factor above 1 takes its weights from a memory, so no tool can fold it into constants: it
    needs a DSP slice, or look-up tables. The bound is kept far below what tools build: four products a slice, two a table.
    """
    if qor.dsp is None or qor.lut is None:
        return ""
    needed = 0
    for name, choice in job.point.choices:
        if choice.strategy == "resource" and choice.reuse_factor > 1:
            layer = job.network.layer(name)
            rows, columns = layer_kind(layer.kind).matrices(layer)[0]
            needed += -(-rows * columns // choice.reuse_factor)
    if 4 * qor.dsp + 2 * qor.lut >= needed:
        is_nothing_left = qor.ff == 0 and not qor.lut and not qor.dsp
        return "no look-up table, flip-flop or DSP slice: the tool removed the whole design." if is_nothing_left else ""
    return f"{needed:,} multipliers side by side, but {qor.dsp:,.0f} DSP slices and {qor.lut:,.0f} look-up tables: the tool removed them."


def _layers(tree: TreeReport, plan: ProjectPlan, job: Job) -> tuple[tuple[str, Qor], ...]:
    """Return what is known per layer, under the network's names and in its order.

    hls4ml makes several layers of one (a dense layer and its activation): the one with the reuse factor is the layer, the others are
    left to the total. A layer of several matrices (separable convolutions) is put together.
    """
    measured = {row.index: row.qor for row in tree.layers}
    found = []
    for layer in job.network.layers:
        built = plan.built_from(layer.name)
        carriers = [one for one in built if one.reuse_factor is not None] if _has_choice(job, layer.name) else []
        parts = carriers or [one for one in built if one.name == layer.name] or list(built[:1])
        qors = [(one.name, measured[one.config_index]) for one in parts if one.config_index in measured]
        if qors and len(qors) == len(parts):
            found.append((layer.name, qors[0][1] if len(qors) == 1 else replace(compose(qors), layers=())))
    return tuple(found)


def _has_choice(job: Job, name: str) -> bool:
    return any(name == chosen for chosen, _ in job.point.choices)
