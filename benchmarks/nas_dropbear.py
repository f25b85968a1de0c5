"""Architecture search on DROPBEAR: N-TORC's 16 networks, a search for the proxy, and a search for the device cost itself.

    python benchmarks/nas_dropbear.py --data DIR --networks DIR --work DIR [--seeds 3] [--report benchmarks/nas.md --figure benchmarks/nas.svg]
    python benchmarks/nas_dropbear.py --data DIR --networks DIR --work DIR --only 2     # trains seed 2 alone; several can run side by side

All get as many trainings (16 a seed), and each training the same data, epochs and optimiser:
    given       the 16 networks of N-TORC's Table III (Singh et al., FCCM 2025), trained anew; their shapes are in the file names
    two-stage   the search minimises RMSE and multiplications, as N-TORC's first stage does, and knows nothing of the device
    joint       the search minimises RMSE and the least device cost at 200 us, and trains nothing that cannot keep the limit
Both searches have the same space, sampler and start. Afterwards all networks are weighed alike: least device cost at 200 us on a
xczu7ev at 250 MHz, by exact allocation over the estimate. What misses the limit or the device does not count.
A method's networks are those that no other of its own dominates on the validation runs; its hypervolume is theirs, once with the
validation error that they were chosen by, once with the error on test runs that no search has seen.

Every training is recorded in DIR; run again, the script goes on where it was stopped. The networks' folder is N-TORC's repository.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from dse.nas.cost import cost_of
from dse.nas.following import Follower
from dse.nas.records import Candidate, Outcome, cost_to_json
from dse.nas.spec import NasSpec, build_spec
from dse.nas.training import Trained, TrainFunction
from dse.networks.architecture import Architecture, ConvBlock, Recurrent
from dse.pareto import hypervolume, non_dominated

TRAININGS = 16
TEST = ("Standard_Index_Set_test5", "Standard_Index_Set_test10", "Slow_Postional_Displacement_10steps_test4")
VALIDATION = ("Standard_Index_Set_test3", "Random_Index_Set_Random_Dwell_set2_test5", "Slow_Postional_Displacement_10steps_test1")
METHODS = ("given", "two-stage", "joint")
STARTUP = 4
REFERENCE_ERROR = 0.7  # about what the best constant guess makes
REFERENCE_COST = 1.0  # a whole device in one resource, or a quarter of all four
PROXY = ({"metric": "rmse", "reference": REFERENCE_ERROR}, {"metric": "workload"})
REAL = ({"metric": "rmse", "reference": REFERENCE_ERROR}, {"metric": "device_cost", "reference": REFERENCE_COST})
GOALS: dict[str, tuple[dict[str, Any], ...]] = {"given": REAL, "two-stage": PROXY, "joint": REAL}


def document(arguments: argparse.Namespace, method: str, seed: int) -> dict[str, Any]:
    """Return the search's file as tables."""
    limit = {"metric": "latency_ns_max", "maximum": 200_000}
    return {
        "nas": {"name": f"{method.replace('-', '_')}_{seed}", "seed": seed},
        "data": {
            "kind": "dropbear",
            "path": str(arguments.data.absolute()),
            "test": list(TEST),
            "validation": list(VALIDATION),
            "stride": 128,
            "windows": arguments.windows,
        },
        "space": {
            "input_length": [128, 400],
            "same_sizes": True,
            "conv": {"blocks": [0, 5], "filters": [4, 48], "kernel": [3], "pool": [2]},
            "recurrent": {"layers": [0, 1], "units": [4, 16], "kind": ["lstm"]},
            "dense": {"layers": [0, 5], "units": [4, 80]},
        },
        "training": {
            "epochs": arguments.epochs,
            "batch_size": 32,
            "learning_rate": 0.002,
            "patience": 100,
            "prune_after": 100,
        },
        "target": {
            "part": "xczu7ev-ffvc1156-2-e",
            "clock_period_ns": 4.0,
            "io_type": "io_stream",
            "precision": "ap_fixed<16,8>",
            "toolchain": "vivado_hls 2019.1",
        },
        "cost": {"refuse": method != "two-stage"},
        "objective": [dict(goal) for goal in GOALS[method]],
        "limit": [limit],
        "search": {"sampler": arguments.sampler, "startup": STARTUP},
        "budget": {"trials": arguments.trainings},
    }


