"""The engine in a world of our own: policy, slots, lost answers, and crashes at any moment."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from execution_kit import StubSource, job_for
from fake_place import Clock, FakePlace, Outcome, lose, make_engine, make_reports, refuse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dse.design import Job
from dse.errors import (
    BackendError,
    ConnectionLost,
    ConversionError,
    DiskFull,
    LicenceUnavailable,
    PartMissing,
    ToolNotFound,
    ToolVersionMismatch,
)
from dse.execution import retry
from dse.execution.engine import Engine
from dse.execution.jobdir import JobFolder
from dse.execution.settings import GIB, ToolOptions
from dse.qor import Failure, FailureKind, Qor
from dse.store.cache import is_cacheable
from dse.synth_backends.base import Progress, Site

LICENCE = Outcome(5.0, rc=1, log="ERROR: [Common 17-345] A valid license was not found for feature 'x'\n", has_report=False)
DESIGN = Outcome(5.0, rc=1, log="ERROR: [XFORM 203-504] Stop unrolling loop 'Product1'\n", has_report=False)
CRASH = Outcome(5.0, rc=139, log="Abnormal program termination (11)\n", has_report=False)
NO_REPORT = Outcome(5.0, has_report=False)
PART = Outcome(5.0, rc=1, log="ERROR: [HLS 200-1023] Part 'x' is not installed.\n", has_report=False)
LOST = Outcome(5.0, is_lost=True, has_report=False)
GOOD = Outcome(5.0)
JOBS = tuple(job_for(2**a, 2**b) for a in range(6) for b in range(6))


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_reports(tmp_path_factory.mktemp("reports"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def place(clock: Clock, reports: Path) -> FakePlace:
    return FakePlace("lab1", 2, clock, reports, lambda key, n: GOOD)


def scripted(*outcomes: Outcome) -> Callable[[str, int], Outcome]:
    """The n-th run of a job ends like this; the last one is for all later."""
    return lambda key, n: outcomes[min(n, len(outcomes) - 1)]


def drive(engine: Engine, clock: Clock, jobs: tuple[Job, ...], tick: float = 1.0, most: int = 3000) -> dict[str, Progress]:
    for _ in range(most):
        answers = engine.advance(jobs)
        if all(answer.state == "done" for answer in answers):
            return {answer.key: answer for answer in answers}
        clock.sleep(tick)
    raise AssertionError([(answer.state, answer.phase, answer.message) for answer in answers])


def outcome_of(progress: Progress) -> Any:
    assert progress.evaluation is not None
    return progress.evaluation.outcome


@pytest.mark.parametrize(
    ("first", "kind", "n_starts"),
    [
        ((DESIGN,), FailureKind.DESIGN_ERROR, 1),
        ((CRASH,), FailureKind.TOOL_CRASH, 2),
        ((NO_REPORT,), FailureKind.NO_REPORT, 2),
        ((LOST,), FailureKind.LOST, 4),
        ((Outcome(5.0, "timeout", None, has_report=False),), FailureKind.TIMEOUT, 1),
        ((Outcome(5.0, "hang", None, has_report=False),), FailureKind.TIMEOUT, 2),
        ((Outcome(5.0, "memory", None, has_report=False),), FailureKind.OUT_OF_MEMORY, 2),
        ((Outcome(5.0, "terminated", None, has_report=False),), FailureKind.LOST, 4),
        ((Outcome(5.0, rc=1),), FailureKind.UNKNOWN, 2),
        ((Outcome(5.0, "rubbish"),), FailureKind.UNKNOWN, 2),
        ((CRASH, GOOD), None, 2),
        ((LOST, LOST, LOST, GOOD), None, 4),
        ((NO_REPORT, GOOD), None, 2),
        ((LICENCE,) * 5 + (GOOD,), None, 6),
        ((LICENCE, CRASH, LICENCE, GOOD), None, 4),
    ],
)  # fmt: skip
def test_the_policy_is_kept(
    site: Site, place: FakePlace, clock: Clock, first: tuple[Outcome, ...], kind: FailureKind | None, n_starts: int
) -> None:
    place.script = lambda key, n: scripted(*first)(key, n) if key == JOBS[0].key else GOOD
    engine = make_engine(site, [place], clock)
    drive(engine, clock, JOBS[1:2])  # the host has proved itself
    outcome = outcome_of(drive(engine, clock, JOBS[:1], most=10_000)[JOBS[0].key])
    assert sum(1 for key, _, _ in place.starts if key == JOBS[0].key) == n_starts
    if kind is None:
        assert isinstance(outcome, Qor)
    else:
        assert isinstance(outcome, Failure)
        assert outcome.kind is kind
        assert "Next:" in outcome.message


def test_the_table_agrees_with_the_cache() -> None:
    """What the policy calls a fact about the design is what the cache remembers, and every kind has a row."""
    from dse.qor import Evaluation, Provenance

    assert {rule.kind for rule in retry.RULES.values()} == set(FailureKind)
    for rule in retry.RULES.values():
        evaluation = Evaluation("k", job_for(1, 1).fidelity, Failure(rule.kind, ""), Provenance("x"))
        assert is_cacheable(evaluation) == rule.is_cached, rule.kind


def test_a_licence_is_waited_for_ever_more_patiently(site: Site, place: FakePlace, clock: Clock) -> None:
    """F10: denied for ever; the slot is free meanwhile, and after half an hour the user is told."""
    place.script = lambda key, n: LICENCE if key == JOBS[0].key else GOOD
    engine = make_engine(replace(site, slots=1), [place], clock)
    drive(engine, clock, JOBS[1:2])
    said = set()
    for _ in range(4000):
        answer = engine.advance(JOBS[:1])[0]
        said.add((answer.state, answer.message))
        clock.sleep(1.0)
    times = [at for key, _, at in place.starts if key == JOBS[0].key]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[:5] == pytest.approx([65, 125, 245, 485, 905], abs=3)  # the wait and the try itself
    assert any(state == "waiting" and "licence" in message for state, message in said)
    assert any("Stalled for 3" in message and "backend.licences" in message for _, message in said)
    assert isinstance(outcome_of(drive(engine, clock, JOBS[2:3])[JOBS[2].key]), Qor), "others go on meanwhile"


def test_memory_is_tried_once_more_alone_and_with_twice_as_much(site: Site, place: FakePlace, clock: Clock) -> None:
    place.slots, together = 4, []
    place.script = lambda key, n: Outcome(50.0, "memory", None, has_report=False) if key == JOBS[0].key else Outcome(100.0)
    engine = make_engine(replace(site, slots=4), [place], clock, ToolOptions(memory_gb=2.0))
    for _ in range(2000):
        answers = engine.advance(JOBS[:6])
        tries = sum(1 for key, _, _ in place.starts if key == JOBS[0].key)
        if tries == 2 and answers[0].state == "running":
            together.append(place.n_running)
        if all(answer.state == "done" for answer in answers):
            break
        clock.sleep(1.0)
    assert together
    assert max(together) == 1
    assert outcome_of(answers[0]).limit == pytest.approx(4.0)


def test_memory_and_disk_hold_jobs_back(site: Site, place: FakePlace, clock: Clock) -> None:
    place.memory_bytes, place.disk_bytes, place.script = 3 * GIB, 100 * GIB, scripted(Outcome(100.0))
    engine = make_engine(site, [place], clock, ToolOptions(memory_gb=2.0))
    engine.advance(JOBS[:2])
    answers = engine.advance(JOBS[:2])
    assert [answer.state for answer in answers] == ["running", "waiting"]
    assert "memory" in answers[1].message
    place.memory_bytes = GIB
    clock.sleep(200)
    assert [answer.state for answer in engine.advance(JOBS[:2])] == ["done", "waiting"], "not even alone"
    place.memory_bytes = 10 * GIB
    drive(engine, clock, JOBS[:2])
    place.disk_bytes = GIB
    clock.sleep(1)
    engine.advance(JOBS[:3])
    assert "disk" in engine.advance(JOBS[:3])[2].message
    with pytest.raises(DiskFull):
        drive(engine, clock, JOBS[:3], tick=10.0)
    place.disk_bytes = 100 * GIB
    drive(engine, clock, JOBS[:3])


@pytest.mark.parametrize(("outcome", "error"), [(PART, PartMissing), (replace(GOOD, verdict="missing"), ToolNotFound)])
def test_what_no_job_can_survive_stops_the_campaign_and_is_forgiven(
    site: Site, place: FakePlace, clock: Clock, outcome: Outcome, error: type[BackendError]
) -> None:
    place.script = scripted(outcome, GOOD)
    engine = make_engine(site, [place], clock)
    with pytest.raises(error):
        drive(engine, clock, JOBS[:1])
    again = make_engine(site, [place], clock)  # the user mended it and runs the same command
    assert isinstance(outcome_of(drive(again, clock, JOBS[:1])[JOBS[0].key]), Qor)


def test_a_campaign_whose_first_jobs_fail_alike_stops_early(site: Site, place: FakePlace, clock: Clock) -> None:
    place.script = scripted(NO_REPORT)
    with pytest.raises(BackendError, match=r"alike|in a row"):
        drive(make_engine(site, [place], clock), clock, JOBS[:8])
    assert len(place.starts) <= 4


COMPILE = Outcome(5.0, rc=1, log="ERROR: [HLS 200-70] Compilation errors found\n", has_report=False)
KILLED = Outcome(5.0, rc=137, log="INFO: scheduling\n", has_report=False)


def advance(engine: Engine, clock: Clock, jobs: tuple[Job, ...], turns: int = 100) -> tuple[Progress, ...]:
    for _ in range(turns):
        answers = engine.advance(jobs)
        clock.sleep(1.0)
    return answers


def test_a_failure_on_a_machine_that_never_succeeded_is_no_fact(site: Site, place: FakePlace, clock: Clock) -> None:
    """A broken machine does this to every design: two alike stop the campaign, nothing is remembered, and after the repair all is tried."""
    place.script, engine = scripted(COMPILE), make_engine(site, [place], clock)
    (first,) = advance(engine, clock, JOBS[:1])
    assert outcome_of(first).kind is FailureKind.CANCELLED, "so that it stays pending and takes no slot"
    assert "compile_error" in outcome_of(first).message
    with pytest.raises(BackendError, match=r"first 2 designs failed alike \(compile_error\).*Nothing of it is remembered"):
        advance(engine, clock, JOBS[:2])
    assert len(place.starts) == 2
    place.script = scripted(GOOD)
    done = drive(make_engine(site, [place], clock), clock, JOBS[:2])
    assert all(isinstance(outcome_of(answer), Qor) for answer in done.values())


def test_once_the_machine_has_proved_itself_the_failure_is_a_fact(site: Site, place: FakePlace, clock: Clock) -> None:
    place.script = lambda key, n: COMPILE if key == JOBS[0].key else GOOD
    engine = make_engine(site, [place], clock)
    advance(engine, clock, JOBS[:1])
    advance(engine, clock, JOBS[:2])
    assert outcome_of(engine.advance(JOBS[:1])[0]).kind is FailureKind.COMPILE_ERROR


def test_asked_a_second_time_it_is_a_failure_that_no_other_campaign_remembers(site: Site, place: FakePlace, clock: Clock) -> None:
    place.script = scripted(COMPILE)
    advance(make_engine(site, [place], clock), clock, JOBS[:1])
    (again,) = advance(make_engine(site, [place], clock), clock, JOBS[:1])
    assert outcome_of(again).kind is FailureKind.UNKNOWN
    assert not is_cacheable(again.evaluation)  # type: ignore[arg-type]


def test_a_cosimulation_is_another_question(site: Site, place: FakePlace, clock: Clock) -> None:
    """Answered from a result without one, it would be called verified by what never ran."""
    plain, checked = (make_engine(site, [place], clock, ToolOptions(cosim=cosim)) for cosim in (False, True))
    keys = {replace(JOBS[0], basis=engine.basis).key for engine in (plain, checked)}
    assert len(keys) == 2


def test_a_tool_killed_twice_by_anybody_is_no_fact(site: Site, place: FakePlace, clock: Clock) -> None:
    place.script = scripted(KILLED)
    done = drive(make_engine(site, [place], clock, ToolOptions(memory_gb=2.0)), clock, JOBS[:1])[JOBS[0].key]
    assert len(place.starts) == 2
    assert outcome_of(done).kind is FailureKind.LOST
    assert not is_cacheable(done.evaluation)  # type: ignore[arg-type]


def test_a_licence_that_never_was_there_ends_soon_with_one_sentence(site: Site, place: FakePlace, clock: Clock) -> None:
    place.script = scripted(LICENCE)
    with pytest.raises(LicenceUnavailable, match=r"valid license was not found.*Install a licence for this device"):
        drive(make_engine(site, [place], clock), clock, JOBS[:1], most=120)
    assert len(place.starts) == 3


def test_a_licence_that_never_comes_ends_after_licence_hours(site: Site, place: FakePlace, clock: Clock) -> None:
    place.script = lambda key, n: LICENCE if key == JOBS[0].key else GOOD
    engine = make_engine(site, [place], clock, ToolOptions(licence_hours=2.0))
    for number in range(1, 12):  # as long as others get one, it is a matter of waiting
        advance(engine, clock, (JOBS[0], JOBS[number]), turns=20)
        clock.sleep(1800)
    began = clock()
    with pytest.raises(LicenceUnavailable, match="Free a licence"):
        drive(engine, clock, JOBS[:1], tick=10.0)
    assert 5000 <= clock() - began <= 7200


def test_files_that_cannot_be_fetched_end_their_job(site: Site, place: FakePlace, clock: Clock) -> None:
    """A host that answers every survey and never sends a file was asked for ever."""
    engine = make_engine(site, [place], clock)
    drive(engine, clock, JOBS[1:2])
    place.trouble = lambda verb, when: lose("an answer without end") if verb == "fetch" else None
    outcome = outcome_of(drive(engine, clock, JOBS[:1])[JOBS[0].key])
    assert outcome.kind is FailureKind.NO_REPORT
    assert "cannot be brought here: an answer without end" in outcome.message
    assert len(place.starts) == 2


def test_a_bad_host_is_drained_and_the_others_go_on(site: Site, clock: Clock, reports: Path) -> None:
    bad = FakePlace("bad", 2, clock, reports, scripted(CRASH))
    good = FakePlace("good", 2, clock, reports, scripted(replace(GOOD, seconds=20.0)))
    engine = make_engine(replace(site, slots=4), [bad, good], clock)
    done = drive(engine, clock, JOBS[:12])
    assert all(isinstance(outcome_of(answer), Qor) for answer in done.values())
    assert len(bad.starts) <= retry.BREAKER_COUNT + 1


def test_a_crash_is_tried_again_elsewhere(site: Site, clock: Clock, reports: Path) -> None:
    seen: list[str] = []

    def script(name: str) -> Callable[[str, int], Outcome]:
        def of(key: str, n: int) -> Outcome:
            if key == JOBS[0].key:
                seen.append(name)
                return CRASH if len(seen) == 1 else GOOD
            return GOOD

        return of

    places = [FakePlace(name, 1, clock, reports, script(name)) for name in ("a", "b")]
    drive(make_engine(site, places, clock), clock, JOBS[:1])
    assert len(set(seen)) == 2


def test_another_version_and_a_missing_tool_are_refused(site: Site, place: FakePlace, clock: Clock) -> None:
    place.banner = "Vivado(TM) HLS v2018.3 (64-bit)"
    with pytest.raises(ToolVersionMismatch, match=r"2018\.3"):
        drive(make_engine(site, [place], clock), clock, JOBS[:1])
    place.tool = ""
    with pytest.raises(ToolNotFound, match=r"backend\.tool"):
        drive(make_engine(site, [place], clock), clock, JOBS[:1])
    assert place.starts == []


def test_licences_bound_the_jobs_at_once(site: Site, place: FakePlace, clock: Clock) -> None:
    place.slots, most = 8, 0
    engine = make_engine(replace(site, slots=8), [place], clock, ToolOptions(licences=3))
    for _ in range(200):
        answers = engine.advance(JOBS[:12])
        most = max(most, place.n_running)
        clock.sleep(1.0)
    assert all(answer.state == "done" for answer in answers)
    assert most == 3


def test_a_project_that_cannot_be_made_fails_its_job_only(site: Site, place: FakePlace, clock: Clock) -> None:
    source = StubSource({JOBS[0].key: ConversionError("layer fc1: got reuse factor 3, expected 4")})
    done = drive(make_engine(site, [place], clock, source=source), clock, JOBS[:3])
    assert "got reuse factor 3" in outcome_of(done[JOBS[0].key]).message
    assert isinstance(outcome_of(done[JOBS[1].key]), Qor)


def test_a_project_that_finds_no_room_is_written_later(
    site: Site, place: FakePlace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F12: a full disk says nothing about the network."""
    full = {JOBS[0].key: DiskFull("the project could not be written")}
    source = StubSource(dict(full))
    engine = make_engine(site, [place], clock, source=source)
    (answer,) = engine.advance(JOBS[:1])
    assert answer.state == "waiting"
    assert "disk" in answer.message
    engine.advance(JOBS[:1])
    assert len(source.written) == 1, "not at every tick"
    source.errors.clear()
    assert isinstance(outcome_of(drive(engine, clock, JOBS[:1])[JOBS[0].key]), Qor)
    source.errors |= {JOBS[1].key: DiskFull("the project could not be written")}
    with pytest.raises(DiskFull, match="Make room"):
        drive(engine, clock, JOBS[1:2], tick=30.0)


