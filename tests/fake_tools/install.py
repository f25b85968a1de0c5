"""Put a copy of the fake tools, with a script of their own, into a directory."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

TOOLS = ("vivado_hls", "vitis-run", "vitis_hls", "vivado")
_HERE = Path(__file__).resolve().parent


def install(directory: Path, script: dict[str, Any] | None = None) -> Path:
    """Copy the fake tools into a directory, write their script, and return the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in (*TOOLS, *(path.name for path in _HERE.glob("fake_*.py"))):
        shutil.copy2(_HERE / name, directory / name)
    rewrite_script(directory, script or {})
    return directory


def rewrite_script(directory: Path, script: dict[str, Any]) -> None:
    """Change the script of installed tools; runs that have begun keep theirs."""
    target = directory / "fake_tool_script.json"
    target.with_suffix(".new").write_text(json.dumps(script))
    target.with_suffix(".new").replace(target)


def starts(directory: Path) -> list[dict[str, Any]]:
    """Return the starts of installed tools, oldest first."""
    path = directory / "starts.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
