"""Checks this bundle: rebuilds the project, reads back what hls4ml built, and compares results with what is expected.

    python verify.py                    rebuild; compare reuse factors, strategies, the generated sources, and the numbers of hls4ml's C++
                                        (compiled with g++) with those of the network (--no-numbers leaves that out)
    python verify.py --reports PROJECT  also compare the tool's report (of C synthesis) with the expected figures
    python verify.py --replay           also ask dse's own estimate or recorded results again (needs dse; --corpus says where)

Exit status: 0 all agrees, 1 something differs, 2 something needed is missing. Needs hls4ml and Keras 3; dse only for --replay.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import io
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

SOURCES = ("firmware/**/*", "project.tcl", "build_prj.tcl", "vivado_synth.tcl", "*_test.cpp")
METRICS = ("lut", "ff", "dsp", "bram_18k", "uram", "latency_cycles_min", "latency_cycles_max", "ii_cycles_min", "ii_cycles_max")
_TAGS = {
    "lut": ("LUT",),
    "ff": ("FF",),
    "dsp": ("DSP48E", "DSP"),
    "bram_18k": ("BRAM_18K",),
    "uram": ("URAM",),
    "latency_cycles_min": ("Best-caseLatency",),
    "latency_cycles_max": ("Worst-caseLatency",),
    "ii_cycles_min": ("Interval-min",),
    "ii_cycles_max": ("Interval-max",),
}


def main(arguments: list[str] | None = None, folder: Path | None = None) -> int:
    """Check the bundle in `folder` (this file's own folder unless told)."""
    folder = folder or Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description="Check a design against what dse expects of it.")
    parser.add_argument("--reports", metavar="PROJECT", help="a synthesised project, or a csynth.xml of its top")
    parser.add_argument("--tolerance", metavar="PERCENT", type=float, help="allowed difference of the tool's figures")
    parser.add_argument("--replay", action="store_true", help="ask dse's estimate or recorded results again")
    parser.add_argument("--no-numbers", action="store_true", help="do not compile and compare numbers")
    parser.add_argument("--corpus", help="where the recorded results lie")
    asked = parser.parse_args(arguments)
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    problems = check_rebuild(folder, expected, numbers=not asked.no_numbers)
    if asked.replay:
        from dse.bundle.again import differences

        found = differences(folder, asked.corpus)
        _say(f"dse's own answer: {'the same' if not found else 'differs'}")
        problems += found
    if asked.reports:
        problems += check_reports(Path(asked.reports), expected, asked.tolerance)
    for problem in problems:
        _say(f"DIFFERS  {problem}")
    _say("differs from what is expected" if problems else "all agrees")
    return 1 if problems else 0


