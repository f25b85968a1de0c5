"""What tests of the command line share."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

Dse = Callable[..., "subprocess.CompletedProcess[str]"]
