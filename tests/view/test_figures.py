"""Figures: the same values give the same ink, all text is escaped, and nothing is drawn that is not known."""

from __future__ import annotations

import os
from math import isfinite
from pathlib import Path
from xml.etree import ElementTree

import pytest
import view_kit
from hypothesis import given
from hypothesis import strategies as st

from dse.errors import SpecError
from dse.view.figures import axes, svg
from dse.view.figures.balance import Synthesis, axis_strip, balance
from dse.view.figures.belief import Foretold, belief
from dse.view.figures.campaign import FIGURES, draw_balance, draw_front
from dse.view.figures.curves import Band, Panel, curves
from dse.view.figures.drawing import Area, Bar, Drawing, Line, Text
from dse.view.figures.files import encode
from dse.view.figures.front import Bound, Measured, Predicted, front
from dse.view.figures.progress import Progress, progress
from dse.view.figures.styles import PALETTE, STYLES
from dse.view.figures.tallies import Share, shares, spend, tally
from dse.view.story import Story

GOLDEN = Path(__file__).parent / "golden"
NS = {"s": "http://www.w3.org/2000/svg"}
LAYERS = ("conv_1", "dense_1", "dense_2")

BALANCE = balance(
    LAYERS,
    (
        Synthesis(1, (1, 1, 1), (20.0, 8.0, None)),
        Synthesis(3, (2, 16, 512), (36.0, 34.0, 30.0), is_chosen=True),
    ),
    metric="ii_cycles_max",
    target=36.0,
    anchor="conv_1",
)
CURVES = curves(
    (
        Panel(
            "conv_1",
            ((1, 20.0), (10, 164.0)),
            (Band(1, 20, 20, 20), Band(2, 35, 30, 41), Band(10, 164, 160, 170)),
            ((1, 20.0), (10, 164.0)),
            ((1, 20.0), (2, 36.0), (10, 164.0)),
            1,
            True,
        ),
        Panel("dense_1", ()),
    ),
    metric="ii_cycles_max",
)
FRONT = front(
    (
        Measured(1, 20, 2319, True, True, False, "[1, 1, 1]"),
        Measured(2, 196, 364, False, False, False, "[12, 8, 8]"),
        Measured(3, 36, 293, True, True, True, "[2, 16, 512]"),
    ),
    (Predicted((40, 38, 44), (280, 250, 330), "predicted <b>"),),
    x_metric="ii_cycles_max",
    y_metric="dsp",
    x_bounds=(Bound(9000, "limit 9,000"),),
    y_bounds=(Bound(740, "device holds 740"),),
)
PROGRESS = progress(Progress((None, 0.2, 0.2, 0.7), "hypervolume", (None, 0.9, 0.4, 0.02), 0.01))
BELIEF = belief(
    (Foretold(2, "conv_1", "dsp", 10, 8, 12, 11), Foretold(3, "conv_1", "dsp", 10, 8, 12, 40), Foretold(3, "d", "lut", 5, 1, 9, 5)),
    confidence=0.9,
)
SHARES = shares(LAYERS, (Share("LUT", (10.0, 20.0, None), 40.0, 100), Share("URAM", (None, None, None), None, 0)))
TALLY = tally("How the trials ended", (("measured", 8, "layer2"), ("out of memory", 2, "failed")), "nothing")
SPEND = spend((0.5, None, 1.5), 0.25, budget_syntheses=5)
DRAWN = {
    "balance": BALANCE,
    "curves": CURVES,
    "front": FRONT,
    "progress": PROGRESS,
    "belief": BELIEF,
    "shares": SHARES,
    "tally": TALLY,
    "spend": SPEND,
}


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_values_give_the_same_ink(name: str) -> None:
    """`DSE_REFRESH=1 pytest tests/view/test_figures.py` writes the golden files anew; look at them before committing."""
    path = GOLDEN / f"{name}.svg"
    text = svg.standalone(DRAWN[name])
    if "DSE_REFRESH" in os.environ:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("name", DRAWN)
def test_all_ink_is_within_the_frame_and_has_a_style(name: str) -> None:
    drawing = DRAWN[name]
    root = ElementTree.fromstring(svg.standalone(drawing))
    assert root.find("s:title", NS) is not None
    for element in root.iter():
        style = element.get("class", "")
        assert not style.startswith("f-") or style[2:] in STYLES
        assert element.get("style") is None
        for name_of_place, most in (("x", drawing.width), ("y", drawing.height), ("cx", drawing.width), ("cy", drawing.height)):
            place = float(element.get(name_of_place, "0"))
            assert -1 <= place <= most + 1, (element.tag, element.attrib)


def test_balance_has_a_group_a_synthesis_and_a_bar_a_known_layer() -> None:
    groups = [mark for mark in BALANCE.marks if getattr(mark, "trial", None)]
    assert [group.trial for group in groups] == [1, 3]
    bars = [[m for m in group.marks if isinstance(m, Bar) and m.style != "hatch"] for group in groups]
    assert [len(b) for b in bars] == [2, 3]
    assert sum(m.style == "hatch" for group in groups for m in group.marks) == 2  # the anchor's bars
    heights = [bar.height for bar in bars[1]]
    assert heights == pytest.approx([36 * heights[0] / 36, 34 * heights[0] / 36, 30 * heights[0] / 36])
    assert any(isinstance(m, Text) and m.text == "?" for m in groups[0].marks)  # unknown is not a bar of no height
    assert {m.text for m in axis_strip(BALANCE).marks if isinstance(m, Text)} >= {"II (cycles)", "reuse"}


