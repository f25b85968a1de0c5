"""Hooks that turn a test which is skipped for a missing tool into a failure, where all tools are to be there (`DSE_ALL_TOOLS`)."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

# A skip that is right even where every tool is installed; any other one fails there (`DSE_ALL_TOOLS`, see .ci/run).
RIGHT_SKIPS = {
    "root may write anywhere": "a test of permissions says nothing of root",
    "slurmd wants to be root": "and is one that only root may start",
    "serves every choice": "a backend that refuses nothing has nothing to be tested for refusing",
    "answers at once": "a backend without jobs has none that outlive a process",
    "this machine lets no user mount": "a container may be forbidden to",
    "this system does not let a user take the network away": "the same",
    "no recorded data": "the recordings lie beside the project, not in it",
}


def is_right_skip(reason: str) -> bool:
    """Whether a test may be skipped for this reason where all tools are installed."""
    return any(known in reason for known in RIGHT_SKIPS)


def _refuse_skip(report: Report) -> Report:
    if os.environ.get("DSE_ALL_TOOLS") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not is_right_skip(reason):
            report.outcome, report.longrepr = (
                "failed",
                f"{reason}\nNo test is skipped for a missing tool where DSE_ALL_TOOLS is set.",
            )
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _refuse_skip((yield))
