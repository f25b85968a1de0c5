"""What all tests share: where recorded data lies, and a skip with a reason where it does not."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from skips import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401  (hooks)

# No test judges by time: a loaded machine is slow, and that is no bug. The suite takes the same examples every time, so that it fails for
# who broke something and not for who comes next; `make test-long` draws new ones.
settings.register_profile(
    "dse", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=not os.environ.get("DSE_NEW_EXAMPLES")
)
settings.load_profile("dse")

# What a test agrees to (`dse.consent`) is no concern of its user.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="dse-state-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

# Compiling a network's C++ takes half a minute; the tests of that ask for it.
os.environ.setdefault("DSE_CHECK_NUMERICS", "0")

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Say at once what else would be many odd failures: that `dse` was installed before its entry points were as they are now."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    for group, names in declared.items():
        if missing := names.keys() - {point.name for point in entry_points(group=group)}:
            raise pytest.UsageError(
                f"{group}: {', '.join(missing)} is not installed. Run `pip install --no-deps --editable .` again."
            )


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded data beside the project (`DSE_SHARED`, else `../shared`)."""
    path = Path(os.environ.get("DSE_SHARED", ROOT.parent / "shared"))
    if not (path / "data").is_dir():
        pytest.skip(f"no recorded data at {path}; set DSE_SHARED")
    return path
