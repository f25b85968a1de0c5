"""`dse run` as a user meets it: once, twice, killed, interrupted, in two windows."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from worlds import Dse

from dse.store.journal import read_events

TIMES = ("at", "elapsed", "finished_at", "made_by")


def journal(campaign: Path) -> list[Any]:
    return [without_times(event) for event in read_events(campaign.parent / campaign.stem / "journal.jsonl")[0]]


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if key not in TIMES}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def test_twice_synthesises_nothing_twice(world: Path, dse: Dse) -> None:
    first = dse("run", world, "--json")
    assert first.returncode == 0, first.stderr
    events = [json.loads(line) for line in first.stdout.splitlines()]
    assert {event["schema"] for event in events} == {"dse.run/1"}
    assert [event["event"] for event in events[:2]] == ["opened", "proposed"]
    assert events[-1]["event"] == "summary"
    assert events[-1]["syntheses"] == len(events[-1]["trials"]) >= 3
    again = dse("run", world, "--json")
    assert again.returncode == 0
    assert "0 new syntheses" in again.stderr
    assert json.loads(again.stdout)["trials"] == events[-1]["trials"]


def test_status_is_the_documented_document(world: Path, dse: Dse) -> None:
    new = json.loads(dse("status", world, "--json").stdout)
    assert new["state"] == "new"
    assert new["trials"] == []
    assert new["incumbent"] is None
    dse("run", world)
    document = json.loads(dse("status", world, "--json").stdout)
    assert document["schema"] == "dse.status/1"
    keys = {"campaign", "state", "search", "backend", "fidelity", "syntheses", "cache_hits", "trials", "incumbent", "front"}
    assert keys | {"certificate", "stop_reason"} <= set(document)
    trial = document["trials"][0]
    assert {"number", "point", "proposed_by", "status", "qor", "failure"} <= set(trial)
    assert trial["point"]["c1"] == {"reuse_factor": 1, "strategy": "resource"}
    assert set(trial["qor"]) == {
        *("lut", "ff", "dsp", "bram_18k", "uram", "latency_cycles_min", "latency_cycles_max", "ii_cycles_min", "ii_cycles_max"),
        *("clock_period_ns", "layers"),
    }
    front = json.loads(dse("front", world, "--json").stdout)
    assert [row["number"] for row in front["front"]] == [row["number"] for row in document["front"]]


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_a_random_moment_it_ends_in_the_same_journal(world: Path, dse: Dse, seed: int, tmp_path: Path) -> None:
    kill_and_compare(world, dse, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4, 54))
def test_killed_at_many_random_moments(world: Path, dse: Dse, seed: int) -> None:
    kill_and_compare(world, dse, seed)


def kill_and_compare(world: Path, dse: Dse, seed: int) -> None:
    rng = random.Random(seed)
    started = time.monotonic()
    golden_run = dse("run", world)
    whole_seconds = time.monotonic() - started
    assert golden_run.returncode == 0
    golden = journal(world)
    (world.parent / "toy").rename(world.parent / "golden")
    (world.parent / "cache").rename(world.parent / "golden_cache")
    for _ in range(3):
        command = [sys.executable, "-m", "dse.cli", "run", str(world)]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=world.parent)
        time.sleep(rng.uniform(0.5, 1.1) * whole_seconds)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert dse("run", world).returncode == 0
    assert journal(world) == golden


def test_a_second_run_on_a_running_campaign_is_refused(world: Path, dse: Dse) -> None:
    script = "import sys, time; from pathlib import Path; from dse.store.journal import Journal;"
    script += "Journal(Path(sys.argv[1])); print(1, flush=True); time.sleep(60)"
    path = world.parent / "toy" / "journal.jsonl"
    holder = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    second = dse("run", world)
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert second.returncode == 3
    assert f"already running (pid {holder.pid}" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_changed_meaning_is_refused_with_the_difference(world: Path, dse: Dse) -> None:
    assert dse("run", world).returncode == 0
    changed = dse("run", world, "-o", "search.anchor_reuse_max=3")
    assert changed.returncode == 2
    assert "search.anchor_reuse_max: 2 -> 3" in changed.stderr
    assert "--fresh" in changed.stderr
    more_budget = dse("run", world, "-o", "budget.syntheses=50")
    assert more_budget.returncode == 0
    fresh = dse("run", world, "--fresh", "-o", "search.anchor_reuse_max=3")
    assert fresh.returncode == 0
    assert len(list(world.parent.glob("toy.2*"))) == 1


def test_a_torn_journal_is_mended_and_a_broken_one_refused(world: Path, dse: Dse) -> None:
    dse("run", world)
    path = world.parent / "toy" / "journal.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    mended = dse("run", world)
    assert mended.returncode == 0
    assert "torn" in mended.stderr
    path.write_bytes(whole.replace(b'"event":"proposed"', b'"event":"prop', 1))
    broken = dse("run", world)
    assert broken.returncode == 3
    assert ":2: " in broken.stderr
    assert "Traceback" not in broken.stderr


def test_a_damaged_cache_entry_is_evaluated_again(world: Path, dse: Dse) -> None:
    dse("run", world)
    entries = sorted((world.parent / "cache").glob("??/*/evaluation.json"))
    entries[0].write_bytes(b"\x80\x04pickle")
    audit = dse("cache", "check", world.parent / "cache", "--json")
    assert audit.returncode == 3
    assert len(json.loads(audit.stdout)["damaged"]) == 1
    (world.parent / "toy").rename(world.parent / "old")
    again = dse("run", world, "--json")
    assert again.returncode == 0
    assert "quarantine" in again.stderr
    assert json.loads(again.stdout.splitlines()[-1])["syntheses"] == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_cache_is_an_environment_error(world: Path, dse: Dse) -> None:
    (world.parent / "cache").mkdir(mode=0o500)
    refused = dse("run", world)
    assert refused.returncode == 3


def test_a_cache_that_is_a_file_is_an_environment_error(world: Path, dse: Dse) -> None:
    (world.parent / "cache").write_text("")
    refused = dse("run", world)
    assert refused.returncode == 3
    assert "cannot be written" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_plan_starts_nothing_and_says_what_is_cached(world: Path, dse: Dse) -> None:
    before = json.loads(dse("plan", world, "--json").stdout)
    assert [row["cached"] for row in before["next"]] == [False, False]
    assert not (world.parent / "toy").exists()
    assert not (world.parent / "cache").exists()
    dse("run", world)
    after = json.loads(dse("plan", world, "--json").stdout)
    assert after["next"] == []
    assert after["stop_reason"]


def test_compare_needs_the_same_subject(world: Path, dse: Dse) -> None:
    dse("run", world)
    other = world.with_name("other.toml")
    other.write_text(world.read_text().replace('name = "toy"', 'name = "other"').replace("io_stream", "io_stream"))
    same = dse("compare", world, other, "--homogeneous", "4", "--json")
    assert same.returncode == 0, same.stderr
    columns = json.loads(same.stdout)["columns"]
    assert [column["title"] for column in columns] == ["unoptimised", "toy", "other", "homogeneous 4"]
    assert columns[0]["ratio_to_unoptimised"]["ii_cycles_max"] == 1
    assert columns[2]["qor"] is None
    other.write_text(other.read_text().replace("clock_period_ns = 5.0", "clock_period_ns = 4.0"))
    refused = dse("compare", world, other)
    assert refused.returncode == 2
