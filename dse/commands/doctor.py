"""`dse doctor`: is this machine, and are the campaign's hosts, ready? Looks only; nothing is installed, started or changed."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import pyexpat
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dse.campaign.spec import CampaignSpec, read_campaign
from dse.commands.options import AsJson, Trust
from dse.commands.output import console, print_json
from dse.commands.trust import agree_to_commands
from dse.consent import backend_commands
from dse.errors import DseError, SpecError
from dse.execution.host_state import HostState
from dse.execution.settings import GIB, ToolOptions
from dse.study.assemble import assemble

Level = Literal["ok", "warn", "fail"]
NEEDED = ("numpy", "scipy", "scikit-learn", "joblib", "pydantic", "h5py", "typer", "rich", "psutil", "threadpoolctl")
OPTIONAL = {
    "hls4ml": "project generation",
    "tensorflow-cpu": "project generation",
    "keras": "project generation",
    "gpytorch": "GP surrogates",
    "optuna": "searches over whole designs",
}
OLDEST_EXPAT = (2, 4, 1)
OLDEST_KERAS = (3, 13, 2)
LEAST_DISK_BYTES = 5 * GIB
LICENCE_VARIABLES = ("XILINXD_LICENSE_FILE", "LM_LICENSE_FILE")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what was found, and what to do where that is not good. A `fail` blocks the campaign."""

    level: Level
    about: str
    found: str
    fix: str = ""


