"""Imports go down only, and a quick command loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "dse"

# From the bottom up; a room may import from rooms below its row, and within itself. Seams (`base.py`)
# stand low, so that all may speak through them.
ROWS = (
    ("errors", "text"),
    ("canonical", "wire"),
    ("design",),
    ("qor",),
    ("parts", "faults", "space", "pareto", "layers"),
    ("goal", "registry"),
    ("networks", "balance", "estimate", "allocation"),
    ("workers",),
    ("store", "reports", "project"),
    ("corpus", "execution"),
    ("synth_backends", "surrogates"),
    ("search",),
    ("campaign",),
    ("consent",),
    ("study",),
    ("summary",),
    ("bench", "nas", "bundle", "export"),
    ("view",),
    ("api",),
    ("commands",),
    ("cli",),
)
RANK = {room: rank for rank, rooms in enumerate(ROWS) for room in rooms}
SEAM_RANK = RANK["goal"]  # what a seam may know: values, space, goal
HEAVY = {"torch", "gpytorch", "sklearn", "tensorflow", "keras", "hls4ml", "optuna", "botorch", "scipy", "matplotlib", "pandas"}


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def is_seam(module: str) -> bool:
    return module.endswith(".base") and module.split(".")[1] in ("layers", "synth_backends", "surrogates", "search")


def imports_of(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            if node.module == "dse":
                found += [f"dse.{name.name}" for name in node.names]
            else:
                found.append(node.module)
        elif isinstance(node, ast.Import):
            found += [name.name for name in node.names]
    return found


FILES = sorted(path for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    module = "dse." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
    room = room_of(module)
    if path == PACKAGE / "__init__.py":
        return
    assert room in RANK, f"give the room {room!r} a row in ROWS"
    for imported in imports_of(path):
        if not imported.startswith("dse."):
            continue
        other = room_of(imported)
        if other in ("", "__version__", room):
            continue
        below = SEAM_RANK if is_seam(imported) and RANK[other] > SEAM_RANK else RANK[other]
        own = SEAM_RANK + 0.5 if is_seam(module) and RANK[room] > SEAM_RANK else RANK[room]
        assert below < own, f"{module} imports {imported}, which stands above or beside it"


@pytest.mark.parametrize("words", [("--help",), ("nas", "--help"), ("--version",)], ids=" ".join)
def test_help_imports_no_command(words: tuple[str, ...]) -> None:
    script = f"import sys, dse.cli; sys.argv[1:] = {words!r}\ntry: dse.cli.main()\nexcept SystemExit as end: assert not end.code\n"
    script += (
        f"print(sorted(name for name in sys.modules if name in {HEAVY | {'numpy', 'rich'}!r} or name.startswith('dse.commands')))"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "[]"
