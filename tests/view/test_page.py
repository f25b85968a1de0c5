"""The page as text: what it says, what it escapes, how large it is, and that keeping it fresh costs a campaign nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import view_kit
from hypothesis import given
from hypothesis import strategies as st

from dse.search.base import Advice
from dse.study import fold as events
from dse.study.assemble import Question
from dse.study.fold import replay
from dse.view import page_keeper
from dse.view.page import page
from dse.view.page_keeper import PageKeeper
from dse.view.pages import embedded
from dse.view.story import Story


@pytest.fixture(scope="module")
def explore(tmp_path_factory: pytest.TempPathFactory) -> Question:
    return view_kit.question(tmp_path_factory.mktemp("explore"))


@pytest.fixture(scope="module")
def compact(tmp_path_factory: pytest.TempPathFactory) -> Question:
    return view_kit.question(tmp_path_factory.mktemp("compact"), "compact")


class Elements(HTMLParser):
    """Collects tags with their attributes, and the text outside of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._skipped = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._skipped += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._skipped -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.words.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_the_answer_comes_first_with_its_cost_and_how_sure_it_is(compact: Question) -> None:
    story = view_kit.balanced(compact)
    text = Elements(page(story)).text
    best = story.summary.incumbent
    assert best is not None
    assert best.qor is not None
    start = text.index("Answer")
    assert text.index(f"Answer: trial {best.number}") < text.index("II of every layer")
    answer = text[start : text.index("II of every layer")]
    assert f"{best.qor.dsp:,.0f} DSP" in answer
    assert f"{100 * best.qor.dsp / 740:,.0f} % DSP" in answer
    assert "C synthesis" in answer
    assert "gives no proof that nothing better exists" in answer
    assert "Stopped: repeated configuration" in answer


def test_a_certificate_is_told_as_what_it_is(explore: Question) -> None:
    open_end = Elements(page(view_kit.story(explore, 5, is_over=False))).text
    assert "Not settled yet: no other design is better by more than" in open_end
    assert "The campaign is not finished: 5 trials done" in open_end
    reached = Elements(page(view_kit.story(explore, 200))).text
    assert "Certificate reached: no other design is better by more than 0.2% at 95% confidence" in reached


def test_a_best_design_that_does_not_fit_is_said_to_be_so(compact: Question) -> None:
    compact = replace(compact, spec=replace(compact.spec, must_fit=False))  # else it is none of the feasible designs
    whole = view_kit.balanced(compact)
    events_so_far = whole.events[:3]  # only the probe at 1 everywhere is measured, and it needs 4,976 of 740 DSP
    story = Story(compact, replay(events_so_far), events_so_far)
    text = Elements(page(story)).text
    assert "does not fit" in text
    assert "It is larger than the device: DSP 4,976 of 740." in text
    assert "does not fit" not in Elements(page(whole)).text


def test_nothing_feasible_is_said_plainly(explore: Question) -> None:
    story = view_kit.story(explore, 1)
    assert story.summary.incumbent is None
    assert "No measured design keeps the limits." in Elements(page(story)).text


@pytest.mark.parametrize(("n_trials", "most_bytes"), [(0, 40_000), (1, 90_000), (20, 200_000), (200, 500_000), (500, 900_000)])
def test_it_stays_small(explore: Question, n_trials: int, most_bytes: int) -> None:
    text = page(view_kit.story(explore, n_trials, is_over=n_trials > 0))
    assert len(text.encode()) < most_bytes
    assert Elements(text).count("tr") == (n_trials + 1 if n_trials else 0)


def test_before_the_first_trial_there_is_an_answer_and_nothing_empty(explore: Question) -> None:
    text = page(view_kit.story(explore, 0, is_over=False))
    assert "Nothing has been tried yet. Start with: dse run toy.toml" in Elements(text).text
    assert Elements(text).count("section") == 2


