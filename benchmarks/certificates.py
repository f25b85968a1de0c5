"""Are certificates true? Random worlds of ten families, each small enough to enumerate, searched until the search says that it is done.

    python benchmarks/certificates.py RESULTS.jsonl [--worlds 100] [--families cliff,adverse] [--objectives 1]

Every line of RESULTS is one world (family, seed, objectives); worlds that are there already are not run again. A claim is false if a design
of the space is better than the claim allows: with one objective by more than the tolerance, with several if designs add more hypervolume
than said; "no design can keep a limit" is false if one does. Of a lone cheap value no search can know: there the claim must name the choice
among those that it did not measure.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.composition import compose
from dse.design import DesignPoint, Layer, LayerChoice, Network, Target
from dse.goal import Goal, Limit, Objective
from dse.pareto import hypervolume
from dse.parts import find_part
from dse.qor import Qor
from dse.search import explore
from dse.search.base import Trial, TrialStatus, View
from dse.space import DesignSpace, LayerOptions

FAMILIES = ("smooth", "bump", "plateau", "step", "twins", "independent", "multiplicative", "adverse", "cliff", "lone")
TARGET = Target("xc7a200tfbg6762", 5.0)
PART = find_part(TARGET.part)
MOST_SYNTHESES = 60
_SIZES = (300, 12_000)


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A space whose every layer and choice is known: `numbers[layer name, choice]`."""

    network: Network
    space: DesignSpace
    goal: Goal
    numbers: dict[tuple[str, LayerChoice], Qor]
    lone: tuple[str, LayerChoice] | None = None

    def evaluate(self, point: DesignPoint) -> Qor:
        """Compose a design of its layers."""
        return compose([(name, self.numbers[name, choice]) for name, choice in point.choices])


def make_world(family: str, seed: int, n_objectives: int = 1) -> World:
    """Draw a world; the same arguments give the same one."""
    rng = np.random.default_rng([FAMILIES.index(family), seed])
    counts = np.zeros(1, dtype=np.int64)
    while not _SIZES[0] <= np.prod(counts) <= _SIZES[1]:
        counts = rng.integers(4, 13, rng.integers(3, 5))
    shapes = [(int(a), int(b)) for a, b in rng.permutation(list(product((8, 16, 32, 64), repeat=2)))[: len(counts)]]
    if family == "twins":
        shapes[1], counts[1] = shapes[0], counts[0]
    layers = tuple(Layer(f"fc{i}", "dense", n_in, n_out, output_shape=(n_out,)) for i, (n_in, n_out) in enumerate(shapes))
    network = Network("world", layers, digest=f"{seed:064x}")
    options, numbers, factors = [], {}, _factors(family, counts, rng)
    for layer, count, factor in zip(layers, counts, factors, strict=True):
        choices = tuple(LayerChoice(2**k) for k in range(int(count)))
        options.append(LayerOptions(layer, choices))
        numbers |= {(layer.name, choice): _qor(layer, choice, float(f)) for choice, f in zip(choices, factor, strict=True)}
    if family == "twins":
        numbers |= {("fc1", choice): numbers["fc0", choice] for choice in options[1].choices}
    lone = None
    if family == "lone":
        option = options[int(rng.integers(len(options)))]
        lone = option.layer.name, option.choices[int(rng.integers(1, len(option.choices) - 1))]
        numbers[lone] = _scaled(numbers[lone], 0.02)
    space = DesignSpace(tuple(options))
    return World(network, space, _goal(rng, space, numbers, n_objectives), numbers, lone)


