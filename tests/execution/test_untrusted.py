"""What hosts, logs and leftovers say is read without trust: anything at all gives a value or an error of ours."""

from __future__ import annotations

import io
import json
import math
import tarfile
from pathlib import Path
from typing import Any

import pytest
from execution_kit import job_for
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.errors import BackendError, SpecError
from dse.execution import hosts
from dse.execution.hosts import unpack
from dse.execution.jobdir import Attempt, JobFolder, Ticket, read_log
from dse.execution.phases import estimate_remaining, read_phase
from dse.execution.places import Sighting, sighting
from dse.execution.settings import ToolOptions
from dse.execution.toolchain import first_line, read_version

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
facts = st.fixed_dictionaries(
    {},
    optional={
        "state": st.sampled_from(["absent", "fresh", "running", "elsewhere", "gone", "ended", "odd", None]),
        "beat": json_values | st.fixed_dictionaries({"seconds": json_values, "memory_bytes": json_values, "stage": json_values}),
        "tail": json_values, "host": json_values, "rc": json_values, "silent_seconds": json_values,
    },
)  # fmt: skip


@given(facts)
def test_what_a_host_says_is_a_sighting_or_an_error(document: dict[str, Any]) -> None:
    try:
        seen = sighting(document)
    except BackendError:
        return
    assert isinstance(seen, Sighting)
    assert seen.seconds is None or (seen.seconds >= 0 and math.isfinite(seen.seconds))
    assert len(seen.tail) <= 8192


@given(st.text(max_size=2000))
def test_any_log_has_a_phase_that_can_be_printed(text: str) -> None:
    phase = read_phase(text)
    assert len(phase) < 200
    assert all(ord(letter) >= 32 and not 127 <= ord(letter) < 160 for letter in phase)
    read_version(text)
    first_line(text)


@given(st.floats(0, 1e7), st.lists(st.floats(0, 1e7), max_size=20))
def test_the_time_left_is_a_range_and_never_negative(elapsed: float, past: list[float]) -> None:
    left = estimate_remaining(elapsed, past)
    assert (left is None) == (len(past) < 3)
    if left is not None:
        assert 0 <= left[0] <= left[1]


@pytest.mark.parametrize(
    ("tail", "phase"),
    [
        ("INFO: [HLS 200-10] Analyzing design file 'x.cpp' ...", "compiling"),
        ("INFO: [SCHED 204-11] Starting scheduling ...", "scheduling"),
        ("INFO: [HLS 200-42] -- Implementing module 'a'\nINFO: [RTMG 210-278] x\nGenerating Verilog RTL", "scheduling a"),
        ("***** VIVADO SYNTHESIS *****\nCommand: synth_design -top x", "logic synthesis"),
        ("", ""),
    ],
)
def test_phases_of_real_lines(tail: str, phase: str) -> None:
    assert read_phase(tail) == phase


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ("****** Vivado(TM) HLS - High-Level Synthesis from C, C++ and SystemC v2019.2 (64-bit)", "2019.2"),
        ("****** Vitis HLS - High-Level Synthesis from C, C++ and OpenCL v2023.2.1 (64-bit)", "2023.2"),
        ("Tool Version Limit: 2023.10", ""),
        ("no version", ""),
    ],
)
def test_versions_of_banners(banner: str, version: str) -> None:
    assert read_version(banner) == version


def archive(*members: tuple[str, bytes, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as out:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(content), "/etc/passwd"
            out.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_h08_only_what_was_asked_for_is_written(tmp_path: Path) -> None:
    content = archive(
        ("log", tarfile.REGTYPE, b"hello"),
        ("project/a/report/x_csynth.xml", tarfile.REGTYPE, b"<x/>"),
        ("project/a/other/x.xml", tarfile.REGTYPE, b"no"),
        ("../log", tarfile.REGTYPE, b"no"),
        ("project/../../report/x.xml", tarfile.REGTYPE, b"no"),
        ("/project/a/report/x.xml", tarfile.REGTYPE, b"no"),
        ("rc.json", tarfile.SYMTYPE, b""),
        ("beat.json", tarfile.CHRTYPE, b""),
        ("evil.sh", tarfile.REGTYPE, b"no"),
    )
    unpack(content, tmp_path / "in", ("log", "rc.json", "beat.json", "project/**/report/*.xml"), "lab1")
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir()}
    assert found == {"in/log", "in/project/a/report/x_csynth.xml"}


def test_h08_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "project").symlink_to(tmp_path / "outside")
    with pytest.raises(BackendError, match="outside"):
        unpack(archive(("project/x.rpt", tarfile.REGTYPE, b"x")), tmp_path / "in", ("project/*.rpt",), "lab1")
    assert not list((tmp_path / "outside").iterdir())


