"""Small networks and an analytic toy backend for tests: cheap, deterministic, and with known answers.

A toy is a function (layer, choice) -> Qor | Failure; a design is its layers composed, and fails where a layer fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import ceil
from pathlib import Path

from dse.composition import compose
from dse.design import DesignPoint, Fidelity, Job, Layer, LayerChoice, Network, Target
from dse.goal import Goal, Limit, Objective
from dse.parts import Part
from dse.qor import Evaluation, Failure, FailureKind, LayerRecord, Provenance, Qor
from dse.search.base import Advice, Proposal, Searcher, Trial, TrialStatus, View
from dse.space import DesignSpace, LayerOptions
from dse.store.journal import Event, Journal
from dse.synth_backends.base import Progress

Toy = Callable[[Layer, LayerChoice], Qor | Failure]
TARGET = Target("xc7a200tfbg6762", 5.0)
PART = Part("xc7a200t", lut=133_800, ff=267_600, dsp=740, bram_18k=730, uram=0)


def dense(name: str, n_in: int, n_out: int) -> Layer:
    return Layer(name, "dense", n_in, n_out, output_shape=(n_out,))


def conv1d(name: str, n_in: int, n_out: int, n_positions: int) -> Layer:
    return Layer(name, "conv1d", n_in, n_out, n_positions, output_shape=(n_positions, n_out))


def network(*layers: Layer, name: str = "toy") -> Network:
    """A chain of layers; its digest is made of its name, no weights."""
    chain = [replace(b, inputs=(a.name,)) for a, b in pairwise(layers)]
    return Network(name, (*layers[:1], *chain), digest=(name.encode().hex() * 64)[:64])


def space(of: Network, factors: Iterable[int] | dict[str, Iterable[int]]) -> DesignSpace:
    """The same reuse factors for every layer, or a table by layer name; strategy resource."""

    def choices(layer: Layer) -> tuple[LayerChoice, ...]:
        own = factors[layer.name] if isinstance(factors, dict) else factors
        return tuple(LayerChoice(factor) for factor in sorted(own))

    return DesignSpace(tuple(LayerOptions(layer, choices(layer)) for layer in of.layers))


def toy_qor(layer: Layer, choice: LayerChoice) -> Qor:
    """A smooth toy: DSP fall as 1/r; LUT and FF fall to a floor; II and latency grow with r at every position."""
    multipliers = ceil(layer.n_in * layer.n_out / choice.reuse_factor)
    ii = layer.n_positions * choice.reuse_factor
    latency = ii + 4
    return Qor(
        lut=100 + 20 * multipliers + 5 * layer.n_out,
        ff=150 + 10 * multipliers + 8 * layer.n_out,
        dsp=multipliers,
        bram_18k=ceil(layer.n_in * layer.n_out / 1024),
        uram=0,
        latency_cycles_min=latency,
        latency_cycles_max=latency,
        ii_cycles_min=ii,
        ii_cycles_max=ii,
        clock_period_ns=4.2,
    )


def fails(kind: FailureKind = FailureKind.TIMEOUT) -> Failure:
    return Failure(kind, "the toy fails here", limit=60.0 if kind is FailureKind.TIMEOUT else None)


def evaluate(toy: Toy, of: Network, point: DesignPoint) -> Qor | Failure:
    """Compose a design of its layers; the first layer that fails is the failure of the design."""
    chosen = dict(point.choices)
    known: list[tuple[str, Qor]] = []
    for layer in of.layers:
        if layer.name in chosen:
            outcome = toy(layer, chosen[layer.name])
            if isinstance(outcome, Failure):
                return outcome
            known.append((layer.name, outcome))
    return compose(known)


@dataclass
class ToyBackend:
    """The toy behind the backends' protocol: a job is done on its n-th `advance` (`delay` + 1); `started` logs keys in order."""

    toy: Toy = toy_qor
    fidelity: Fidelity = Fidelity.ESTIMATE
    basis: str = "toy"
    delay: int = 0
    started: list[str] = field(default_factory=list)
    _ages: dict[str, int] = field(default_factory=dict)

    def advance(self, wanted: Sequence[Job]) -> tuple[Progress, ...]:
        self._ages = {job.key: self._ages.get(job.key, -1) + 1 for job in wanted}
        self.started += [job.key for job in wanted if job.key not in self.started]
        return tuple(self._progress(job) for job in wanted)

    def _progress(self, job: Job) -> Progress:
        if self._ages[job.key] < self.delay:
            return Progress(job.key, "running")
        outcome = evaluate(self.toy, job.network, job.point)
        return Progress(job.key, "done", Evaluation(job.key, self.fidelity, outcome, Provenance("toy")))


def view(
    of: Network,
    within: DesignSpace,
    finished: Iterable[Trial] = (),
    pending: Iterable[Trial] = (),
    *,
    objectives: tuple[Objective, ...] = (Objective("dsp"), Objective("latency_cycles_max")),
    limits: tuple[Limit, ...] = (),
    transfer: tuple[LayerRecord, ...] = (),
    seed: int = 0,
) -> View:
    return View(
        of, TARGET, within, Goal(objectives, limits, PART, TARGET.clock_period_ns), tuple(finished), tuple(pending), seed, transfer
    )


def pending_trial(of: Network, number: int, proposal: Proposal) -> Trial:
    key = Job(of, proposal.point, TARGET, Fidelity.ESTIMATE, "toy").key
    return Trial(number, key, proposal.point, proposal.proposed_by, proposal.reason, TrialStatus.PENDING, notes=proposal.notes)


def finish(trial: Trial, outcome: Qor | Failure) -> Trial:
    return replace(trial, status=TrialStatus.FAILED if isinstance(outcome, Failure) else TrialStatus.DONE, outcome=outcome)


@dataclass(frozen=True)
class Driven:
    """What a search did: its trials in the order finished, the last advice, and every (view, n, advice) on the way."""

    trials: tuple[Trial, ...]
    last: Advice
    turns: tuple[tuple[View, int, Advice], ...]

    @property
    def trace(self) -> list[list[int]]:
        """Reuse factors of all trials, in the order proposed."""
        return [list(trial.point.reuse_factors) for trial in sorted(self.trials, key=lambda trial: trial.number)]


def drive(
    searcher: Searcher,
    start: View,
    toy: Toy = toy_qor,
    *,
    slots: int = 1,
    max_trials: int = 100,
    newest_first: bool = False,
) -> Driven:
    """Run a search against a toy until it stops, has nothing to wait for, or made max_trials; trials count from 1.

    Each turn fills the free slots and then finishes one pending trial, the oldest or the newest. A search that does not respect n
    is cut off after max_trials.
    """
    now, turns, number = start, [], 0
    while True:
        free = min(slots - len(now.pending), max_trials - number)
        advice = searcher.propose(now, free)
        turns.append((now, free, advice))
        for proposal in advice.proposals:
            number += 1
            now = replace(now, pending=(*now.pending, pending_trial(now.network, number, proposal)))
        if not now.pending or number > max_trials:
            return Driven(now.finished, advice, tuple(turns))
        index = -1 if newest_first else 0
        trial = now.pending[index]
        done = finish(trial, evaluate(toy, now.network, trial.point))
        rest = tuple(t for t in now.pending if t is not trial)
        now = replace(now, pending=rest, finished=(*now.finished, done))


def write_journal(path: Path, events: Iterable[Event]) -> None:
    """Write a journal anew, each line following the one before it."""
    path.unlink(missing_ok=True)
    journal = Journal(path)
    for event in events:
        journal.append(event)
    journal.close()