def test_the_front_rings_the_chosen_and_tells_of_limits_out_of_sight() -> None:
    texts = [m.text for m in FRONT.marks if isinstance(m, Text)]
    assert "beyond the frame: limit 9,000" in texts
    assert "device holds 740" in texts
    chosen = [m for m in FRONT.marks if getattr(m, "trial", None) == 3]
    assert [dot.style for dot in chosen[0].marks] == ["chosen", "measured"]
    assert "2 feasible trials, 2 of them on the front, 1 beyond a limit, 1 predicted" in FRONT.description


def test_beliefs_count_what_lay_inside() -> None:
    assert "DSP: 1 of 2 inside the 90 % interval" in BELIEF.description


def test_curves_hold_the_band_around_the_mean() -> None:
    band = next(m for m in CURVES.marks if isinstance(m, Area) and m.style == "band")
    mean = next(m for m in CURVES.marks if isinstance(m, Line) and m.style == "mean")
    assert len(band.points) == 2 * len(mean.points)
    assert band.points[1][1] > mean.points[1][1] > band.points[-2][1]


@pytest.mark.parametrize(
    "drawing",
    [
        balance(LAYERS, (), metric="dsp"),
        curves((Panel("a", ()),), metric="dsp"),
        front((), x_metric="dsp", y_metric="lut"),
        progress(Progress((None,), "hypervolume")),
        belief((), confidence=0.9),
        shares(LAYERS, ()),
        tally("t", (), "No trial has finished yet."),
        spend((None,), 0.0, budget_syntheses=None),
    ],
)
def test_without_values_a_figure_says_so(drawing: Drawing) -> None:
    assert [type(mark) for mark in drawing.marks] == [Text]
    assert drawing.description


@pytest.mark.parametrize("text", [view_kit.HOSTILE, "\ud800", "\x00\x1b\x9b", "a & b < c", "\N{RIGHT-TO-LEFT OVERRIDE}"])
def test_any_text_gives_a_readable_file_without_new_elements(text: str) -> None:
    plain = svg.standalone(balance(("a",), (Synthesis(1, (1,), (2.0,)),), metric="dsp", anchor="a", left_out="b"))
    drawn = svg.standalone(balance((text,), (Synthesis(1, (1,), (2.0,)),), metric="dsp", anchor=text, left_out=text))
    assert [e.tag for e in ElementTree.fromstring(drawn).iter()] == [e.tag for e in ElementTree.fromstring(plain).iter()]
    assert "\x1b" not in drawn


@given(st.lists(st.floats(1e-9, 1e12), min_size=1, max_size=20), st.booleans(), st.booleans())
def test_scales_hold_their_values_and_ticks_are_round(values: list[float], wants_log: bool, from_zero: bool) -> None:
    scale = axes.scale(values, 0, 100, wants_log=wants_log, from_zero=from_zero)
    places = [scale(value) for value in values]
    assert all(isfinite(place) and -0.01 <= place <= 100.01 for place in places)
    air = 1e-9 * (scale.high - scale.low)
    assert all(scale.low - air <= tick <= scale.high + air for tick in scale.ticks())
    assert len(scale.ticks()) <= 16


def test_layer_colors_can_be_seen_on_their_paper() -> None:
    """WCAG: graphics need 3:1, text 4.5:1."""

    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(a: str, b: str) -> float:
        bright, dark = sorted((luminance(a), luminance(b)), reverse=True)
        return (bright + 0.05) / (dark + 0.05)

    for theme in (0, 1):
        paper = PALETTE["paper"][theme]
        for name, colors in PALETTE.items():
            least = 4.5 if name in ("ink", "muted", "bad", "accent") else 3.0 if name.startswith(("layer", "predicted")) else 1.0
            assert contrast(colors[theme], paper) >= least, (name, theme)


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Story]:
    home = tmp_path_factory.mktemp("stories")
    explore, compact = view_kit.question(home / "explore"), view_kit.question(home / "compact", "compact")
    return {
        "none": view_kit.story(explore, 0, is_over=False),
        "one": view_kit.story(explore, 1),
        "explore": view_kit.story(explore, 30),
        "compact": view_kit.balanced(compact),
    }


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("which", ["none", "one", "explore", "compact"])
def test_every_figure_of_every_campaign_is_a_file(stories: dict[str, Story], which: str, name: str) -> None:
    content = encode(FIGURES[name](stories[which], None), "f.svg")
    assert ElementTree.fromstring(content).tag == f"{{{NS['s']}}}svg"


def test_the_large_probe_is_left_out_unless_asked_for(stories: dict[str, Story]) -> None:
    story = stories["compact"]
    small, all_of_them = draw_balance(story), draw_balance(story, with_probe=True)
    numbers = [{mark.trial for mark in d.marks if getattr(mark, "trial", None)} for d in (small, all_of_them)]
    assert numbers[1] - numbers[0] == {story.probes[-1].number}
    assert "probe" in small.description
    assert story.anchor is not None
    assert story.target is not None


def test_a_limit_in_time_stands_on_an_axis_of_cycles(stories: dict[str, Story]) -> None:
    drawing = draw_front(stories["explore"])
    assert "limit 12k ns" in drawing.description


@pytest.mark.parametrize(("ending", "magic"), [(".pdf", b"%PDF"), (".png", b"\x89PNG")])
def test_pdf_and_png_hold_the_figure(ending: str, magic: bytes) -> None:
    pytest.importorskip("matplotlib")
    first, second = encode(BALANCE, f"a{ending}"), encode(BALANCE, f"a{ending}")
    assert first.startswith(magic)
    assert first == second


def test_an_unknown_ending_is_refused() -> None:
    with pytest.raises(SpecError, match=r"expected one of \.svg, \.pdf, \.png"):
        encode(BALANCE, "figure.bmp")
