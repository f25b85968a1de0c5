"""Job -> Evaluation: from the cache, else from the backend; what the backend finds is remembered before anybody hears of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from dse.design import Fidelity, Job
from dse.errors import CorruptEntry
from dse.qor import Evaluation, Failure, LayerRecord, Qor
from dse.reports.failure import is_doubtful
from dse.store.cache import LAYERS, Cache, is_cacheable
from dse.store.codec import read_record
from dse.synth_backends.base import HasLimits, Progress
from dse.wire import dump_json, load_json, to_json


class Asked(Protocol):
    """One question to a backend: a design's `Job`, or a training."""

    @property
    def key(self) -> str:
        """64 hex digits over all that changes the answer."""
        ...


class Backend(Protocol):
    """Who answers: a `SynthBackend`, or one of another step."""

    fidelity: Fidelity
    basis: str

    def advance(self, wanted: Sequence[Any]) -> tuple[Progress, ...]: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """Where one job stands, and whether a cache answered it (so that it cost nothing)."""

    progress: Progress
    cached: bool

    @property
    def evaluation(self) -> Evaluation | None:
        return self.progress.evaluation


class Evaluator:
    """Cache in front of a backend; the same declarative verb as the backend's."""

    def __init__(
        self, cache: Cache, backend: Backend, keep: Callable[[Any, Evaluation], Mapping[str, bytes]] | None = None
    ) -> None:
        """Take a store, who answers, and what is kept beside an answer: (job, answer) -> files by name, by default its layers."""
        self.cache = cache
        self.backend = backend
        self._keep = keep or (lambda job, evaluation: {LAYERS: encode_layers(job, evaluation)})

    def advance(self, wanted: Mapping[str, Asked]) -> tuple[Answer, ...]:
        """Bring all wanted jobs forward; answers come in the order given.

        Args:
            wanted: jobs by what asks for them (`CampaignState.made_by`). A stored result that the same asker paid for, before a
                crash, counts as its own and not as a cache hit.

        Raises:
            BackendError, NotRecorded, CacheError: see there; nothing is lost.
        """
        answers: dict[str, Answer] = {}
        missing: dict[str, Asked] = {}
        for asker, job in wanted.items():
            stored = self.cache.get(job.key)
            if stored is not None and not self._still_holds(stored):
                self.cache.set_aside(job.key)
                stored = None
            if stored is not None:
                self.cache.release(job.key)
                done = Progress(job.key, "done", stored, host=stored.provenance.host)
                answers[asker] = Answer(done, cached=stored.provenance.made_by != asker)
            elif self.cache.claim(job.key):
                missing[asker] = job
            else:
                answers[asker] = Answer(Progress(job.key, "waiting", message="another campaign is evaluating this design"), True)
        for (asker, job), progress in zip(missing.items(), self.backend.advance(tuple(missing.values())), strict=True):
            answers[asker] = Answer(self._remember(asker, job, progress), cached=False)
        return tuple(answers[asker] for asker in wanted)

    def release(self) -> None:
        """Give all claims back; others may evaluate what this process looks after no longer."""
        self.cache.release_all()

    def _still_holds(self, stored: Evaluation) -> bool:
        """Whether a stored result would be kept today, and under today's limits: a timeout at one hour says nothing of two."""
        outcome = stored.outcome
        if isinstance(outcome, Failure) and is_doubtful(outcome.kind, outcome.message):
            return False
        if not isinstance(outcome, Failure) or outcome.limit is None or not isinstance(self.backend, HasLimits):
            return True
        limit = self.backend.limits.get(outcome.kind, outcome.limit)
        return limit is not None and limit <= outcome.limit

    def _remember(self, asker: str, job: Asked, progress: Progress) -> Progress:
        if progress.evaluation is None:
            return progress
        provenance = replace(progress.evaluation.provenance, made_by=asker)
        evaluation = replace(progress.evaluation, provenance=provenance)
        if is_cacheable(evaluation):
            self.cache.put(evaluation, self._keep(job, evaluation))
        self.cache.release(evaluation.key)
        return replace(progress, evaluation=evaluation)


def layer_records(job: Job, evaluation: Evaluation) -> tuple[LayerRecord, ...]:
    """Return what an evaluation tells of each layer that had a choice; nothing for a failure or where nothing is known per layer."""
    if not isinstance(evaluation.outcome, Qor):
        return ()
    known = dict(evaluation.outcome.layers)
    return tuple(
        LayerRecord(job.network.layer(name), choice, job.target, job.fidelity, known[name], source=job.key)
        for name, choice in job.point.choices
        if name in known
    )


def encode_layers(job: Job, evaluation: Evaluation) -> bytes:
    """Return the measured layers as JSON lines, to be kept beside the evaluation."""
    return b"".join(dump_json(to_json(record)).encode() + b"\n" for record in layer_records(job, evaluation))


def stored_layers(cache: Cache, key: str) -> tuple[LayerRecord, ...]:
    """Return the layers that are kept beside a stored result; nothing where none are.

    Raises:
        CorruptEntry: what is kept is no list of measured layers.
    """
    try:
        records = [read_record(load_json(line)) for line in (cache.attachment(key, LAYERS) or b"").splitlines()]
    except (ValueError, AttributeError) as error:
        raise CorruptEntry(f"cache entry {key[:12]}: {LAYERS}: {error}. Nothing is learned from it.") from error
    return tuple(record for record in records if isinstance(record, LayerRecord))


def transferable(cache: Cache, keys: Iterable[str]) -> tuple[LayerRecord, ...]:
    """Return the layers measured in the named cache entries, in their order; an odd entry is noted in `warnings`, and tells nothing."""
    records: list[LayerRecord] = []
    for key in keys:
        try:
            records += stored_layers(cache, key)
        except CorruptEntry as error:
            cache.warnings.append(str(error))
    return tuple(records)
