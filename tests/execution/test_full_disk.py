"""F12 on a disk that is really full: a small tmpfs of our own, in a namespace of our own."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from execution_kit import fake_tools

from dse.errors import DiskFull

DRIVER = Path(__file__).resolve().parent / "tmpfs_driver.py"


def may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]
    return subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False).returncode == 0


def test_f12_a_worker_without_room_does_not_blame_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    from dse.project import generate, workers

    def write(_request: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "firmware/weights/w2.txt")

    monkeypatch.setattr(generate, "write_project", write)
    with pytest.raises(DiskFull, match=r"w2\.txt"):
        workers._serve({}, None)


@pytest.mark.skipif(not may_mount(), reason="this machine lets no user mount a tmpfs in a namespace")
def test_f12_on_a_full_disk_nothing_is_half_written_and_with_room_it_goes_on(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    tools = fake_tools.install(tmp_path / "tools", {})
    argv = ["unshare", "-rm", sys.executable, str(DRIVER), str(tmp_path / "disk"), str(tools)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    tries: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    for kind in ("estimate", "tool"):
        golden, *full = [one for one in tries if one["kind"] == kind]
        assert golden["code"] == 0, golden
        for one in full:
            assert one["again"] == 0, one
            assert one["story"] == golden["story"], one
            assert "internal error" not in one["said"], one
            assert one["code"] in (0, 3), one
            if one["code"] == 3:
                assert "full" in one["said"], one
                assert "Make room" in one["said"], one
            assert not one.get("left"), "temporary files were left behind"
    assert any(one["code"] == 3 for one in tries if one["kind"] == "estimate"), "no disk was full"
    *_, spared = tries
    assert spared["code"] == 0, spared
    assert "waiting: disk" in spared["said"], spared