def test_h08_size_and_number_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = archive(("log", tarfile.REGTYPE, b"0" * (1 << 20)))
    monkeypatch.setattr(hosts, "MAX_FILE_BYTES", 1 << 19)
    with pytest.raises(BackendError, match="more than was asked"):
        unpack(bomb, tmp_path, ("log",), "lab1")
    monkeypatch.setattr(hosts, "MAX_FILES", 3)
    many = archive(*((f"{n}.rpt", tarfile.REGTYPE, b"x") for n in range(9)))
    with pytest.raises(BackendError, match="more than was asked"):
        unpack(many, tmp_path, ("*.rpt",), "lab1")


@settings(max_examples=100)
@given(st.binary(max_size=300), st.integers(0, 400))
def test_a_broken_archive_is_an_error_of_ours(tmp_path_factory: pytest.TempPathFactory, noise: bytes, cut: int) -> None:
    good = archive(("log", tarfile.REGTYPE, b"hello" * 100))
    for content in (noise, good[:cut], good[: cut // 2] + noise + good[cut:]):
        try:
            unpack(content, tmp_path_factory.getbasetemp() / "broken", ("log",), "lab1")
        except BackendError:
            continue


def test_a_ticket_comes_back_as_it_was_and_a_broken_one_is_not_guessed(tmp_path: Path) -> None:
    folder = JobFolder.of(tmp_path, job_for(1, 1).key)
    assert folder.load() == Ticket(folder.key)
    ticket = folder.load().opened("lab1", "a1").amended(cause="lost", message="gone").opened("lab2", "b2", 2.0)
    folder.save(ticket)
    assert folder.load() == ticket
    assert ticket.attempts[0].token != ticket.attempts[1].token
    path = folder.path / "ticket.json"
    for text in (
        "",
        "{",
        "[]",
        '{"schema": "dse.ticket/9"}',
        json.dumps({"schema": "dse.ticket/1", "attempts": [{"x": 1}], "pardoned": 0}),
    ):
        path.write_text(text)
        with pytest.raises(BackendError, match="unknown"):
            folder.load()


def test_a_log_of_any_size_is_read_in_bounded_memory(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        file.write(b"HEAD")
        file.truncate(1 << 30)  # sparse
        file.seek(0, 2)
        file.write(b"TAIL")
    text = read_log(tmp_path, 1 << 16)
    assert len(text) < 1 << 18
    assert text.startswith("HEAD")
    assert text.endswith("TAIL")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timeout_minutes", 0),
        ("hang_minutes", -1),
        ("memory_gb", 0),
        ("licences", 0),
        ("nice", -5),
        ("generators", 0),
        ("tool", "a\nb"),
    ],
)
def test_options_that_make_no_sense_are_refused(key: str, value: object) -> None:
    with pytest.raises(SpecError, match=f"backend.{key}"):
        ToolOptions(**{key: value})  # type: ignore[arg-type]


def test_what_the_tool_is_told(tmp_path: Path) -> None:
    from dse.design import Fidelity, Toolchain
    from dse.execution.toolchain import stages

    vivado = stages(Toolchain("vivado_hls", "2019.2"), "/x/vivado_hls", Fidelity.VSYNTH, True)
    assert [stage["name"] for stage in vivado] == ["csynth", "vsynth", "cosim"]
    words: Any = vivado[0]["argv"]
    assert words[:3] == ["/x/vivado_hls", "-f", "build_prj.tcl"]
    assert words[3].startswith("reset=True csim=False synth=True cosim=False validation=False export=False vsynth=False")
    later: Any = vivado[1]["argv"]
    assert later[3].startswith("reset=False csim=False synth=False")
    for path, start in (
        ("/x/vitis-run", ["/x/vitis-run", "--mode", "hls", "--tcl", "build_prj.tcl"]),
        ("/x/vitis_hls", ["/x/vitis_hls", "-f", "build_prj.tcl"]),
    ):
        (vitis,) = stages(Toolchain("vitis_hls", "2023.2"), path, Fidelity.CSYNTH, False)
        assert vitis["argv"] == start
        files: Any = vitis["files"]
        assert "csim 0" in files["build_opt.tcl"]
        assert "synth 1" in files["build_opt.tcl"]
    document = json.loads(
        ToolOptions(memory_gb=2).document(Attempt(1, "a", "t", memory_factor=2.0), Toolchain("vivado_hls", "2019.2"), "x")
    )
    assert document["memory_limit_bytes"] == 4 << 30