def test_a_wish_to_cancel_that_came_too_late_is_forgotten(site: Site, place: FakePlace, clock: Clock) -> None:
    folder = JobFolder.of(site.work, JOBS[0].key)
    folder.path.mkdir(parents=True)
    folder.cancel_mark.write_text("{}")
    assert isinstance(outcome_of(drive(make_engine(site, [place], clock), clock, JOBS[:1])[JOBS[0].key]), Qor)


def test_cancel_from_elsewhere_ends_one_job(site: Site, place: FakePlace, clock: Clock) -> None:
    place.script = scripted(Outcome(100.0))
    engine = make_engine(site, [place], clock)
    engine.advance(JOBS[:2])
    JobFolder.of(site.work, JOBS[0].key).cancel_mark.write_text("{}")
    done = drive(engine, clock, JOBS[:2])
    assert outcome_of(done[JOBS[0].key]).kind is FailureKind.CANCELLED
    assert isinstance(outcome_of(done[JOBS[1].key]), Qor)
    again = make_engine(site, [place], clock)
    assert isinstance(outcome_of(drive(again, clock, JOBS[:1])[JOBS[0].key]), Qor), "asked again, it runs anew"


def test_nothing_wanted_ends_all_and_strays_are_ended_too(site: Site, place: FakePlace, clock: Clock) -> None:
    place.script = scripted(Outcome(1e6))
    engine = make_engine(site, [place], clock)
    engine.advance(JOBS[:2])
    assert place.n_running == 2
    assert engine.advance(()) == ()
    assert place.n_running == 0
    engine.advance(JOBS[2:4])
    assert place.n_running == 2
    newcomer = make_engine(site, [place], clock)  # the first process is gone, and its jobs are not wanted any more
    newcomer.advance(JOBS[4:5])
    newcomer.advance(JOBS[4:5])
    assert place.n_running == 1


