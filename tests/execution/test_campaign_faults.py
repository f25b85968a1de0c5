"""F02, F03, F17: whole campaigns over a file system that fails, stops or forgets at its N-th change, and over a cache that two share.

R: what is found in the end is what an undisturbed campaign finds. S: no key is started twice unless its first start was lost for good.
"""

from __future__ import annotations

import errno
import os
import random
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fakes
import pytest
from crash_fs import CrashFs, Killed, Loss
from execution_kit import NETWORK, TARGET
from fake_place import Clock, FakePlace, Outcome, make_engine, make_reports

from dse.design import Job
from dse.errors import DseError
from dse.goal import Budget
from dse.search import random as random_search
from dse.space import DesignSpace
from dse.store.cache import Cache
from dse.store.journal import Journal
from dse.study import fold as events
from dse.study.evaluate import Evaluator
from dse.study.fold import CampaignState, replay
from dse.study.loop import Campaign, run
from dse.synth_backends.base import Site

SPACE = fakes.space(NETWORK, (1, 2, 4, 8))
TICK, BUDGET = 20.0, Budget(syntheses=4)
SHARE = 9  # the short forms try one change of the disk in so many


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_reports(tmp_path_factory.mktemp("reports"))


@pytest.fixture
def disk_root(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: hundreds of campaigns sync thousands of files."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="dse-") as folder:
        yield Path(folder)


@dataclass
class World:
    """What outlives a process: the disk below `root`, a host with jobs on it, and time."""

    root: Path
    reports: Path
    clock: Clock = field(default_factory=Clock)
    places: dict[str, FakePlace] = field(default_factory=dict)
    space: DesignSpace = SPACE
    budget: Budget = BUDGET

    def process(self, name: str = "one", sleep: Callable[[float], None] | None = None) -> Campaign:
        """`dse run`, up to where the loop begins."""
        home = self.root / name
        place = self.places.setdefault(name, FakePlace("lab1", 2, self.clock, self.reports, lambda key, n: Outcome(50.0)))
        engine = make_engine(Site(NETWORK, TARGET, home / "toy.json", home / "work", name, slots=2), [place], self.clock)
        journal = Journal(home / "journal.jsonl")
        live = Campaign(
            journal=journal,
            state=replay(journal.events),
            searcher=random_search.create(random_search.Options()),
            evaluator=Evaluator(Cache(self.root / "cache"), engine),
            view=lambda state: fakes.view(NETWORK, self.space, state.finished, state.pending),
            job=lambda point: Job(NETWORK, point, TARGET, engine.fidelity, engine.basis),
            budget=self.budget,
            slots=2,
            sleep=sleep or (lambda _: self.clock.sleep(TICK)),
            clock=self.clock,
        )
        if not journal.events:
            live.record(events.opened(name, {}))
        return live

    def run(self, name: str = "one", sleep: Callable[[float], None] | None = None) -> CampaignState:
        """`dse run`, to its end or its error."""
        live = self.process(name, sleep)
        try:
            return run(live)
        finally:
            live.journal.close()

    def starts(self) -> Counter[str]:
        return Counter(key for place in self.places.values() for key, _, _ in place.starts)


def story(state: CampaignState) -> Any:
    assert state.stop is not None
    return state.stop[0], [(trial.number, trial.point, trial.outcome, trial.cached) for trial in state.trials]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, reports: Path) -> tuple[Any, int]:
    """What is found, and by how many changes of the disk."""
    world, disk = World(tmp_path_factory.mktemp("golden"), reports), CrashFs()
    with disk.watching():
        state = world.run()
    disk.close()
    assert len(state.trials) == 4
    return story(state), disk.count


def sample(total: int, share: int) -> list[int]:
    """Every `share`-th change, from another one on each time the number of changes differs."""
    return list(range(1 + total % share, total + 1, share))


def kill(root: Path, reports: Path, after: int, how: Loss, golden: Any) -> None:
    world, disk = World(root, reports), CrashFs(kill_after=after)
    root.mkdir()
    with disk.watching(), pytest.raises(Killed):
        world.run()
    disk.lose(root, how)
    disk.close()
    assert story(world.run()) == golden, "R"
    assert set(world.starts().values()) == {1}, "S"


@pytest.mark.parametrize("how", ["kept", "torn", "lost"])
def test_f02_ended_after_any_change_of_the_disk(disk_root: Path, reports: Path, undisturbed: tuple[Any, int], how: Loss) -> None:
    golden, total = undisturbed
    for after in sample(total, SHARE):
        kill(disk_root / str(after), reports, after, how, golden)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kept", "torn", "lost"])
