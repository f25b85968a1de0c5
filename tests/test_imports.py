"""Imports go down only, and a quick command loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "dse"

# ARCHITECTURE.md draws this: rooms (folders and files of dse/) by floor, from the bottom up. Imports go down, or to a room of the same
# floor that does not lead back.
FLOORS = {
    "values": "errors text canonical wire design qor goal composition parts faults space pareto balance layers networks registry",
    "tools": "workers reports project numerics execution store corpus",
    "learning": "estimation surrogates allocation search",
    "study": "campaign consent synth_backends study summary nas",
    "faces": "bundle export view api commands cli",
}
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS.values()) for room in rooms.split()}
SEAM = "dse.synth_backends.base"  # what a backend and the engine below it say to each other: values, so it may be imported from anywhere
HEAVY = {"torch", "gpytorch", "sklearn", "tensorflow", "keras", "hls4ml", "optuna", "botorch", "scipy", "matplotlib", "pandas"}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


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


def imported_rooms() -> Iterator[tuple[str, str, str]]:
    """Yield (importing room, imported room, the import in words) between rooms of `dse`."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for imported in imports_of(path):
            room, other = room_of(module), room_of(imported)
            if imported.startswith("dse.") and SEAM not in (module, imported) and room and other not in (room, "__version__"):
                yield room, other, f"{module} imports {imported}"


def test_every_room_is_on_a_floor() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()} - {"__init__"}
    assert rooms == set(FLOOR), "ARCHITECTURE.md and FLOORS say where each room stands"


def test_imports_go_down() -> None:
    upwards = [words for room, other, words in imported_rooms() if FLOOR[other] > FLOOR[room]]
    assert not upwards


def test_rooms_of_a_floor_do_not_import_each_other_in_circles() -> None:
    beside: dict[str, set[str]] = {}
    for room, other, _ in imported_rooms():
        if FLOOR[other] == FLOOR[room]:
            beside.setdefault(room, set()).add(other)
    tuple(TopologicalSorter(beside).static_order())  # raises CycleError, which names the circle


def test_the_seam_knows_values_only() -> None:
    path = PACKAGE.parent / Path(*SEAM.split(".")).with_suffix(".py")
    assert {FLOOR[room_of(name)] for name in imports_of(path) if name.startswith("dse.")} == {0}


def test_the_picture_shows_the_floors() -> None:
    picture = (PACKAGE.parent / "ARCHITECTURE.md").read_text(encoding="utf-8")
    missing = [room for room in FLOOR if f"`{room}`" not in picture]
    assert not missing


def test_the_product_needs_nothing_that_stands_apart() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        assert not [name for name in imports_of(path) if name.partition(".")[0] in ("benchmarks", "dse_ntorc")], path


def modules_after(*words: str) -> set[str]:
    """Return the modules that a command has imported when it ends well."""
    script = f"import sys, dse.cli; sys.argv[1:] = {words!r}\ntry: dse.cli.main()\nexcept SystemExit as end: assert not end.code\n"
    shown = subprocess.run([sys.executable, "-c", f"{script}print(*sys.modules)"], capture_output=True, text=True, check=True)
    return set(shown.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("words", [("--help",), ("nas", "--help"), ("--version",)], ids=" ".join)
def test_help_imports_no_command(words: tuple[str, ...]) -> None:
    loaded = modules_after(*words)
    assert not loaded & (HEAVY | {"numpy", "rich"})
    assert not [name for name in loaded if name.startswith("dse.commands")]


@pytest.mark.parametrize("command", ["run", "status", "front", "page", "export", "bundle"])
def test_options_of_a_command_are_shown_without_its_work(command: str) -> None:
    loaded = modules_after(command, "--help")
    assert not loaded & (HEAVY | {"numpy", "rich", "jinja2", "yaml"})
    work = {name for name in loaded if name.startswith("dse.") and not name.startswith("dse.cli")}
    assert work <= {"dse.errors", "dse.commands", f"dse.commands.{command}", "dse.commands.options"}
