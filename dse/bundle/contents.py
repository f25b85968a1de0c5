"""The files of a bundle that are text, made from the design alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.resources import files
from typing import Any

import dse
from dse.bundle.redact import redact
from dse.design import LayerChoice
from dse.execution.toolchain import programs, stages
from dse.numerics import Numerics
from dse.parts import vendor_part
from dse.project.generate import BACKENDS, STRATEGIES
from dse.project.plan import ProjectPlan
from dse.qor import Evaluation, Qor
from dse.search.base import Trial
from dse.store.codec import qor_to_json
from dse.study.assemble import Question
from dse.synth_backends.base import is_tool
from dse.wire import to_json

_LINE = 110
_FIGURES = (
    ("lut", "LUT"),
    ("ff", "FF"),
    ("dsp", "DSP"),
    ("bram_18k", "BRAM (18 Kb)"),
    ("ii_cycles_max", "II (cycles)"),
    ("latency_cycles_max", "latency (cycles)"),
)


@dataclass(frozen=True, slots=True)
class Design:
    """What is bundled: a finished trial of a campaign, its evaluation, and the project that hls4ml wrote for it.

    Attributes:
        configuration: all that hls4ml was configured with, as it keeps it; without model and stamp.
        network_file: name of the copy of the network's file.
        sources_digest: see `dse.bundle.verify.sources_digest`.
        numerics: how the circuit's numbers compare with the network's; None where that was not asked for.
    """

    question: Question
    trial: Trial
    evaluation: Evaluation
    plan: ProjectPlan
    configuration: dict[str, Any]
    network_file: str
    sources_digest: str
    numerics: Numerics | None

    @property
    def is_measured(self) -> bool:
        """Whether a tool run of this campaign gave the expected figures."""
        return is_tool(self.question.backend.basis)


def text_files(design: Design) -> dict[str, bytes]:
    """Return all text files of the bundle by name."""
    documents = {
        "hls4ml.yml": _yaml(design),
        "convert.py": _convert(design),
        "build.sh": _build(design),
        "expected.json": json.dumps(expected(design), indent=1, allow_nan=False) + "\n",
        "verify.py": files("dse.bundle").joinpath("verify.py").read_text(encoding="utf-8"),
        "README.md": _readme(design),
    }
    return {name: text.encode() for name, text in documents.items()}


def expected(design: Design) -> dict[str, Any]:
    """Return what to expect of the design, and where the figures come from; no host, path or user is in it."""
    question, provenance = design.question, design.evaluation.provenance
    spec, target = question.spec, question.spec.target
    assert isinstance(design.evaluation.outcome, Qor)

    def told(text: str) -> str:
        return redact(text, provenance.host)

    return {
        "schema": "dse.bundle/1",
        "campaign": spec.name,
        "trial": design.trial.number,
        "proposed_by": design.trial.proposed_by,
        "reason": told(design.trial.reason),
        "key": design.trial.key,
        "fidelity": question.backend.fidelity.value,
        "is_measured": design.is_measured,
        "backend": {"kind": spec.backend_kind, "basis": question.backend.basis, **_own_options(question)},
        "network": {"name": spec.network.name, "file": design.network_file, "digest": spec.network.digest},
        "allow_code": spec.allow_code,
        "target": {
            "part": vendor_part(target.part),
            "clock_period_ns": target.clock_period_ns,
            "clock_uncertainty_percent": target.clock_uncertainty_percent,
            "io_type": target.io_type,
            "precision": str(target.precision),
            "toolchain": str(target.toolchain),
            "hls4ml_version": target.hls4ml_version,
        },
        "numerics": None if design.numerics is None else to_json(design.numerics),
        "point": to_json(design.trial.point),
        "built": [
            {
                "name": layer.name,
                "strategy": layer.strategy,
                "reuse_factor": layer.reuse_factor,
                "recurrent_reuse_factor": layer.recurrent_reuse_factor,
            }
            for layer in design.plan.layers
        ],
        "sources_digest": design.sources_digest,
        "qor": qor_to_json(design.evaluation.outcome),
        "provenance": {
            "tool": told(provenance.tool),
            "tool_seconds": provenance.tool_seconds,
            "finished_at": provenance.finished_at or None,
            "reports": dict(provenance.reports),
            "notes": [told(note) for note in provenance.notes],
        },
        "versions": {"dse": dse.__version__, "hls4ml": design.plan.hls4ml_version, "keras": metadata.version("keras")},
    }


def _own_options(question: Question) -> dict[str, str]:
    """What a replay needs to be asked again; a corpus's place on this machine is nobody's business, its name is."""
    options = question.spec.backend_options
    if question.spec.backend_kind != "replay":
        return {}
    corpus = (
        str(options.corpus).rstrip("/").rpartition("/")[2] if str(options.corpus).startswith(("/", "~", "..")) else options.corpus
    )
    return {"corpus": corpus, "replicates": options.replicates}


def _yaml(design: Design) -> str:
    import yaml

    settings = {key: value for key, value in design.configuration.items() if key not in ("KerasModel", "OutputDir", "Stamp")}
    apart = json.loads(json.dumps({"OutputDir": "project", **settings}))  # YAML would write what two places share as an alias
    return (
        "# hls4ml.converters.convert_from_config('hls4ml.yml').write(), in this folder, writes the project.\n"
        "# (KerasModel is the key that hls4ml 1.3 converts; with KerasH5 or KerasJson it writes nothing and says nothing.)\n"
        "KerasModel: !keras_model model.keras\n" + yaml.safe_dump(apart, sort_keys=False)
    )


def _convert(design: Design) -> str:
    target = design.question.spec.target
    choices = dict(design.trial.point.choices)
    values: dict[str, object] = {
        "PRECISION": str(target.precision),
        "PRECISIONS": {layer.name: str(own.precision) for layer in design.plan.layers if (own := _own(choices, layer.source))},
        "BACKEND": BACKENDS[target.toolchain.name],
        "PART": vendor_part(target.part),
        "CLOCK": target.clock_period_ns,
        "UNCERTAINTY": design.configuration["ClockUncertainty"],
        "IO_TYPE": str(target.io_type),
    }
    text = files("dse.bundle").joinpath("convert.py.txt").read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", _literal(value))
    return text.replace("@HLS4ML@", design.plan.hls4ml_version).replace("@LAYERS@", _wrapped(choices))


def _own(choices: dict[str, LayerChoice], source: str) -> LayerChoice | None:
    choice = choices.get(source)
    return choice if choice is not None and choice.precision is not None else None


def _literal(value: object) -> str:
    return json.dumps(value)  # also Python, for texts, numbers and mappings of texts


def _wrapped(choices: dict[str, LayerChoice]) -> str:
    """Return the entries of a Python dictionary, as many a line as fit."""
    lines = [""]
    for name, choice in choices.items():
        entry = f'"{name}": ({choice.reuse_factor}, "{STRATEGIES[choice.strategy]}"),'
        if lines[-1] and len(lines[-1]) + len(entry) > _LINE:
            lines.append("")
        lines[-1] += f" {entry}" if lines[-1] else f"    {entry}"
    return "\n".join(lines)


def _build(design: Design) -> str:
    toolchain = design.question.spec.target.toolchain
    names = programs(toolchain, "")
    known = " || ".join(f"command -v {name} >/dev/null" for name in names)
    missing = f"{' or '.join(names)} is not on PATH: source the settings of {toolchain} first"
    return f"""#!/bin/sh