def test_it_loads_nothing_and_its_policy_allows_only_itself(explore: Question) -> None:
    text = page(view_kit.story(explore, 12))
    elements = Elements(text)
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in elements.tags}
    for tag, attributes in elements.tags:
        assert "style" not in attributes, tag
        assert not any(name.startswith("on") or name in ("src", "srcset", "action") for name in attributes), tag
        assert attributes.get("href", "#").startswith("#")  # type: ignore[union-attr]
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    policy = next(a["content"] for tag, a in elements.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy


def test_hostile_text_becomes_text(explore: Question) -> None:
    tame, hostile = (page(view_kit.story(explore, 12, hostile=flag)) for flag in (False, True))
    assert [tag for tag, _ in Elements(hostile).tags] == [tag for tag, _ in Elements(tame).tags]
    assert "</script><script>document.title" in Elements(hostile).text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", hostile)


@given(st.recursive(st.text() | st.none() | st.integers(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=10))
def test_embedded_json_is_the_same_json_without_what_html_could_read(value: object) -> None:
    text = embedded({"a": value})
    assert json.loads(text) == {"a": value}
    assert not set("<&\u2028\u2029") & set(text)


def test_ids_are_used_once(compact: Question) -> None:
    found = [a["id"] for _, a in Elements(page(view_kit.balanced(compact))).tags if "id" in a]
    assert len(found) == len(set(found))


def test_the_keeper_writes_after_events_and_what_it_owes_at_the_end(explore: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    pen = view_kit.journal(explore, 3, is_over=False)
    pen.save()
    keeper = PageKeeper(explore)
    keeper.path.unlink(missing_ok=True)
    with keeper:
        keeper.event(pen.events[-1], pen.state)
        assert 'data-n="3"' in keeper.path.read_text()
        monkeypatch.setattr(page_keeper, "_SHARE", 1e9)
        keeper._write()
        pen.add(events.stopped("budget", "the budget is spent", Advice()))
        monkeypatch.setattr(keeper, "_may_fit", lambda: False)
        keeper.event(pen.events[-1], pen.state)
        assert "the budget is spent" not in keeper.path.read_text()  # too soon after the last one
    assert "the budget is spent" in keeper.path.read_text()
    assert keeper.warnings == []


def test_a_page_that_cannot_be_written_is_a_warning(explore: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    pen = view_kit.journal(explore, 2, is_over=False)
    pen.save()
    monkeypatch.setattr(page_keeper, "page", lambda *_: 1 / 0)
    monkeypatch.setattr(page_keeper, "_SHARE", 0.0)
    keeper = PageKeeper(explore)
    with keeper:
        keeper.event(pen.events[-1], pen.state)
        keeper.event(pen.events[-1], pen.state)
    assert len(keeper.warnings) == 1
    assert "ZeroDivisionError" in keeper.warnings[0]


def test_a_finished_campaign_without_a_page_gets_one(explore: Question) -> None:
    pen = view_kit.journal(explore, 2)
    pen.save()
    keeper = PageKeeper(explore)
    keeper.path.unlink(missing_ok=True)
    with keeper:
        pass
    before = keeper.path.read_bytes()
    with PageKeeper(explore):
        pass
    assert keeper.path.read_bytes() == before


def test_a_broken_journal_costs_no_more_than_the_page(explore: Question) -> None:
    path = explore.spec.state / "journal.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"event": "nonsense"}\n')
    keeper = PageKeeper(explore)
    keeper.path.unlink(missing_ok=True)
    with keeper:
        pass
    assert not keeper.path.exists()


def test_the_surrogate_s_figures_come_from_this_campaign(explore: Question) -> None:
    pytest.importorskip("torch")
    from dse.view.beliefs import believe, predicted

    story = view_kit.story(explore, 6)
    assert believe(explore, view_kit.story(explore, 0, is_over=False).state, None) is None
    beliefs = believe(explore, story.state, story.summary.incumbent)
    assert beliefs is not None
    band = beliefs.bands["dense_1", "dsp"]
    option = next(option for option in explore.space.options if option.layer.name == "dense_1")
    assert tuple(b.reuse_factor for b in band) == option.reuse_factors
    assert all(b.lower <= b.mean <= b.upper for b in band)
    assert {f.trial for f in beliefs.foretold} <= set(range(2, 7))
    tried = {trial.point for trial in story.state.trials}
    assert beliefs.neighbors
    assert not any(point in tried for point, _, _ in beliefs.neighbors)
    points = predicted(explore, beliefs, *story.axes)
    assert points
    assert all(p.x[1] <= p.x[0] <= p.x[2] and p.y[1] <= p.y[0] <= p.y[2] for p in points)
    text = page(story, beliefs)
    assert "Is the surrogate worth listening to" in text
    assert "f-band" in text


def test_the_state_folder_is_the_only_place_written(explore: Question) -> None:
    pen = view_kit.journal(explore, 1)
    pen.save()
    before = set(explore.spec.path.parent.rglob("*"))
    with PageKeeper(explore) as keeper:
        keeper.event(pen.events[-1], pen.state)
    after = set(explore.spec.path.parent.rglob("*"))
    assert after - before <= {Path(keeper.path)}