def _factors(family: str, counts: NDArray[np.int64], rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Return per layer what each choice's resources are multiplied with."""
    found = []
    for count in counts:
        steps = np.arange(int(count))
        middle = rng.integers(1, count)
        factor = np.full(int(count), rng.lognormal(0, 0.3))
        if family == "bump":
            factor = factor * (1 + 2 * np.exp(-((steps - middle) ** 2)))
        elif family == "plateau":
            factor = factor * 2.0 ** (steps % 3)
        elif family == "step":
            factor = factor * np.where(steps >= middle, 1.8, 1.0)
        elif family == "independent":
            factor = factor * rng.lognormal(0, 1.0, int(count))
        elif family == "multiplicative":
            factor = factor * rng.lognormal(0, 0.25, int(count))
        elif family == "adverse":
            factor = factor * 2.0 ** (1.5 * steps)
        elif family == "cliff":
            factor = factor * np.where(steps >= middle, 20.0, 1.0)
        found.append(factor)
    return found


def _qor(layer: Layer, choice: LayerChoice, factor: float) -> Qor:
    multipliers = ceil(layer.n_in * layer.n_out / choice.reuse_factor)
    latency = choice.reuse_factor + 4
    plain = Qor(
        lut=100.0 + 20 * multipliers + 5 * layer.n_out,
        ff=150.0 + 10 * multipliers + 8 * layer.n_out,
        dsp=float(multipliers),
        bram_18k=float(ceil(layer.n_in * layer.n_out / 1024)),
        latency_cycles_min=latency,
        latency_cycles_max=latency,
        ii_cycles_max=choice.reuse_factor,
    )
    return _scaled(plain, factor)


def _scaled(qor: Qor, factor: float) -> Qor:
    return replace(qor, **{name: float(round(getattr(qor, name) * factor)) for name in ("lut", "ff", "dsp")})


def _goal(rng: np.random.Generator, space: DesignSpace, numbers: dict[tuple[str, LayerChoice], Qor], n_objectives: int) -> Goal:
    objectives = tuple(Objective(name) for name in ("device_cost", "latency_cycles_max", "dsp")[:n_objectives])
    bare = Goal(objectives, (), PART, TARGET.clock_period_ns)
    limits = []
    for metric in rng.permutation(["latency_cycles_max", "lut", "ii_cycles_max"])[: int(rng.integers(0, 4))]:
        drawn = [[option.choices[int(rng.integers(len(option.choices)))] for option in space.options] for _ in range(200)]
        points = [space.point(tuple(choices)) for choices in drawn]
        totals = [compose([(name, numbers[name, c]) for name, c in point.choices]) for point in points]
        limits.append(Limit(str(metric), float(np.quantile([getattr(t, str(metric)) for t in totals], rng.uniform(0.1, 0.7)))))
    return replace(bare, limits=tuple(limits))


def enumerate_values(world: World) -> NDArray[np.float64]:
    """Return (designs, objectives) of all designs that keep the limits."""
    rows = []
    for choices in product(*(option.choices for option in world.space.options)):
        values = world.goal.values(world.evaluate(world.space.point(choices)))
        rows += [values] if values is not None else []
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(world.goal.objectives))


def search(world: World, seed: int) -> tuple[list[Trial], Any]:
    """Run `explore` until it stops; return its trials and its last advice."""
    searcher, finished = explore.create(explore.Options(transfer=False)), []
    view = View(world.network, TARGET, world.space, world.goal, (), (), seed)
    while True:
        advice = searcher.propose(replace(view, finished=tuple(finished)), 1)
        if not advice.proposals or len(finished) >= MOST_SYNTHESES:
            return finished, advice
        proposal = advice.proposals[0]
        number = len(finished) + 1
        outcome = world.evaluate(proposal.point)
        finished.append(Trial(number, str(number), proposal.point, proposal.proposed_by, "", TrialStatus.DONE, outcome))


def judge(world: World, trials: list[Trial], advice: Any) -> dict[str, Any]:
    """Return what was claimed, and whether it is true of all designs."""
    truth = enumerate_values(world)
    have = np.array([v for t in trials if (v := world.goal.values(t.outcome)) is not None]).reshape(-1, truth.shape[1])
    certificate = advice.certificate
    is_claim = bool(advice.stop) and (certificate is None or certificate.reached)
    missing: float | None = 0.0
    if not len(truth):
        missing = 0.0
    elif not len(have):
        missing = None
    elif truth.shape[1] == 1:
        missing = float(1 - truth.min() / have.min())
    else:
        corner = have.max(axis=0) * 1.1
        one = np.ones(len(corner))
        missing = float(1 - hypervolume(have / corner, one) / hypervolume(np.vstack([truth, have]) / corner, one))
    allowed = certificate.tolerance if certificate is not None else 0.0
    is_false = is_claim and (missing is None or missing > allowed + 1e-9)
    unmeasured = [list(map(str, pair)) for pair in getattr(certificate, "unmeasured", ())]
    is_named = world.lone is not None and [world.lone[0], str(world.lone[1].reuse_factor)] in unmeasured
    return {
        "claim": is_claim,
        "false": is_false,
        "named": is_named,
        "missing": missing,
        "syntheses": len(trials),
        "stop": advice.stop,
    }


def run(results: Path, families: Iterable[str], n_worlds: int, n_objectives: int) -> None:
    """Run what is not in the file yet, a world a line."""
    rows = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    known = {(row["family"], row["seed"], row["objectives"]) for row in rows}
    with results.open("a", encoding="utf-8") as file:
        for seed, family in product(range(n_worlds), families):
            if (family, seed, n_objectives) in known:
                continue
            world = make_world(family, seed, n_objectives)
            trials, advice = search(world, seed)
            row = {"family": family, "seed": seed, "objectives": n_objectives, "size": world.space.size}
            row |= judge(world, trials, advice)
            file.write(json.dumps(row) + "\n")
            file.flush()
            rows.append(row)
    for family in families:
        own = [row for row in rows if row["family"] == family and row["objectives"] == n_objectives]
        if own:
            claims = [row for row in own if row["claim"]]
            wrong = sum(row["false"] for row in claims)
            named = sum(row["false"] and row["named"] for row in claims)
            used = median(row["syntheses"] for row in own)
            print(
                f"{family:>15}: {len(own)} worlds, {len(claims)} claims, {wrong} false ({named} of them named), {used:g} syntheses in the median"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--worlds", type=int, default=100)
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--objectives", type=int, default=1)
    given = parser.parse_args()
    run(given.results, given.families.split(","), given.worlds, given.objectives)
