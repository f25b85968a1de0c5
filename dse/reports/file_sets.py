"""Where report files come from: a folder, one file, or members of an archive that were read into memory. Names are POSIX paths.

Nothing is ever written, links are not followed, and size, count and depth are capped: a tree may come from anywhere.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dse.errors import ReportError

MAX_FILE_BYTES = 64 * 2**20
MAX_TOTAL_BYTES = 2**30
MAX_FILES = 10_000
MAX_VISITED = 500_000
MAX_DEPTH = 24

# What a reader of trees may want to open. Everything else in a project (RTL, weights, scheduler data) is not even listed.
_WANTED = re.compile(
    r"(?:.*_)?csynth\.(?:xml|rpt)|.*_cosim\.rpt|hls_cosim\.rpt|vivado_synth\.rpt|(?!.*clock_utilization).*utilization[^/]*\.rpt"
    r"|(?:.*_)?export(?:_[a-z]+)?\.rpt|hls_impl_[a-z]+\.rpt|.*kernel_util[^/]*\.rpt"
    r"|.*timing[^/]*\.rpt|parameters\.h|defines\.h|hls4ml_config\.ya?ml|vivado_hls\.app|hls\.app|hls_config\.cfg|project\.tcl"
    r"|report_data\.js|quartus_data\.js|(?:summary|quartus|loop_attr)\.ndjson|acl_quartus_report\.txt"  # other tools, to name them
    r"|rtl\.rpt|cycle\.rpt|catapult\.log|summary\.results\.rpt|bambu_results[^/]*\.xml",
    re.DOTALL,
)
_SKIPPED = frozenset(
    {".autopilot", ".git", ".Xil", "nnet_utils", "ap_types", "weights", "tb_data", "csim", "verilog", "vhdl", "systemc"}
)
_HDL = frozenset({"verilog", "vhdl"})
# RTL lies in `syn/verilog` and `sim/verilog`, but reports in `impl/verilog/report` and `impl/report/verilog`.
_HDL_WITH_REPORTS = frozenset({"impl", "report"})


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file that may be read: its POSIX path below the root, size in bytes, time of change (seconds since 1970; None unknown)."""

    name: str
    size: int
    changed_at: float | None = None

    @property
    def folder(self) -> str:
        """The path of its folder, "" for the root."""
        return self.name.rpartition("/")[0]

    @property
    def base(self) -> str:
        """The name without its folder."""
        return self.name.rpartition("/")[2]


class FileSet(Protocol):
    """Files that can be listed and read."""

    origin: str

    def entries(self) -> tuple[FileEntry, ...]:
        """Return the files that a reader of trees may want, sorted by name."""
        ...

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        ...


def is_wanted(base: str) -> bool:
    """Whether a file of this name may hold something that the readers know."""
    return _WANTED.fullmatch(base) is not None


def is_skipped(folder: str) -> bool:
    """Whether a folder, by its path, holds nothing that the readers know.

    >>> is_skipped("solution1/syn/verilog"), is_skipped("solution1/impl/report/verilog"), is_skipped("solution1/impl/verilog/report")
    (True, False, False)
    """
    parts = folder.split("/")
    if parts[-1] in _HDL and len(parts) > 1 and parts[-2] in _HDL_WITH_REPORTS:
        return False
    return parts[-1] in _SKIPPED


class DirectoryFiles:
    """The files below a folder, or one file alone."""

    def __init__(self, path: Path) -> None:
        self.origin = str(path)
        self._root = path.parent if path.is_file() else path
        self._only = path.name if path.is_file() else None
        self._entries: tuple[FileEntry, ...] | None = None
        if not path.exists():
            raise ReportError("no such file or folder", file=str(path))

    def entries(self) -> tuple[FileEntry, ...]:
        """Return the wanted files, sorted by name.

        Raises:
            ReportError: if there are too many.
        """
        if self._entries is None:
            self._entries = self._list()
        return self._entries

    def _list(self) -> tuple[FileEntry, ...]:
        if self._only is not None:
            status = (self._root / self._only).stat()
            return (FileEntry(self._only, status.st_size, status.st_mtime),)
        found: list[FileEntry] = []
        visited, todo = 0, [("", 0)]
        while todo:
            folder, depth = todo.pop()
            for item in _scan(self._root / folder):
                visited += 1
                if visited > MAX_VISITED or len(found) > MAX_FILES:
                    raise ReportError(f"more than {MAX_FILES} reports. Name one project.", file=self.origin)
                name = f"{folder}/{item.name}" if folder else item.name
                if item.is_dir(follow_symlinks=False):
                    if not is_skipped(name) and depth < MAX_DEPTH:
                        todo.append((name, depth + 1))
                elif item.is_file(follow_symlinks=False) and is_wanted(item.name):
                    status = item.stat(follow_symlinks=False)
                    found.append(FileEntry(name, status.st_size, status.st_mtime))
        return tuple(sorted(found, key=lambda entry: entry.name))

    def read(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            ReportError: if it cannot be read or is too large.
        """
        path = self._root / name
        try:
            with path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise ReportError(f"cannot be read: {error.strerror}", file=str(path)) from error
        if len(content) > MAX_FILE_BYTES:
            raise ReportError(f"more than {MAX_FILE_BYTES} bytes", file=str(path))
        return content


def _scan(folder: Path) -> Iterable[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            return sorted(items, key=lambda item: item.name)
    except OSError as error:
        raise ReportError(f"cannot be listed: {error.strerror}", file=str(folder)) from error


class MemoryFiles:
    """Files held in memory, e.g. members of an archive."""

    def __init__(self, origin: str, contents: Mapping[str, bytes], changed_at: Mapping[str, float] | None = None) -> None:
        self.origin = origin
        self._contents = dict(contents)
        self._changed_at = dict(changed_at or {})

    def entries(self) -> tuple[FileEntry, ...]:
        """Return the files, sorted by name."""
        return tuple(FileEntry(name, len(self._contents[name]), self._changed_at.get(name)) for name in sorted(self._contents))

    def read(self, name: str) -> bytes:
        """Return a file's bytes; KeyError if it is not there."""
        return self._contents[name]


def read_text(files: FileSet, name: str) -> str:
    """Return a file's text: UTF-8, or UTF-16 as editors on Windows save it. Bytes that are neither become U+FFFD: they can only stand in
    names and comments."""
    content = files.read(name)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    if len(content) > 1 and content[:64].count(0) >= min(len(content), 64) // 3:
        return content.decode("utf-16-le" if content[1] == 0 else "utf-16-be", errors="replace")
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors="replace")


def digest_of(files: FileSet, name: str) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    return hashlib.sha256(files.read(name)).hexdigest()
