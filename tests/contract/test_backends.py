"""What every backend must keep, wherever its jobs run: checked for each kind in the room that has a case."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import backend_cases
import pytest
from backend_cases import Case

from dse.design import DesignPoint, Fidelity, Job
from dse.estimation.between import FIFOS
from dse.qor import RESOURCES, Evaluation, Failure, Qor
from dse.registry import kinds
from dse.synth_backends.base import HasJobs, ListsRecorded, Progress, SynthBackend

KINDS = tuple(kind for kind in kinds("synth_backends") if kind in backend_cases.CASES)


@pytest.fixture(params=[pytest.param(kind, marks=backend_cases.marks(kind)) for kind in KINDS])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    one = backend_cases.CASES[request.param](tmp_path)
    yield one
    one.close()


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["case"])


def finish(backend: SynthBackend, jobs: Sequence[Job], patience_seconds: float) -> tuple[Evaluation, ...]:
    """Ask until all are done, holding every answer on the way against the contract."""
    until = time.monotonic() + patience_seconds
    while True:
        answers = backend.advance(jobs)
        check(answers, jobs)
        if all(answer.state == "done" for answer in answers):
            return tuple(answer.evaluation for answer in answers if answer.evaluation)
        assert time.monotonic() < until, f"not done within {patience_seconds} s: {answers}"
        time.sleep(0.02)


def check(answers: tuple[Progress, ...], jobs: Sequence[Job]) -> None:
    assert [answer.key for answer in answers] == [job.key for job in jobs], "other jobs, or another order"
    for answer in answers:
        assert answer.state in ("queued", "waiting", "running", "done")
        assert (answer.evaluation is not None) == (answer.state == "done"), "an evaluation belongs to done, and only to done"
        assert answer.evaluation is None or answer.evaluation.key == answer.key


def test_every_kind_has_a_case() -> None:
    without = set(kinds("synth_backends")) - set(backend_cases.CASES)
    assert without <= backend_cases.NO_CASE_YET, "add a function to CASES in tests/backend_cases.py"


def test_it_says_how_far_it_goes_and_what_its_answers_rest_on(case: Case) -> None:
    backend = case.fresh()
    assert backend.fidelity in tuple(Fidelity)
    assert isinstance(backend.basis, str)
    assert all((job.fidelity, job.basis) == (backend.fidelity, backend.basis) for job in case.jobs)


def test_no_job_no_answer(case: Case) -> None:
    assert case.fresh().advance(()) == ()


def test_all_jobs_get_done_in_the_order_asked(case: Case, kind: str) -> None:
    evaluations = finish(case.fresh(), case.jobs, case.patience_seconds)
    for evaluation in evaluations:
        assert isinstance(evaluation.outcome, Qor | Failure)
        assert evaluation.fidelity is case.jobs[0].fidelity
        assert evaluation.provenance.backend == kind
        assert all(note.strip() == note and note for note in evaluation.provenance.notes)
    assert len({evaluation.key for evaluation in evaluations}) == len(case.jobs)
    backwards = finish(case.fresh(), case.jobs[::-1], case.patience_seconds)
    assert tuple(e.outcome for e in backwards) == tuple(e.outcome for e in evaluations[::-1])


def test_a_done_job_asked_again_gives_the_same_evaluation(case: Case) -> None:
    backend = case.fresh()
    once = finish(backend, case.jobs, case.patience_seconds)
    again = finish(backend, case.jobs, case.patience_seconds)
    assert again == once


def test_a_fresh_backend_knows_the_same(case: Case) -> None:
    once = finish(case.fresh(), case.jobs, case.patience_seconds)
    after_a_crash = finish(case.fresh(), case.jobs, case.patience_seconds)
    assert [e.outcome for e in after_a_crash] == [e.outcome for e in once]


def test_fewer_jobs_may_be_asked_for_and_more_later(case: Case) -> None:
    backend = case.fresh()
    check(backend.advance(case.jobs), case.jobs)
    first = finish(backend, case.jobs[:1], case.patience_seconds)
    assert finish(backend, case.jobs, case.patience_seconds)[0].outcome == first[0].outcome


def test_layers_have_the_networks_names_in_its_order(case: Case) -> None:
    for job, evaluation in zip(case.jobs, finish(case.fresh(), case.jobs, case.patience_seconds), strict=True):
        if isinstance(evaluation.outcome, Qor) and evaluation.outcome.layers:
            names = [name for name, _ in evaluation.outcome.layers if name != FIFOS]  # an estimate's part between layers
            assert names == [layer.name for layer in job.network.layers if layer.name in names]
            assert {name for name, _ in job.point.choices} <= set(names)


def test_a_design_is_no_smaller_than_its_layers(case: Case) -> None:
    for evaluation in finish(case.fresh(), case.jobs, case.patience_seconds):
        if isinstance(evaluation.outcome, Qor):
            for _, layer in evaluation.outcome.layers:
                for resource in RESOURCES:
                    whole, part = getattr(evaluation.outcome, resource), getattr(layer, resource)
                    assert whole is None or part is None or part <= whole


def test_at_least_one_job_succeeds_with_numbers(case: Case) -> None:
    qors = [e.outcome for e in finish(case.fresh(), case.jobs, case.patience_seconds) if isinstance(e.outcome, Qor)]
    assert any(qor.lut is not None and qor.latency_cycles_max is not None for qor in qors)


def test_what_it_lists_as_recorded_it_serves(case: Case) -> None:
    backend = case.fresh()
    if not isinstance(backend, ListsRecorded):
        pytest.skip("serves every choice")
    job = next(j for j, e in zip(case.jobs, finish(backend, case.jobs, case.patience_seconds), strict=True) if _is_qor(e))
    for layer in job.network.layers:
        listed = backend.recorded(layer)
        assert list(listed) == sorted(listed, key=lambda choice: (choice.reuse_factor, choice.strategy))
        assert len(set(listed)) == len(listed)
        assert dict(job.point.choices)[layer.name] in listed


def _is_qor(evaluation: Evaluation) -> bool:
    return isinstance(evaluation.outcome, Qor)


def test_the_point_decides_the_key() -> None:
    case_of = backend_cases
    jobs = [Job(case_of.NETWORK, at, case_of.TARGET, Fidelity.ESTIMATE, "b") for at in (*case_of.POINTS, DesignPoint(()))]
    assert len({job.key for job in jobs}) == len(jobs)


def test_jobs_that_outlive_the_process_are_known_with_their_logs(case: Case) -> None:
    backend = case.fresh()
    if not isinstance(backend, HasJobs):
        pytest.skip("answers at once")
    assert backend.known_jobs() == ()
    finish(backend, case.jobs[:1], case.patience_seconds)
    (job,) = case.fresh().known_jobs()  # type: ignore[attr-defined]
    assert (job.key, job.attempt, job.is_open, job.has_log) == (case.jobs[0].key, 1, False, True)
    assert backend.log(job.key)
    assert backend.glance(job.key, ()).state == "queued"