def given_networks(folder: Path) -> list[Architecture]:
    """Return the 16 networks; a name tells length, convolutions, filters, LSTMs, units, dense layers, neurons."""
    found = []
    for file in sorted(folder.glob("network_*_*.json")):
        length, n_conv, filters, n_lstm, units, n_dense, neurons = (int(part) for part in re.findall(r"\d+", file.stem))
        layers = (Recurrent("lstm", units),) * n_lstm if n_lstm else ()
        found.append(Architecture(length, 1, (ConvBlock(filters, 3, 2),) * n_conv, layers, (neurons,) * n_dense))
    return found


def timed(log: Path) -> TrainFunction:
    """Return a training that notes its processor time, since wall time on a busy machine says little."""
    from dse.nas.keras_training import train

    def noted(architecture: Architecture, windows: Any, settings: Any, seed: int, report: Any) -> Trained:
        start = time.process_time()
        trained = train(architecture, windows, settings, seed, report)
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": architecture.key, "seconds": time.process_time() - start}) + "\n")
        return trained

    return noted


def train_given(spec: NasSpec, networks: list[Architecture], windows: Any, log: Path, train: TrainFunction) -> list[Candidate]:
    """Train the given networks, those that the log does not have yet."""
    known = {}
    if log.exists():
        known = {row["key"]: row for row in map(json.loads, log.read_text(encoding="utf-8").splitlines())}
    found = []
    for number, network in enumerate(networks):
        if network.key not in known:
            start = time.perf_counter()
            seed = spec.seed * 1_000_003 + number
            trained = train(network, windows(network.input_length), spec.training, seed, lambda error: True)
            known[network.key] = {"key": network.key, "error": trained.error, "test_error": trained.test_error}
            known[network.key]["seconds"] = time.perf_counter() - start
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(known[network.key]) + "\n")
            say(f"given seed {spec.seed} {network}: {trained.error:.4f} ({known[network.key]['seconds']:.1f} s)")
        row = known[network.key]
        found.append(Candidate(number, Outcome.TRAINED, network, row["error"], row["test_error"], seconds=row["seconds"]))
    return found


class Told(Follower):
    """Says what a search does."""

    def finished(self, candidate: Candidate, candidates: tuple[Candidate, ...]) -> None:
        say(f"{self.spec.name} #{candidate.number} {candidate.architecture}: {candidate.error} ({candidate.seconds} s)")


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def candidates_of(arguments: argparse.Namespace, method: str, seed: int, windows: Any) -> tuple[NasSpec, list[Candidate]]:
    """Train (or read) all candidates of a method and seed."""
    from dse.nas.session import run_search

    spec = build_spec(arguments.work / f"{method}.toml", document(arguments, method, seed))
    train = timed(times_file(arguments, method, seed))
    if method == "given":
        return spec, train_given(spec, given_networks(arguments.networks), windows, arguments.work / f"given_{seed}.jsonl", train)
    found = run_search(spec, train=train, watchers=(Told(spec),))
    return spec, [candidate for candidate in found if candidate.outcome is Outcome.TRAINED]


def times_file(arguments: argparse.Namespace, method: str, seed: int) -> Path:
    """Return where the processor times of a method and seed are."""
    return Path(arguments.work / f"times_{method}_{seed}.jsonl")


def weigh(spec: NasSpec, candidates: list[Candidate], times: Path) -> list[dict[str, Any]]:
    """Return what is compared: validation and test error, and the least device cost at the limit (None if it cannot be kept)."""
    rows = []
    used = {row["key"]: row["seconds"] for row in map(json.loads, times.read_text(encoding="utf-8").splitlines())}
    for candidate in candidates:
        assert candidate.architecture is not None
        cost = cost_of(candidate.architecture, spec.device)
        facts = cost_to_json(cost)
        shown = {"network": str(candidate.architecture), "validation": candidate.error, "test": candidate.test_error}
        seconds = {"seconds": used[candidate.architecture.key], "ask_seconds": candidate.ask_seconds, "cost_seconds": cost.seconds}
        rows.append({**shown, "device_cost": facts["device_cost"], "workload": facts["workload"], **seconds})
    return rows


def volumes(rows: list[dict[str, Any]], naive: dict[str, float]) -> dict[str, float]:
    """Return the hypervolumes of a method's own front; errors in units of the best constant guess, costs of `REFERENCE_COST`."""
    counted = [row for row in rows if row["device_cost"] is not None]
    if not counted:
        return {"validation": 0.0, "test": 0.0}
    points = np.array([[row["validation"], row["device_cost"]] for row in counted])
    front = [row for row, keep in zip(counted, non_dominated(points), strict=True) if keep]
    found = {}
    for split in ("validation", "test"):
        scaled = np.array([[row[split] / naive[split], row["device_cost"] / REFERENCE_COST] for row in front])
        found[split] = hypervolume(scaled, [1.0, 1.0])
    return found


