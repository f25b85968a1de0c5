"""The search: what is trained and what not, resuming after a kill, and what it tells."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("optuna")

from nas.nas_cases import arithmetic, found_by, small_search, write_search

from dse.errors import CampaignLocked, CorruptJournal, SpecChanged, SpecError
from dse.nas.following import Follower
from dse.nas.records import SPENT, Outcome, front_of
from dse.nas.session import open_search, read_question, read_search, run_search, trained_network
from dse.nas.spec import read_nas
from dse.store.journal import read_events
from dse.study.loop import Signals
from dse.study.session import session

HERE = Path(__file__).resolve().parent
FILE = "journal.jsonl"


def identity(candidate):
    return candidate.number, candidate.outcome, candidate.architecture, candidate.error, candidate.curve, candidate.cost


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsga2", "known_cost", pytest.param("botorch", marks=pytest.mark.slow)])
def test_every_sampler_spends_the_budget_on_new_networks_that_keep_the_limits(tmp_path, sampler):
    if sampler == "botorch":
        pytest.importorskip("optuna_integration")
        pytest.importorskip("botorch")
    spec = small_search(tmp_path, sampler=sampler, trials=6)
    found = run_search(spec, train=arithmetic)
    spent = [candidate for candidate in found if candidate.outcome in SPENT]
    assert len(spent) == 6
    assert max(Counter(candidate.architecture.key for candidate in spent).values()) == 1
    assert all(candidate.cost["latency_ns"] <= 200_000 for candidate in spent)
    front = front_of(found, spec.goals)
    assert front
    assert all(a.error < b.error and a.cost["device_cost"] > b.cost["device_cost"] for a, b in pairwise(front))


def test_the_same_file_gives_the_same_search(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = (run_search(small_search(tmp_path / name, sampler="tpe"), train=arithmetic) for name in ("a", "b"))
    assert [identity(c) for c in one] == [identity(c) for c in other]


def test_run_again_nothing_happens(tmp_path):
    spec = small_search(tmp_path)
    first = run_search(spec, train=arithmetic)
    journal = (spec.state / FILE).read_bytes()
    asked = []

    def never(*arguments):
        asked.append(arguments)
        raise AssertionError("trained again")

    assert [identity(c) for c in run_search(spec, train=never)] == [identity(c) for c in first]
    assert not asked
    assert (spec.state / FILE).read_bytes() == journal


def test_a_larger_budget_goes_on(tmp_path):
    run_search(small_search(tmp_path, trials=3), train=arithmetic)
    found = run_search(small_search(tmp_path, trials=5), train=arithmetic)
    straight = tmp_path / "straight"
    straight.mkdir()
    assert [identity(c) for c in found] == [identity(c) for c in run_search(small_search(straight, trials=5), train=arithmetic)]


def test_what_cannot_keep_the_limits_is_not_trained(tmp_path):
    trained = []

    def count(architecture, *rest):
        trained.append(architecture)
        return arithmetic(architecture, *rest)

    found = run_search(small_search(tmp_path, limit=500), train=count)
    refused = [c for c in found if c.outcome is Outcome.REFUSED and "same as" not in c.reason]
    assert refused
    assert all(c.cost["device_cost"] is None and "latency_ns_max" in c.reason for c in refused)
    assert not {c.architecture.key for c in refused} & {network.key for network in trained}
    assert all(c.cost["latency_ns"] <= 500 for c in found if c.outcome is Outcome.TRAINED)


def test_an_impossible_limit_ends_the_search_without_a_training(tmp_path):
    spec = small_search(tmp_path, limit=10)
    found = run_search(spec, train=arithmetic)
    assert {c.outcome for c in found} == {Outcome.REFUSED}
    _, events = read_search(spec)
    assert "cannot keep the limits" in events[-1]["reason"]
    assert len(run_search(spec, train=arithmetic)) == len(found)


def test_a_training_that_fails_is_data(tmp_path):
    def broken(architecture, *rest):
        if len(architecture.dense) == 2:
            raise ArithmeticError("it diverged")
        return arithmetic(architecture, *rest)

    found = run_search(small_search(tmp_path), train=broken)
    failed = [c for c in found if c.outcome is Outcome.FAILED]
    assert failed
    assert all("it diverged" in c.reason and c.error is None for c in failed)
    assert sum(c.outcome in SPENT for c in found) == 8
    best = {c.number for c in front_of(found, small_search(tmp_path).goals)}
    assert not best & {c.number for c in failed}


def test_hopeless_trainings_are_given_up(tmp_path):
    def worse(architecture, windows, settings, seed, report):
        worse.calls += 1
        error = 1.0 if worse.calls <= 6 else 50.0
        for _ in range(settings.epochs):
            if not report(error):
                return arithmetic(architecture, windows, settings, seed, lambda _: False)
        return arithmetic(architecture, windows, settings, seed, lambda _: True)

    worse.calls = 0
    spec = small_search(tmp_path, trials=14)
    found = run_search(spec, train=worse)
    hopeless = [c for c in found if c.outcome is Outcome.HOPELESS]
    assert hopeless
    assert all(min(c.curve) == 50.0 and len(c.curve) == spec.training.prune_after for c in hopeless if c.curve[0] == 50.0)
    assert all(c.values(spec.goals) is None for c in hopeless)


@pytest.mark.parametrize("how", ["stop", "cancel", "detach"])
def test_a_signal_ends_it_and_the_next_run_goes_on(tmp_path, how):
    spec, signals = small_search(tmp_path), Signals()

    class Third(Follower):
        def asked(self, candidate):
            if candidate.number >= 3:
                setattr(signals, how, True)

        def stopped(self, reason):
            raise AssertionError(reason)

    first = run_search(spec, train=arithmetic, watchers=(Third(spec),), signals=signals)
    assert 2 <= sum(c.outcome in SPENT for c in first) < 8
    found = run_search(spec, train=arithmetic)
    assert sum(c.outcome in SPENT for c in found) == 8


def test_two_searches_at_once_are_refused(tmp_path):
    spec = small_search(tmp_path)
    with session(open_search(spec, train=arithmetic)), pytest.raises(CampaignLocked):
        run_search(spec, train=arithmetic)


def test_a_changed_file_is_refused(tmp_path):
    run_search(small_search(tmp_path, trials=2), train=arithmetic)
    with pytest.raises(SpecChanged, match=r"limit\.latency_ns_max: 200000\.0 -> 100000\.0"):
        run_search(small_search(tmp_path, trials=2, limit=100_000), train=arithmetic)


def test_a_torn_line_is_cut_off_before_anything_is_added(tmp_path):
    spec = small_search(tmp_path, trials=3)
    before = run_search(spec, train=arithmetic)
    with (spec.state / FILE).open("ab") as file:
        file.write(b'{"event": "propo')
    found = run_search(small_search(tmp_path, trials=4), train=arithmetic)
    assert [identity(c) for c in found[: len(before)]] == [identity(c) for c in before]
    assert sum(c.outcome in SPENT for c in found) == 4
    assert all(json.loads(line) for line in (spec.state / FILE).read_text().splitlines())


def test_a_broken_journal_is_told(tmp_path):
    spec = small_search(tmp_path, trials=2)
    run_search(spec, train=arithmetic)
    text = (spec.state / FILE).read_text().splitlines()
    (spec.state / FILE).write_text("\n".join(["nonsense", *text]) + "\n")
    with pytest.raises(CorruptJournal, match="--fresh"):
        read_search(spec)


@pytest.mark.parametrize("begun", [b"", b'{"event":"opened","sch'])
def test_killed_before_the_first_line(tmp_path, begun):
    spec = small_search(tmp_path, trials=2)
    spec.state.mkdir()
    (spec.state / FILE).write_bytes(begun)
    assert found_by(spec) == ()
    assert sum(c.outcome in SPENT for c in run_search(spec, train=arithmetic)) == 2


def test_reading_changes_nothing(tmp_path):
    spec = small_search(tmp_path, trials=2)
    run_search(spec, train=arithmetic)
    before = {file: file.read_bytes() for file in spec.state.iterdir() if file.is_file()}
    state, events = read_search(spec)
    assert len(state.trials) >= 2
    assert events[0]["event"] == "opened"
    assert {file: file.read_bytes() for file in spec.state.iterdir() if file.is_file()} == before


SCRIPT = "import sys; sys.path.insert(0, sys.argv[2]); from pathlib import Path; from nas.nas_cases import slow\n"
SCRIPT += "from dse.nas.session import run_search; from dse.nas.spec import read_nas; run_search(read_nas(Path(sys.argv[1])), train=slow)\n"


def test_killed_again_and_again_only_trainings_in_flight_are_lost(tmp_path):
    path = write_search(tmp_path, trials=12)
    spec = read_nas(path)
    kills = 0
    for _ in range(12):
        child = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path), str(HERE.parent)], start_new_session=True)
        before = sum(c.outcome in SPENT for c in found_by(spec))
        deadline = time.monotonic() + 60
        while child.poll() is None and time.monotonic() < deadline:
            now = sum(c.outcome in SPENT for c in found_by(spec))
            if now >= before + 3:
                os.killpg(child.pid, signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.02)
        if child.wait() == 0:
            break
    found = found_by(spec)
    assert kills >= 2
    straight = tmp_path / "straight"
    straight.mkdir()
    unbroken = run_search(small_search(straight, trials=12), train=arithmetic)
    assert sum(c.outcome in SPENT for c in found) == 12
    assert [identity(c) for c in found] == [identity(c) for c in unbroken]


def without_times(value):
    if isinstance(value, dict):
        return {
            k: without_times(v)
            for k, v in value.items()
            if not k.endswith("seconds") and k not in ("at", "elapsed", "made_by", "cached")
        }
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def cut_and_resume(folder: Path, cuts: int, sampler: str) -> None:
    """Write every beginning of a journal, whole lines and torn ones, and go on with it: the end is always the same."""
    spec = small_search(folder, sampler=sampler, trials=8, limit=3000)
    run_search(spec, train=arithmetic)
    path = spec.state / FILE
    whole = path.read_bytes()
    end = [without_times(event) for event in read_events(path)[0]]
    lengths = [len(b"".join(whole.splitlines(keepends=True)[:n])) for n in range(len(end))]
    places = sorted({*lengths, *(i * len(whole) // cuts for i in range(cuts))})[-cuts:]
    for place in places:
        shutil.rmtree(spec.state)
        spec.state.mkdir()
        path.write_bytes(whole[:place])
        run_search(spec, train=arithmetic)
        assert [without_times(event) for event in read_events(path)[0]] == end, place


def test_cut_anywhere_it_ends_the_same(tmp_path):
    cut_and_resume(tmp_path, 12, "tpe")


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "cuts"), [("tpe", 200), ("known_cost", 20)])
def test_cut_at_many_places_it_ends_the_same(tmp_path, sampler, cuts):
    cut_and_resume(tmp_path, cuts, sampler)


def test_a_search_of_0_1_is_refused_in_one_sentence_and_set_aside(tmp_path):
    spec = small_search(tmp_path, trials=2)
    spec.state.mkdir()
    (spec.state / "optuna.jsonl").write_text("{}\n")
    for refused in (lambda: run_search(spec, train=arithmetic), lambda: read_search(spec)):
        with pytest.raises(SpecError, match=r"a search of dse 0\.1, whose optuna\.jsonl"):
            refused()
    with session(open_search(spec, train=arithmetic, fresh=True)):
        pass
    assert [path.name for path in tmp_path.glob("small.2*/*")] == ["optuna.jsonl"]


def test_the_journal_answers_what_was_asked(tmp_path):
    spec = small_search(tmp_path, trials=2)
    run_search(spec, train=arithmetic)
    write_search(tmp_path, trials=5, limit=100_000)
    read, differences = read_question(spec.path)
    assert (read.limits, read.budget.trials) == (spec.limits, 5)
    assert differences == ("limit.latency_ns_max: 200000.0 -> 100000.0",)
    spec.path.write_text("[nas")
    read, differences = read_question(spec.path)
    assert read.meaning == spec.meaning
    assert "cannot be read" in differences[0]


@pytest.mark.slow
@pytest.mark.hls4ml
def test_a_training_process_that_dies_is_a_failed_training_and_no_more(tmp_path):
    import psutil

    spec = small_search(tmp_path, trials=3)
    killed = []

    class Killer(Follower):
        def epoch(self, number, curve):
            if not killed:
                child = next(p for p in psutil.Process().children() if "dse.nas.worker" in p.cmdline())
                killed.append(number)
                child.kill()

    found = run_search(spec, watchers=(Killer(spec),))
    outcomes = {c.number: c.outcome for c in found if c.outcome in SPENT}
    assert outcomes[killed[0]] is Outcome.FAILED
    assert sorted(outcomes.values()) == [Outcome.FAILED, Outcome.TRAINED, Outcome.TRAINED]
    assert not [p for p in psutil.Process().children() if "dse.nas.worker" in p.cmdline()]


OUTLIVES = "import sys; from pathlib import Path; from dse.nas.session import run_search; from dse.nas.spec import read_nas\n"
OUTLIVES += "run_search(read_nas(Path(sys.argv[1])))\n"


@pytest.mark.slow
@pytest.mark.hls4ml
def test_a_training_outlives_a_killed_search_and_is_taken_up_again(tmp_path):
    path = write_search(tmp_path, trials=1)
    path.write_text(path.read_text().replace("epochs = 4", "epochs = 12"))
    spec = read_nas(path)
    child = subprocess.Popen([sys.executable, "-c", OUTLIVES, str(path)], start_new_session=True)
    deadline = time.monotonic() + 240
    while not (curves := list(spec.state.glob("work/jobs/*/curve.jsonl"))) or not curves[0].stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    pid = json.loads(next(spec.state.glob("work/worker_1/alive.json")).read_text())["pid"]
    told = len(curves[0].read_text().splitlines())
    (found,) = run_search(spec)
    assert found.outcome is Outcome.TRAINED
    assert len(found.curve) >= told
    assert json.loads((spec.state / "work/worker_1/alive.json").read_text())["pid"] == pid  # the same process served both
    again = tmp_path / "again"
    again.mkdir()
    other = replace(read_nas(write_search(again, trials=1)), cache=spec.cache, training=spec.training)
    (memoised, *_) = run_search(other)
    assert trained_network(other, memoised).read_bytes() == trained_network(spec, found).read_bytes()
    assert (memoised.error, memoised.curve) == (found.error, found.curve)
    assert read_search(other)[0].cache_hits == 1
