"""The fake tools do what their README says, and the report parsers read what they write."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dse.design import Fidelity, Job
from dse.errors import ReportError
from dse.project import ProjectGenerator
from dse.qor import FailureKind
from dse.reports.failure import classify
from dse.reports.kinds import parse_report

FAKE_TOOLS = Path(__file__).resolve().parents[1] / "fake_tools"

_PARAMETERS = """
// fc1
struct config2 : nnet::dense_config {
    static const unsigned n_in = 16;
    static const unsigned n_out = 8;
    static const unsigned io_type = nnet::io_parallel;
    static const unsigned strategy = nnet::resource;
    static const unsigned reuse_factor = REUSE;
};

// fc1_relu
struct relu_config3 : nnet::activ_config {
    static const unsigned n_in = 8;
    static const unsigned reuse_factor = 1;
};
"""
_SOURCE = """
void myproject(input_t x[16], result_t layer3_out[8]) {
    #pragma HLS DATAFLOW
    layer2_t layer2_out[8];
    nnet::dense<input_t, layer2_t, config2>(x, layer2_out, w2, b2); // fc1
    nnet::relu<layer2_t, result_t, relu_config3>(layer2_out, layer3_out); // fc1_relu
}
"""
_DEFINES = "typedef ap_fixed<16,6> input_t;\ntypedef ap_fixed<16,6> layer2_t;\ntypedef ap_fixed<16,6> result_t;\n"
_OPTIONS = "reset=True csim=False synth=True cosim=False validation=False export=False vsynth=False fifo_opt=False"


def load_installer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fake_tools_install", FAKE_TOOLS / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


INSTALLER = load_installer()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A miniature of what hls4ml writes."""
    return write_project(tmp_path / "project", reuse_factor=4)


def write_project(directory: Path, reuse_factor: int) -> Path:
    (directory / "firmware").mkdir(parents=True)
    (directory / "firmware" / "parameters.h").write_text(_PARAMETERS.replace("REUSE", str(reuse_factor)))
    (directory / "firmware" / "defines.h").write_text(_DEFINES)
    (directory / "firmware" / "myproject.cpp").write_text(_SOURCE)
    (directory / "project.tcl").write_text(
        'set project_name "myproject"\nset backend "vivado"\nset part "xc7z020clg400-1"\nset clock_period 5\n'
        "set clock_uncertainty 12.5%\n"
    )
    (directory / "build_prj.tcl").write_text("")
    options = " ".join(f"{pair.split('=')[0]} {int(pair.endswith('True'))}" for pair in _OPTIONS.split())
    (directory / "build_opt.tcl").write_text(f"array set opt {{ {options} }}\n")
    return directory


@pytest.fixture
def tools(tmp_path: Path) -> Callable[..., Path]:
    return lambda **script: INSTALLER.install(tmp_path / "tools", script)


def run_tool(tools: Path, project: Path, tool: str = "vivado_hls", options: str = _OPTIONS) -> subprocess.CompletedProcess[str]:
    arguments = {
        "vivado_hls": ["-f", "build_prj.tcl", options],
        "vitis-run": ["--mode", "hls", "--tcl", "build_prj.tcl"],
        "vitis_hls": ["-f", "build_prj.tcl"],
        "vivado": ["-mode", "batch", "-source", "vivado_synth.tcl"],
    }[tool]
    command = [str(tools / tool), *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, errors="replace", timeout=60, check=False)


def reports_of(project: Path) -> Path:
    return project / "myproject_prj" / "solution1" / "syn" / "report"


def read(path: Path) -> Any:
    return parse_report(path.read_text(), path.name)


