"""Parts and boards: a name is found whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.campaign.spec import read_campaign
from dse.design import normalise_part
from dse.errors import SpecError
from dse.parts import Part, board_part, device_of, find_part, known_boards, known_devices, sources, vendor_part

DEVICES = sorted(known_devices())
PACKAGES = ("ffvf1760-2-e", "csga324-1", "vsva2197-2MP-e-S", "figd2104-2L-e", "sfvc784-2LV-c", "clg400-1", "fbg676-2")


@pytest.mark.parametrize(
    ("part", "device", "lut", "dsp"),
    [
        ("xczu29dr-ffvf1760-2-e", "xczu29dr", 425_280, 4_272),
        ("xczu27dr-ffve1156-2-i", "xczu27dr", 425_280, 4_272),
        ("xczu21dr-ffvd1156-2-e", "xczu21dr", 425_280, 4_272),
        ("xczu2cg-sbva484-1-e", "xczu2cg", 47_232, 240),
        ("xcvu3p-ffvc1517-2-e", "xcvu3p", 394_080, 2_280),
        ("xcvu37p-fsvh2892-2-e", "xcvu37p", 1_303_680, 9_024),
        ("xcu250-figd2104-2L-e", "xcu250", 1_728_000, 12_288),
        ("xcu55c-fsvh2892-2L-e", "xcu55c", 1_303_680, 9_024),
        ("xc7z014sclg400-1", "xc7z014s", 40_600, 170),
        ("xcvc1902-vsva2197-2MP-e-S", "xcvc1902", 899_840, 1_968),
        ("xck24-ubva530-2LV-c", "xck24", 70_560, 360),
    ],
)
def test_a_device_is_found_by_its_whole_name(part: str, device: str, lut: int, dsp: int) -> None:
    found = find_part(part)
    assert (found.device, found.lut, found.ff, found.dsp) == (device, lut, 2 * lut, dsp)


@pytest.mark.parametrize("device", DEVICES)
def test_no_device_is_taken_for_one_whose_name_begins_alike(device: str) -> None:
    assert find_part(device).device == device
    for package in PACKAGES:
        assert find_part(device + package).device == device
        assert find_part(f"{device.upper()}-{package}").device == device
    for other in (device[:-1], device + "9", device + "0"):  # a digit less or more is another device, or none
        try:
            found = find_part(other).device
        except SpecError:
            continue
        assert found == normalise_part(other)


@given(st.text("xczukvap0123456789tdregs-", max_size=16))
def test_no_name_is_half_read(name: str) -> None:
    if device_of(name) in known_devices():
        assert find_part(name).device == device_of(name)
    else:
        with pytest.raises(SpecError, match="unknown part"):
            find_part(name)


def test_every_row_is_possible_and_has_a_source() -> None:
    for part in known_devices().values():
        assert min(part.lut - part.dsp, part.dsp, part.bram_18k, part.uram + 1) > 0
    assert all(source for source in sources().values())


@pytest.mark.parametrize("board", sorted(known_boards()))
def test_every_board_has_a_part_that_is_known(board: str) -> None:
    part = board_part(board)
    assert find_part(part).is_listed
    assert vendor_part(normalise_part(part)) == part


CAMPAIGN = """[campaign]
name = "parts"
[network]
source = "net.toml"
[target]
{target}
clock_period_ns = 5.0
[search]
mode = "explore"
[[objective]]
metric = "device_cost"
[[limit]]
metric = "dsp"
maximum = "device"
[backend]
kind = "estimate"
"""
NETWORK = 'name = "one"\n[[layer]]\nname = "fc1"\nkind = "dense"\nn_in = 16\nn_out = 8\n'


def campaign(folder: Path, target: str) -> Path:
    (folder / "net.toml").write_text(NETWORK)
    file = folder / "parts.toml"
    file.write_text(CAMPAIGN.format(target=target))
    return file


def test_a_board_stands_for_its_part(tmp_path: Path) -> None:
    by_board = read_campaign(campaign(tmp_path, 'board = "PYNQ-Z2"'))
    by_part = read_campaign(campaign(tmp_path, 'part = "xc7z020clg400-1"'))
    assert by_board.meaning == by_part.meaning
    assert by_board.part.dsp == 220


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("", "got neither `part` and `board`"),
        ('part = "xc7z020clg400-1"\nboard = "pynq-z2"', "got both `part` and `board`"),
        ('board = "pynq-z9"', "unknown board 'pynq-z9'. Did you mean pynq-z"),
        ('part = "xczu30dr-ffvf1760-2-e"', "unknown part 'xczu30dr-ffvf1760-2-e'. Did you mean a part of xczu"),
        ('part = "xc7z020clg400-1"\ncapacities = { lut = 5, ff = 5, dsp = 0, bram_18k = 1 }', "target.capacities.dsp is 0"),
        ('part = "xc7z020clg400-1"\ncapacities = { lut = 5 }', "the key `ff` is missing in [target.capacities]"),
        ('part = "xc7z020clg400-1"\ncapacities = { lutt = 5, lut = 5, ff = 5, dsp = 1, bram_18k = 1 }', "unknown key `lutt`"),
    ],
)
def test_what_names_no_device_is_refused(tmp_path: Path, target: str, message: str) -> None:
    with pytest.raises(SpecError) as refused:
        read_campaign(campaign(tmp_path, target))
    assert message in str(refused.value)


def test_capacities_can_be_given(tmp_path: Path) -> None:
    spec = read_campaign(
        campaign(tmp_path, 'part = "xcvn3716-vsvb2197-2MP-e-S"\ncapacities = { lut = 1000, ff = 2000, dsp = 7, bram_18k = 20 }')
    )
    assert spec.part == Part("xcvn3716", 1000, 2000, 7, 20, 0)
    assert spec.limits[0].maximum == 7.0
    assert "dsp=7" in spec.meaning["target.capacities"]
    listed = read_campaign(campaign(tmp_path, 'part = "xc7z020clg400-1"'))
    assert "target.capacities" not in listed.meaning
