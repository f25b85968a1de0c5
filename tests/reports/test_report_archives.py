"""Archives of report trees: read in memory, held to caps, hostile ones refused."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from dse.errors import ReportError
from dse.reports import archives
from dse.reports.archives import open_files
from dse.reports.tree import read_tree

GOLDEN = Path(__file__).parent / "golden"
CSYNTH = (GOLDEN / "vitis_2023.1_csynth.xml").read_bytes()
PLACE = "net/myproject_prj/solution1/syn/report/csynth.xml"


def tar(path: Path, members: list[tuple[tarfile.TarInfo, bytes]], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def regular(name: str) -> tarfile.TarInfo:
    return tarfile.TarInfo(name)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar(tmp_path: Path, mode: str) -> None:
    before = set(tmp_path.iterdir())
    path = tar(tmp_path / "a.tar", [(regular(PLACE), CSYNTH), (regular("net/rtl/x.v"), b"x" * 1000)], mode)
    assert read_tree(path).csynth.total.used.lut == 2500
    assert set(tmp_path.iterdir()) - before == {path}


def test_zip(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(PLACE, CSYNTH)
        archive.writestr("net/big.bin", b"\0" * 10_000_000)
    assert read_tree(path).csynth.total.used.lut == 2500
    assert [entry.name for entry in open_files(path).entries()] == [PLACE]


@pytest.mark.parametrize("name", ["../csynth.xml", "/etc/csynth.xml", "a/../../csynth.xml", "a\\..\\_csynth.xml"])
def test_names_that_leave_the_archive_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReportError, match="leaves the archive"):
        open_files(tar(tmp_path / "a.tgz", [(regular(name), CSYNTH)]))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, CSYNTH)
    with pytest.raises(ReportError, match="leaves the archive"):
        open_files(tmp_path / "a.zip")


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="twice"):
        open_files(tar(tmp_path / "a.tgz", [(regular(PLACE), CSYNTH), (regular("./" + PLACE), CSYNTH)]))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_what_is_no_regular_file_is_passed_over(tmp_path: Path, kind: bytes) -> None:
    odd = tarfile.TarInfo("net/_csynth.xml")
    odd.type, odd.linkname = kind, "/etc/passwd"
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        archive.addfile(odd)
    assert open_files(tmp_path / "a.tgz").entries() == ()


def test_a_link_in_a_zip_is_passed_over(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("net/csynth.xml")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert open_files(tmp_path / "a.zip").entries() == ()


def test_bombs_are_refused(tmp_path: Path) -> None:
    zeros = b"\0" * (8 * 2**20)
    with pytest.raises(ReportError, match="expands to"):
        open_files(tar(tmp_path / "a.tgz", [(regular("a/csynth.xml"), zeros)]))
    with pytest.raises(ReportError, match="expands to"):
        open_files(tar(tmp_path / "b.tgz", [(regular("a/not_wanted.bin"), zeros)]))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/csynth.xml", zeros)
    with pytest.raises(ReportError, match="expands to"):
        open_files(tmp_path / "a.zip")


def test_caps_on_size_and_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tar(tmp_path / "a.tar", [(regular(f"{n}/csynth.xml"), CSYNTH) for n in range(3)], "w")
    monkeypatch.setattr(archives, "MAX_FILES", 2)
    with pytest.raises(ReportError, match="more than 2 reports"):
        open_files(path)
    monkeypatch.setattr(archives, "MAX_FILES", 3)
    assert len(open_files(path).entries()) == 3
    monkeypatch.setattr(archives, "MAX_FILE_BYTES", len(CSYNTH) - 1)
    with pytest.raises(ReportError, match="bytes"):
        open_files(path)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_cut_archive_is_an_error_or_has_what_was_whole(tmp_path: Path, mode: str) -> None:
    whole = tar(tmp_path / "a.tar", [(regular(PLACE), CSYNTH)], mode).read_bytes()
    for end in range(64, len(whole), max(64, len(whole) // 40)):
        cut = tmp_path / "cut.tar"
        cut.write_bytes(whole[:end])
        try:
            tree = read_tree(cut)
        except ReportError:
            continue
        assert tree.csynth.total.used.lut == 2500


def test_a_broken_zip_is_an_error(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(PLACE, CSYNTH)
    whole = (tmp_path / "a.zip").read_bytes()
    for end in range(8, len(whole), 97):
        (tmp_path / "b.zip").write_bytes(whole[:end])
        with pytest.raises(ReportError):
            open_files(tmp_path / "b.zip")
    for at in range(30, len(whole), 53):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        (tmp_path / "b.zip").write_bytes(damaged)
        try:
            assert open_files(tmp_path / "b.zip").entries() == () or read_tree(tmp_path / "b.zip").csynth.total.used.lut == 2500
        except ReportError:
            continue