@pytest.mark.parametrize("tool", ["vivado_hls", "vitis-run", "vitis_hls"])
def test_good_run_writes_what_the_parsers_read(tools: Callable[..., Path], project: Path, tool: str) -> None:
    done = run_tool(tools(), project, tool)
    assert done.returncode == 0
    assert "FAKE" in done.stdout.splitlines()[0]
    files = sorted(path for path in reports_of(project).iterdir())
    for path in files:
        read(path)
    top = read(reports_of(project) / "myproject_csynth.xml")
    assert (top.top, top.part, top.total.clock_target_ns) == ("myproject", "xc7z020clg4001", 5.0)
    assert top.total.used.dsp == 16 * 8 / 4
    assert top.tool == ("vivado_hls" if tool == "vivado_hls" else "vitis_hls")
    text = read(reports_of(project) / "myproject_csynth.rpt")
    assert text.total.used == top.total.used
    assert text.total.latency_cycles == top.total.latency_cycles
    assert [instance.module for instance in text.instances] == [
        "dense_resource_ap_fixed_16_6_5_3_0_ap_fixed_16_6_5_3_0_config2_s",
        "relu_ap_fixed_16_6_5_3_0_ap_fixed_16_6_5_3_0_relu_config3_s",
    ]
    if tool != "vivado_hls":
        whole = read(reports_of(project) / "csynth.xml")
        assert {module.name for module in whole.modules} >= {instance.module for instance in text.instances}
        assert whole.total.used == top.total.used


def test_numbers_follow_the_sources(tools: Callable[..., Path], tmp_path: Path) -> None:
    folder = tools()
    totals = []
    for reuse_factor in (1, 4, 16):
        project = write_project(tmp_path / f"r{reuse_factor}", reuse_factor)
        run_tool(folder, project)
        totals.append(read(reports_of(project) / "myproject_csynth.xml").total)
    assert [total.used.dsp for total in totals] == [128, 32, 8]
    latencies = [total.latency_cycles.maximum for total in totals]
    assert latencies == sorted(latencies)
    assert len(set(latencies)) == 3


def test_stages(tools: Callable[..., Path], project: Path) -> None:
    run_tool(tools(), project, options=_OPTIONS.replace("cosim=False", "cosim=True").replace("vsynth=False", "vsynth=True"))
    csynth = read(reports_of(project) / "myproject_csynth.xml")
    vsynth = read(project / "vivado_synth.rpt")
    assert vsynth.fidelity is Fidelity.VSYNTH
    assert vsynth.total.used.lut < csynth.total.used.lut
    cosim = read(project / "myproject_prj" / "solution1" / "sim" / "report" / "myproject_cosim.rpt")
    assert cosim.status.lower() == "pass"


def test_reset_and_synth_are_obeyed(tools: Callable[..., Path], project: Path) -> None:
    folder = tools()
    run_tool(folder, project)
    (reports_of(project) / "left_over.txt").write_text("x")
    run_tool(folder, project, options=_OPTIONS.replace("reset=True", "reset=False"))
    assert (reports_of(project) / "left_over.txt").exists()
    run_tool(folder, project, options=_OPTIONS.replace("synth=True", "synth=False"))
    assert not reports_of(project).exists()


def test_starts_are_counted_per_project(tools: Callable[..., Path], project: Path, tmp_path: Path) -> None:
    folder = tools()
    other = write_project(tmp_path / "other", 8)
    same = write_project(tmp_path / "same", 4)
    for each in (project, other, same):
        run_tool(folder, each)
    starts = INSTALLER.starts(folder)
    assert [(start["number"], start["attempt"]) for start in starts] == [(0, 0), (1, 0), (2, 1)]
    assert starts[0]["digest"] == starts[2]["digest"] != starts[1]["digest"]


FAILURES = {
    "licence": FailureKind.LICENCE,
    "out_of_memory": FailureKind.OUT_OF_MEMORY,
    "crash": FailureKind.TOOL_CRASH,
    "design_error": FailureKind.DESIGN_ERROR,
    "partition_limit": FailureKind.DESIGN_ERROR,
    "reshape_limit": FailureKind.DESIGN_ERROR,
    "part_missing": FailureKind.PART_MISSING,
    "disk_full": FailureKind.DISK_FULL,
    "script_error": FailureKind.SCRIPT_ERROR,
}


