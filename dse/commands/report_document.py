"""The JSON of `dse report --json`: everything the reports said, null for what they did not."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dse.qor import Qor
from dse.reports.layer_rows import LayerReport
from dse.reports.records import CosimReport, Span, ToolReport, Usage
from dse.reports.tree import TreeReport, qor_of_tree
from dse.store.codec import qor_to_json


def tree_document(tree: TreeReport) -> dict[str, Any]:
    """Return a tree as a document."""
    return {
        "kind": "tree",
        "origin": tree.origin,
        **_tool(tree.csynth),
        "qor": qor_to_json(qor_of_tree(tree)),
        "solution": tree.solution or None,
        "is_defined": tree.is_defined,
        "layers": [_row(row) for row in tree.layers],
        "not_told_apart": [_row(row) for row in tree.groups],
        "glue": [_row(row) for row in tree.glue],
        "inlined": list(tree.inlined),
        "remainder": _usage(tree.remainder),
        "vsynth": _tool(tree.vsynth) if tree.vsynth else None,
        "impl": _tool(tree.impl) if tree.impl else None,
        "timing": _tool(tree.timing) if tree.timing else None,
        "cosim": cosim_document(tree.cosim) if tree.cosim else None,
        "warnings": list(tree.warnings),
        "sources": [{"file": name, "sha256": digest} for name, digest in tree.sources],
    }


def file_document(found: ToolReport | CosimReport, name: str) -> dict[str, Any]:
    """Return one report as a document."""
    if isinstance(found, CosimReport):
        return {"kind": "cosim", "origin": name, **cosim_document(found)}
    return {"kind": found.grammar, "origin": name, **_tool(found), "qor": qor_to_json(_qor(found))}


def cosim_document(cosim: CosimReport) -> dict[str, Any]:
    """Return a co-simulation as a document."""
    return {
        "language": cosim.language,
        "status": cosim.status,
        "latency_cycles": {**_span(cosim.latency_cycles), "average": cosim.latency_average_cycles},
        "ii_cycles": {**_span(cosim.ii_cycles), "average": cosim.ii_average_cycles},
        "total_cycles": cosim.total_cycles,
    }


def _qor(found: ToolReport) -> Qor:
    total = found.total
    return Qor(
        **asdict(total.used),
        latency_cycles_min=total.latency_cycles.minimum,
        latency_cycles_max=total.latency_cycles.maximum,
        ii_cycles_min=total.ii_cycles.minimum,
        ii_cycles_max=total.ii_cycles.maximum,
        clock_period_ns=total.clock_estimated_ns,
    )


def _tool(found: ToolReport) -> dict[str, Any]:
    total = found.total
    return {
        "grammar": found.grammar,
        "fidelity": found.fidelity.value if found.fidelity else None,
        "tool": found.tool or None,
        "version": found.version or None,
        "part": found.part or None,
        "part_as_written": found.part_as_written or None,
        "top": found.top or None,
        "date": found.date or None,
        "state": found.state or None,
        "clock": {
            "target_ns": total.clock_target_ns,
            "uncertainty_ns": total.clock_uncertainty_ns,
            "estimated_ns": total.clock_estimated_ns,
            "slack_ns": total.slack_ns,
        },
        "latency_cycles": {**_span(total.latency_cycles), "average": total.latency_average_cycles},
        "ii_cycles": _span(total.ii_cycles),
        "ii_target_cycles": total.ii_target_cycles,
        "pipeline_type": total.pipeline_type or None,
        "used": _usage(total.used),
        "available": _usage(total.available),
        "loops": [asdict(loop) for loop in total.loops],
        "modules": [
            {
                "name": module.name,
                "used": _usage(module.used),
                "latency_cycles": _span(module.latency_cycles),
                "ii_cycles": _span(module.ii_cycles),
                "ii_target_cycles": module.ii_target_cycles,
                "pipeline_type": module.pipeline_type or None,
            }
            for module in found.modules
        ],
    }


def _row(row: LayerReport) -> dict[str, Any]:
    config = row.config
    return {
        "name": row.name,
        "index": row.index,
        "reuse_factor": config.reuse_factor if config else None,
        "reuse_factor_recurrent": config.reuse_factor_recurrent if config else None,
        "strategy": (config.strategy or None) if config else None,
        "instances": row.n_instances,
        "modules": list(row.modules),
        "bound": row.bound or None,
        "qor": qor_to_json(row.qor),
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {name: _plain(number) for name, number in asdict(usage).items()}


def _span(span: Span) -> dict[str, Any]:
    return {"min": span.minimum, "max": span.maximum}


def _plain(number: float | None) -> float | int | None:
    return int(number) if number is not None and float(number).is_integer() else number