# Writes the project and synthesises it with {toolchain}: ./build.sh [FOLDER]; then compares the report with expected.json.
set -eu
cd "$(dirname "$0")"
PROJECT=${{1:-project}}
PYTHON=${{PYTHON:-python3}}
{known} || {{ echo "{missing}" >&2; exit 3; }}
[ -e "$PROJECT" ] || "$PYTHON" convert.py "$PROJECT"
{"".join(_stages(design, names))}"$PYTHON" verify.py --reports "$PROJECT"
"""


def _stages(design: Design, names: list[str]) -> Iterator[str]:
    """Yield the commands of each stage: the first of the toolchain's programs that is there does it."""
    toolchain, fidelity = design.question.spec.target.toolchain, design.question.backend.fidelity
    per_program = [stages(toolchain, name, fidelity, False) for name in names]
    for alternatives in zip(*per_program, strict=True):
        scripts: Any = alternatives[0].get("files", {})
        for name, text in scripts.items():
            yield f"cat > \"$PROJECT/{name}\" <<'END'\n{text}END\n"
        words = ["if", *["elif"] * (len(names) - 1)]
        for word, program, stage in zip(words, names, alternatives, strict=True):
            argv: Any = stage["argv"]
            command = " ".join(f'"{part}"' if " " in part else part for part in argv)
            yield f'{word} command -v {program} >/dev/null; then (cd "$PROJECT" && {command})\n'
        yield "fi\n"


def _readme(design: Design) -> str:
    spec, qor = design.question.spec, design.evaluation.outcome
    assert isinstance(qor, Qor)
    target, version = spec.target, design.plan.hls4ml_version
    kind = (
        "measured by the tool"
        if design.is_measured
        else "an estimate: no tool was run"
        if design.evaluation.fidelity == "estimate"
        else "composed of recorded results: this design itself was not synthesised by the campaign"
    )
    known = [(title, getattr(qor, metric)) for metric, title in _FIGURES]
    rows = "\n".join(f"| {title} | {'unknown' if value is None else f'{value:,.0f}'} |" for title, value in known)
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", spec.network.name)
    return f"""# {name}: trial {design.trial.number} of {spec.name}

An hls4ml design for {vendor_part(target.part)} at {target.clock_period_ns:g} ns, {target.io_type}, {target.toolchain}.
Reuse factors: {design.trial.point}.

| expected ({kind}) | |
|---|---|
{rows}

| file | what for |
|---|---|
| `convert.py` | writes the hls4ml project: `python convert.py` |
| `hls4ml.yml` | the same settings for `hls4ml.converters.convert_from_config` |
| `model.keras` | the network with the weights that the design was found with |
| `{design.network_file}` | the network's file as the campaign names it |
| `build.sh` | writes the project, runs {target.toolchain}, compares its report with `expected.json` |
| `expected.json` | what to expect, layer by layer, and where the figures come from |
| `verify.py` | rebuilds and compares: `python verify.py`, `python verify.py --reports project` |

Needs `pip install hls4ml=={version} tensorflow-cpu`; `dse` is not needed.
"""
