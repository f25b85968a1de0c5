"""A campaign on a made-up corpus whose journal is written directly, with as many trials as a test wants."""

from __future__ import annotations

import random
from pathlib import Path

import fakes

from dse import registry
from dse.campaign.spec import read_campaign
from dse.corpus import write_records
from dse.design import DesignPoint, Fidelity, Job, LayerChoice, Precision, Target, Toolchain
from dse.networks import read_network
from dse.qor import Evaluation, Failure, FailureKind, LayerRecord, Provenance
from dse.search.base import Advice, Certificate, Trial, TrialStatus
from dse.store.journal import Event
from dse.study import fold as events
from dse.study.assemble import Question, assemble
from dse.study.fold import CampaignState, apply, replay
from dse.view.story import Story

TARGET = Target("xc7a200tfbg6762", 5.0, "io_stream", Precision(16, 6), Toolchain("vivado_hls", "2019.2"))
HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\x1b]52;c;ZXZpbA==\x07\x1b[31m\u202e\u2066\"'&"
)

NETWORK = """
name = "toy"
[[layer]]
name = "conv_1"
kind = "conv1d"
channels = 4
filters = 8
kernel = 3
positions = 16
[[layer]]
name = "conv_2"
kind = "conv1d"
channels = 8
filters = 8
kernel = 3
positions = 16
[[layer]]
name = "dense_1"
kind = "dense"
n_in = 128
n_out = 32
[[layer]]
name = "dense_2"
kind = "dense"
n_in = 32
n_out = 16
[[layer]]
name = "output"
kind = "dense"
n_in = 16
n_out = 5
"""

CAMPAIGN = """
[campaign]
name = "toy"
seed = 3
[network]
source = "toy_network.toml"
[target]
part = "xc7a200tfbg676-2"
clock_period_ns = 5.0
io_type = "io_stream"
[search]
mode = "{mode}"
{goal}
[backend]
kind = "replay"
corpus = "corpus"
slots = 2
[budget]
syntheses = 600
"""

GOAL = """
[[objective]]
metric = "dsp"
[[objective]]
metric = "latency_cycles_max"
[[limit]]
metric = "latency_ns_max"
maximum = 12000
"""


def question(home: Path, mode: str = "explore") -> Question:
    """Write a campaign with its network and corpus into `home`, and assemble it."""
    (home / "corpus").mkdir(parents=True)
    (home / "toy_network.toml").write_text(NETWORK)
    (home / "toy.toml").write_text(CAMPAIGN.format(mode=mode, goal=GOAL if mode == "explore" else ""))
    records = []
    for layer in read_network(home / "toy_network.toml").layers:
        kind = registry.layer_kind(layer.kind)
        for factor in kind.legal(layer, TARGET, "resource").reuse_factors if kind.matrices(layer) else ():
            choice = LayerChoice(factor)
            records.append(LayerRecord(layer, choice, TARGET, Fidelity.CSYNTH, fakes.toy_qor(layer, choice), "made up"))
    write_records(home / "corpus" / "layers.jsonl", records)
    return assemble(read_campaign(home / "toy.toml"))


class Pen:
    """Writes a journal event by event, with the time that real ones carry."""

    def __init__(self, of: Question) -> None:
        self.question = of
        self.events: list[Event] = []
        self.state = CampaignState()

    def add(self, event: Event) -> None:
        event = {**event, "at": f"2026-11-21T18:{len(self.events) // 60 % 60:02d}:{len(self.events) % 60:02d}Z", "elapsed": 60.0}
        self.events.append(event)
        self.state = apply(self.state, event)

    def save(self) -> Path:
        path = self.question.spec.state / "journal.jsonl"
        fakes.write_journal(path, self.events)
        return path


def job(of: Question, point: DesignPoint) -> Job:
    return Job(of.spec.network, point, of.spec.target, of.backend.fidelity, of.backend.basis)


def journal(of: Question, n_trials: int, *, n_pending: int = 0, is_over: bool = True, hostile: bool = False, seed: int = 1) -> Pen:
    """Trials at random points, a tenth of them failed, with a certificate that closes in."""
    rng, pen = random.Random(seed), Pen(of)
    pen.add(events.opened(of.spec.name, of.meaning))
    points: list[DesignPoint] = []
    while len(points) < n_trials + n_pending:
        point = of.space.point(tuple(rng.choice(option.choices) for option in of.space.options))
        if point not in points:
            points.append(point)
    for number, point in enumerate(points, 1):
        certificate = Certificate(0.9 * 0.97**number, 0.01, 0.95) if number > 1 else None
        reason = HOSTILE if hostile else "a posterior draw's best design"
        trial = Trial(number, job(of, point).key, point, "thompson", reason, TrialStatus.PENDING)
        pen.add(events.proposed([trial], Advice(certificate=certificate)))
        if number > n_trials:
            continue
        outcome = of.backend.advance([job(of, point)])[0].evaluation.outcome
        if number % 10 == 7:
            kind = (FailureKind.OUT_OF_MEMORY, FailureKind.TIMEOUT)[number % 20 == 7]
            outcome = Failure(kind, HOSTILE if hostile else "killed at 31.2 GB", HOSTILE if hostile else "INFO: scheduling\nKilled")
        notes = (HOSTILE,) if hostile else ("recorded",)
        provenance = Provenance("local", tool="vivado_hls 2019.2", tool_seconds=600.0 + 10 * number, host="lab3", notes=notes)
        pen.add(events.finished(number, Evaluation(trial.key, of.backend.fidelity, outcome, provenance), cached=number % 9 == 4))
    if is_over:
        pen.add(events.stopped("search", HOSTILE if hostile else "certificate reached", Advice()))
    assert replay(pen.events) == pen.state
    return pen


def story(of: Question, n_trials: int, **changes: object) -> Story:
    pen = journal(of, n_trials, **changes)  # type: ignore[arg-type]
    return Story(of, pen.state, tuple(pen.events))


def balanced(of: Question) -> Story:
    """What the anchor heuristic does with the campaign, from its probes to its stop."""
    searcher = registry.load("search", of.spec.search_kind).create(of.spec.search_options)
    pen = Pen(of)
    pen.add(events.opened(of.spec.name, of.meaning))
    while True:
        advice = searcher.propose(of.view(pen.state), 2)
        if not advice.proposals:
            pen.add(events.stopped("search", advice.stop or "done", advice))
            return Story(of, pen.state, tuple(pen.events))
        first = len(pen.state.trials) + 1
        trials = [
            Trial(number, job(of, p.point).key, p.point, p.proposed_by, p.reason, TrialStatus.PENDING)
            for number, p in enumerate(advice.proposals, first)
        ]
        pen.add(events.proposed(trials, advice))
        for trial in trials:
            outcome = of.backend.advance([job(of, trial.point)])[0].evaluation.outcome
            made = Evaluation(trial.key, of.backend.fidelity, outcome, Provenance("replay"))
            pen.add(events.finished(trial.number, made, cached=False))
