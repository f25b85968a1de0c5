"""What happens when `dse` itself is wrong: the trace goes into a file, and the user gets one line that says where."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from pathlib import Path

from dse import __version__


def write_report(error: BaseException) -> Path:
    """Write a crash report and return its path; it holds versions, the command and the trace, and no environment."""
    lines = [
        f"dse {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"command: {' '.join(sys.argv)}",
        "",
        *traceback.format_exception(error),
    ]
    with tempfile.NamedTemporaryFile("w", prefix="dse-crash-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write("\n".join(lines))
    return Path(file.name)
