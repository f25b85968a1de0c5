"""Projects per second and core: the warm generator against hls4ml as a plain script calls it, on the same points.

    python benchmarks/bench_projects.py [--projects 20] [--networks mlp jet_tagger dropbear] [--json out.json]

Three ways to write the same projects (Vivado flow, io_parallel, resource strategy, random legal points):
    warm    `dse.project.ProjectGenerator` with one worker, after it has started; layers read back, digest and plan written
    plain   hls4ml as in its tutorial, one process, model loaded once: configure, convert, write (which saves the Keras model)
    script  as plain, but one process per project: what a shell loop over points does
Cost is processor seconds (user + system) of the process that writes, because wall time depends on who else uses the machine; wall
time is given too. The design is compared: warm and plain must give the same reuse factors in parameters.h.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from dse.design import DesignPoint, Fidelity, Job, LayerChoice, Network, Target, normalise_part
from dse.networks import read_network
from dse.project import ProjectGenerator
from dse.registry import layer_kind

NETWORKS = Path(__file__).resolve().parents[1] / "campaigns" / "networks"
PART = "xcu250-figd2104-2L-e"

# What hls4ml's own tutorial does, with a time stamp around it. Reads {source, part, points, folder} from standard input.
PLAIN = """
import json, os, resource, sys, time
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="-1")
request = json.load(sys.stdin)
import hls4ml, keras
model = keras.models.model_from_json(open(request["source"]).read().replace('"input"', '"network_input"'))
def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
answers, out = [], sys.stdout
sys.stdout = open(os.devnull, "w")
for number, point in enumerate(request["points"]):
    began, used = time.perf_counter(), cpu()
    config = hls4ml.utils.config_from_keras_model(model, granularity="name", backend="Vivado", default_precision="ap_fixed<16,6>")
    for name, factor in point.items():
        config["LayerName"][name].update(ReuseFactor=factor, Strategy="Resource")
    converted = hls4ml.converters.convert_from_keras_model(
        model, hls_config=config, backend="Vivado", output_dir=f"{request['folder']}/p{number}", io_type="io_parallel",
        part=request["part"], clock_period=5.0)
    converted.write()
    answers.append([time.perf_counter() - began, cpu() - used])
print(json.dumps(answers), file=out)
"""


def random_points(network: Network, target: Target, n_points: int) -> list[DesignPoint]:
    """Draw legal points of the resource strategy."""
    draw = random.Random(1)
    points = []
    for _ in range(n_points):
        choices = []
        for layer in network.layers:
            legal = layer_kind(layer.kind).legal(layer, target, "resource").reuse_factors
            if legal:
                choices.append((layer.name, LayerChoice(draw.choice(legal))))
        points.append(DesignPoint(tuple(choices)))
    return points


def run_warm(source: Path, jobs: list[Job], folder: Path) -> dict[str, float]:
    with ProjectGenerator(1) as generator:
        began = time.perf_counter()
        generator.submit(jobs[0], source, folder / "first").result(600)
        start_seconds = time.perf_counter() - began
        (process,) = psutil.Process().children()
        used = sum(process.cpu_times()[:2])
        began = time.perf_counter()
        generations = [generator.submit(job, source, folder / f"p{number}") for number, job in enumerate(jobs)]
        for generation in generations:
            generation.result(600)
        wall = time.perf_counter() - began
        return {
            "start_seconds": start_seconds,
            "wall_seconds": wall / len(jobs),
            "cpu_seconds": (sum(process.cpu_times()[:2]) - used) / len(jobs),
        }


def run_plain(source: Path, jobs: list[Job], folder: Path) -> tuple[dict[str, float], float]:
    """Return the cost per project with the model loaded, and the processor seconds of the whole process."""
    points = [{name: choice.reuse_factor for name, choice in job.point.choices} for job in jobs]
    request = {"source": str(source), "part": PART, "points": points, "folder": str(folder)}
    before = os.times()
    done = subprocess.run([sys.executable, "-c", PLAIN], input=json.dumps(request), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    after = os.times()
    whole = after.children_user + after.children_system - before.children_user - before.children_system
    answers = json.loads(done.stdout.splitlines()[-1])
    n = len(answers)
    return {"wall_seconds": sum(a[0] for a in answers) / n, "cpu_seconds": sum(a[1] for a in answers) / n}, whole


def same_designs(warm: Path, plain: Path, n_projects: int) -> bool:
    """Whether both ways built the same reuse factors, project by project."""

    def factors(folder: Path, number: int) -> list[str]:
        text = (folder / f"p{number}" / "firmware" / "parameters.h").read_text()
        return re.findall(r"reuse_factor = (\d+)", text)

    return all(factors(warm, number) == factors(plain, number) for number in range(n_projects))


def measure(name: str, n_projects: int) -> dict[str, Any]:
    source = NETWORKS / f"{name}.json"
    network = read_network(source)
    target = Target(normalise_part(PART), 5.0)
    jobs = [Job(network, point, target, Fidelity.CSYNTH) for point in random_points(network, target, n_projects)]
    with tempfile.TemporaryDirectory() as scratch:
        folders = {way: Path(scratch) / way for way in ("warm", "plain", "script")}
        for folder in folders.values():
            folder.mkdir()
        warm = run_warm(source, jobs, folders["warm"])
        plain, _ = run_plain(source, jobs, folders["plain"])
        _, script_cpu = run_plain(source, jobs[:1], folders["script"])
        is_same = same_designs(folders["warm"], folders["plain"], n_projects)
    return {
        "network": name,
        "projects": n_projects,
        "warm": warm,
        "plain": plain,
        "script": {"cpu_seconds": script_cpu},
        "warm_projects_per_core_second": 1 / warm["cpu_seconds"],
        "plain_projects_per_core_second": 1 / plain["cpu_seconds"],
        "ratio_to_plain": plain["cpu_seconds"] / warm["cpu_seconds"],
        "ratio_to_script": script_cpu / warm["cpu_seconds"],
        "same_reuse_factors": is_same,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--projects", type=int, default=20)
    parser.add_argument("--networks", nargs="+", default=["mlp", "jet_tagger", "dropbear"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = [measure(name, options.projects) for name in options.networks]
    print("network      warm/core-s  plain/core-s  x plain  x script  wall s warm / plain  same design")
    for row in rows:
        print(
            f"{row['network']:<12} {row['warm_projects_per_core_second']:>11.1f} {row['plain_projects_per_core_second']:>13.1f}"
            f" {row['ratio_to_plain']:>8.1f} {row['ratio_to_script']:>9.0f}"
            f" {row['warm']['wall_seconds']:>12.3f} / {row['plain']['wall_seconds']:.3f} {row['same_reuse_factors']!s:>9}"
        )
    if options.json is not None:
        options.json.write_text(json.dumps({"schema": "dse.bench_projects/1", "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
