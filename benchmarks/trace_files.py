"""How many of our files one thought runs through: counted by running it under `sys.setprofile`, not by reading imports.

    python benchmarks/trace_files.py spec        a campaign file -> its checked spec
    python benchmarks/trace_files.py synthesis   a job -> cache, project, local tool (a stand-in that writes real reports) -> evaluation -> cache

A file counts if one of its functions is called in the driver's process. Running a module's top level, as an import does, is not
counted, nor are the pieces that the compiler makes of a class (dataclass methods). Arrows are calls from one file to another.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "dse"


def trace(act: Callable[[], None]) -> tuple[set[str], set[tuple[str, str]]]:
    """Return the files of ours that an action runs through, and the calls between them."""
    prefix = f"{PACKAGE}/"
    files: set[str] = set()
    arrows: set[tuple[str, str]] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event != "call" or not frame.f_code.co_filename.startswith(prefix):
            return
        if frame.f_code.co_name == "<module>":
            return
        name = frame.f_code.co_filename[len(prefix) :]
        if is_top_level(frame):
            return
        files.add(name)
        caller = frame.f_back
        while caller is not None and not caller.f_code.co_filename.startswith(prefix):
            caller = caller.f_back
        if caller is not None and (other := caller.f_code.co_filename[len(prefix) :]) != name:
            arrows.add((other, name))

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return files, arrows


def is_top_level(frame: FrameType) -> bool:
    """Whether a frame runs only because a module is being imported: class bodies and decorators at the top of a file."""
    at: FrameType | None = frame
    while at is not None:
        if at.f_code.co_name == "<module>" and at.f_code.co_filename.startswith(f"{PACKAGE}/"):
            return True
        at = at.f_back
    return False


def spec(campaign: Path) -> Callable[[], None]:
    """Read and check a campaign file."""
    read_campaign = importlib.import_module("dse.campaign.spec").read_campaign
    return lambda: (read_campaign(campaign), None)[1]


def synthesis(folder: Path) -> Callable[[], None]:
    """Bring one job through cache, project, tool and reports."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "execution")]
    kit = importlib.import_module("execution_kit")
    base, local, evaluate = (
        importlib.import_module(f"dse.{name}") for name in ("synth_backends.base", "synth_backends.local", "study.evaluate")
    )
    cache = importlib.import_module("dse.store.cache").Cache(folder / "cache")
    tools = kit.fake_tools.install(folder / "tools", {})
    site = base.Site(kit.NETWORK, kit.TARGET, folder / "toy.json", folder / "work", "toy")
    job = kit.job_for(4, 4)
    os.environ["PATH"] = f"{tools}:{os.environ['PATH']}"

    def act() -> None:
        backend = local.create(local.Options(), site)
        backend.jobs.projects = kit.StubSource()
        evaluator = evaluate.Evaluator(cache, backend)
        while evaluator.advance({"trial 1": job})[0].evaluation is None:
            time.sleep(0.05)

    return act


def main() -> None:
    """Print the count and the files as one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("spec", "synthesis"))
    parser.add_argument("--campaign", type=Path, default=ROOT / "campaigns" / "jet_tagger_performance.toml")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        act = spec(asked.campaign) if asked.what == "spec" else synthesis(Path(folder))
        files, arrows = trace(act)
    print(json.dumps({"walk": asked.what, "files": len(files), "arrows": len(arrows), "names": sorted(files)}, indent=1))


if __name__ == "__main__":
    main()
