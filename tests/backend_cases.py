"""One case per kind of backend for the contract suite: a backend that works here, and jobs it can do.

A new backend adds a function to CASES; the suite in `contract/test_backends.py` then holds it to the seam.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import fakes

from dse.corpus import write_records
from dse.design import DesignPoint, Fidelity, Job, LayerChoice, Network, Precision, Target
from dse.qor import DesignRecord, Failure, FailureKind, LayerRecord
from dse.registry import load
from dse.synth_backends.base import Site, SynthBackend

NETWORK = fakes.network(fakes.conv1d("conv", 6, 4, 5), fakes.dense("hidden", 20, 8), fakes.dense("out", 8, 5))
TARGET = Target("xczu7evffvc11562e", 4.0, "io_stream", Precision(16, 8))


@dataclass(frozen=True, slots=True)
class Case:
    """How to test one backend.

    Attributes:
        fresh: builds a backend over the same outside world; called again it stands for the process after a crash.
        jobs: at least three different ones that it can finish.
        patience_seconds: in which each of them is done.
    """

    fresh: Callable[[], SynthBackend]
    jobs: tuple[Job, ...]
    patience_seconds: float = 10.0


def site(work: Path, target: Target = TARGET, network: Network = NETWORK) -> Site:
    return Site(network, target, source=work / "network.toml", work=work / "work", campaign="contract", slots=2, seed=1)


def point(*factors: int) -> DesignPoint:
    return DesignPoint(tuple((layer.name, LayerChoice(rf)) for layer, rf in zip(NETWORK.layers, factors, strict=True)))


POINTS = (point(1, 4, 8), point(2, 4, 8), point(6, 20, 8), point(2, 20, 1))


def estimate(work: Path) -> Case:
    module = load("synth_backends", "estimate")
    backend = module.create(module.Options(), site(work))
    jobs = tuple(Job(NETWORK, at, TARGET, backend.fidelity, backend.basis) for at in POINTS)
    return Case(lambda: module.create(module.Options(), site(work)), jobs)


def replay(work: Path) -> Case:
    """Layers, measured up to three times with other surroundings, a whole design, and a whole design that failed."""
    module = load("synth_backends", "replay")
    records: list[LayerRecord | DesignRecord] = []
    for index, layer in enumerate(NETWORK.layers):
        for rf in {p.reuse_factors[index] for p in POINTS}:
            qor = fakes.toy_qor(layer, LayerChoice(rf))
            for extra in (0, 1, 50):
                measured = replace(qor, lut=(qor.lut or 0) + extra)
                records.append(LayerRecord(layer, LayerChoice(rf), TARGET, Fidelity.CSYNTH, measured, f"context {extra}"))
    failed = Failure(FailureKind.TIMEOUT, "took too long", limit=60.0)
    records.append(DesignRecord(NETWORK.digest, point(1, 1, 1), TARGET, Fidelity.CSYNTH, failed))
    write_records(work / "corpus.jsonl", records)
    options = module.Options(corpus=str(work / "corpus.jsonl"), replicates="sample")
    backend = module.create(options, site(work))
    jobs = tuple(Job(NETWORK, at, TARGET, backend.fidelity, backend.basis) for at in (*POINTS, point(1, 1, 1)))
    return Case(lambda: module.create(options, site(work)), jobs)


CASES: dict[str, Callable[[Path], Case]] = {"estimate": estimate, "replay": replay}

# Kinds that need a tool or a host, until their fixtures stand in CASES.
NO_CASE_YET = frozenset({"local", "ssh", "slurm"})
