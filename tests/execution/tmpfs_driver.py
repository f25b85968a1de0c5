"""Whole campaigns on a disk of a few hundred KiB that is really full, for F12; needs the right to mount (`unshare -rm`).

python tmpfs_driver.py DISK TOOLS        mounts a small disk at DISK, prints one JSON line per try
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from campaign_driver import be_quick, main, story, write_campaign

ROOM_KIB = (0, 12, 48, 96)
RESERVE_GIB = 0.0006  # 630 KiB


def dse(*words: str) -> tuple[int, str]:
    """Call the command line here; return its exit code and what it said."""
    sys.argv = ["dse", *words]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main()
            code: Any = 0
        except SystemExit as leaving:
            code = leaving.code or 0
    return int(code), said.getvalue()


def fill(disk: Path, room_kib: int) -> Path:
    """Leave so much room and no more."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    size = ballast.stat().st_size
    os.truncate(ballast, max(0, size - 1024 * room_kib))
    return ballast


def estimated(disk: Path, room_kib: int) -> dict[str, Any]:
    """A campaign of estimates: journal, cache and page meet a full disk; then there is room again."""
    folder = disk / "one"
    path = write_campaign(folder, Path("/nowhere"))
    path.write_text(path.read_text().split("backend =")[0] + 'backend = {kind = "estimate"}\n')
    ballast = fill(disk, room_kib)
    code, said = dse("run", str(path), "--plain")
    ballast.unlink()
    again, told = dse("run", str(path), "--plain")
    left = [str(p) for p in disk.rglob(".*") if p.is_file()]
    found = {"room_kib": room_kib, "code": code, "said": said[-400:], "again": again, "told": told[-400:], "left": left}
    found["story"] = repr(story(path))
    shutil.rmtree(folder)
    shutil.rmtree(disk / "cache", ignore_errors=True)
    return found


def synthesised(disk: Path, tools: Path, room_kib: int, reserve_gib: float) -> dict[str, Any]:
    """A campaign on the fake tool, whose disk is full for a while: without a reserve it stops, with one it waits and goes on by itself."""
    folder = disk / "one"
    path = write_campaign(folder, tools)
    ballast = fill(disk, room_kib)
    timer = threading.Timer(1.5, ballast.unlink)
    timer.start()
    code, said = dse("run", str(path), "--plain", "--trust", "-o", f"backend.disk_reserve_gb={reserve_gib}")
    timer.join()
    again, told = dse("run", str(path), "--plain", "--trust")
    found = {
        "room_kib": room_kib,
        "code": code,
        "said": said[-1500:],
        "again": again,
        "told": told[-400:],
        "story": repr(story(path)),
    }
    shutil.rmtree(folder)
    shutil.rmtree(disk / "cache", ignore_errors=True)
    return found


def try_all(disk: Path, tools: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(disk)], check=True)
    be_quick()
    for room_kib in (2048, *ROOM_KIB):
        print(json.dumps({"kind": "estimate", **estimated(disk, room_kib)}), flush=True)
    for room_kib, reserve_gib in ((2048, 0.0), (64, 0.0), (400, RESERVE_GIB)):
        print(json.dumps({"kind": "tool", **synthesised(disk, tools, room_kib, reserve_gib)}), flush=True)


if __name__ == "__main__":
    try_all(Path(sys.argv[1]), Path(sys.argv[2]))
