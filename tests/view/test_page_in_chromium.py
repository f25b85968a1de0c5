"""The page in a real browser: it runs without a complaint, asks nobody for anything, answers mouse and keys, and axe finds no fault."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import view_kit
from browser import Browser

from dse.design import Fidelity
from dse.parts import find_part
from dse.view import comparison
from dse.view.beliefs import believe
from dse.view.page import page

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on PATH"),
]
ROOT = Path(__file__).resolve().parents[2]
PAGES = ("none", "one", "twenty", "believed", "hostile", "compact", "many", "compared")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("pages")
    explore, compact = view_kit.question(home / "explore"), view_kit.question(home / "compact", "compact")
    believed = view_kit.story(explore, 8)
    twenty = view_kit.story(explore, 20, n_pending=2, is_over=False)
    columns = tuple(
        comparison.Column(f"<b>{t.number}", t.point, t.qor, 4, "a note", is_alien=t.number == 2) for t in twenty.state.trials[:4]
    )
    texts = {
        "none": page(view_kit.story(explore, 0, is_over=False)),
        "one": page(view_kit.story(explore, 1)),
        "twenty": page(twenty),
        "believed": page(believed, believe(explore, believed.state, believed.summary.incumbent)),
        "hostile": page(view_kit.story(explore, 10, hostile=True)),
        "compact": page(view_kit.balanced(compact)),
        "many": page(view_kit.story(explore, 500)),
        "compared": comparison.page(comparison.Comparison("<i>toy", find_part("xc7a200tfbg676-2"), Fidelity.CSYNTH, columns)),
    }
    for name, text in texts.items():
        (home / f"{name}.html").write_text(text)
    return {name: home / f"{name}.html" for name in texts}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    one = Browser(tmp_path_factory.mktemp("profile"))
    yield one
    one.close()


@pytest.mark.parametrize("name", PAGES)
def test_it_runs_without_a_complaint_and_asks_nobody(browser: Browser, pages: dict[str, Path], name: str) -> None:
    with browser.tab(pages[name]) as tab:
        assert tab.run("document.getElementById('theme').hidden") is False  # the script ran
        assert tab.complaints == []
        assert tab.requests == [pages[name].as_uri()]
        assert tab.run("document.documentElement.scrollWidth <= innerWidth")
        if (folder := os.environ.get("DSE_PICTURES")) is not None:
            tab.picture(Path(folder) / f"{name}.png")


def test_hostile_text_stays_text(browser: Browser, pages: dict[str, Path]) -> None:
    with browser.tab(pages["hostile"]) as tab:
        assert tab.run("document.title") == "toy: dse"
        assert tab.run("document.querySelectorAll('script').length") == 2
        assert tab.run("document.querySelectorAll('img').length") == 0
        assert "<img src=x onerror=alert(1)>" in tab.run("document.querySelector('td.why').textContent")


def test_the_policy_refuses_what_is_not_ours(browser: Browser, pages: dict[str, Path]) -> None:
    added = "(() => { const s = document.createElement('script'); s.textContent = 'window.added = 1'; document.body.append(s); })()"
    asked = "fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')"
    with browser.tab(pages["one"]) as tab:
        tab.run(added)
        assert tab.run("window.added === undefined")
        assert tab.run(asked) == "refused"
        assert any("Content Security Policy" in complaint for complaint in tab.complaints)


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark_follow_the_reader_until_told_otherwise(browser: Browser, pages: dict[str, Path], dark: bool) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with browser.tab(pages["one"], dark=dark) as tab:
        before = tab.run(ground)
        assert before == ("rgb(14, 18, 24)" if dark else "rgb(243, 245, 248)")
        tab.run("document.getElementById('theme').click()")
        assert tab.run(ground) == ("rgb(243, 245, 248)" if dark else "rgb(14, 18, 24)")


def test_pointing_at_the_front_lights_the_bars(browser: Browser, pages: dict[str, Path]) -> None:
    with browser.tab(pages["twenty"]) as tab:
        tab.run("""(() => {
          const dots = [...document.querySelectorAll('section')].find((s) => s.textContent.startsWith('Pareto front'));
          window.dot = dots.querySelector('g[data-n="3"]');
          window.dot.querySelector('circle, path').dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));
        })()""")
        lit = "[...document.querySelectorAll('.on')].map((e) => e.tagName + e.dataset.n)"
        assert sorted(tab.run(lit)) == ["TR3", "g3", "g3"]
        assert tab.run("document.getElementById('detail').textContent").startswith("Trial 3")


def test_arrow_keys_walk_through_the_trials_and_say_so(browser: Browser, pages: dict[str, Path]) -> None:
    with browser.tab(pages["twenty"]) as tab:
        tab.run("document.querySelector('[data-steps]').focus()")
        first = tab.run("Number(document.querySelector('tr.on').dataset.n)")
        tab.key("ArrowRight")
        second = tab.run("Number(document.querySelector('tr.on').dataset.n)")
        assert second == first + 1
        assert tab.run("document.getElementById('live').textContent").startswith(f"Trial {second}:")


def test_a_row_can_be_reached_and_columns_sort(browser: Browser, pages: dict[str, Path]) -> None:
    column = "[...document.querySelectorAll('tbody tr')].map((r) => r.children[5].dataset.v)"
    with browser.tab(pages["twenty"]) as tab:
        tab.run("document.querySelectorAll('th button')[3].click()")
        known = [float(v) for v in tab.run(column) if v]
        assert known == sorted(known)
        assert tab.run(column)[-1] == ""  # unknown comes last
        tab.run("document.querySelectorAll('th button')[3].click()")
        assert [float(v) for v in tab.run(column) if v] == sorted(known, reverse=True)
        assert tab.run("document.querySelectorAll('th[aria-sort=descending]').length") == 1
        tab.run("document.querySelector('td button[aria-label=\"Show trial 5\"]').click()")
        assert tab.run("document.querySelector('tr.on').dataset.n") == "5"


@pytest.mark.parametrize(("name", "dark"), [(name, dark) for name in PAGES for dark in (False, True) if name != "many" or not dark])
def test_axe_finds_nothing(browser: Browser, pages: dict[str, Path], name: str, dark: bool) -> None:
    places = [Path(os.environ["DSE_AXE"])] if "DSE_AXE" in os.environ else [ROOT / "node_modules" / "axe-core" / "axe.min.js"]
    if not places[0].is_file():
        pytest.skip("no axe-core: `npm install --no-save axe-core` here, or set DSE_AXE to its axe.min.js")
    with browser.tab(pages[name], dark=dark) as tab:
        tab.run(places[0].read_text() + ";0")
        found = tab.run(
            "axe.run().then((r) => r.violations.map((v) => [v.impact, v.id, v.nodes.length, v.nodes[0].html.slice(0, 200)]))"
        )
        assert [violation for violation in found if violation[0] in ("serious", "critical")] == []
        assert found == []
