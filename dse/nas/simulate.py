"""The bit-accurate check: what the design computes in fixed point, by hls4ml's C simulation, against what Keras computes.

hls4ml writes the design as C++ and g++ compiles it; that takes a minute or more, and a failed assertion in it ends the process, so it
happens in a worker of its own.
Numbers do not depend on the reuse factors, so a network is compiled once per precision, at its deployed point.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dse.design import DesignPoint, Fidelity, Job
from dse.errors import ToolNotFound
from dse.nas.deploy import Deployed, simulation_path
from dse.nas.spec import NasSpec
from dse.store.fsops import write_atomically
from dse.study.assemble import Question
from dse.wire import dump_json, from_json, to_json
from dse.workers import Limits, Program, ask_once

SECONDS = 1800.0
SAMPLES = 512
PROGRAM = Program("C simulation", f"{__name__}:start", environment={"HOME": str(Path.home())})  # data may lie in ~
WORSE = 1.05  # the fixed-point error may be so many times the float one before there is a warning


def simulate(spec: NasSpec, deployed: Deployed, *, samples: int = SAMPLES, seconds: float = SECONDS) -> dict[str, Any]:
    """Compare fixed point with float on held-out windows; the answer is kept beside the campaign, and asked for once per point.

    Returns:
        `float_error`, `fixed_error` (in the unit of the search's error), `split`, `samples`, `point`, `seconds`, `warning` ("" if the
        two agree); or `problem` where the simulation failed.

    Raises:
        ToolNotFound: there is no g++.
    """
    assert deployed.incumbent is not None
    point = to_json(deployed.incumbent.point)
    known = deployed.simulated
    if known and known.get("point") == point and known.get("samples") == samples and "problem" not in known:
        return known
    if shutil.which("g++") is None:
        raise ToolNotFound("the bit-accurate check needs g++. Install it, or leave out --simulate.")
    request = {
        "path": str(spec.path.absolute()),
        "document": spec.document,
        "campaign": str(deployed.path.absolute()),
        "point": point,
        "samples": samples,
    }
    answer = ask_once(PROGRAM, request, Limits(seconds=seconds))
    if "error" in answer:
        answer = {"problem": f"{answer['error']}: {answer['message']}"[:400]}
    else:
        answer |= {"point": point, "samples": samples, "warning": warning_of(answer["float_error"], answer["fixed_error"])}
    write_atomically(simulation_path(spec, deployed.candidate), dump_json(answer).encode("utf-8"))
    return answer


def warning_of(float_error: float, fixed_error: float) -> str:
    """Return a sentence where the two part, "" where they agree.

    >>> warning_of(1.0, 1.01), warning_of(1.0, 2.0)
    ('', 'fixed point doubles the error: 2 against 1 in float. Give the types more bits.')
    """
    if fixed_error <= WORSE * float_error:
        return ""
    factor = fixed_error / float_error if float_error > 0 else float("inf")
    words = "doubles the error" if 1.95 <= factor <= 2.05 else f"makes the error {factor:.3g} times as large"
    return f"fixed point {words}: {fixed_error:.4g} against {float_error:.4g} in float. Give the types more bits."


def start() -> Callable[[dict[str, Any], object], dict[str, Any]]:
    """Return what serves one request, in a worker."""
    return _compare


def _compare(request: dict[str, Any], _: object) -> dict[str, Any]:
    from dse.nas.spec import build_spec
    from dse.nas.worker import cutter_of
    from dse.project import generate
    from dse.study.question import read_question

    start = time.monotonic()
    spec = build_spec(Path(request["path"]), request["document"])
    question = read_question(Path(request["campaign"]))
    generate.load_libraries()
    from dse.nas.keras_training import error_between
    from dse.project.keras_networks import load_model

    model, _ = load_model(question.spec.source, question.spec.network)
    windows = cutter_of(spec)(int(model.input_shape[1]))
    split: Any = "test" if "test" in windows.x else "validation"
    keep = np.linspace(0, len(windows.y[split]) - 1, min(len(windows.y[split]), int(request["samples"]))).astype(int)
    x, y = np.ascontiguousarray(windows.x[split][keep]), windows.y[split][keep]
    with tempfile.TemporaryDirectory(prefix="dse-simulate-") as folder:
        fixed = _fixed(model, question, request["point"], x, Path(folder))
    is_classes = spec.space.head.kind == "classes"
    floats = model.predict(x, verbose=0)
    return {
        "split": split,
        "float_error": error_between(floats, y, windows.scale, is_classes),
        "fixed_error": error_between(fixed.reshape(floats.shape), y, windows.scale, is_classes),
        "seconds": round(time.monotonic() - start, 1),
    }


def _fixed(model: Any, question: Question, point: dict[str, Any], x: Any, folder: Path) -> Any:
    import hls4ml

    from dse.project.generate import BACKENDS, layer_configuration

    target = question.spec.target
    job = Job(question.spec.network, from_json(DesignPoint, point), target, Fidelity.ESTIMATE)
    graph = hls4ml.converters.convert_from_keras_model(
        model,
        output_dir=str(folder / "project"),
        project_name="myproject",
        backend=BACKENDS[target.toolchain.name],
        hls_config=layer_configuration(model, job),
        io_type=target.io_type,
        clock_period=target.clock_period_ns,
    )
    graph.compile()
    return np.asarray(graph.predict(x))