def test_a_silent_host_is_waited_for_and_then_given_up(site: Site, clock: Clock, reports: Path) -> None:
    is_dead: list[bool] = []
    silent = FakePlace("silent", 2, clock, reports, scripted(Outcome(100.0)), lambda verb, when: lose() if is_dead else None)
    other = FakePlace("other", 1, clock, reports, scripted(Outcome(100.0)))
    engine = make_engine(site, [silent, other], clock, ToolOptions(unreachable_minutes=30))
    engine.advance(JOBS[:1])
    assert silent.n_running == 1
    is_dead.append(True)
    for _ in range(20):
        clock.sleep(60)
        answer = engine.advance(JOBS[:1])[0]
    assert answer.state == "running"
    assert "the line is dead" in answer.message
    assert other.starts == []
    drive(engine, clock, JOBS[:1], tick=10.0)
    assert len(other.starts) == 1


def test_a_host_that_never_answered_is_an_error_soon(site: Site, place: FakePlace, clock: Clock) -> None:
    place.trouble = lambda verb, when: lose()
    with pytest.raises(ConnectionLost):
        drive(make_engine(site, [place], clock), clock, JOBS[:1], most=300)


def test_nonsense_once_is_chance_and_again_and_again_is_an_error(site: Site, place: FakePlace, clock: Clock) -> None:
    left = [2]

    def trouble(verb: str, when: str) -> None:
        if verb == "survey" and left[0]:
            left[0] -= 1
            refuse()

    place.trouble = trouble
    drive(make_engine(site, [place], clock), clock, JOBS[:1])
    place.trouble = lambda verb, when: refuse() if verb == "survey" else None
    with pytest.raises(BackendError, match="nonsense"):
        drive(make_engine(site, [place], clock), clock, JOBS[1:2])


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("verb", ["probe", "submit", "survey", "fetch", "clean"])
def test_a_lost_answer_to_any_verb_starts_nothing_twice(site: Site, place: FakePlace, clock: Clock, verb: str, when: str) -> None:
    left = [3]

    def trouble(now: str, at: str) -> None:
        if (now, at) == (verb, when) and left[0]:
            left[0] -= 1
            lose()

    place.trouble = trouble
    done = drive(make_engine(site, [place], clock), clock, JOBS[:3])
    assert left == [0]
    assert all(isinstance(outcome_of(answer), Qor) for answer in done.values())
    assert max(Counter(key for key, _, _ in place.starts).values()) == 1


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_crashes_and_lost_answers_at_any_moment_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, reports: Path, site: Site, seed: int
) -> None:
    """F01 in small: a process that dies between and inside turns, over a line that loses one answer in five."""
    rng, clock = random.Random(seed), Clock()
    site = replace(site, work=tmp_path_factory.mktemp("work"))
    jobs = JOBS[:5]
    fates = {job.key: [rng.choice([GOOD, GOOD, LICENCE, LOST]), GOOD] for job in jobs}

    class Killed(BaseException):
        """No `except Exception` stops a SIGKILL."""

    def trouble(verb: str, when: str) -> None:
        if rng.random() < 0.03:
            raise Killed
        if rng.random() < 0.2:
            lose()

    place = FakePlace("lab1", 3, clock, reports, lambda key, n: fates[key][min(n, 1)], trouble)
    engine = make_engine(site, [place], clock)
    for _ in range(5000):
        try:
            answers = engine.advance(jobs)
        except (Killed, ConnectionLost):  # of a line that never answered the user is told, and runs the same command again
            engine = make_engine(site, [place], clock)
            continue
        if all(answer.state == "done" for answer in answers):
            break
        clock.sleep(rng.choice([0.1, 1.0, 30.0]))
    assert all(isinstance(outcome_of(answer), Qor) for answer in answers)
    assert place.n_running == 0
    for job in jobs:
        n_starts = sum(1 for key, _, _ in place.starts if key == job.key)
        assert n_starts == (1 if fates[job.key][0] is GOOD else 2), "synthesised once too often"


