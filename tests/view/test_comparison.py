"""Comparisons: the same numbers as text, Markdown, CSV and page; what is unknown stays empty, and strangers are marked."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser

import pytest

from dse.design import DesignPoint, Fidelity, LayerChoice
from dse.parts import find_part
from dse.qor import Qor
from dse.view.comparison import Column, Comparison, as_csv, draw, markdown, page, rows

POINT = DesignPoint((("a", LayerChoice(1)), ("b", LayerChoice(16))))
BASE = Qor(lut=1346, ff=2692, dsp=2320, bram_18k=73, latency_cycles_max=100, ii_cycles_max=20)
SMALL = Qor(lut=673, ff=1346, dsp=290, latency_cycles_max=400, ii_cycles_max=36)
COLUMNS = (
    Column("unoptimised", POINT, BASE),
    Column("compact", POINT, SMALL, 5, tool_hours=1.25),
    Column("=HYPERLINK(1)|<b>", None, None, note="not measured", is_alien=True),
)
COMPARED = Comparison("jet|tagger", find_part("xc7a200tfbg676-2"), Fidelity.CSYNTH, COLUMNS)


def test_percentages_are_of_the_device_and_ratios_against_the_first() -> None:
    table = {row[0]: row[1:] for row in rows(COMPARED)}
    assert table["DSP"] == ["2,320 (314 %)", "290 (39 %)", "-"]
    assert table["BRAM (18 Kb)"] == ["73 (10 %)", "-", "-"]
    assert table["DSP against unoptimised"] == ["1.00x", "0.12x", "-"]
    assert table["II against unoptimised"] == ["1.00x", "1.80x", "-"]
    assert table["syntheses"] == ["-", "5", "-"]
    assert table["tool hours"] == ["-", "1.25", "-"]
    assert "hypervolume" not in table


def test_markdown_is_one_table_whatever_the_names() -> None:
    lines = markdown(COMPARED).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    assert "<b>" not in markdown(COMPARED).replace("\\<b\\>", "")
    assert any("do not compare" in line for line in lines)


def test_csv_holds_bare_numbers_and_no_formulas() -> None:
    found = list(csv.DictReader(io.StringIO(as_csv(COMPARED))))
    assert float(found[1]["dsp"]) == 290
    assert float(found[1]["dsp_percent"]) == pytest.approx(100 * 290 / 740)
    assert float(found[1]["dsp_ratio"]) == pytest.approx(0.125)
    assert found[1]["bram_18k"] == ""
    assert found[2]["dsp"] == ""
    assert not any(value.startswith("=") for row in found for value in row.values())


def test_the_page_holds_the_table_and_no_new_elements() -> None:
    tags: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)

    Tags().feed(page(COMPARED))
    assert tags.count("tr") == len(rows(COMPARED)) + 1
    assert "b" not in tags
    assert tags.count("script") == 2


def test_the_figure_has_a_bar_for_each_known_number() -> None:
    bars = [mark for mark in draw(COMPARED).marks if type(mark).__name__ == "Bar"]
    assert len(bars) == 6 + 5
    assert draw(Comparison("n", COMPARED.part, Fidelity.ESTIMATE, COLUMNS[2:])).description == "None of the designs was measured."