def cheapest(rows: list[dict[str, Any]], split: str, cost: float) -> float | None:
    """Return the error of the network that a user with such a budget would take: the best on validation among those that fit it."""
    fitting = [row for row in rows if row["device_cost"] is not None and row["device_cost"] <= cost]
    return min(fitting, key=lambda row: row["validation"])[split] if fitting else None


def report(everything: dict[str, list[list[dict[str, Any]]]], naive: dict[str, float], arguments: argparse.Namespace) -> str:
    """Return the page of results."""
    results = {method: [rows[:TRAININGS] for rows in seeds] for method, seeds in everything.items()}
    lines = [
        "# Architecture search: given networks, two stages, jointly",
        "",
        "`python benchmarks/nas_dropbear.py`; the script's head says what is compared and how. Times are processor seconds of a training,",
        "TensorFlow's tracing included.",
        "",
        f"{TRAININGS} trainings a method and seed, {arguments.seeds} seeds, {arguments.windows} windows and {arguments.epochs} epochs a training"
        " (far fewer than the",
        f"paper's), sampler `{arguments.sampler}` in both searches, the first {STARTUP} spread over the space. Error: RMSE of the roller's position"
        " in units of the best",
        f"constant guess ({naive['validation']:.4f} on validation runs, {naive['test']:.4f} on test runs). Hypervolume up to error 1 and device"
        f" cost {REFERENCE_COST:g}.",
        "Device costs are estimates at 200 us, xczu7ev, 250 MHz; nothing here was synthesised. The given networks are the outcome of 360",
        "trainings by their authors, which are not counted here.",
        "",
        "| method | hypervolume (validation) | hypervolume (test) | feasible | on its front | s a training | ms a costing |",
        "|---|---|---|---|---|---|---|",
    ]
    for method in METHODS:
        seeds = results[method]
        both = [volumes(rows, naive) for rows in seeds]
        cells = [_spread([volume[split] for volume in both]) for split in ("validation", "test")]
        feasible = sum(row["device_cost"] is not None for rows in seeds for row in rows)
        total = sum(len(rows) for rows in seeds)
        front = "/".join(str(_front_size(rows)) for rows in seeds)
        seconds = np.median([row["seconds"] for rows in seeds for row in rows if row["seconds"]])
        costing = 1000 * np.median([row["cost_seconds"] for rows in seeds for row in rows])
        lines.append(f"| {method} | {cells[0]} | {cells[1]} | {feasible} of {total} | {front} | {seconds:.1f} | {costing:.1f} |")
    lines += ["", "| hypervolume (test) | " + " | ".join(f"seed {seed}" for seed in range(1, arguments.seeds + 1)) + " |"]
    lines += ["|---" * (arguments.seeds + 1) + "|"]
    for method in METHODS:
        lines.append(f"| {method} | " + " | ".join(f"{volumes(rows, naive)['test']:.4f}" for rows in results[method]) + " |")
    lines += ["", "Hypervolume (test), mean over seeds, of what a search has after so many trainings:", ""]
    counts = tuple(count for count in (4, 8, 12, 16, 20, 24, 28, 32) if count <= arguments.trainings)
    lines += ["| trainings | " + " | ".join(map(str, counts)) + " |", "|---" * (len(counts) + 1) + "|"]
    for method in METHODS[1:]:
        means = [np.mean([volumes(rows[:count], naive)["test"] for rows in everything[method]]) for count in counts]
        lines.append(f"| {method} | " + " | ".join(f"{mean:.4f}" for mean in means) + " |")
    lines += [
        "",
        "Test error (in units of the best constant guess) of what each method hands over for a device budget, mean over seeds:",
        "",
    ]
    budgets = (0.1, 0.15, 0.2, 0.3, 0.5, 0.7)
    lines += [
        "| device cost at most | " + " | ".join(f"{budget:g}" for budget in budgets) + " |",
        "|---" * (len(budgets) + 1) + "|",
    ]
    for method in METHODS:
        lines.append(f"| {method} | " + " | ".join(_at(results[method], naive, budget) for budget in budgets) + " |")
    lines += ["", *verdicts(results, naive), "", "![fronts](nas.svg)", ""]
    return "\n".join(lines)


def verdicts(results: dict[str, list[list[dict[str, Any]]]], naive: dict[str, float]) -> list[str]:
    """Return who beats whom, seed by seed."""
    found = {method: [volumes(rows, naive)["test"] for rows in results[method]] for method in METHODS}
    lines = []
    for one, other in (("joint", "two-stage"), ("joint", "given"), ("two-stage", "given")):
        pairs = list(zip(found[one], found[other], strict=True))
        wins = sum(a > b for a, b in pairs)
        gain = float(np.mean([a - b for a, b in pairs]))
        lines.append(
            f"- {one} against {other}: larger hypervolume (test) in {wins} of {len(pairs)} seeds, by {gain:+.4f} on average"
        )
    return lines


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})"