@pytest.mark.parametrize("n_slots", [8, pytest.param(64, marks=pytest.mark.slow)])
def test_slots_are_kept_busy(site: Site, clock: Clock, reports: Path, n_slots: int) -> None:
    """As results arrive, the next jobs start: the share of slot time in use, from the first start to the last."""
    rng = random.Random(1)
    durations = {job.key: rng.uniform(600, 3600) for job in all_jobs()}
    place = FakePlace("lab1", n_slots, clock, reports, lambda key, n: Outcome(durations[key]))
    engine = make_engine(replace(site, slots=n_slots), [place], clock)
    waiting, wanted, n_done, used, offered = list(all_jobs())[: 5 * n_slots], [], 0, 0.0, 0.0
    tick = 10.0
    while waiting:
        wanted += [waiting.pop() for _ in range(min(len(waiting), n_slots - len(wanted)))]
        answers = engine.advance(wanted)
        n_done += sum(answer.state == "done" for answer in answers)
        wanted = [job for job, answer in zip(wanted, answers, strict=True) if answer.state != "done"]
        used, offered = used + tick * place.n_running, offered + tick * n_slots
        clock.sleep(tick)
    assert n_done > n_slots
    assert used / offered >= 0.95, used / offered


def all_jobs() -> tuple[Job, ...]:
    return tuple(job_for(a, b) for a in range(1, 33) for b in range(1, 33))