def test_f02_ended_after_every_change_of_the_disk(disk_root: Path, reports: Path, undisturbed: tuple[Any, int], how: Loss) -> None:
    golden, total = undisturbed
    for after in range(1, total + 1):
        kill(disk_root / str(after), reports, after, how, golden)


def fail(root: Path, reports: Path, at: int, error: int, golden: Any) -> None:
    world, disk = World(root, reports), CrashFs(fail_at=at, error=error)
    root.mkdir()
    with disk.watching():
        problem, state = None, None
        try:
            state = world.run()
        except DseError as error:
            problem = error
    disk.close()
    assert disk.count >= at
    if problem is not None:
        assert problem.exit_code == 3, problem
        assert "\n" not in str(problem)
    else:
        assert state is not None
        assert story(state) == golden
    assert story(world.run()) == golden, "R"
    assert set(world.starts().values()) == {1}, "S"


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EACCES], ids=errno.errorcode.get)
def test_f03_a_change_of_the_disk_fails(disk_root: Path, reports: Path, undisturbed: tuple[Any, int], error: int) -> None:
    golden, total = undisturbed
    for at in sample(total, SHARE):
        fail(disk_root / str(at), reports, at, error, golden)


@pytest.mark.slow
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EACCES], ids=errno.errorcode.get)
def test_f03_every_change_of_the_disk_fails(disk_root: Path, reports: Path, undisturbed: tuple[Any, int], error: int) -> None:
    golden, total = undisturbed
    for at in range(1, total + 1):
        fail(disk_root / str(at), reports, at, error, golden)


# --- F17: two campaigns, one cache --------------------------------------------------------------------------------------------


def interleave(rng: random.Random, lives: dict[str, Callable[[Callable[[], None]], None]]) -> None:
    """Run all lives, one at a time; whenever one calls what it is given, a drawn one goes on."""
    turns = {name: threading.Semaphore(0) for name in lives}
    alive, over = set(lives), threading.Semaphore(0)

    def hand_over() -> None:
        (turns[rng.choice(sorted(alive))] if alive else over).release()

    def begin(name: str) -> None:
        def step() -> None:
            hand_over()
            turns[name].acquire()

        turns[name].acquire()
        try:
            lives[name](step)
        finally:
            alive.discard(name)
            hand_over()

    threads = [threading.Thread(target=begin, args=(name,), daemon=True) for name in lives]
    for thread in threads:
        thread.start()
    hand_over()
    assert over.acquire(timeout=120), "somebody waits for ever"


def share_a_cache(root: Path, reports: Path, seed: int) -> int:
    """Two campaigns that ask the same; one is killed while it holds claims and comes back when the other is through. Returns the claims."""
    rng = random.Random(seed)
    space = fakes.space(NETWORK, {"fc1": (1, 2), "fc2": (1, 2, 4)})
    world = World(root, reports, space=space, budget=Budget())
    until, found, held = rng.randrange(1, 10), {}, set()

    def live(name: str) -> Callable[[Callable[[], None]], None]:
        def life(step: Callable[[], None]) -> None:
            turns = 0

            def sleep(_: float) -> None:
                nonlocal turns
                turns += 1
                world.clock.sleep(rng.choice([1.0, TICK]))
                if name == "victim" and turns >= until and campaign.evaluator.cache._claims:
                    held.update(campaign.evaluator.cache._claims)
                    raise Killed
                step()

            campaign = world.process(name, sleep)
            try:
                found[name] = run(campaign)
            except Killed:
                return
            finally:
                campaign.journal.close()

        return life

    interleave(rng, {name: live(name) for name in ("victim", "survivor")})
    assert "survivor" in found, "it did not take over"
    found["victim"] = world.run("victim")
    outcomes = [{trial.point: trial.outcome for trial in state.trials} for state in found.values()]
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0]) == space.size
    starts = world.starts()
    assert set(starts) == {trial.key for trial in found["survivor"].trials}
    assert all(n == 1 for key, n in starts.items() if key not in held), "S"
    assert all(n <= 2 for n in starts.values()), "S: once more at most where the killed process held the claim"
    return len(held)


def test_f17_two_campaigns_share_a_cache_and_one_is_killed(disk_root: Path, reports: Path) -> None:
    assert sum(share_a_cache(disk_root / str(seed), reports, seed) for seed in range(6)) > 0


@pytest.mark.slow
def test_f17_fifty_times(disk_root: Path, reports: Path) -> None:
    assert sum(share_a_cache(disk_root / str(seed), reports, seed) for seed in range(100, 150)) > 0
