"""Asks the backend that a bundle's figures came from once more: the estimate, or recorded results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dse import registry
from dse.design import DesignPoint, Fidelity, Job, Target
from dse.errors import SpecError
from dse.networks import read_network
from dse.qor import Qor
from dse.store.codec import qor_to_json
from dse.synth_backends.base import Site
from dse.wire import from_json

ASKABLE = ("estimate", "replay")


def differences(folder: Path, corpus: str | None = None) -> list[str]:
    """Return one sentence for each way in which dse's answer today differs from the bundle's; empty if it is the same.

    Raises:
        SpecError: the figures came from a tool, which is not asked again here.
        CorpusError, NotRecorded: the recorded results are not there.
    """
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    kind = expected["backend"]["kind"]
    if kind not in ASKABLE:
        raise SpecError(f"{folder}: the figures were measured through backend {kind}; run ./build.sh to measure them again.")
    target = from_json(Target, expected["target"])
    source = folder / Path(expected["network"]["file"]).name
    network = read_network(source, allow_code=expected["allow_code"])
    point = from_json(DesignPoint, expected["point"])
    module = registry.load("synth_backends", kind)
    options = {key: value for key, value in expected["backend"].items() if key in ("corpus", "replicates")}
    options |= {"corpus": corpus} if corpus is not None and kind == "replay" else {}
    site = Site(network, target, source.absolute(), folder.absolute() / "work", expected["campaign"])
    backend = module.create(module.Options(**options), site)
    problems = []
    if backend.basis != expected["backend"]["basis"]:
        what = "recordings" if kind == "replay" else "constants"
        problems.append(f"{kind}: rests on other {what} than then ({backend.basis[:12]}, was {expected['backend']['basis'][:12]})")
    job = Job(network, point, target, Fidelity(backend.fidelity), backend.basis)
    if job.key != expected["key"] and not problems:
        problems.append(f"key: is {job.key[:12]}, was {expected['key'][:12]}; network, target or design is another one")
    outcome = backend.advance((job,))[0].evaluation.outcome
    if not isinstance(outcome, Qor):
        return [*problems, f"{kind}: failed now ({outcome.kind.value}: {outcome.message})"]
    return problems + _differing(expected["qor"], qor_to_json(outcome))


def _differing(before: dict[str, Any], now: dict[str, Any], where: str = "") -> list[str]:
    problems = []
    for name in sorted(before.keys() | now.keys()):
        was, got = before.get(name), now.get(name)
        if isinstance(was, dict) and isinstance(got, dict):
            problems += _differing(was, got, where if name == "layers" else f"{name} ")
        elif was != got:
            problems.append(f"{where}{name}: was {was}, is {got}")
    return problems
