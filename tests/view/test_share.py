"""A shared page: whatever a tool, a log or a campaign says of places, hosts and people is not in it, and all else is."""

from __future__ import annotations

import getpass
import re
import socket
from dataclasses import replace
from html import unescape

import pytest
import view_kit

from dse.bundle.redact import redact, redactor
from dse.qor import Failure
from dse.search.base import Trial
from dse.study.assemble import Question
from dse.study.fold import CampaignState
from dse.view.page import page
from dse.view.story import Story

SECRETS = ("ada", "lovelace", "canary7", "lic-canary", "10.11.12.13", "secret_project", "/home", "/scratch", "file:///")
TALK = (
    "For user 'lovelace' on host 'canary7.corp.example' (Linux); XILINXD_LICENSE_FILE=2100@lic-canary.corp.example:/home/ada/x.lic;"
    ' error:/home/ada/secret_project/run.tcl:3, "/scratch/ada\'s/secret_project/b.v", file:///home/ada/c.html, ada@canary7 at 10.11.12.13,'
    " ~ada/secret_project/d; by lovelace, ada; 1/2 of ap_fixed<16,6> at https://example.org/a/b"
)


@pytest.fixture(scope="module")
def explore(tmp_path_factory: pytest.TempPathFactory) -> Question:
    return view_kit.question(tmp_path_factory.mktemp("explore"))


def told(story: Story) -> Story:
    """Let every text of others that a journal holds talk."""
    state, spec = story.state, story.question.spec

    def trial(of: Trial) -> Trial:
        outcome = replace(of.outcome, message=TALK, log_tail=TALK) if isinstance(of.outcome, Failure) else of.outcome
        return replace(of, reason=TALK, proposed_by=f"by {TALK}", outcome=outcome, notes=(TALK,))

    evaluations = tuple(
        (number, replace(e, provenance=replace(e.provenance, host="canary7.corp.example", tool=TALK, notes=(TALK,))))
        for number, e in state.evaluations
    )
    talking: CampaignState = replace(
        state, trials=tuple(trial(t) for t in state.trials), evaluations=evaluations, notes=(TALK,), stop=("search", TALK)
    )
    network = replace(spec.network, name=f"net of {TALK}")
    return Story(replace(story.question, spec=replace(spec, name=f"toy {TALK}", network=network)), talking, story.events)


def test_no_canary_is_in_it_and_sense_stays(explore: Question) -> None:
    story = told(view_kit.story(explore, 12))
    open_page, shared = page(story), page(story, is_shared=True)
    for secret in SECRETS:
        assert secret in unescape(open_page), secret
        assert secret not in unescape(shared), secret
    assert "corp.example" not in shared
    for word in (
        "&lt;host&gt;",
        "&lt;user&gt;",
        "&lt;licence server&gt;",
        "&lt;address&gt;",
        ".../run.tcl",
        "https://example.org/a/b",
    ):
        assert word in shared
    assert "ap_fixed&lt;16,6&gt;" in shared


def test_this_machine_and_its_user_are_not_in_it_either(explore: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "canary8")
    monkeypatch.setattr(getpass, "getuser", lambda: "grace")
    story = view_kit.story(explore, 3)
    state = replace(story.state, notes=("made by grace on Canary8 and for gracewood",))
    shared = page(Story(explore, state, story.events), is_shared=True)
    assert "made by &lt;user&gt; on &lt;host&gt; and for gracewood" in shared


def test_only_words_change(explore: Question) -> None:
    """The same tags, figures, numbers and script as ever, so that the policy's hashes hold."""
    story = view_kit.story(explore, 12, hostile=True)
    plain, shared = page(story), page(story, is_shared=True)
    assert re.findall(r"<\w+", plain) == re.findall(r"<\w+", shared)
    assert re.findall(r' d="[^"]*"', plain) == re.findall(r' d="[^"]*"', shared)
    assert re.findall(r"sha256-[\w+/=]+", plain) == re.findall(r"sha256-[\w+/=]+", shared)
    assert "lab3" in plain
    assert "lab3" not in shared


def test_a_page_that_is_given_away_follows_nothing(explore: Question) -> None:
    story = view_kit.story(explore, 2, is_over=False)
    assert 'id="follow"' in page(story)
    assert 'id="follow"' not in page(story, is_shared=True)


def test_a_name_given_away_in_one_text_is_hidden_in_all() -> None:
    hide = redactor(["log in /afs/cern.ch/user/a/ada/x", "ssh: connect to host lab9.cern.ch port 22: no route"], ["bob@lab4"])
    assert hide("ada's job on lab9, then on LAB4 as bob") == "<user>'s job on <host>, then on <host> as <user>"
    assert redact("in /home/ada") == "in .../<user>"
    assert redact("the root of the layer is at /root/x") == "the root of the layer is at .../x"
