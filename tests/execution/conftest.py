"""The fixtures of this room; what they are made of lies in `execution_kit.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from execution_kit import site, source, starts, tools

__all__ = ["site", "source", "starts", "tools"]
