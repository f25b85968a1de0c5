"""The kit: the few files that run beside the tool, in one archive that Python starts without installing anything."""

from __future__ import annotations

import hashlib
import io
import zipfile
from functools import lru_cache
from pathlib import Path

_FILES = ("process.py", "spool.py", "shim.py", "desk.py")
_PACKAGE = "dse_host"
_MAIN = f"import sys\n\nfrom {_PACKAGE} import desk\n\nsys.exit(desk.main(sys.argv[1:]))\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


@lru_cache(maxsize=1)
def content() -> bytes:
    """Return the archive, the same bytes for the same sources."""
    here = Path(__file__).parent
    texts = {"__main__.py": _MAIN, f"{_PACKAGE}/__init__.py": ""}
    texts |= {f"{_PACKAGE}/{name}": (here / name).read_text(encoding="utf-8") for name in _FILES}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in texts.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def name() -> str:
    """Return the archive's file name, which changes with its content: jobs of an older `dse` keep the kit they started with."""
    return f"kit-{hashlib.sha256(content()).hexdigest()[:12]}.pyz"


def install(directory: Path) -> Path:
    """Write the archive into a directory, if it is not there yet, and return its path."""
    path = directory / name()
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(content())
        partial.replace(path)
    return path