def _front_size(rows: list[dict[str, Any]]) -> int:
    points = [[row["validation"], row["device_cost"]] for row in rows if row["device_cost"] is not None]
    return int(non_dominated(np.array(points)).sum()) if points else 0


def _at(seeds: list[list[dict[str, Any]]], naive: dict[str, float], budget: float) -> str:
    found = [error for rows in seeds if (error := cheapest(rows, "test", budget)) is not None]
    if not found:
        return "-"
    some = "" if len(found) == len(seeds) else f" ({len(found)} of {len(seeds)})"
    return f"{np.mean(found) / naive['test']:.3f}{some}"


def figure(results: dict[str, list[list[dict[str, Any]]]]) -> str:
    """Return all networks and each method's front over its seeds, as an SVG."""
    from dse.view.figures import svg
    from dse.view.figures.axes import bottom_axis, left_axis, scale
    from dse.view.figures.drawing import Dot, Drawing, Line, Mark, Text

    rows = {method: [row for seed in results[method] for row in seed if row["device_cost"] is not None] for method in METHODS}
    x = scale([row["device_cost"] for found in rows.values() for row in found], 60, 620, wants_log=True)
    y = scale([row["test"] for found in rows.values() for row in found], 340, 26, wants_log=True)
    marks: list[Mark] = [*left_axis(y, 60, 620, "RMSE on test runs"), *bottom_axis(x, 340, "device cost at 200 us (estimate)")]
    for index, method in enumerate(METHODS):
        style = f"layer{(3, 1, 0)[index]}"
        for row in rows[method]:
            marks.append(Dot(x(row["device_cost"]), y(row["test"]), 3.4, style))
        points = np.array([[row["device_cost"], row["test"]] for row in rows[method]])
        best = sorted(map(tuple, points[non_dominated(points)])) if len(points) else []
        steps = [(x(best[0][0]), y(best[0][1]))] if best else []
        for cost, error in best[1:]:
            steps += [(x(cost), steps[-1][1]), (x(cost), y(error))]
        if len(steps) > 1:
            marks.append(
                Line(
                    tuple(steps),
                    ("interpolant", "target", "front-line")[0 if method == "two-stage" else 1 if method == "given" else 2],
                )
            )
        marks += [Dot(70 + 130 * index, 388, 4, style), Text(80 + 130 * index, 391.5, method, "tick")]
    words = "Networks of all seeds: RMSE on test runs against device cost, and the best of each method"
    return svg.standalone(Drawing(640, 400, "Architecture search on DROPBEAR", words, tuple(marks)))


def main() -> int:
    """Train what is not trained yet, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of *_acc.txt[.gz] and *_pin.txt[.gz]")
    parser.add_argument("--networks", type=Path, required=True, help="folder of N-TORC's network_*.json")
    parser.add_argument("--work", type=Path, required=True, help="where trainings are recorded")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--trainings", type=int, default=TRAININGS, help="of a search; the comparison is after 16, the curve goes on"
    )
    parser.add_argument("--only", type=int, help="train this seed alone, and report nothing")
    parser.add_argument("--windows", type=int, default=2400)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--sampler", default="known_cost")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from dse.nas.keras_training import prepare
    from dse.nas.worker import cutter_of

    prepare()
    first = build_spec(arguments.work / "given.toml", document(arguments, "given", 1))
    windows = cutter_of(first)
    some = windows(128)
    naive = {split: float(some.y[split].std() * some.scale) for split in ("validation", "test")}
    results: dict[str, list[list[dict[str, Any]]]] = {method: [] for method in METHODS}
    for seed in [arguments.only] if arguments.only else range(1, arguments.seeds + 1):
        for method in METHODS:
            spec, candidates = candidates_of(arguments, method, seed, windows)
            results[method].append(weigh(spec, candidates, times_file(arguments, method, seed)))
            say(f"{method} seed {seed}: {volumes(results[method][-1], naive)}")
    if arguments.only:
        return 0
    (arguments.work / "results.json").write_text(json.dumps({"naive": naive, "results": results}, indent=1), encoding="utf-8")
    if arguments.report:
        arguments.report.write_text(report(results, naive, arguments), encoding="utf-8")
    if arguments.figure:
        arguments.figure.write_text(
            figure({method: [rows[:TRAININGS] for rows in seeds] for method, seeds in results.items()}), encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
