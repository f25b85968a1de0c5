"""The few ways in which `dse` changes the file system, each safe against a crash at any moment.

All that must survive goes through here, so that tests can fail the n-th of these calls and look at what is left.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from dse.errors import CacheError, DiskFull


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that readers see the old or the new content, never a part, even after a power loss.

    Raises:
        DiskFull, CacheError: nothing was changed.
    """
    try:
        _make_directory(path.parent)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), 0o644)  # temporary files begin private; results are to be read by colleagues
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise
        sync_directory(path.parent)
    except OSError as error:
        raise _explained(error, path) from error


def place_directory(path: Path, files: Mapping[str, bytes]) -> bool:
    """Make a directory of files appear at once. Returns False if one was there already, which then stays as it was.

    Raises:
        DiskFull, CacheError: nothing was changed.
    """
    temporary: Path | None = None
    try:
        _make_directory(path.parent)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        for name, content in files.items():
            with (temporary / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        temporary.chmod(0o755)
        sync_directory(temporary)
        try:
            temporary.rename(path)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
            return False
        temporary = None
        sync_directory(path.parent)
        return True
    except OSError as error:
        raise _explained(error, path) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def make_directory(path: Path) -> None:
    """Make a directory and those above it that are missing, so that they are there after a power loss, too.

    Raises:
        DiskFull, CacheError: it cannot be made.
    """
    try:
        _make_directory(path)
    except OSError as error:
        raise _explained(error, path) from error


def _make_directory(path: Path) -> None:
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        sync_directory(folder.parent)


def open_plain(path: Path | str, flags: int, *, folder: int | None = None) -> int:
    """Open a file that is what it seems: no symbolic link, FIFO or device, and the user's own if it is to be written to.

    Args:
        folder: descriptor of the folder that a relative path is seen from.

    Raises:
        OSError: it cannot be opened or is something else; `strerror` says what.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644, dir_fd=folder)
    except OSError as error:
        what = {errno.ELOOP: "it is a symbolic link, which is not followed", errno.ENXIO: "it is no plain file"}.get(
            error.errno or 0
        )
        if what is None:
            raise
        raise OSError(error.errno, what, str(path)) from error
    return _refuse_others(descriptor, stat.S_ISREG, "it is no plain file", is_written=flags & os.O_ACCMODE != os.O_RDONLY)


def open_folder(path: Path) -> int:
    """Open a folder of the user's own, that is no symbolic link, to write in it.

    Raises:
        OSError: it is not; `strerror` says what.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if path.is_symlink():
            raise OSError(errno.ELOOP, "it is a symbolic link, which is not followed", str(path)) from error
        raise
    return _refuse_others(descriptor, stat.S_ISDIR, "it is no folder", is_written=True)


def _refuse_others(descriptor: int, is_right: Callable[[int], bool], otherwise: str, *, is_written: bool) -> int:
    status = os.fstat(descriptor)
    foreign = is_written and status.st_uid != os.geteuid()
    if is_right(status.st_mode) and not foreign:
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EPERM, "it belongs to another user" if foreign else otherwise)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable; a file system that cannot sync directories is left alone."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _explained(error: OSError, path: Path) -> DiskFull | CacheError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"{path}: the disk is full. Make room there and run the same command again; nothing was lost.")
    return CacheError(f"{path}: cannot be written: {error.strerror}. Check who owns the folder, or choose another one.")
