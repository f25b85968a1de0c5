"""The fake tools' common program; `vivado_hls`, `vitis-run`, `vitis_hls` and `vivado` beside it only name themselves."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from fake_costs import Module, build_modules
from fake_failures import FAILURES
from fake_misbehavior import leave_daemon, spew, spoil, start_children
from fake_project import Project, read_project
from fake_reports import write_reports
from fake_rpt import cosim_rpt, vivado_synth_rpt
from fake_stamp import Stamp

_DEFAULTS = {
    "reset": "0",
    "csim": "1",
    "synth": "1",
    "cosim": "1",
    "validation": "1",
    "export": "0",
    "vsynth": "0",
    "fifo_opt": "0",
}
_VERSIONS = {"vivado_hls": "2019.2", "vivado": "2019.2", "vitis-run": "2023.2", "vitis_hls": "2023.2"}
_TRUE = {"1", "true", "yes", "on"}


class Log:
    """Lines go to standard output and into the tool's log file, at once."""

    def __init__(self, path: Path):
        self._file = path.open("a")

    def say(self, *lines: str) -> None:
        for line in lines:
            print(line, flush=True)
            print(line, file=self._file, flush=True)


class Run:
    """One start of one fake tool in one project."""

    def __init__(self, tool: str, home: Path, arguments: list[str]):
        self.tool, self.home, self.directory = tool, home, Path.cwd()
        self.script = load_script(home)
        self.version = str(self.script.get("version", _VERSIONS[tool]))
        self.options = read_options(tool, self.directory, arguments)
        self.project: Project = read_project(self.directory)
        self.number, attempt = self.register()
        self.behavior = choose_behavior(self.script, self.number, attempt)
        self.log = Log(self.directory / f"{tool.replace('vitis-run', 'vitis_hls')}.log")

    def is_on(self, option: str) -> bool:
        return self.options[option].lower() in _TRUE

    def register(self) -> tuple[int, int]:
        """Append a line to the list of starts, under a lock; return the start's number and the project's own."""
        path = Path(os.environ.get("FAKE_TOOL_STARTS", self.home / "starts.jsonl"))
        with path.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            earlier = [json.loads(line) for line in file]
            attempt = sum(line["digest"] == self.project.digest for line in earlier)
            start = {
                "number": len(earlier),
                "attempt": attempt,
                "digest": self.project.digest,
                "tool": self.tool,
                "pid": os.getpid(),
                "directory": str(self.directory),
                "options": self.options,
                "time": time.time(),
            }
            file.write(json.dumps(start) + "\n")
            file.flush()
        return len(earlier), attempt

    def main(self) -> int:
        self.banner()
        self.check_part()
        if self.number < int(self.script.get("licence_denied", 0)):
            self.fail("licence")
        prj = self.directory / f"{self.project.name}_prj"
        if self.is_on("reset") and prj.exists():
            shutil.rmtree(prj)
        solution = prj / "solution1"
        solution.mkdir(parents=True, exist_ok=True)
        suffix = "vivado_hls.app" if self.tool == "vivado_hls" else "hls.app"
        (prj / suffix).write_text(f'<project name="{prj.name}" top="{self.project.name}"/>\n')
        top, _ = build_modules(self.project)
        if self.is_on("synth"):
            self.csynth(top, solution)
        if self.is_on("cosim"):
            self.cosim(top, solution)
        if self.is_on("vsynth"):
            self.vsynth(top)
        self.log.say(f"INFO: [Common 17-206] Exiting {self.tool} at {time.strftime('%a %b %e %H:%M:%S %Y')}...")
        return int(self.behavior.get("exit", 0))

    def banner(self) -> None:
        self.log.say(
            "*** FAKE TOOL for tests: no synthesis happens, all numbers are made up ***", *version_lines(self.tool, self.version)
        )
        self.log.say(
            f"INFO: [HLS 200-10] Running '{self.tool}' (FAKE)",
            f"INFO: [HLS 200-10] In directory '{self.directory}'",
            f"INFO: [HLS 200-10] Opening and resetting project '{self.directory / (self.project.name + '_prj')}'.",
            f"INFO: [HLS 200-10] Adding design file 'firmware/{self.project.name}.cpp' to the project",
            f"INFO: [SYN 201-201] Setting up clock 'default' with a period of {self.project.clock_period_ns:g}ns.",
            f"INFO: [HLS 200-10] Setting target device to '{self.project.part}'",
        )
        # hls4ml's Tcl catches this one: harmless, and in every good log.
        harmless = {
            "vivado_hls": "INFO: [XFORM 203-101] Allowed max sub elements number after partition is 4096.",
            "new": "ERROR: [HLS 200-101] config_array_partition: Unknown option '-maximum_size'.",
            "old": "ERROR: [HLS 200-642] The 'config_array_partition -maximum_size' command is not supported.",
        }
        era = self.tool if self.tool in harmless else "new" if self.version >= "2024.1" else "old"
        self.log.say(harmless[era])
        if self.tool != "vivado_hls":
            self.log.say("INFO: Tool Version Limit: 2023.10")

    def check_part(self) -> None:
        installed = self.script.get("installed_parts")
        plain = self.project.part.replace("-", "").lower()
        if installed is not None and not plain.startswith(tuple(part.replace("-", "").lower() for part in installed)):
            self.fail("part_missing")

    def csynth(self, top: Module, solution: Path) -> None:
        began = time.monotonic()
        self.log.say("***** C/RTL SYNTHESIS *****")
        behavior = self.behavior if self.behavior.get("at", "csynth") == "csynth" else {}
        pause = float(behavior.get("sleep_seconds", 0)) / (len(top.children) + 3)
        for phase in ("Linking", "Checking Pragmas", "Standard Transforms"):
            self.log.say(
                f"INFO: [HLS 200-111] Finished {phase} Time (s): cpu = 00:00:01 ; elapsed = 00:00:01 . Memory (MB): peak = 418.617"
            )
            time.sleep(pause)
        self.misbehave(behavior)
        self.log.say(
            "INFO: [HLS 200-10] Starting hardware synthesis ...", f"INFO: [HLS 200-10] Synthesizing '{self.project.name}' ..."
        )
        for module in [*top.children, top]:
            self.implement(module, pause)
        self.write_csynth(top, behavior, solution)
        seconds = int(time.monotonic() - began)
        self.log.say(
            "INFO: [VHDL 208-304] Generating VHDL RTL for myproject.",
            "INFO: [VLOG 209-307] Generating Verilog RTL for myproject.",
            "INFO: [HLS 200-111] Finished Command csynth_design",
            f"***** C/RTL SYNTHESIS COMPLETED IN 0h{seconds // 60}m{seconds % 60}s *****",
            f"INFO: [HLS 200-112] Total elapsed time: {time.monotonic() - began:.2f} seconds; peak allocated memory: 542.377 MB.",
        )

    def implement(self, module: Module, pause: float) -> None:
        line = "INFO: [HLS 200-10] ----------------------------------------------------------------"
        self.log.say(line, f"INFO: [HLS 200-42] -- Implementing module '{module.name}' ", line)
        self.log.say("INFO: [SCHED 204-11] Starting scheduling ...")
        if self.behavior.get("at", "csynth") == "csynth":
            time.sleep(pause)
        self.log.say(
            "INFO: [SCHED 204-11] Finished scheduling.",
            f"INFO: [HLS 200-111]  Elapsed time: {pause:.2f} seconds; current allocated memory: 493.836 MB.",
            "INFO: [BIND 205-100] Starting micro-architecture generation ...",
            "INFO: [BIND 205-100] Finished micro-architecture generation.",
            f"INFO: [HLS 200-111]  Elapsed time: {pause:.2f} seconds; current allocated memory: 494.001 MB.",
        )

    def write_csynth(self, top: Module, behavior: dict[str, Any], solution: Path) -> None:
        kind = behavior.get("report", "good")
        if kind == "none":
            return
        stamp = self.stamp(behavior, is_undefined=kind == "undefined")
        written = write_reports(self.project, top, stamp, solution / "syn" / "report")
        (solution / "syn" / "verilog").mkdir(parents=True, exist_ok=True)
        (solution / "syn" / "verilog" / f"{self.project.name}.v").write_text("// FAKE\n")
        targets = [path for path in written if path.name in (f"{stamp.top}_csynth.xml", f"{stamp.top}_csynth.rpt", "csynth.xml")]
        for path in written if kind == "stale" else targets:
            spoil(path, kind)

    def stamp(self, behavior: dict[str, Any], *, is_undefined: bool = False) -> Stamp:
        return Stamp(
            version=self.version,
            top=str(behavior.get("top", self.project.name)),
            part=str(behavior.get("part", self.project.part)),
            clock_period_ns=float(behavior.get("clock_period_ns", self.project.clock_period_ns)),
            uncertainty_percent=self.project.uncertainty_percent,
            is_undefined=is_undefined,
        )

    def cosim(self, top: Module, solution: Path) -> None:
        self.log.say("***** C/RTL SIMULATION *****")
        behavior = self.behavior if self.behavior.get("at") == "cosim" else {}
        time.sleep(float(behavior.get("sleep_seconds", 0)))
        self.misbehave(behavior)
        folder = solution / "sim" / "report"
        if behavior.get("report") != "none":
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{self.project.name}_cosim.rpt").write_text(cosim_rpt(top, self.stamp(behavior)))
        self.log.say(
            "INFO: [COSIM 212-1000] *** C/RTL co-simulation finished: PASS ***", "***** C/RTL SIMULATION COMPLETED IN 0h0m1s *****"
        )

    def vsynth(self, top: Module) -> None:
        self.log.say(
            "***** VIVADO SYNTHESIS *****",
            "Command: synth_design -top myproject",
            "Attempting to get a license for feature 'Synthesis'",
        )
        behavior = self.behavior if self.behavior.get("at") == "vsynth" else {}
        time.sleep(float(behavior.get("sleep_seconds", 0)))
        self.misbehave(behavior)
        self.log.say("INFO: [Common 17-349] Got license for feature 'Synthesis'")
        if behavior.get("report") != "none":
            (self.directory / "vivado_synth.rpt").write_text(vivado_synth_rpt(top, self.stamp(behavior)))
        self.log.say("***** VIVADO SYNTHESIS COMPLETED IN 0h0m1s *****")

    def misbehave(self, behavior: dict[str, Any]) -> None:
        """Do what the script says, in the order: processes, memory, noise, hang, death."""
        if behavior.get("ignore_terminate"):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if behavior.get("children"):
            start_children(int(behavior["children"]))
        if behavior.get("daemon_seconds"):
            leave_daemon(float(behavior["daemon_seconds"]))
        if behavior.get("grow_bytes"):
            self.held = bytearray(os.urandom(1 << 20) * max(1, int(behavior["grow_bytes"]) >> 20))
            time.sleep(float(behavior.get("hold_seconds", 0)))
        if behavior.get("spew_bytes"):
            spew(int(behavior["spew_bytes"]), int(behavior.get("spew_line_bytes", 200)))
        if behavior.get("hang"):
            self.hang(behavior["hang"])
        if behavior.get("signal"):
            signum = signal.Signals[behavior["signal"]]
            signal.signal(signum, signal.SIG_DFL) if signum not in (signal.SIGKILL, signal.SIGSTOP) else None
            os.kill(os.getpid(), signum)
        if behavior.get("failure") in FAILURES:
            self.fail(behavior["failure"])

    def hang(self, how: str) -> NoReturn:
        while True:
            time.sleep(0.05 if how == "logging" else 1)
            if how == "logging":
                self.log.say("INFO: [SCHED 204-11] Starting scheduling ... (FAKE, for ever)")

    def fail(self, name: str) -> NoReturn:
        lines, status = FAILURES[name]
        facts = {"part": self.project.part, "pid": os.getpid(), "directory": self.directory}
        self.log.say(*(line.format(**facts) for line in lines))
        if status == 1 and name not in ("crash",):
            # Both lines are printed after failures too.
            self.log.say("INFO: [HLS 200-111] Finished Command csynth_design", "INFO: [Common 17-206] Exiting (FAKE)")
        self.die(int(self.behavior.get("exit", status)))

    def die(self, status: int) -> NoReturn:
        sys.stdout.flush()
        sys.exit(status)


