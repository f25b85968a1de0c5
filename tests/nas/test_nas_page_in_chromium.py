"""The page of an architecture search in a real browser: no complaint, no request, and a network lights up everywhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("optuna")

from browser import Browser
from nas.nas_cases import small_search
from nas.test_nas_view import many

from dse.view.nas_page import nas_page

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on PATH"),
]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("pages")
    spec = small_search(home)
    for name, text in {"none": nas_page(spec, (), ()), "many": nas_page(spec, many(), (), is_running=True)}.items():
        (home / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: home / f"{name}.html" for name in ("none", "many")}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    one = Browser(tmp_path_factory.mktemp("profile"))
    yield one
    one.close()


@pytest.mark.parametrize("name", ["none", "many"])
@pytest.mark.parametrize("width", [390, 1200])
def test_it_runs_without_a_complaint_and_fits_the_window(browser: Browser, pages: dict[str, Path], name: str, width: int) -> None:
    with browser.tab(pages[name], width=width, dark=width == 390) as tab:
        assert tab.complaints == []
        assert tab.requests == [pages[name].as_uri()]
        assert tab.run("document.documentElement.scrollWidth") == width


def test_a_network_lights_up_in_front_curves_and_table(browser: Browser, pages: dict[str, Path]) -> None:
    with browser.tab(pages["many"]) as tab:
        tab.run("""(() => {
          const front = [...document.querySelectorAll('section')].find((s) => s.textContent.startsWith('Pareto front'));
          front.querySelector('g[data-n="4"] circle').dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));
        })()""")
        assert sorted(tab.run("[...document.querySelectorAll('.on')].map((e) => e.tagName + e.dataset.n)")) == ["TR4", "g4", "g4"]
        tab.run("document.querySelector('td button[aria-label=\"Show trial 5\"]').click()")
        assert tab.run("document.getElementById('live').textContent") == "Trial 5: network 32-d8-1, error 24"
