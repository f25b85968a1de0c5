"""The fixtures of this room; what they are made of lies in `execution_kit.py` and `daemons.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from daemons import Slurm, Sshd, make_keys, make_sshd
from execution_kit import site, source, starts, tools

__all__ = ["site", "source", "starts", "tools"]


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("keys")
    make_keys(root)
    return root


@pytest.fixture
def sshd(tmp_path: Path, keys: Path) -> Iterator[Sshd]:
    server = make_sshd(tmp_path / "sshd", keys)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """One Slurm for all tests."""
    one = Slurm(tmp_path_factory.mktemp("slurm"))
    one.configure()
    try:
        one.start_all()
        yield one
        one.ask("scancel", "--me")
        one.wait(lambda: not one.ask("squeue", "-h"), 20)
    finally:
        one.stop()
