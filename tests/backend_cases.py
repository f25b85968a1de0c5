"""One case per kind of backend for the contract suite: a backend that works here, and jobs it can do.

A new backend adds a function to CASES; the suite in `contract/test_backends.py` then holds it to the seam.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fakes
import pytest

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
        close: ends what the case started.
    """

    fresh: Callable[[], SynthBackend]
    jobs: tuple[Job, ...]
    patience_seconds: float = 10.0
    close: Callable[[], None] = lambda: None


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


def _execution(name: str) -> Any:
    """A module of the room that tests real processes."""
    folder = str(Path(__file__).resolve().parent / "execution")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(name)


def _tool_case(kind: str, root: Path, close: Callable[[], None] = lambda: None, **settings: Any) -> Case:
    """The fake tool at work on small projects; the last job fails, as a fact about its design."""
    kit, module = _execution("execution_kit"), load("synth_backends", kind)
    tools = kit.fake_tools.install(root / "tools", {})
    options = module.Options(tool=str(tools / "vivado_hls"), grace_seconds=0.3, disk_reserve_gb=0.1, **settings)
    at = Site(kit.NETWORK, kit.TARGET, root / "toy.json", root / "work", "contract", slots=2, seed=1)
    made: list[Any] = []

    def fresh() -> SynthBackend:
        backend = module.create(options, at)
        backend.jobs.projects = kit.StubSource()
        made.append(backend)
        return backend  # type: ignore[no-any-return]

    def close_all() -> None:
        for backend in made:
            backend.advance(())
            backend.close()
        close()

    return Case(fresh, (kit.job_for(1, 1), kit.job_for(2, 2), kit.job_for(4, 4)), 60.0, close_all)


def local(work: Path) -> Case:
    return _tool_case("local", work)


def ssh(work: Path) -> Case:
    daemons, module = _execution("daemons"), load("synth_backends", "ssh")
    (work / "keys").mkdir()
    daemons.make_keys(work / "keys")
    server = daemons.make_sshd(work / "sshd", work / "keys")
    hosts = (module.RemoteHost("lab1", 1), module.RemoteHost("lab2", 1))
    return _tool_case("ssh", work, server.stop, hosts=hosts, ssh_config=str(server.config), work=str(work / "far"))


def slurm(work: Path) -> Case:
    controller = _execution("daemons").Slurm(work)
    controller.configure()
    controller.start_all()
    os.environ["SLURM_CONF"] = str(controller.conf)

    def close() -> None:
        controller.stop()
        del os.environ["SLURM_CONF"]

    return _tool_case("slurm", work, close, lost_minutes=0.15)


CASES: dict[str, Callable[[Path], Case]] = {"estimate": estimate, "replay": replay, "local": local, "ssh": ssh, "slurm": slurm}


def marks(kind: str) -> tuple[pytest.MarkDecorator, ...]:
    """What a case needs; those with daemons of their own belong to the long form."""
    if kind not in ("ssh", "slurm"):
        return ()
    daemons = _execution("daemons")
    is_there = Path(daemons.SSHD).exists() if kind == "ssh" else not daemons.MISSING and os.geteuid() == 0
    needed = pytest.mark.sshd if kind == "ssh" else pytest.mark.slurm
    return (pytest.mark.slow, needed, pytest.mark.skipif(not is_there, reason=f"no {kind} daemons here"))


# Kinds that need a tool or a host, until their fixtures stand in CASES.
NO_CASE_YET: frozenset[str] = frozenset()
