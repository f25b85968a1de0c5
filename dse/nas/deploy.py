"""From the front to campaigns: one per network, run by the ordinary loop, summarised as N-TORC's Table III.

Each campaign is a file that a user could have written (`<search>/deploy/trial_0007.toml` beside `../networks/trial_0007.keras`): any
command of `dse` works on it, and running it again resumes it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from dse.campaign import sections
from dse.campaign.spec import read_campaign
from dse.consent import Command, backend_commands, refuse_unknown, remember
from dse.errors import DseError
from dse.nas.records import Candidate
from dse.nas.session import trained_network
from dse.nas.spec import NasSpec
from dse.search.base import Trial
from dse.store.fsops import write_atomically
from dse.study.assemble import Question, assemble, open_campaign, read_state
from dse.study.fold import CampaignState
from dse.study.loop import Signals, Watcher, run
from dse.study.question import read_question
from dse.study.session import session
from dse.summary import summarise

FOLDER = "deploy"


@dataclass(frozen=True, slots=True)
class Deployed:
    """A network and what its campaign has found.

    Attributes:
        incumbent: the design to build, None while there is none.
        simulated: what the bit-accurate check told (`dse.nas.simulate`), None without one.
        problem: why the campaign cannot be read or run, "" if it can.
    """

    candidate: Candidate
    path: Path
    question: Question | None
    state: CampaignState | None
    incumbent: Trial | None = None
    simulated: dict[str, Any] | None = None
    problem: str = ""

    @property
    def fidelity(self) -> str:
        return self.question.backend.fidelity.value if self.question else ""


def choose(front: Sequence[Candidate], maximum: int | None) -> tuple[Candidate, ...]:
    """Return the members of a front that have a trained network, at most so many: both ends, and evenly spread between them."""
    kept = tuple(candidate for candidate in front if candidate.file)
    if maximum is None or len(kept) <= maximum:
        return kept
    if maximum == 1:
        return kept[:1]
    return tuple(kept[round(i * (len(kept) - 1) / (maximum - 1))] for i in range(maximum))


def campaign_path(spec: NasSpec, candidate: Candidate) -> Path:
    """Return where a candidate's campaign file lies."""
    return spec.state / FOLDER / f"{candidate.name}.toml"


def campaign_document(spec: NasSpec, candidate: Candidate) -> dict[str, Any]:
    """Return the campaign of a candidate: its network on the search's target, under the search's limits and the device's own."""
    folder = spec.state / FOLDER
    asked = spec.document.get("deploy", {})
    named = {limit.metric for limit in spec.limits}
    limits: list[dict[str, Any]] = [{"metric": limit.metric, "maximum": limit.maximum} for limit in spec.limits]
    limits += [{"metric": name, "maximum": "device"} for name in ("lut", "ff", "dsp", "bram_18k") if name not in named]
    is_bounded = any(name.startswith("latency_") for name in named)
    return {
        "campaign": {
            "name": candidate.name,
            "seed": spec.seed,
            "cache": os.path.relpath(spec.cache.absolute(), folder.absolute()),
        },
        "network": {"source": os.path.relpath((spec.state / candidate.file).absolute(), folder.absolute())},
        "target": spec.document["target"],
        "search": {"mode": "explore", **asked.get("search", {})},
        "objective": [{"metric": "device_cost" if is_bounded else "latency_ns_max"}],
        "limit": limits,
        "backend": asked.get("backend", {"kind": "estimate"}),
        "budget": {"syntheses": spec.deploy.syntheses},
    }


def commands(spec: NasSpec) -> tuple[Command, ...]:
    """Return what the backend of the deployed campaigns would run; the search's file speaks for all of them."""
    document = spec.document.get("deploy", {}).get("backend")
    return backend_commands(sections.read_backend(document, [])[1]) if document else ()


def write_campaign(spec: NasSpec, candidate: Candidate) -> Path:
    """Write a candidate's campaign file if it is not there already as it should be; return its path.

    Raises:
        SpecError: the candidate has no trained network.
    """
    trained_network(spec, candidate)
    text = tomli_w.dumps(campaign_document(spec, candidate))
    path = campaign_path(spec, candidate)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, text.encode("utf-8"))
    return path


def deploy_one(
    spec: NasSpec, candidate: Candidate, *, watchers: tuple[Watcher, ...] = (), signals: Signals | None = None
) -> Deployed:
    """Run (or resume) one candidate's campaign; whatever goes wrong with it is told, and the others go on.

    Raises:
        SpecError: its backend would run what the user did not agree to.
    """
    refuse_unknown(spec.path, commands(spec))
    try:
        path = write_campaign(spec, candidate)
        question = assemble(read_campaign(path))
        with suppress(OSError):
            remember(path, commands(spec))
        campaign = open_campaign(question, watchers=watchers)
        campaign.signals = signals or Signals()
        with session(campaign):
            run(campaign)
    except DseError as error:
        return Deployed(candidate, campaign_path(spec, candidate), None, None, problem=str(error))
    return read_deployed(spec, candidate)


def read_deployed(spec: NasSpec, candidate: Candidate) -> Deployed:
    """Return what a candidate's campaign has found so far, reading only."""
    path = campaign_path(spec, candidate)
    if not path.is_file():
        return Deployed(candidate, path, None, None, problem="not deployed yet")
    try:
        question = read_question(path)
        state = read_state(question.spec)
    except DseError as error:
        return Deployed(candidate, path, None, None, problem=str(error))
    return Deployed(candidate, path, question, state, summarise(question, state).incumbent, read_simulated(spec, candidate))


def simulation_path(spec: NasSpec, candidate: Candidate) -> Path:
    """Return where the bit-accurate check's answer lies."""
    return spec.state / FOLDER / f"{candidate.name}_simulation.json"


def read_simulated(spec: NasSpec, candidate: Candidate) -> dict[str, Any] | None:
    """Return the bit-accurate check's answer, None if there is none."""
    try:
        document = json.loads(simulation_path(spec, candidate).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def table_row(spec: NasSpec, deployed: Deployed) -> dict[str, Any]:
    """Return a row of the summary, after N-TORC's Table III; what is unknown is None."""
    candidate, trial = deployed.candidate, deployed.incumbent
    qor = trial.qor if trial else None
    cycles = qor.latency_cycles_max if qor else None
    return {
        "trial": candidate.number,
        "architecture": str(candidate.architecture),
        "error": candidate.error,
        "test_error": candidate.test_error,
        "workload": candidate.value("workload"),
        "lut": qor.lut if qor else None,
        "ff": qor.ff if qor else None,
        "dsp": qor.dsp if qor else None,
        "bram_18k": qor.bram_18k if qor else None,
        "latency_us": None if cycles is None else cycles * spec.target.clock_period_ns / 1000,
        "reuse_factors": list(trial.point.reuse_factors) if trial else None,
        "fidelity": deployed.fidelity if trial else None,
        "syntheses": deployed.state.syntheses if deployed.state else 0,
        "stop_reason": deployed.state.stop[1] if deployed.state and deployed.state.stop else None,
        "campaign": str(deployed.path),
        "simulation": deployed.simulated,
        "problem": deployed.problem or None,
    }
