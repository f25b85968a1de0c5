"""Which files of a tree belong to one build.

Layouts seen: `<project>/<name>_prj/solutionN/syn/report/` with `<project>/firmware/parameters.h` (hls4ml); a `*_prj` or `solutionN` alone; the
unified layout `<component>/<component>/hls/syn/report/` (Vitis 2023.2 on); `<kernel>/<kernel>/solution/syn/report/` of v++, whose reports are
copied to `impl/ip/hls_files`, `ip/hls_files` and `hls_reports`; all reports flat in one folder.

Every folder of C synthesis reports is a solution, and so a build of its own, but for copies: byte for byte what another folder holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dse.reports.file_sets import FileEntry, FileSet, digest_of, read_text

_CSYNTH = re.compile(r"(?:.*_)?csynth\.(?:xml|rpt)", re.DOTALL)
_APP_TOP = re.compile(r"<(?:AutoPilot:)?project\b[^>]{0,2000}?\btop=\"([A-Za-z0-9_]{1,200})\"")
_COPIES = frozenset({"hls_files", "hls_reports"})
DEFAULT_SOLUTION = "solution1"  # what hls4ml's own script for logic synthesis reads


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder that holds C synthesis reports, and their names."""

    path: str
    names: tuple[str, ...]

    @property
    def solution(self) -> str:
        """The path of the solution whose reports these are: `.../solution1` of `.../solution1/syn/report`."""
        return self.path.removesuffix("/syn/report") if self.path.endswith("/syn/report") else self.path


@dataclass(frozen=True, slots=True)
class Project:
    """One build: a solution of a project, and the files that tell what was built.

    Attributes:
        root: path of the project below the origin; "" for the origin itself.
        solution: path of the solution below the root; "" where the root holds one alone.
        folder: its C synthesis reports.
        changed_at: when the newest of these was written, in seconds since 1970; 0 where unknown.
        app_tops: tops that the project files (`vivado_hls.app`, `hls.app`) name.
        others: all further reports of the solution.
        shared: further reports of the project, which no solution's folder holds. Of several solutions only hls4ml's own has them.
        n_parameters: how many files `parameters.h` lie below the root; of several, only one at its own place counts.
        n_unassigned: how many reports of the project were left out, because nobody can say of which solution they are.
    """

    root: str
    folder: Folder
    solution: str = ""
    changed_at: float = 0.0
    parameters: str | None = None
    defines: str | None = None
    config_yaml: str | None = None
    app_tops: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    n_parameters: int = 0
    n_unassigned: int = 0

    @property
    def name(self) -> str:
        """What to call it: "." for a build at the origin."""
        return "/".join(part for part in (self.root, self.solution) if part) or "."


def find_projects(files: FileSet) -> tuple[Project, ...]:
    """Return all builds among the files, by root and solution."""
    entries = files.entries()
    by_folder: dict[str, list[FileEntry]] = {}
    for entry in entries:
        if _CSYNTH.fullmatch(entry.base):
            by_folder.setdefault(entry.folder, []).append(entry)
    holders = {entry.folder for entry in entries if entry.base == "parameters.h"}
    by_root: dict[str, list[str]] = {}
    root_of = {folder: _root_of(folder, holders) for folder in by_folder}
    own_sources = {root for root in root_of.values() if root in holders or f"{root}/firmware".lstrip("/") in holders}
    for folder in _without_copies(files, by_folder, root_of, own_sources):
        by_root.setdefault(root_of[folder], []).append(folder)
    by_owner: dict[str | None, list[FileEntry]] = {}
    for entry in entries:
        by_owner.setdefault(_nearest(entry.folder, by_root), []).append(entry)
    return tuple(
        project for root in sorted(by_root) for project in _projects(files, by_owner.get(root, []), root, by_root[root], by_folder)
    )


def _nearest(folder: str, roots: Mapping[str, object]) -> str | None:
    """Return the innermost project that a folder lies in, None for one outside of all."""
    while folder not in roots and folder:
        folder = folder.rpartition("/")[0]
    return folder if folder in roots else None


