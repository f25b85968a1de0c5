"""Architecture search as a study: its question, its live objects, and what its journal tells."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dse.errors import DseError, SpecError
from dse.goal import Budget
from dse.nas.data.windows import Cutter
from dse.nas.records import Candidate, Outcome, candidate_of, is_hopeless, network_file, refused_candidate
from dse.nas.searcher import ArchitectureSearch, device_of
from dse.nas.spec import NasSpec, build_spec, read_nas
from dse.nas.trainer import NETWORK, Inline, Trainer, TrainingJob, evaluation_of
from dse.nas.training import TrainFunction
from dse.networks.architecture import Architecture
from dse.qor import Evaluation, Learned
from dse.search.base import Trial
from dse.store.cache import Cache
from dse.store.fsops import write_atomically
from dse.store.journal import Event, Journal, read_events
from dse.study import fold as events
from dse.study.changes import changes, refuse_changes, refuse_foreign
from dse.study.evaluate import Evaluator
from dse.study.fold import CampaignState, replay
from dse.study.loop import Campaign, Signals, Watcher, run
from dse.study.question import folder_of
from dse.study.session import open_journal, session, set_aside
from dse.synth_backends.base import Progress

OLD = "optuna.jsonl"  # the journal of searches of dse 0.1
_TICK_SECONDS = 0.2
PRIVATE = "trained"  # results of a training function that only its caller knows are shared with nobody


@dataclass(frozen=True, slots=True)
class SearchQuestion:
    """A search with its data: all that is needed to propose and to train, but no state.

    Attributes:
        data: digest of what is trained on.
    """

    spec: NasSpec
    windows: Cutter
    data: str

    @classmethod
    def of(cls, spec: NasSpec) -> SearchQuestion:
        """Read the data.

        Raises:
            DataError: the data is bad, or nowhere.
        """
        from dse.nas.worker import cutter_of

        windows = cutter_of(spec)
        return cls(spec, windows, data_digest(spec, windows))

    @property
    def searcher(self) -> ArchitectureSearch:
        """Who proposes."""
        n_channels = int(self.windows(self.spec.space.longest_input).x["training"].shape[2])
        return ArchitectureSearch(self.spec, device_of(self.spec), n_channels)

    def job(self, architecture: Architecture) -> TrainingJob:
        """The training that an architecture is."""
        return TrainingJob(architecture, self.data, self.spec.training, self.spec.seed)


def open_search(
    spec: NasSpec, *, train: TrainFunction | None = None, watchers: tuple[Watcher, ...] = (), fresh: bool = False
) -> Campaign:
    """Open (or begin) a search for writing.

    Args:
        train: a training function of one's own, called in this process; without it Keras trains in `[search] workers` processes.

    Raises:
        CampaignLocked: another process runs it. SpecChanged: the file asks something else than before. DataError: the data is bad.
        SpecError: the search was begun by dse 0.1.
    """
    refuse_old(spec, fresh=fresh)
    # Bad data shows before anything is recorded: to mend a path must not count as asking something else.
    question = SearchQuestion.of(spec)
    journal = open_journal(spec.state, spec.path, fresh=fresh)
    try:
        return _take_up(question, journal, train, watchers)
    except BaseException:
        journal.close()
        raise


def _take_up(question: SearchQuestion, journal: Journal, train: TrainFunction | None, watchers: tuple[Watcher, ...]) -> Campaign:
    spec, state = question.spec, replay(journal.events)
    refuse_changes(dict(state.meaning), spec.meaning, spec.path)
    cache = Cache(spec.state / PRIVATE if train else spec.cache)
    campaign = Campaign(
        journal=journal,
        state=state,
        searcher=question.searcher,
        evaluator=Evaluator(cache, Inline(spec, train, question.windows) if train else Trainer(spec), partial(_network, spec)),
        view=lambda state: state,
        job=question.job,
        budget=Budget(spec.budget.trials, None if spec.budget.hours is None else float(spec.budget.hours)),
        slots=1 if train else spec.search.workers,
        gives_up=partial(give_up, spec),
        works="trainings",
        tick_seconds=0.0 if train else _TICK_SECONDS,
        watchers=watchers,
    )
    if not state.identity:
        campaign.record(events.opened(spec.name, spec.meaning, (), {"kind": "nas", "document": spec.document}))
    return campaign


def run_search(
    spec: NasSpec, *, train: TrainFunction | None = None, watchers: tuple[Watcher, ...] = (), signals: Signals | None = None
) -> tuple[Candidate, ...]:
    """Run a search to its end and return all candidates; the same call resumes it. See `open_search`."""
    with session(open_search(spec, train=train, watchers=watchers)) as campaign:
        campaign.signals = signals or campaign.signals
        return candidates_of(spec, run(campaign))


def refuse_old(spec: NasSpec, *, fresh: bool = False) -> None:
    """Refuse a search of dse 0.1, whose memory was a journal of Optuna's; set its folder aside where a new one is asked for.

    Raises:
        SpecError: there is such a search, and none is to be begun anew.
    """
    if (spec.state / OLD).exists() and not (spec.state / "journal.jsonl").exists():
        if not fresh:
            raise SpecError(
                f"{spec.state}: a search of dse 0.1, whose {OLD} this dse does not read."
                " Read it with dse 0.1, or begin anew with --fresh; the old state is kept aside."
            )
        set_aside(spec.state)


def refuse_folder(spec: NasSpec) -> None:
    """Say now what `dse run` would say of the folder that the search's name means.

    Raises:
        SpecError: it is a folder of the user's own, or holds a search of dse 0.1.
        SpecChanged: its journal answers another question.
    """
    refuse_old(spec)
    refuse_foreign(spec.state, spec.path)
    refuse_changes(dict(read_search(spec)[0].meaning), spec.meaning, spec.path)


def read_question(path: Path, overrides: Iterable[str] = ()) -> tuple[NasSpec, tuple[str, ...]]:
    """Return a search's question for reading, as its journal records it, and where its file asks something else by now.

    Effort, workers and deployment are no part of the question: they are the file's.

    Raises:
        DseError: as `read_nas`, where there is no journal; or the journal cannot be read, or is of dse 0.1.
    """
    try:
        now, trouble = read_nas(path, overrides), None
    except DseError as error:
        now, trouble = None, error
    folder = now.state if now else folder_of(path, "nas")
    found, _ = read_events(folder / "journal.jsonl")
    if not found:
        if trouble is not None:
            raise trouble
        assert now is not None
        refuse_old(now)
        return now, ()
    recorded = replay(found[:1])
    spec = build_spec(path, (recorded.question or {}).get("document", {}))
    if now is None:
        return spec, (f"it cannot be read: {str(trouble).splitlines()[0]}",)
    free = replace(spec, budget=now.budget, deploy=now.deploy, cache=now.cache, document=now.document)
    free = replace(free, search=replace(spec.search, workers=now.search.workers))
    return free, tuple(changes(dict(recorded.meaning), now.meaning))


def read_search(spec: NasSpec) -> tuple[CampaignState, tuple[Event, ...]]:
    """Return what has happened and all events, reading only; works while the search runs and after a crash."""
    refuse_old(spec)
    found, _ = read_events(spec.state / "journal.jsonl")
    return replay(found), tuple(found)


def candidates_of(spec: NasSpec, state: CampaignState) -> tuple[Candidate, ...]:
    """Return all candidates in the order asked, and after them those that were refused, which have no number."""
    evaluations = dict(state.evaluations)
    found = [candidate_of(spec, trial, evaluations.get(trial.number)) for trial in sorted(state.trials, key=lambda t: t.number)]
    return (*found, *map(refused_candidate, state.refused))


def least_wrong(state: CampaignState) -> Trial | None:
    """Return the trained network with the least error; None while there is none."""
    trained = [
        (t.outcome.error, t.number, t) for t in state.finished if isinstance(t.outcome, Learned) and t.outcome.ended != "hopeless"
    ]
    return min(trained)[2] if trained else None


def give_up(spec: NasSpec, trial: Trial, progress: Progress, state: CampaignState) -> Evaluation | None:
    """Return what a training under way that is not worth going on has shown; None while it is worth it."""
    after, curve = spec.training.prune_after, progress.curve
    if after is None or len(curve) < after:
        return None
    metrics = [goal.metric for goal in spec.goals if not goal.is_learned]
    trained = [candidate_of(spec, other) for other in state.finished]
    rivals = [(_costs(other, metrics), other.curve) for other in trained if other.outcome is Outcome.TRAINED]
    if not is_hopeless(curve, _costs(candidate_of(spec, trial), metrics), rivals):
        return None
    told = tuple(round(error, 9) for error in curve)
    return evaluation_of(trial.key, Learned(min(told), None, told, "hopeless"), progress.elapsed_seconds, progress.host)


def _costs(candidate: Candidate, metrics: list[str]) -> tuple[float, ...]:
    return tuple(candidate.value(metric) or 0.0 for metric in metrics)


def data_digest(spec: NasSpec, windows: Cutter) -> str:
    """Return a digest of what is trained on: the samples themselves, never where they lie, and how they are split and cut."""
    found = hashlib.sha256(repr(spec.cutting).encode() + spec.space.head.kind.encode())
    for one in windows.runs:
        found.update(f"{one.name} {one.inputs.shape}".encode())
        found.update(one.inputs.tobytes())
        found.update(one.target.tobytes())
    return found.hexdigest()


def _network(spec: NasSpec, job: TrainingJob, evaluation: Evaluation) -> dict[str, bytes]:
    file = network_file(spec, job.key)
    is_kept = isinstance(evaluation.outcome, Learned) and evaluation.outcome.has_network
    return {NETWORK: file.read_bytes()} if is_kept and file.is_file() else {}


def trained_network(spec: NasSpec, candidate: Candidate) -> Path:
    """Return the file of a candidate's trained network; one that another search trained is fetched from the cache.

    Raises:
        SpecError: it is gone.
    """
    file = spec.state / candidate.file
    if candidate.file and not file.is_file():
        content = Cache(spec.cache).attachment(candidate.key, NETWORK)
        if content is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, content)
    if not candidate.file or not file.is_file():
        raise SpecError(f"{candidate.name}: its trained network is gone; expected {file}. Run the search again.")
    return file
