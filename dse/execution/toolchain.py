"""The synthesis tool: what it is called, where it may be found, which version it is, and what it is told to do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dse.design import Fidelity, Toolchain
from dse.errors import ToolVersionMismatch

# Of what the tool may read of our environment: all it needs to start and to find its licence, nothing else.
PASS_ENVIRONMENT = (
    "PATH", "HOME", "USER", "LOGNAME", "TZ", "SHELL", "LD_LIBRARY_PATH", "DISPLAY",
    "XILINX*", "LM_LICENSE_FILE", "LM_PROJECT", "VIVADO*", "VITIS*", "RDI_*",
)  # fmt: skip
PLAIN_ENVIRONMENT = {"LANG": "C", "LC_ALL": "C", "LC_NUMERIC": "C"}  # with others, reports have decimal commas
_VERSION = re.compile(r"(?<![Ll]imit: )\bv?(20\d\d\.\d)(?:\.\d+)?\b")
_PROGRAMS = {"vivado_hls": ("vivado_hls",), "vitis_hls": ("vitis-run", "vitis_hls")}
PROGRAMS = tuple(sorted({name for names in _PROGRAMS.values() for name in names}))
_VARIABLES = {
    "vivado_hls": ("DSE_VIVADO_HLS", "XILINX_VIVADO_HLS", "XILINX_VIVADO"),
    "vitis_hls": ("DSE_VITIS_HLS", "XILINX_HLS", "XILINX_VITIS"),
}


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as found on one host: what to start, and what it says of itself."""

    path: str
    banner: str
    version: str  # "" if it does not say


def programs(toolchain: Toolchain, configured: str) -> list[str]:
    """Return what to look for, best first: the configured path, else the toolchain's programs."""
    return [configured] if configured else list(_PROGRAMS[toolchain.name])


def variables(toolchain: Toolchain) -> list[str]:
    """Return the environment variables that may hold the program's path or the tool's root."""
    return list(_VARIABLES[toolchain.name])


def read_version(banner: str) -> str:
    """Return the version that a tool's banner names, "" if none.

    >>> read_version("Vivado(TM) HLS - High-Level Synthesis from C, C++ and SystemC v2019.2 (64-bit)")
    '2019.2'
    """
    match = _VERSION.search(banner)
    return match.group(1) if match else ""


def first_line(banner: str) -> str:
    """Return the line of a banner that names the product, else the first that says anything."""
    lines = [line.strip(" *\t") for line in banner.splitlines() if line.strip(" *\t")]
    named = [line for line in lines if re.search(r"(?i)viv?ado|vitis", line)]
    return (named or lines or [""])[0][:200]


def check_version(tool: Tool, wanted: Toolchain, host: str) -> None:
    """Refuse another version than the campaign's; one that does not say its version is judged by its reports.

    Raises:
        ToolVersionMismatch: names both versions and the host.
    """
    if tool.version and tool.version != wanted.version:
        raise ToolVersionMismatch(
            f"{host}: {tool.path} is version {tool.version}, the campaign's toolchain is {str(wanted)!r}. "
            "Set backend.tool or backend.setup to the right one, or target.toolchain to this one."
        )


def stages(toolchain: Toolchain, path: str, fidelity: Fidelity, cosim: bool) -> list[dict[str, object]]:
    """Return the stages of a run, each one call of the tool, so that each succeeds or fails on its own."""
    names = ["csynth"]
    if fidelity is Fidelity.VSYNTH:
        names.append("vsynth")
    if cosim:
        names.append("cosim")
    return [_stage(toolchain, path, name) for name in names]


def _stage(toolchain: Toolchain, path: str, name: str) -> dict[str, object]:
    switches = {
        "reset": name == "csynth", "csim": False, "synth": name == "csynth", "cosim": name == "cosim",
        "validation": False, "export": False, "vsynth": name == "vsynth", "fifo_opt": False,
    }  # fmt: skip
    if toolchain.name == "vivado_hls":
        # The script takes the first match of each name, so `synth` has to stand before `vsynth`, as it does here.
        options = " ".join(f"{key}={value}" for key, value in switches.items())
        return {"name": name, "argv": [path, "-f", "build_prj.tcl", options], "cwd": "project"}
    script = "array set opt {\n" + "".join(f"    {key} {int(value)}\n" for key, value in switches.items()) + "}\n"
    argv = [path, "--mode", "hls", "--tcl", "build_prj.tcl"] if path.endswith("vitis-run") else [path, "-f", "build_prj.tcl"]
    return {"name": name, "argv": argv, "cwd": "project", "files": {"build_opt.tcl": script}}
