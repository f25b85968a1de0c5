"""Where all tools are installed no test is skipped for a missing one: such a skip is a failure there (`DSE_ALL_TOOLS`)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from skips import is_right_skip

pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parent.parent
HOOKS = "from skips import pytest_make_collect_report, pytest_runtest_makereport"

SUITE = """
import pytest

def test_without_a_tool():
    pytest.skip("no axe-core: install it")

def test_of_permissions():
    pytest.skip("root may write anywhere")

def test_fine():
    pass
"""
MODULE = """
import pytest

pytest.importorskip("surely_not_installed")
"""


@pytest.mark.parametrize(
    ("setting", "outcomes"), [("1", {"passed": 1, "skipped": 1, "failed": 1}), ("", {"passed": 1, "skipped": 2})]
)
def test_a_missing_tool_is_a_failure_where_all_are_to_be_there(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, setting: str, outcomes: dict[str, int]
) -> None:
    monkeypatch.setenv("DSE_ALL_TOOLS", setting)
    pytester.makeconftest(HOOKS)
    pytester.makepyfile(SUITE)
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(**outcomes)


def test_a_whole_file_that_is_skipped_counts_too(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSE_ALL_TOOLS", "1")
    pytester.makeconftest(HOOKS)
    pytester.makepyfile(MODULE)
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(errors=1)


def test_ci_asks_for_all_tools_and_installs_them() -> None:
    run = (ROOT / ".ci" / "run").read_text()
    assert re.search(r"^DSE_ALL_TOOLS=1 make test$", run, re.M)
    assert re.search(r"npm install .*axe-core@", run)
    assert '"moocore==' in (ROOT / "pyproject.toml").read_text()


def test_reasons() -> None:
    assert is_right_skip("Skipped: root may write anywhere")
    assert not is_right_skip("could not import 'moocore'")
