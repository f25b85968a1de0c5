"""A campaign run to its end, or until it is interrupted: who watches it, what is said before and after, its exit code."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any

from dse.campaign.spec import CampaignSpec
from dse.commands.campaign_report import print_status, status_document
from dse.commands.interrupts import heard
from dse.commands.output import console, points, print_event
from dse.store.journal import Event
from dse.study.assemble import Question, assemble, open_campaign
from dse.study.evaluate import Answer
from dse.study.fold import CampaignState
from dse.study.loop import Campaign, Signals, run
from dse.study.numbers import builds_circuits, check_question, is_wanted
from dse.study.session import session
from dse.summary import summarise
from dse.view.live import Live
from dse.view.notify import Notifier
from dse.view.page_keeper import PageKeeper
from dse.view.story import Story

STOPPING = "stopping: no new trials; Ctrl-C again cancels the running ones"
CANCELLING = "cancelling the running trials"


def run_to_end(spec: CampaignSpec, *, fresh: bool, as_json: bool, plain: bool, check_numerics: bool) -> int:
    """Run a campaign whose commands were agreed to, keep its page, and return the exit code."""
    question = assemble(spec)
    err = console(stderr=True)
    if is_wanted(check_numerics) and builds_circuits(question):
        err.print(f"numbers: {check_question(question).message}")
    # the page's last edition may take seconds, so it comes when all else is said and the lock is free
    with PageKeeper(question) as keeper:
        code = _run_watched(question, keeper, fresh=fresh, as_json=as_json, plain=plain)
    for warning in keeper.warnings:
        err.print(f"warning: {warning}")
    if keeper.path.exists() and not as_json:
        err.print(f"page: {keeper.path}")
    return code


def _run_watched(question: Question, keeper: PageKeeper, *, fresh: bool, as_json: bool, plain: bool) -> int:
    err = console(stderr=True)
    notifier = Notifier(question.spec, lambda state: summarise(question, state).incumbent) if question.spec.notify.command else None
    watcher = JsonEvents() if as_json else Live(question, console(stderr=False), plain=plain)
    watchers = (watcher, keeper, notifier) if notifier else (watcher, keeper)
    campaign = open_campaign(question, watchers=watchers, fresh=fresh)
    if isinstance(watcher, Live):
        watcher.signals = campaign.signals
    with session(campaign):
        _greet(question, campaign, err, as_json)
        with heard(campaign.signals, stopping=STOPPING, cancelling=CANCELLING), notifier or nullcontext(), watcher:
            before = len(campaign.state.trials)
            run(campaign)
        for warning in (*campaign.evaluator.cache.warnings, *(notifier.warnings if notifier else ())):
            err.print(f"warning: {warning}")
        code = exit_code(question, campaign.state, campaign.signals)
        _farewell(question, campaign, before, code, as_json)
        return code


def exit_code(question: Question, state: CampaignState, signals: Signals) -> int:
    """0 done with a feasible design · 1 nothing feasible · 5 some trials were cancelled · 130 interrupted · 143 detached."""
    if signals.detach:
        return 143
    if (signals.stop or signals.cancel) and state.stop is None:
        return 130
    if state.stop is None and state.pending:
        return 5
    return 0 if summarise(question, state).incumbent else 1


class JsonEvents:
    """One JSON event a line on stdout."""

    def __enter__(self) -> JsonEvents:
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()

    def event(self, event: Event, state: CampaignState) -> None:
        print_event("run", event)

    def tick(self, answers: tuple[Answer, ...], state: CampaignState) -> None:
        """Progress between events is for people."""


def _greet(question: Question, campaign: Campaign, err: Any, as_json: bool) -> None:
    state, spec = campaign.state, question.spec
    if campaign.journal.repaired:
        err.print(f"note: the last line of {campaign.journal.path} was torn ({campaign.journal.repaired} bytes) and was cut off")
    if state.stop:
        err.print(f"{spec.name}: finished before ({state.stop[1]})")
    elif state.trials:
        err.print(f"{spec.name}: resuming, {len(state.order)} done, {len(state.pending)} to take up again")
    elif not as_json:
        err.print(
            f"{spec.name}: new campaign, {points(question.space.size)}, {spec.search_kind} search, {spec.backend_kind} backend"
        )


def _farewell(question: Question, campaign: Campaign, before: int, code: int, as_json: bool) -> None:
    state = campaign.state
    story = Story(question, state, tuple(campaign.journal.events))
    if as_json:
        print_event("run", {"event": "summary", **status_document(story), "exit_code": code})
    else:
        print_status(story)
    trials = state.trials[before:]
    new = sum(1 for trial in trials if not trial.cached)
    cached = f", {len(trials) - new} designs from the cache" if len(trials) > new else ""
    err = console(stderr=True)
    is_idle = not trials and state.stop is not None
    words = story.words
    said = f"{new} new {words.one if new == 1 else words.many} in this session{cached}"
    err.print(f"nothing to do: 0 new {words.many}" if is_idle else said)
    if code in (5, 130, 143):
        why = f"{len(state.pending)} cancelled" if code == 5 else "interrupted"
        err.print(f"{why}; go on with: dse run {question.spec.path}")
