"""The loop is a replayable function of its journal: cut anywhere, it goes on to the same end and evaluates nothing twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fakes
import pytest

from dse.design import Job
from dse.errors import CorruptJournal
from dse.goal import Budget
from dse.qor import Evaluation, Failure, FailureKind, Provenance
from dse.search import anchor
from dse.search import random as random_search
from dse.search.base import Advice, Certificate
from dse.store.cache import Cache
from dse.store.journal import Event, Journal, read_events
from dse.study import fold as events
from dse.study.evaluate import Answer, Evaluator
from dse.study.fold import CampaignState, replay
from dse.study.loop import Campaign, run, slots
from dse.synth_backends.base import Progress

NETWORK = fakes.network(fakes.conv1d("c1", 3, 4, 6), fakes.dense("d1", 24, 8), fakes.dense("d2", 8, 4))
SPACE = fakes.space(NETWORK, {"c1": (1, 3, 6, 12), "d1": (1, 2, 4, 6, 8, 12, 24, 48), "d2": (1, 2, 4, 8, 16)})
TIMES = ("at", "elapsed", "finished_at", "made_by")


def campaign(home: Path, backend: fakes.ToyBackend, **changes: Any) -> Campaign:
    journal = Journal(home / "journal.jsonl")
    live = Campaign(
        journal=journal,
        state=replay(journal.events),
        searcher=anchor.create(anchor.Options(anchor_reuse_max=2, probe_reuse_factor=4)),
        evaluator=Evaluator(Cache(home / "cache"), backend),
        view=lambda state: fakes.view(NETWORK, SPACE, state.finished, state.pending),
        job=lambda point: Job(NETWORK, point, fakes.TARGET, backend.fidelity, backend.basis),
        budget=changes.pop("budget", Budget()),
        slots=changes.pop("slots", 2),
        sleep=lambda _seconds: None,
        **changes,
    )
    if not journal.events:
        live.record(events.opened("toy", {"a": "1"}))
    return live


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if key not in TIMES}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def run_to_end(home: Path, backend: fakes.ToyBackend, **changes: Any) -> CampaignState:
    live = campaign(home, backend, **changes)
    try:
        return run(live)
    finally:
        live.journal.close()


def lines(home: Path) -> list[Event]:
    return [without_times(event) for event in read_events(home / "journal.jsonl")[0]]


def test_a_campaign_runs_to_its_stop_and_then_does_nothing(tmp_path: Path) -> None:
    backend = fakes.ToyBackend()
    state = run_to_end(tmp_path, backend)
    assert state.stop is not None
    assert state.stop[0] == "search"
    assert state.syntheses == len(state.trials) == len(backend.started) >= 3
    before = (tmp_path / "journal.jsonl").read_bytes()
    again = fakes.ToyBackend()
    assert run_to_end(tmp_path, again).trials == state.trials
    assert again.started == []
    assert (tmp_path / "journal.jsonl").read_bytes() == before


@pytest.mark.parametrize("slots", [1, 2])
def test_cut_at_every_byte_it_ends_in_the_same_journal(tmp_path: Path, slots: int) -> None:
    golden = tmp_path / "golden"
    run_to_end(golden, fakes.ToyBackend(), slots=slots)
    whole = (golden / "journal.jsonl").read_bytes()
    first_line = whole.index(b"\n") + 1
    ends = [at + 1 for at, byte in enumerate(whole) if byte == 10]
    cuts = sorted({cut for end in ends for cut in (end - 1, end, end + 1)} | set(range(first_line, len(whole), 211)))
    for cut in (cut for cut in cuts if first_line <= cut <= len(whole)):
        home = tmp_path / f"{slots}-{cut}"
        home.mkdir()
        (home / "journal.jsonl").write_bytes(whole[:cut])
        # the cache is empty: whatever the journal does not hold as finished is evaluated again, once
        backend = fakes.ToyBackend()
        run_to_end(home, backend, slots=slots)
        assert lines(home) == lines(golden)
        assert len(backend.started) == len(set(backend.started))


def test_a_result_paid_before_the_crash_is_not_a_cache_hit_after_it(tmp_path: Path) -> None:
    run_to_end(tmp_path, fakes.ToyBackend())
    golden = lines(tmp_path)
    path = tmp_path / "journal.jsonl"
    kept = path.read_bytes().split(b"\n")
    finished = next(number for number, line in enumerate(kept) if json.loads(line)["event"] == "finished")
    path.write_bytes(b"\n".join(kept[:finished]) + b"\n")
    backend = fakes.ToyBackend()
    state = run_to_end(tmp_path, backend)
    assert backend.started == []
    assert state.cache_hits == 0
    assert lines(tmp_path) == golden


def test_another_campaign_is_answered_by_the_cache(tmp_path: Path) -> None:
    run_to_end(tmp_path, fakes.ToyBackend())
    (tmp_path / "journal.jsonl").unlink()
    backend = fakes.ToyBackend()
    live = campaign(tmp_path, backend, clock=iter(range(1000)).__next__)
    live.state = events.replay([{**live.journal.events[0], "at": "another day"}])
    state = run(live)
    live.journal.close()
    assert backend.started == []
    assert state.syntheses == 0
    assert state.cache_hits == len(state.trials)


def test_a_budget_stops_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    state = run_to_end(tmp_path, fakes.ToyBackend(), budget=Budget(syntheses=2))
    assert state.stop is not None
    assert state.stop[0] == "budget"
    assert state.syntheses == 2
    state = run_to_end(tmp_path, fakes.ToyBackend(), budget=Budget(syntheses=100))
    assert state.stop is not None
    assert state.stop[0] == "search"
    assert state.syntheses > 2


def test_a_slow_backend_is_polled_and_asked_only_for_news(tmp_path: Path) -> None:
    ticks: list[int] = []
    live = campaign(tmp_path, fakes.ToyBackend(delay=5))
    live.sleep = lambda seconds: ticks.append(1)
    asked = 0
    original = live.searcher.propose

    class Counting:
        def propose(self, view: Any, n: int) -> Any:
            nonlocal asked
            asked += 1
            return original(view, n)

    live.searcher = Counting()
    state = run(live)
    live.journal.close()
    assert len(ticks) >= 9
    assert asked <= len(state.trials) + 1


def test_stop_waits_for_the_running_and_cancel_does_not(tmp_path: Path) -> None:
    live = campaign(tmp_path, fakes.ToyBackend(delay=3))
    live.sleep = lambda _seconds: setattr(live.signals, "stop", True)
    state = run(live)
    assert state.pending == ()
    assert len(state.finished) == 2
    live.journal.close()

    other = campaign(tmp_path / "other", fakes.ToyBackend(delay=10**6))
    other.sleep = lambda _seconds: setattr(other.signals, "cancel", True)
    state = run(other)
    assert len(state.pending) == 2
    other.journal.close()


def test_failures_of_the_design_are_data(tmp_path: Path) -> None:
    def toy(layer: Any, choice: Any) -> Any:
        return fakes.fails(FailureKind.DESIGN_ERROR) if choice.reuse_factor == 1 else fakes.toy_qor(layer, choice)

    state = run_to_end(tmp_path, fakes.ToyBackend(toy=toy))
    assert state.stop is not None
    assert any(trial.qor is None for trial in state.finished)


class Recorder:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def event(self, event: Event, state: CampaignState) -> None:
        self.seen.append(event["event"])

    def tick(self, answers: tuple[Answer, ...], state: CampaignState) -> None:
        pass


def test_watchers_hear_every_event_once(tmp_path: Path) -> None:
    recorder = Recorder()
    live = campaign(tmp_path, fakes.ToyBackend(), watchers=(recorder,))
    run(live)
    live.journal.close()
    assert recorder.seen == [event["event"] for event in lines(tmp_path)]


class Broken:
    """A view that fails at everything."""

    def event(self, event: Event, state: CampaignState) -> None:
        raise RuntimeError("no screen")

    def tick(self, answers: tuple[Answer, ...], state: CampaignState) -> None:
        raise ValueError("no screen either")


def test_a_broken_watcher_is_named_once_and_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder()
    live = campaign(tmp_path, fakes.ToyBackend(), watchers=(Broken(), recorder))
    state = run(live)
    live.journal.close()
    assert state.stop is not None
    assert recorder.seen == [event["event"] for event in lines(tmp_path)]
    assert [record.getMessage() for record in caplog.records] == ["Broken is broken, the campaign goes on: RuntimeError: no screen"]


@pytest.mark.parametrize("swap", [(2, 3), (0, 1)])
def test_events_that_cannot_follow_each_other_are_refused(tmp_path: Path, swap: tuple[int, int]) -> None:
    run_to_end(tmp_path, fakes.ToyBackend())
    found, _ = read_events(tmp_path / "journal.jsonl")
    a, b = swap
    found[a], found[b] = found[b], found[a]
    with pytest.raises(CorruptJournal, match="line"):
        replay([*found[: b + 1], found[b]])


def test_slots_change_while_trials_are_under_way(tmp_path: Path) -> None:
    """Fewer: no trial is added before enough have ended. More again: at once, not with the next result."""
    seen: list[tuple[int, int]] = []

    class Watcher:
        def event(self, event: Event, state: CampaignState) -> None: ...

        def tick(self, answers: tuple[Answer, ...], state: CampaignState) -> None:
            seen.append((len(state.pending), live.signals.slots or live.slots))

    backend = fakes.ToyBackend()
    live = campaign(tmp_path, backend, slots=2, watchers=(Watcher(),))
    live.signals.slots = 1
    run(live)
    live.journal.close()
    assert live.state.stop is not None
    assert {pending for pending, _ in seen} <= {0, 1}
    live.signals.slots = 9
    assert slots(live) == 2
    live.signals.slots = 0
    assert slots(live) == 1


def test_more_slots_are_used_before_the_next_result(tmp_path: Path) -> None:
    """The first trial never ends; a second one is proposed as soon as there may be two."""
    backend = fakes.ToyBackend(delay=10**6)
    live = campaign(tmp_path, backend, slots=2)
    live.signals.slots = 1
    naps: list[int] = []

    def nap(_seconds: float) -> None:
        naps.append(len(live.state.pending))
        if len(naps) == 3:
            live.signals.slots = 2
        live.signals.detach = len(naps) == 6

    live.sleep = nap
    run(live)
    live.journal.close()
    assert naps == [1, 1, 1, 2, 2, 2]


class Cancelling(fakes.ToyBackend):
    """A toy in which somebody cancels trials: the n-th start of all is answered as an engine answers a cancelled job."""

    def __init__(self, *ordinals: int) -> None:
        super().__init__()
        self.ordinals = ordinals

    def _progress(self, job: Any) -> Any:
        if self.started.index(job.key) + 1 in self.ordinals:
            failure = Failure(FailureKind.CANCELLED, "cancelled.")
            return Progress(job.key, "done", Evaluation(job.key, self.fidelity, failure, Provenance("toy")))
        return super()._progress(job)


@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("ordinals", [(1,), (2,), (1, 2), (3,)])
def test_a_cancelled_trial_is_no_failure_and_is_taken_up_again(tmp_path: Path, slots: int, ordinals: tuple[int, ...]) -> None:
    golden = run_to_end(tmp_path / "golden", fakes.ToyBackend(), slots=slots)
    first = Cancelling(*ordinals)
    state = run_to_end(tmp_path / "torn", first, slots=slots)
    assert len(state.pending) == len([n for n in ordinals if n <= len(first.started)]) > 0
    assert state.stop is None
    assert all(trial.qor is not None for trial in state.finished), "nothing was told to the search"
    second = fakes.ToyBackend()
    state = run_to_end(tmp_path / "torn", second, slots=slots)
    assert state.stop == golden.stop
    assert second.started[: len(ordinals)] == [first.started[n - 1] for n in ordinals if n <= len(first.started)]
    assert set(first.started) & set(second.started) == {first.started[n - 1] for n in ordinals if n <= len(first.started)}
    assert state.syntheses == golden.syntheses
    assert [(trial.number, trial.point, trial.outcome) for trial in state.trials] == [
        (trial.number, trial.point, trial.outcome) for trial in golden.trials
    ]


def test_a_journal_with_cancelled_trials_is_replayed_at_every_cut(tmp_path: Path) -> None:
    run_to_end(tmp_path / "whole", Cancelling(2))
    run_to_end(tmp_path / "whole", fakes.ToyBackend())
    whole = (tmp_path / "whole" / "journal.jsonl").read_bytes()
    assert b'"cancelled"' in whole
    final = [event for event in lines(tmp_path / "whole") if event["event"] != "cancelled"]
    for cut in sorted({at + 1 for at, byte in enumerate(whole) if byte == 10} | {len(whole) - 5}):
        home = tmp_path / str(cut)
        home.mkdir()
        (home / "journal.jsonl").write_bytes(whole[:cut])
        run_to_end(home, fakes.ToyBackend())
        ours = [event for event in lines(home) if event["event"] != "cancelled"]
        assert sorted(map(json.dumps, ours)) == sorted(map(json.dumps, final))


def test_a_cancelled_trial_takes_no_slot_and_the_others_go_on(tmp_path: Path) -> None:
    def search() -> Any:
        return random_search.create(random_search.Options())

    live = campaign(tmp_path, Cancelling(1), slots=1, budget=Budget(syntheses=4))
    live.searcher = search()
    recorder = Recorder()
    live.watchers = (recorder,)
    state = run(live)
    live.journal.close()
    assert [trial.number for trial in state.pending] == [1]
    assert state.order == (2, 3, 4)
    assert recorder.seen.count("cancelled") == 1
    assert state.stop is None, "the budget is not spent before the last has its result"
    again = campaign(tmp_path, fakes.ToyBackend(), slots=1, budget=Budget(syntheses=4))
    again.searcher = search()
    state = run(again)
    again.journal.close()
    assert state.order == (2, 3, 4, 1)
    assert state.stop is not None


def test_cancelling_all_is_noted_and_gives_claims_back(tmp_path: Path) -> None:
    live = campaign(tmp_path, fakes.ToyBackend(delay=10**6))
    live.sleep = lambda _seconds: setattr(live.signals, "cancel", True)
    state = run(live)
    live.journal.close()
    assert [event["event"] for event in lines(tmp_path)] == ["opened", "proposed", "cancelled", "cancelled"]
    assert len(state.pending) == 2
    # The same process may go on at once, as a notebook does.
    backend = fakes.ToyBackend()
    assert run_to_end(tmp_path, backend).stop is not None
    assert backend.started[:2] == [trial.key for trial in state.pending]


def test_only_a_pending_trial_can_be_cancelled(tmp_path: Path) -> None:
    run_to_end(tmp_path, fakes.ToyBackend())
    found, _ = read_events(tmp_path / "journal.jsonl")
    for number in (0, 1, 99):
        with pytest.raises(CorruptJournal, match="not pending"):
            replay([*found, {**events.cancelled(number), "at": "now", "elapsed": 0}])


@pytest.mark.parametrize(
    "certificate",
    [Certificate(None, 0.01, 0.95), Certificate(0.0, 0.01), Certificate(0.002, 0.01, 0.9, (("fc1", "8"), ("fc1", "16")))],
    ids=["nothing verified", "no confidence", "reached"],
)
def test_a_certificate_is_read_as_it_was_written(tmp_path: Path, certificate: Certificate) -> None:
    journal, stamp = Journal(tmp_path / "journal.jsonl"), {"at": "2026-11-28T00:00:00Z", "elapsed": 0.0}
    for event in (events.opened("toy", {}), events.stopped("search", "done", Advice(certificate=certificate))):
        journal.append({**event, **stamp})
    journal.close()
    assert replay(read_events(tmp_path / "journal.jsonl")[0]).certificate == certificate


class Denied(fakes.ToyBackend):
    """No licence is ever free."""

    def advance(self, wanted: Sequence[Job]) -> tuple[Progress, ...]:
        return tuple(Progress(job.key, "waiting", message="licence: none is free") for job in wanted)


def test_hours_end_a_campaign_that_only_waits(tmp_path: Path) -> None:
    """Nothing was recorded meanwhile, so the clock of the budget stood still and the campaign waited for ever."""
    now = [0.0]

    def sleep(_: float) -> None:
        now[0] += 60.0

    live = campaign(tmp_path, Denied(), budget=Budget(hours=2.0), clock=lambda: now[0])
    live.sleep = sleep
    state = run(live)
    live.journal.close()
    assert state.stop is not None
    assert state.stop[0] == "budget"
    assert "licence: none is free" in state.stop[1]
    assert state.pending, "they are asked for again by a budget with more hours"
    assert 7200 <= now[0] <= 7320
    again = campaign(tmp_path, fakes.ToyBackend(), budget=Budget(hours=4.0))
    assert run(again).finished
    again.journal.close()