def load_script(home: Path) -> dict[str, Any]:
    path = Path(os.environ.get("FAKE_TOOL_SCRIPT", home / "fake_tool_script.json"))
    return dict(json.loads(path.read_text())) if path.exists() else {}


def choose_behavior(script: dict[str, Any], number: int, attempt: int) -> dict[str, Any]:
    for key, index in (("runs", number), ("attempts", attempt)):
        listed = script.get(key, [])
        if index < len(listed) and listed[index] is not None:
            return dict(listed[index])
    return dict(script.get("default", {}))


def read_options(tool: str, directory: Path, arguments: list[str]) -> dict[str, str]:
    """Options as the project's Tcl would see them: on the command line for Vivado, in build_opt.tcl for Vitis."""
    options = dict(_DEFAULTS)
    text = " ".join(arguments) if tool == "vivado_hls" else ""
    if tool in ("vitis-run", "vitis_hls"):
        match = re.search(r"array set opt \{(.*?)\}", (directory / "build_opt.tcl").read_text(), re.DOTALL)
        pairs = match.group(1).split() if match else []
        options.update(zip(pairs[::2], pairs[1::2], strict=True))
    for name in options:
        if found := re.search(rf"{name}=+(\w+)", text):
            options[name] = found.group(1)
    if tool == "vivado":
        options = {**dict.fromkeys(options, "0"), "vsynth": "1"}
    return options


def version_lines(tool: str, version: str) -> tuple[str, ...]:
    titles = {
        "vivado_hls": f"****** Vivado(TM) HLS - High-Level Synthesis from C, C++ and SystemC v{version} (64-bit)",
        "vivado": f"****** Vivado v{version} (64-bit)",
        "vitis-run": f"****** vitis-run v{version} (64-bit)",
        "vitis_hls": f"****** Vitis HLS - High-Level Synthesis from C, C++ and OpenCL v{version} (64-bit)",
    }
    return (titles[tool], "  **** SW Build FAKE, for tests only", "  **** IP Build FAKE, for tests only")


def main(tool: str, executable: str, arguments: list[str]) -> int:
    home = Path(executable).absolute().parent
    if any(argument in ("-version", "--version", "-v") for argument in arguments):
        version = str(load_script(home).get("version", _VERSIONS[tool]))
        print("*** FAKE TOOL for tests ***", *version_lines(tool, version), sep="\n")
        return 0
    return Run(tool, home, arguments).main()
