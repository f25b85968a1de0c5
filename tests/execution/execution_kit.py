"""Small projects in hls4ml's own shape, written in a millisecond, and campaigns' sites for the fake tools to work on."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dse.design import DesignPoint, Fidelity, Job, Layer, LayerChoice, Network, Target
from dse.errors import DiskFull, DseError
from dse.execution import process
from dse.execution.jobdir import job_folders
from dse.parts import vendor_part
from dse.project.plan import BuiltLayer, ProjectPlan, content_digest, load_plan
from dse.synth_backends.base import Site

FAKE_TOOLS = Path(__file__).resolve().parent.parent / "fake_tools"
TARGET = Target("xc7a200tfbg6762", 5.0)
LAYERS = (Layer("fc1", "dense", 16, 64, output_shape=(64,)), Layer("fc2", "dense", 64, 32, inputs=("fc1",), output_shape=(32,)))
NETWORK = Network("toy", LAYERS, digest="ab" * 32)


def _load_install() -> Any:
    spec = importlib.util.spec_from_file_location("fake_tools_install", FAKE_TOOLS / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


fake_tools = _load_install()


def job_for(*factors: int, target: Target = TARGET, fidelity: Fidelity = Fidelity.CSYNTH) -> Job:
    point = DesignPoint(tuple((layer.name, LayerChoice(factor)) for layer, factor in zip(LAYERS, factors, strict=True)))
    return Job(NETWORK, point, target, fidelity)


def write_project(job: Job, directory: Path) -> ProjectPlan:
    """Write what the fake tools read, as hls4ml would: settings, configurations, calls."""
    firmware = directory / "firmware"
    firmware.mkdir(parents=True)
    structs, calls, types, built = [], [], ["typedef ap_fixed<16,6> input_t;"], []
    before = "input_t"
    for number, layer in enumerate(job.network.layers, 2):
        choice = job.point[layer.name]
        types.append(f"typedef ap_fixed<16,6> layer{number}_t;")
        structs.append(
            f"// {layer.name}\nstruct config{number} : nnet::dense_config {{\n"
            f"    static const unsigned n_in = {layer.n_in};\n    static const unsigned n_out = {layer.n_out};\n"
            f"    static const unsigned io_type = nnet::io_parallel;\n    static const unsigned strategy = nnet::{choice.strategy};\n"
            f"    static const unsigned reuse_factor = {choice.reuse_factor};\n}};\n"
        )
        calls.append(f"    nnet::dense<{before}, layer{number}_t, config{number}>(a, b, w{number}, b{number}); // {layer.name}\n")
        built.append(BuiltLayer(number, layer.name, layer.name, "Dense", choice.strategy, choice.reuse_factor))
        before = f"layer{number}_t"
    (firmware / "parameters.h").write_text("\n".join(structs))
    (firmware / "defines.h").write_text("\n".join(types) + "\n")
    (firmware / "myproject.cpp").write_text("void myproject() {\n    #pragma HLS DATAFLOW\n" + "".join(calls) + "}\n")
    backend = "Vivado" if job.target.toolchain.name == "vivado_hls" else "Vitis"
    (directory / "project.tcl").write_text(
        f'set project_name "myproject"\nset backend "{backend}"\nset part "{vendor_part(job.target.part)}"\n'
        f"set clock_period {job.target.clock_period_ns:g}\nset clock_uncertainty 12.5%\n"
    )
    (directory / "build_prj.tcl").write_text("# stands for hls4ml's script\n")
    plan = ProjectPlan(directory.absolute(), content_digest(directory), "myproject", tuple(built), job.target.hls4ml_version)
    plan.save()
    return plan


@dataclass
class Written:
    """A project that is there at once, or an error."""

    plan: ProjectPlan | None
    error: DseError | None = None

    def done(self) -> bool:
        return True

    def result(self) -> ProjectPlan:
        if self.error is not None:
            raise self.error
        assert self.plan is not None
        return self.plan


@dataclass
class StubSource:
    """Writes small projects; counts them, and fails where told to."""

    errors: dict[str, DseError] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)

    def submit(self, job: Job, source: Path, destination: Path) -> Written:
        self.written.append(job.key)
        if job.key in self.errors:
            return Written(None, self.errors[job.key])
        partial = destination.with_name("project.tmp")
        shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
        try:
            write_project(job, partial)
        except OSError as error:
            return Written(None, DiskFull(f"the project could not be written: {error.strerror}"))
        partial.rename(destination)
        return Written(load_plan(destination))

    def cancel(self, pending: Written) -> None:
        return

    def close(self) -> None:
        return


@pytest.fixture
def source() -> StubSource:
    return StubSource()


@pytest.fixture
def tools(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Install the fake tools with a script and return their directory; calling it again changes the script."""

    def install(script: dict[str, Any] | None = None) -> Path:
        return fake_tools.install(tmp_path / "tools", script or {})  # type: ignore[no-any-return]

    return install


@pytest.fixture
def starts(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """What the fake tools were started for, oldest first."""
    return lambda: fake_tools.starts(tmp_path / "tools")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A campaign's site; whatever a test leaves running there is ended, and was a mistake if `no_orphans` is asked."""
    work = tmp_path / "work"
    yield Site(NETWORK, TARGET, tmp_path / "toy.json", work, "toy", slots=2)
    for token in tokens(work):
        process.kill_bearers(token)


def tokens(work: Path) -> list[str]:
    """The marks of all attempts that a work directory knows."""
    return [attempt.token for folder in job_folders(work) for attempt in folder.load().attempts]


def orphans(work: Path) -> list[int]:
    """Processes of any attempt that still live."""
    return [pid for token in tokens(work) for pid in process.bearers(token)]


def run_until_done(backend: Any, jobs: Sequence[Job], seconds: float = 60.0, pause: float = 0.05) -> dict[str, Any]:
    """Advance until all jobs are done, and return key -> evaluation."""
    import time

    deadline = time.monotonic() + seconds
    while True:
        progress = backend.advance(tuple(jobs))
        if all(one.state == "done" for one in progress):
            return {one.key: one.evaluation for one in progress}
        assert time.monotonic() < deadline, [(one.key[:6], one.state, one.phase, one.message) for one in progress]
        time.sleep(pause)
