"""A copy of the example campaigns, run once for the whole session, and bundles made of them."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "campaigns"


def run_dse(*arguments: object, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dse.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture(scope="session")
def dse() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Call `dse` in a process of its own."""
    return run_dse


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The campaigns and networks of the project in a folder of our own, without any state."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(EXAMPLES / "networks", folder / "networks")
    for file in EXAMPLES.glob("*.toml"):
        shutil.copy2(file, folder / file.name)
    return folder


@pytest.fixture(scope="session")
def finished(examples: Path) -> Callable[[str], Path]:
    """Return an example campaign's file once it has run."""
    done: dict[str, Path] = {}

    def run(name: str) -> Path:
        if name not in done:
            shown = run_dse("run", examples / f"{name}.toml", "-o", "budget.syntheses=6")
            assert shown.returncode == 0, shown.stderr
            done[name] = examples / f"{name}.toml"
        return done[name]

    return run


@pytest.fixture(scope="session")
def bundle_of(finished: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the bundle of an example campaign's best design, made with the real hls4ml."""
    for library in ("hls4ml", "keras"):  # found, not imported: this process stays light
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in made:
            folder = tmp_path_factory.mktemp("bundles") / name
            shown = run_dse("bundle", finished(name), "-o", folder)
            assert shown.returncode == 0, shown.stderr
            made[name] = folder
        return made[name]

    return make
