"""Which files of a tree belong to one build.

Layouts seen: `<project>/<name>_prj/solutionN/syn/report/` with `<project>/firmware/parameters.h` (hls4ml); a `*_prj` or `solutionN` alone; the
unified layout `<component>/<component>/hls/syn/report/` (Vitis 2024 on); all reports flat in one folder.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dse.reports.file_sets import FileEntry, FileSet, read_text

_CSYNTH = re.compile(r"(?:.*_)?csynth\.(?:xml|rpt)", re.DOTALL)
_APP_TOP = re.compile(r"<(?:AutoPilot:)?project\b[^>]{0,2000}?\btop=\"([A-Za-z0-9_]{1,200})\"")


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder that holds C synthesis reports, and their names."""

    path: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Project:
    """One build: its root, its folders of C synthesis reports, and the files that tell what was built.

    Attributes:
        root: path below the origin; "" for the origin itself.
        app_tops: tops that the project files (`vivado_hls.app`, `hls.app`) name.
        others: all further reports below the root.
    """

    root: str
    folders: tuple[Folder, ...]
    parameters: str | None = None
    defines: str | None = None
    config_yaml: str | None = None
    app_tops: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def find_projects(files: FileSet) -> tuple[Project, ...]:
    """Return all builds among the files, by root."""
    entries = files.entries()
    by_folder: dict[str, list[str]] = {}
    for entry in entries:
        if _CSYNTH.fullmatch(entry.base):
            by_folder.setdefault(entry.folder, []).append(entry.name)
    holders = {entry.folder for entry in entries if entry.base == "parameters.h"}
    by_root: dict[str, list[Folder]] = {}
    for folder, names in by_folder.items():
        by_root.setdefault(_root_of(folder, holders), []).append(Folder(folder, tuple(sorted(names))))
    roots = sorted(by_root)
    return tuple(_project(files, entries, root, tuple(by_root[root]), roots) for root in roots)


def _root_of(folder: str, holders: set[str]) -> str:
    parts = folder.split("/") if folder else []
    for length in range(len(parts), -1, -1):
        ancestor = "/".join(parts[:length])
        inside = f"{ancestor}/firmware" if ancestor else "firmware"
        if inside in holders or ancestor in holders:
            return ancestor
    if parts[-2:] == ["syn", "report"]:
        parts = parts[:-2]
        if parts and parts[-1] == "hls":  # <component>/<component>/hls
            parts = parts[:-1]
            return "/".join(parts[:-1] if len(parts) > 1 and parts[-1] == parts[-2] else parts)
        parts = parts[:-1]  # solutionN
        if parts and parts[-1].endswith("_prj"):
            parts = parts[:-1]
    return "/".join(parts)


def _project(files: FileSet, entries: Sequence[FileEntry], root: str, folders: tuple[Folder, ...], roots: Sequence[str]) -> Project:
    nested = [other for other in roots if other != root and _is_below(other, root)]
    mine = [entry for entry in entries if _is_below(entry.name, root) and not any(_is_below(entry.name, other) for other in nested)]
    taken = {name for folder in folders for name in folder.names}
    return Project(
        root=root,
        folders=folders,
        parameters=_first(mine, ("parameters.h",)),
        defines=_first(mine, ("defines.h",)),
        config_yaml=_first(mine, ("hls4ml_config.yml", "hls4ml_config.yaml")),
        app_tops=_app_tops(files, mine),
        others=tuple(entry.name for entry in mine if entry.name not in taken and entry.base.endswith(".rpt")),
    )


def _is_below(name: str, root: str) -> bool:
    return not root or name == root or name.startswith(f"{root}/")


def _first(entries: Sequence[FileEntry], bases: Sequence[str]) -> str | None:
    found = sorted((entry.name for entry in entries if entry.base in bases), key=lambda name: (name.count("/"), name))
    return found[0] if found else None


def _app_tops(files: FileSet, entries: Sequence[FileEntry]) -> tuple[str, ...]:
    tops = []
    for entry in entries:
        if entry.base in ("vivado_hls.app", "hls.app"):
            match = _APP_TOP.search(read_text(files, entry.name)[: 2**16])
            if match:
                tops.append(match[1])
    return tuple(dict.fromkeys(tops))
