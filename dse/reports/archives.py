"""Report trees inside archives: members are read into memory, nothing is ever written to disk.

An archive may come from anywhere, so only regular files with names that the readers know are taken; size, count and the ratio of
compression are capped, and a name that leaves the archive's root, or comes twice, is refused.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

from dse.errors import ReportError
from dse.reports.file_sets import (
    MAX_FILE_BYTES,
    MAX_FILES,
    MAX_TOTAL_BYTES,
    DirectoryFiles,
    FileSet,
    MemoryFiles,
    is_skipped,
    is_wanted,
)

MAX_RATIO = 200
MAX_MEMBERS = 1_000_000
_BASE_BYTES = 2**20  # a small archive may be compressed better than MAX_RATIO

_OPENERS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")


def open_files(path: Path) -> FileSet:
    """Return the files of a folder, of a tar or zip archive, or one file alone.

    Raises:
        ReportError: if it does not exist, or an archive is damaged, hostile or too large.
    """
    if path.is_file():
        try:
            with path.open("rb") as file:
                head = file.read(512)
        except OSError as error:
            raise ReportError(f"cannot be read: {error.strerror}", file=str(path)) from error
        if head.startswith(b"PK\x03\x04"):
            return _zip(path)
        if head[257:262] == b"ustar" or any(head.startswith(magic) for magic in _OPENERS):
            return _tar(path, head)
    return DirectoryFiles(path)


class _Collector:
    """Takes members one by one and holds all of them to the caps."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.contents: dict[str, bytes] = {}
        self.changed_at: dict[str, float] = {}
        self.n_members = 0
        self.n_bytes = 0
        self.limit = min(MAX_TOTAL_BYTES, _BASE_BYTES + MAX_RATIO * path.stat().st_size)

    def wants(self, name: str) -> bool:
        """Whether a member is to be read.

        Raises:
            ReportError: for a name that leaves the root, a second member of a name, or too many members.
        """
        self.n_members += 1
        if self.n_members > MAX_MEMBERS:
            raise self.error(f"more than {MAX_MEMBERS} members")
        parts = name.split("/")
        if not is_wanted(parts[-1]) or any(is_skipped("/".join(parts[:n])) for n in range(1, len(parts))):
            return False
        if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
            raise self.error(f"member {name[:80]!r} leaves the archive")
        if self.clean(name) in self.contents:
            raise self.error(f"member {name[:80]!r} is there twice")
        if len(self.contents) >= MAX_FILES:
            raise self.error(f"more than {MAX_FILES} reports")
        return True

    def take(self, name: str, stream: IO[bytes], changed_at: float | None) -> None:
        """Read one member."""
        content = stream.read(MAX_FILE_BYTES + 1)
        self.n_bytes += len(content)
        if len(content) > MAX_FILE_BYTES:
            raise self.error(f"member {name[:80]!r} has more than {MAX_FILE_BYTES} bytes")
        if self.n_bytes > self.limit:
            raise self.error(f"expands to more than {self.limit} bytes")
        self.contents[self.clean(name)] = content
        if changed_at is not None:
            self.changed_at[self.clean(name)] = changed_at

    @staticmethod
    def clean(name: str) -> str:
        return "/".join(part for part in name.split("/") if part not in ("", "."))

    def error(self, message: str) -> ReportError:
        return ReportError(message, file=str(self.path))

    def files(self) -> MemoryFiles:
        return MemoryFiles(str(self.path), self.contents, self.changed_at)


def _zip(path: Path) -> FileSet:
    found = _Collector(path)
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                is_regular = not info.is_dir() and (info.external_attr >> 28) in (0, 0o10)
                if is_regular and found.wants(info.filename):
                    if info.file_size > MAX_FILE_BYTES or info.file_size > _BASE_BYTES + MAX_RATIO * info.compress_size:
                        raise found.error(f"member {info.filename[:80]!r} expands to {info.file_size} bytes")
                    with archive.open(info) as stream:
                        found.take(info.filename, stream, None)
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        RuntimeError,
        NotImplementedError,
        OSError,
        ValueError,
    ) as error:
        raise found.error(f"not a readable zip archive: {str(error)[:120]}") from error
    return found.files()


class _Limited:
    """A stream that ends in an error after a number of bytes: skipping members of a bomb costs time, too."""

    def __init__(self, stream: IO[bytes], limit: int, found: _Collector) -> None:
        self._stream, self._left, self._found = stream, limit, found

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise self._found.error("expands to far more than its own size")
        return content


def _tar(path: Path, head: bytes) -> FileSet:
    found = _Collector(path)
    is_packed = any(head.startswith(magic) for magic in _OPENERS)
    limit = _BASE_BYTES + MAX_RATIO * path.stat().st_size if is_packed else 4 * MAX_TOTAL_BYTES
    try:
        with _unpacked(path, head) as raw:
            # "r|" reads strictly forward and never seeks, so every byte passes the limit.
            archive = tarfile.open(fileobj=_Limited(raw, limit, found), mode="r|")  # type: ignore[call-overload]  # noqa: SIM115
            for member in archive:
                if member.isreg() and found.wants(member.name):
                    if member.size > MAX_FILE_BYTES:
                        raise found.error(f"member {member.name[:80]!r} has {member.size} bytes")
                    stream = archive.extractfile(member)
                    if stream is not None:
                        found.take(member.name, stream, float(member.mtime))
    except (tarfile.TarError, EOFError, lzma.LZMAError, zlib.error, OSError, ValueError, OverflowError) as error:
        raise found.error(f"not a readable tar archive: {str(error)[:120]}") from error
    return found.files()


def _unpacked(path: Path, head: bytes) -> IO[bytes]:
    if head.startswith(b"\x1f\x8b"):
        return gzip.open(path, "rb")  # type: ignore[return-value]  # a GzipFile reads bytes
    if head.startswith(b"BZh"):
        return bz2.open(path, "rb")
    return lzma.open(path, "rb") if head.startswith(b"\xfd7zXZ") else path.open("rb")
