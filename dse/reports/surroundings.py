"""What lies around a part of an hls4ml project: somebody names `solution1`, and what was built is told three folders above.

Only the fixed names of an hls4ml project are looked for, and only above a folder `*_prj` or `unifiedWorkspace`, so nothing strange is ever
opened.
"""

from __future__ import annotations

from pathlib import Path

from dse.errors import ReportError
from dse.reports.file_sets import MAX_FILE_BYTES, FileEntry, FileSet

_NAMES = ("firmware/parameters.h", "firmware/defines.h", "hls4ml_config.yml", "vivado_synth.rpt")
_LEVELS = 8


def _is_project(folder: Path) -> bool:
    return (folder.name.endswith("_prj") or folder.name == "unifiedWorkspace") and folder.is_dir()


class _WithSurroundings:
    """A set of files, and some of the project that they belong to."""

    def __init__(self, files: FileSet, project: Path, names: tuple[str, ...]) -> None:
        self.origin = files.origin
        self._files, self._project, self._names = files, project, names

    def entries(self) -> tuple[FileEntry, ...]:
        """Return the files, those of the project among them."""
        found = []
        for name in self._names:
            status = (self._project / name).stat()
            found.append(FileEntry(name, status.st_size, status.st_mtime))
        return tuple(sorted((*self._files.entries(), *found), key=lambda entry: entry.name))

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        if name not in self._names:
            return self._files.read(name)
        with (self._project / name).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ReportError(f"more than {MAX_FILE_BYTES} bytes", file=name)
        return content


def with_surroundings(path: Path, files: FileSet) -> FileSet:
    """Add what the project around `path` says of what was built, unless `files` already hold it or there is no such project."""
    own = {entry.name for entry in files.entries()}
    if any(name.endswith("parameters.h") for name in own):
        return files
    here = path.resolve()
    chain = [here, *here.parents][:_LEVELS]
    inside = next((level for level, folder in enumerate(chain) if _is_project(folder)), None)
    if inside is None or inside + 1 >= len(chain) or not (chain[inside + 1] / _NAMES[0]).is_file():
        return files
    project = chain[inside + 1]
    names = tuple(name for name in _NAMES if name not in own and (project / name).is_file())
    return _WithSurroundings(files, project, names)