@pytest.mark.parametrize("failure", FAILURES)
def test_failures_are_recognised(tools: Callable[..., Path], project: Path, failure: str) -> None:
    done = run_tool(tools(default={"failure": failure}), project)
    assert done.returncode != 0
    assert not (reports_of(project) / "myproject_csynth.xml").exists()
    assert classify(done.returncode, done.stdout, False).kind is FAILURES[failure]


def test_licence_is_denied_then_granted(tools: Callable[..., Path], project: Path) -> None:
    folder = tools(licence_denied=2)
    assert [run_tool(folder, project).returncode for _ in range(3)] == [1, 1, 0]


def test_attempts_and_runs(tools: Callable[..., Path], project: Path, tmp_path: Path) -> None:
    folder = tools(runs=[None, {"exit": 7}], attempts=[{"exit": 3}, {"exit": 4}], default={"exit": 5})
    other = write_project(tmp_path / "other", 2)
    assert [run_tool(folder, each).returncode for each in (project, other, project, project)] == [3, 7, 4, 5]


@pytest.mark.parametrize("kind", ["truncated", "empty", "garbage"])
def test_broken_reports_are_refused(tools: Callable[..., Path], project: Path, kind: str) -> None:
    assert run_tool(tools(default={"report": kind}), project).returncode == 0
    path = reports_of(project) / "myproject_csynth.xml"
    with pytest.raises(ReportError):
        parse_report(path.read_text(errors="replace"), path.name)


def test_lies(tools: Callable[..., Path], project: Path) -> None:
    folder = tools(
        attempts=[
            {"report": "none"},
            {"exit": 1},
            {"part": "xcu250-figd2104-2L-e", "clock_period_ns": 9},
            {"report": "stale"},
            {"report": "undefined"},
            {"top": "other"},
        ]
    )
    top = reports_of(project) / "myproject_csynth.xml"
    assert run_tool(folder, project).returncode == 0
    assert not top.exists()
    assert run_tool(folder, project).returncode == 1
    assert read(top).top == "myproject"
    run_tool(folder, project)
    assert (read(top).part, read(top).total.clock_target_ns) == ("xcu250figd21042le", 9.0)
    run_tool(folder, project)
    assert time.time() - top.stat().st_mtime > 1800
    run_tool(folder, project)
    assert read(top).total.latency_cycles.maximum is None
    run_tool(folder, project)
    assert not top.exists()
    assert read(reports_of(project) / "other_csynth.xml").top == "other"


def test_late_stage_may_fail_alone(tools: Callable[..., Path], project: Path) -> None:
    folder = tools(default={"at": "vsynth", "failure": "vsynth_error"})
    done = run_tool(folder, project, options=_OPTIONS.replace("vsynth=False", "vsynth=True"))
    assert done.returncode == 1
    assert read(reports_of(project) / "myproject_csynth.xml").top == "myproject"
    assert not (project / "vivado_synth.rpt").exists()


def test_death_by_signal(tools: Callable[..., Path], project: Path) -> None:
    assert run_tool(tools(default={"signal": "SIGSEGV"}), project).returncode == -signal.SIGSEGV


def test_hang_children_and_daemon_are_there_to_be_killed(tools: Callable[..., Path], project: Path) -> None:
    folder = tools(
        default={"hang": "logging", "children": 2, "daemon_seconds": 3600, "grow_bytes": 1 << 20, "ignore_terminate": True}
    )
    environment = {**os.environ, "FAKE_TEST_TOKEN": str(project)}
    command = [str(folder / "vivado_hls"), "-f", "build_prj.tcl", _OPTIONS]
    tool = subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL, env=environment, start_new_session=True)
    try:
        end = time.monotonic() + 30
        family: list[int] = []
        while (len(family) != 4 or sessions(family) != 2) and time.monotonic() < end:
            time.sleep(0.05)
            family = marked_processes(project)
        assert len(family) == 4  # itself, two children, one daemon
        assert sessions(family) == 2
        tool.terminate()
        time.sleep(0.1)
        assert tool.poll() is None
    finally:
        for pid in marked_processes(project):
            os.kill(pid, signal.SIGKILL)
        tool.wait()