def doctor(
    path: Annotated[Path | None, typer.Argument(metavar="[CAMPAIGN.toml]", help="the campaign file")] = None,
    *,
    probe: Annotated[bool, typer.Option("--probe", help="also log in to the hosts and ask the tool for its version")] = False,
    as_json: AsJson = False,
    trust: Trust = False,
) -> int:
    """Print what was found; returns 3 if something blocks the campaign (without a campaign: `dse` itself).

    Args:
        probe: also log in to hosts and start the tool for its version.
        trust: what the campaign names may be started for that.
    """
    findings = list(_machine())
    if path is not None:
        findings += _campaign(path, probe, trust)
    is_blocked = any(finding.level == "fail" for finding in findings)
    if as_json:
        print_json("doctor", {"ok": not is_blocked, "findings": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
    return 3 if is_blocked else 0


def _print(findings: list[Finding]) -> None:
    out = console()
    for finding in findings:
        word = {"ok": "ok", "warn": "warn", "fail": "FAIL"}[finding.level]
        out.print(f"{word:<5} {finding.about}: {finding.found}")
        if finding.fix:
            out.print(f"      fix: {finding.fix}")
    n_bad = sum(finding.level == "fail" for finding in findings)
    out.print(f"{n_bad} problem{'s' if n_bad != 1 else ''} block{'s' if n_bad == 1 else ''} this (exit 3)" if n_bad else "ready")


def _machine() -> Iterator[Finding]:
    is_new = sys.version_info >= (3, 11)
    yield Finding("ok" if is_new else "fail", "python", platform.python_version(), "" if is_new else "use Python 3.11 or later")
    missing = [name for name in NEEDED if _version(name) is None]
    if missing:
        yield Finding("fail", "packages", f"missing: {', '.join(missing)}", "install dse again, in an environment of its own")
    else:
        yield Finding(
            "ok", "packages", f"dse {_version('dse') or '(not installed)'}, " + ", ".join(f"{n} {_version(n)}" for n in NEEDED[:3])
        )
    for name, purpose in OPTIONAL.items():
        version = _version(name)
        if version is None:
            yield Finding("warn", name, f"not installed: no {purpose}", f"install the extra that holds {name}")
    keras = _version("keras")
    if keras is not None and _numbers(keras) < OLDEST_KERAS:
        oldest = ".".join(map(str, OLDEST_KERAS))
        yield Finding("warn", "keras", f"{keras} runs code hidden in model files", f"upgrade to {oldest} or later")
    expat = pyexpat.version_info
    if expat < OLDEST_EXPAT:
        yield Finding("fail", "expat", ".".join(map(str, expat)), "upgrade to 2.4.1 or later: reports are read with it")
    yield _disk("disk here", Path.cwd())


def _campaign(path: Path, probe: bool, trust: bool) -> Iterator[Finding]:
    try:
        spec = read_campaign(path)
    except DseError as error:
        yield Finding("fail", "campaign", str(error).splitlines()[-1], f"dse check {path}")
        return
    yield Finding("ok", "campaign", f"{spec.name}: {len(spec.network.layers)} layers, {spec.target.part}, {spec.target.toolchain}")
    yield _folder("state", spec.state)
    yield _folder("cache", spec.cache)
    yield from _backend(spec, probe, trust)


def _backend(spec: CampaignSpec, probe: bool, trust: bool) -> Iterator[Finding]:
    options = spec.backend_options
    try:
        backend: Any = assemble(spec).backend
    except DseError as error:
        yield Finding("fail", f"backend {spec.backend_kind}", str(error))
        return
    if not isinstance(options, ToolOptions):
        yield Finding("ok", f"backend {spec.backend_kind}", "needs no tool")
        return
    if _version("hls4ml") is None:
        yield Finding("fail", "hls4ml", "not installed, and this backend needs it to write projects", "install the extra `hls4ml`")
    elif _version("hls4ml") != spec.target.hls4ml_version:
        found, wanted = _version("hls4ml"), spec.target.hls4ml_version
        yield Finding("fail", "hls4ml", f"{found}, the campaign wants {wanted}", "set target.hls4ml_version, or install that one")
    if options.memory_gb is None:
        yield Finding("warn", "memory limit", "none set: one synthesis may take all memory", "set backend.memory_gb")
    yield _licence()
    offered = sum(station.place.slots for station in backend.hosts.values())
    if offered > spec.slots:
        yield Finding(
            "warn", "slots", f"the hosts offer {offered}, the campaign uses {spec.slots}", f"set backend.slots = {offered}"
        )
    try:
        if spec.backend_kind == "local" or probe:
            agree_to_commands(spec.path, backend_commands(options), is_trusted=trust)
            yield from _places(backend, options)
        else:
            names = ", ".join(station.place.name for station in backend.hosts.values())
            yield Finding("warn", "hosts", f"{names}: not looked at", "dse doctor --probe logs in and looks")
    except SpecError as error:
        yield Finding("fail", "consent", str(error), "--trust")
    finally:
        backend.close()


def _places(backend: Any, options: ToolOptions) -> Iterator[Finding]:
    backend.probe()
    for station in backend.hosts.values():
        yield from _place(station, options)


def _place(station: HostState, options: ToolOptions) -> Iterator[Finding]:
    name, facts = station.place.name, station.facts
    if facts is None:
        yield Finding("fail", name, str(station.error or station.silence or "no answer"))
        return
    if station.error is not None:
        yield Finding("fail", name, str(station.error))
    else:
        assert station.tool is not None
        said = station.tool.banner or "(does not say its version)"
        yield Finding("ok", name, f"{station.tool.path}: {said}")
    free, needed = facts.memory_bytes, options.memory_bytes()
    jobs = station.place.slots
    memory = f"{free / GIB:.1f} GiB of memory free, {facts.cores} cores, {jobs} job{'s' if jobs != 1 else ''} at once"
    too_little = needed is not None and needed * jobs > free
    fix = "lower slots or backend.memory_gb; jobs wait for memory meanwhile" if too_little else ""
    yield Finding("warn" if too_little else "ok", f"{name} memory", memory, fix)
    reserve = options.disk_reserve_gb * GIB
    is_full = facts.disk_bytes < reserve
    fix = "make room there, or lower backend.disk_reserve_gb" if is_full else ""
    yield Finding("fail" if is_full else "ok", f"{name} disk", f"{facts.disk_bytes / GIB:.1f} GiB free", fix)


def _licence() -> Finding:
    """Say whether a licence is configured; none is checked out, and no value is shown."""
    names = [name for name in LICENCE_VARIABLES if os.environ.get(name)]
    if names:
        return Finding("ok", "licence", f"{', '.join(names)} is set; nothing was checked out")
    return Finding("warn", "licence", f"neither {' nor '.join(LICENCE_VARIABLES)} is set", "set it, unless the setup script does")


def _folder(about: str, path: Path) -> Finding:
    place = path
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        return Finding("fail", about, f"{path}: cannot be written", "choose another folder, or change who owns it")
    return _disk(about, place, shown=path)


def _disk(about: str, path: Path, shown: Path | None = None) -> Finding:
    free = shutil.disk_usage(path).free
    is_little = free < LEAST_DISK_BYTES
    return Finding(
        "warn" if is_little else "ok", about, f"{shown or path}: {free / GIB:.0f} GiB free", "make room" if is_little else ""
    )


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
