"""`dse page`, `dse front --svg` and `dse compare` as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from worlds import Dse


def test_a_run_leaves_a_page_and_figures_are_files(world: Path, dse: Dse) -> None:
    assert dse("run", world).returncode == 0
    page = world.parent / "toy" / "page.html"
    assert "Answer: trial" in page.read_text()
    assert dse("page", world, "--figure", "balance", "-o", world.parent / "balance.svg").returncode == 0
    assert ElementTree.parse(world.parent / "balance.svg").getroot().tag.endswith("svg")
    front = dse("front", world, "--csv").stdout.splitlines()
    assert front[0].startswith("number,status")
    assert len(front) == 1 + len(json.loads(dse("front", world, "--json").stdout)["front"]) > 1


@pytest.mark.slow
def test_page_and_front_ask_the_surrogate(world: Path, dse: Dse) -> None:
    assert dse("run", world).returncode == 0
    written = dse("page", world, "-o", world.parent / "elsewhere.html")
    assert written.returncode == 0, written.stderr
    assert "Is the surrogate worth listening to" in (world.parent / "elsewhere.html").read_text()
    assert dse("front", world, "--svg", world.parent / "front.svg").returncode == 0
    assert "predicted, not measured" in (world.parent / "front.svg").read_text()


def test_a_page_before_the_first_run_says_so(world: Path, dse: Dse) -> None:
    assert dse("page", world).returncode == 0
    assert "No design yet." in (world.parent / "toy" / "page.html").read_text()


def test_a_shared_page_stands_beside_the_own_one_and_tells_no_place(world: Path, dse: Dse) -> None:
    assert dse("run", world).returncode == 0
    shared = dse("page", world, "--share")
    assert shared.returncode == 0, shared.stderr
    text = (world.parent / "toy" / "page-shared.html").read_text()
    assert "Answer: trial" in text
    assert str(world.parent) not in text
    assert (world.parent / "toy" / "page.html").exists()
    assert dse("page", world, "--share", "--figure", "front").returncode == 2


def test_an_unknown_figure_or_ending_is_refused_by_name(world: Path, dse: Dse) -> None:
    refused = dse("page", world, "--figure", "pie")
    assert refused.returncode == 2
    assert "expected one of balance" in refused.stderr
    bitmap = dse("page", world, "--figure", "balance", "-o", "balance.bmp")
    assert bitmap.returncode == 2
    assert "expected one of .svg, .pdf, .png" in bitmap.stderr


def test_compare_speaks_markdown_csv_and_html(world: Path, dse: Dse) -> None:
    assert dse("run", world).returncode == 0
    table = dse("compare", world, "--homogeneous", "4", "--md").stdout
    assert table.count("|:--") == 1
    assert "| II (cycles) |" in table
    numbers = dse("compare", world, "--csv").stdout.splitlines()
    assert numbers[0].startswith("design,reuse_factors,ii_cycles_max")
    assert len(numbers) == 3
    page = world.parent / "compared.html"
    assert dse("compare", world, "--page", page).returncode == 0
    assert "unoptimised" in page.read_text()


def test_strangers_are_compared_only_on_demand_and_marked(world: Path, dse: Dse) -> None:
    other = world.with_name("other.toml")
    text = world.read_text().replace('name = "toy"', 'name = "other"')
    other.write_text(text.replace('io_type = "io_stream"', 'io_type = "io_stream"\ntoolchain = "vivado_hls 2019.1"'))
    refused = dse("compare", world, other)
    assert refused.returncode == 2
    assert "another target than" in refused.stderr
    shown = dse("compare", world, other, "--anyway")
    assert shown.returncode == 0
    assert "other (!)" in shown.stdout
    assert "do not compare" in shown.stdout
