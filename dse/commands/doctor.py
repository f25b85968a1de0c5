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
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from dse.campaign.spec import CampaignSpec, read_campaign
from dse.commands.options import AsJson, Trust
from dse.commands.output import console, print_json
from dse.commands.trust import agree_to_commands
from dse.consent import backend_commands
from dse.errors import DseError, SpecError
from dse.execution.settings import GIB, ToolOptions
from dse.study.assemble import assemble
from dse.synth_backends.base import Closes, Finding, HasHealth

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
        backend = assemble(spec).backend
    except DseError as error:
        yield Finding("fail", f"backend {spec.backend_kind}", str(error))
        return
    if not isinstance(backend, HasHealth):
        yield Finding("ok", f"backend {spec.backend_kind}", "needs no tool")
        return
    if isinstance(options, ToolOptions):
        yield from _project_tools(spec)
    yield from backend.options_health()
    try:
        if backend.needs_login and not probe:
            yield Finding("warn", "hosts", "not looked at", "dse doctor --probe logs in and looks")
        else:
            agree_to_commands(spec.path, backend_commands(options), is_trusted=trust)
            yield from backend.health()
    except SpecError as error:
        yield Finding("fail", "consent", str(error), "--trust")
    finally:
        if isinstance(backend, Closes):
            backend.close()


def _project_tools(spec: CampaignSpec) -> Iterator[Finding]:
    if _version("hls4ml") is None:
        yield Finding("fail", "hls4ml", "not installed, and this backend needs it to write projects", "install the extra `hls4ml`")
    elif _version("hls4ml") != spec.target.hls4ml_version:
        found, wanted = _version("hls4ml"), spec.target.hls4ml_version
        yield Finding("fail", "hls4ml", f"{found}, the campaign wants {wanted}", "set target.hls4ml_version, or install that one")
    yield _licence()


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