def _without_copies(
    files: FileSet, by_folder: Mapping[str, Sequence[FileEntry]], roots: Mapping[str, str], own_sources: set[str]
) -> list[str]:
    """Leave out every folder whose files all stand, byte for byte, in another one of its project; the tools' own copies, anywhere.

    A project inside another one with sources of its own is a build of its own, whatever its reports say.
    """
    digests: dict[str, str] = {}
    by_size = {folder: {(entry.base, entry.size): entry for entry in found} for folder, found in by_folder.items()}

    def same(one: FileEntry, other: FileEntry) -> bool:
        for entry in (one, other):
            if entry.name not in digests:
                digests[entry.name] = digest_of(files, entry.name)
        return digests[one.name] == digests[other.name]

    def holds(folder: str, entries: Sequence[FileEntry]) -> bool:
        twins = ((entry, by_size[folder].get((entry.base, entry.size))) for entry in entries)
        return all(twin is not None and same(entry, twin) for entry, twin in twins)

    kept: list[str] = []
    # The fullest folders first, originals before the tools' copies: what is left out is never more than what is kept.
    for folder in sorted(by_folder, key=lambda name: (_is_copy(name), -len(by_folder[name]), name)):
        root = roots[folder]
        rivals = [
            other
            for other in kept
            if roots[other] == root or _is_copy(folder) or (root not in own_sources and _is_below(root, roots[other]))
        ]
        if not any(holds(other, by_folder[folder]) for other in rivals):
            kept.append(folder)
    return sorted(kept)


def _is_copy(folder: str) -> bool:
    return not _COPIES.isdisjoint(folder.split("/"))


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


def _projects(
    files: FileSet, mine: Sequence[FileEntry], root: str, folders: Sequence[str], by_folder: Mapping[str, Sequence[FileEntry]]
) -> list[Project]:
    reports = [entry.name for entry in mine if entry.base.endswith(".rpt") and not _CSYNTH.fullmatch(entry.base)]
    found = [Folder(path, tuple(sorted(entry.name for entry in by_folder[path]))) for path in folders]
    owners = {name: _owner(name, found) for name in reports}
    free = tuple(name for name in reports if owners[name] is None)
    app_tops = _app_tops(files, mine)
    parameters = _own(mine, root, ("parameters.h", "firmware/parameters.h"))
    defines = _beside(mine, "defines.h", parameters)
    config_yaml = _own(mine, root, ("hls4ml_config.yml", "hls4ml_config.yaml"))
    n_parameters = sum(entry.base == "parameters.h" for entry in mine)
    has_solution = any(folder.solution != folder.path for folder in found)
    projects = []
    for folder in found:
        # Sources belong to the tool's own solutions; loose copies of reports beside them may be of any earlier build.
        is_loose = has_solution and folder.solution == folder.path
        takes_free = len(found) == 1 or folder.solution.rpartition("/")[2] == DEFAULT_SOLUTION
        projects.append(
            Project(
                root=root,
                solution="" if len(found) == 1 else folder.solution.removeprefix(root).strip("/") or ".",
                folder=folder,
                changed_at=max(entry.changed_at or 0.0 for entry in by_folder[folder.path]),
                parameters=None if is_loose else parameters,
                defines=None if is_loose else defines,
                config_yaml=None if is_loose else config_yaml,
                n_parameters=n_parameters,
                app_tops=app_tops,
                others=tuple(name for name in reports if owners[name] is folder),
                shared=free if takes_free else (),
                n_unassigned=0 if takes_free else len(free),
            )
        )
    return projects


def _owner(name: str, folders: Sequence[Folder]) -> Folder | None:
    """Return the solution that a report lies in, the deepest of several; None for one that lies beside them."""
    holders = [folder for folder in folders if _is_below(name, folder.solution)]
    return max(holders, key=lambda folder: len(folder.solution)) if holders else None


def _is_below(name: str, root: str) -> bool:
    return not root or name == root or name.startswith(f"{root}/")


def _own(entries: Sequence[FileEntry], root: str, places: Sequence[str]) -> str | None:
    """Return the project's own file at one of the places below its root, or the only one of that name; of several others, none."""
    bases = {place.rpartition("/")[2] for place in places}
    found = [entry.name for entry in entries if entry.base in bases]
    own = [name for place in places if (name := f"{root}/{place}".lstrip("/")) in found]
    return own[0] if own else found[0] if len(found) == 1 else None


def _beside(entries: Sequence[FileEntry], base: str, other: str | None) -> str | None:
    """Return the file of that name in the folder of another, or the only one."""
    found = [entry.name for entry in entries if entry.base == base]
    own = f"{other.rpartition('/')[0]}/{base}".lstrip("/") if other is not None else ""
    return own if own in found else found[0] if len(found) == 1 else None


def _app_tops(files: FileSet, entries: Sequence[FileEntry]) -> tuple[str, ...]:
    tops = []
    for entry in entries:
        if entry.base in ("vivado_hls.app", "hls.app"):
            match = _APP_TOP.search(read_text(files, entry.name)[: 2**16])
            if match:
                tops.append(match[1])
    return tuple(dict.fromkeys(tops))