def sessions(family: list[int]) -> int:
    """How many sessions they are in; a process that has just ended counts as none."""
    found = set()
    for pid in family:
        with suppress(ProcessLookupError):
            found.add(os.getsid(pid))
    return len(found)


def marked_processes(project: Path) -> list[int]:
    token = f"FAKE_TEST_TOKEN={project}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if token in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def test_spew(tools: Callable[..., Path], project: Path) -> None:
    done = run_tool(tools(default={"spew_bytes": 100_000, "spew_line_bytes": 10_000}), project)
    assert done.returncode == 0
    assert 100_000 < len(done.stdout) < 400_000
    assert "\x1b]52" in done.stdout


def test_installed_parts(tools: Callable[..., Path], project: Path) -> None:
    done = run_tool(tools(installed_parts=["xcu250"]), project)
    assert (done.returncode, "is not installed" in done.stdout) == (1, True)


@pytest.mark.parametrize(("tool", "flag"), [("vivado_hls", "-version"), ("vitis-run", "--version"), ("vitis_hls", "-version")])
def test_version(tools: Callable[..., Path], tool: str, flag: str) -> None:
    folder = tools(version="2020.1" if tool == "vivado_hls" else "2024.1")
    said = subprocess.run([str(folder / tool), flag], capture_output=True, text=True, check=True).stdout
    assert ("v2020.1" if tool == "vivado_hls" else "v2024.1") in said
    assert INSTALLER.starts(folder) == []


@pytest.mark.hls4ml
@pytest.mark.parametrize(("toolchain", "tool"), [("vivado_hls 2019.2", "vivado_hls"), ("vitis_hls 2023.2", "vitis-run")])
@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
@pytest.mark.parametrize("name", ["mlp", "lstm", "gru", "conv2d"])
def test_generated_projects(
    generator: ProjectGenerator,
    network_file: Callable[[str], Path],
    make_job: Callable[..., Job],
    tools: Callable[..., Path],
    tmp_path: Path,
    name: str,
    toolchain: str,
    tool: str,
    io_type: str,
) -> None:
    """Every layer with a choice has a module that names its configuration, and larger reuse factors give fewer multipliers."""
    folder, source, dsp = tools(), network_file(name), []
    for position in (0, -1):
        job = make_job(source, "resource", position, io_type, toolchain)
        plan = generator.submit(job, source, tmp_path / f"project{position}").result(240)
        (plan.directory / "build_opt.tcl").write_text(write_options())
        done = run_tool(folder, plan.directory, tool)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
        report = read(reports_of(plan.directory) / "myproject_csynth.rpt")
        modules = [instance.module for instance in report.instances]
        for layer, _ in job.point.choices:
            (built,) = [each for each in plan.built_from(layer) if each.name == layer]
            assert any(f"_config{built.config_index}_s" in module for module in modules), (layer, modules)
        dsp.append(report.total.used.dsp)
        assert INSTALLER.starts(folder)[-1]["digest"] == plan.digest
    assert dsp[1] < dsp[0]


def write_options() -> str:
    return "array set opt { reset 1 csim 0 synth 1 cosim 0 validation 0 export 0 vsynth 0 fifo_opt 0 }\n"


def test_python_is_enough() -> None:
    """Standard library only, so that the tools run on any far host."""
    code = f"import sys; sys.path.insert(0, {str(FAKE_TOOLS)!r}); import fake_hls"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