def check_rebuild(folder: Path, expected: dict[str, Any], *, numbers: bool = True) -> list[str]:
    """Convert once more, and compare what hls4ml built with what was built when the bundle was made."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    for library in ("hls4ml", "keras"):
        if importlib.util.find_spec(library) is None:
            _say(f"{library} is missing: pip install hls4ml=={expected['versions']['hls4ml']} keras tensorflow-cpu")
            sys.exit(2)
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
        graph = _load(folder / "convert.py").convert(Path(scratch) / "project")
        built = [_read_back(layer) for layer in graph.get_layers()]
        graph.write()
        digest = sources_digest(Path(scratch) / "project")
        said, problems = check_numbers(graph, folder, expected) if numbers else ("", [])
    if said:
        _say(said)
    before, after = ({layer["name"]: layer for layer in layers} for layers in (expected["built"], built))
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            problems.append(f"layer {name}: expected {before.get(name)}, built {after.get(name)}")
    _say(f"rebuilt: {len(built)} layers, {'as expected' if not problems else 'not as expected'}")
    if digest == expected["sources_digest"]:
        _say("generated sources: the same, byte for byte")
    else:
        import hls4ml

        versions = f"hls4ml {hls4ml.__version__} here, {expected['versions']['hls4ml']} then"
        problems.append(f"generated sources: not the same ({versions}); the figures may differ too")
    return problems


def check_numbers(graph: Any, folder: Path, expected: dict[str, Any]) -> tuple[str, list[str]]:
    """Compile hls4ml's C++ and compare what it computes with the network, on the random inputs that dse took.

    Returns:
        A line to say, and what is wrong: more than a tenth of the range of the outputs, or than was known when the bundle was made.
    """
    import keras
    import numpy as np

    if shutil.which("g++") is None:
        return "numbers: not checked, there is no g++ here", []
    model = keras.models.load_model(folder / "model.keras")
    if any(type(layer).__name__ == "Embedding" for layer in model.layers):
        return "numbers: not checked, the network reads indices", []
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal((64, *tensor.shape[1:])).astype("float32") for tensor in model.inputs]
    given = inputs if len(inputs) > 1 else inputs[0]
    wanted = model.predict(given, verbose=0)
    try:
        graph.compile()
        built = graph.predict(given)
    except Exception as error:
        return "numbers: hls4ml's C++ does not compile", [f"numbers: {error}"]
    pairs = zip(*(value if isinstance(value, list) else [value] for value in (wanted, built)), strict=True)
    gaps = [(float(abs(one.ravel() - np.ravel(other)).max()), float(np.ptp(one))) for one, other in pairs]
    difference, span = max(gap for gap, _ in gaps), max(span for _, span in gaps)
    known = expected.get("numerics") or {}
    allowed = max(0.1 * span, 1.01 * (known.get("difference") or 0.0) if known.get("input_kind") == "random" else 0.0)
    said = f"numbers: largest difference {difference:.3g} of a range of {span:.3g} of the network's outputs"
    return said, [] if difference <= allowed else [f"{said}, expected at most {allowed:.3g}"]


def check_reports(path: Path, expected: dict[str, Any], tolerance: float | None) -> list[str]:
    """Compare the tool's totals with the expected ones; estimates are only shown beside them, unless a tolerance is given."""
    measured = read_csynth(path)
    if tolerance is None and expected["is_measured"] and expected["fidelity"] == "csynth":
        tolerance = 0.0
    problems = []
    _say(f"{'':20}{'expected':>12}{'reported':>12}{'difference':>12}   ({expected['fidelity']})")
    for metric in METRICS:
        want, got = expected["qor"].get(metric), measured.get(metric)
        if want is None or got is None:
            continue
        percent = 100 * (got - want) / want if want else (0.0 if got == want else float("inf"))
        _say(f"{metric:20}{want:12,.0f}{got:12,.0f}{percent:11.1f}%")
        if tolerance is not None and abs(percent) > tolerance:
            problems.append(f"{metric}: expected {want:,.0f}, reported {got:,.0f}")
    if tolerance is None:
        _say("no tool run of the campaign gave the expected figures, so a difference is no error (--tolerance makes it one)")
    return problems


def read_csynth(path: Path) -> dict[str, float]:
    """Return the totals of the top's C synthesis report; what it does not say is left out."""
    file = path
    if path.is_dir():
        found = sorted(path.glob("**/syn/report/myproject_csynth.xml"))
        if len(found) != 1:
            _say(f"{path}: {len(found)} reports syn/report/myproject_csynth.xml, expected one. Run ./build.sh first.")
            sys.exit(2)
        file = found[0]
    text = file.read_text(encoding="utf-8", errors="replace").split("<AvailableResources>")[0]
    totals = {}
    for metric, tags in _TAGS.items():
        for tag in tags:
            match = re.search(rf"<{tag}>\s*(\d+)\s*</{tag}>", text)
            if match and metric not in totals:
                totals[metric] = float(match.group(1))
    return totals


def sources_digest(project: Path) -> str:
    """Return the SHA-256 over all that the tool reads of a project: one line of digest and name a file, sorted by name."""
    found = {path for pattern in SOURCES for path in project.glob(pattern)}
    files = [path for path in found if path.is_file() and "ap_types" not in path.parts]  # those are for g++ only
    lines = sorted(f"{path.relative_to(project).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n" for path in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _read_back(layer: Any) -> dict[str, Any]:
    # a bidirectional layer keeps its factors once for each direction, always the same
    prefix = "" if layer.get_attr("forward_reuse_factor") is None else "forward_"
    factors = {name: layer.get_attr(prefix + name) for name in ("reuse_factor", "recurrent_reuse_factor")}
    strategy = layer.get_attr("strategy")
    return {"name": str(layer.name), "strategy": None if strategy is None else str(strategy).lower(), **factors}


def _load(path: Path) -> Any:
    specification = importlib.util.spec_from_file_location("bundle_convert", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
