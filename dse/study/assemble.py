"""From a campaign file to live objects: the only place that knows how the parts fit together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from dse import registry
from dse.campaign.spec import CampaignSpec
from dse.campaign.tables import LayerTable
from dse.consent import backend_commands, refuse_unknown
from dse.design import DesignPoint, Fidelity, Job, Layer, LayerChoice, Precision
from dse.errors import SpaceError
from dse.faults import refuse_known_faults
from dse.goal import Goal, Objective
from dse.qor import LayerRecord
from dse.search.base import HasOwnGoal, Searcher, View
from dse.space import DesignSpace, LayerOptions
from dse.store.cache import Cache
from dse.store.codec import space_to_json
from dse.store.index import regime
from dse.store.journal import Event, Journal, read_events
from dse.study import fold as events
from dse.study.changes import refuse_changes, refuse_foreign
from dse.study.evaluate import Evaluator, transferable
from dse.study.fold import CampaignState, replay
from dse.study.loop import Campaign, Watcher
from dse.study.session import open_journal
from dse.synth_backends.base import ListsRecorded, Site, SynthBackend
from dse.wire import to_json

MAX_TRANSFER = 5000  # records; more teach little and cost time


@dataclass(frozen=True, slots=True)
class Question:
    """A campaign's spec with its space and backend: all that is needed to evaluate a point, but no state.

    Attributes:
        differences: where the file asks something else by now, if the question was read from a journal; one line each.
    """

    spec: CampaignSpec
    space: DesignSpace
    backend: SynthBackend
    differences: tuple[str, ...] = ()

    @property
    def meaning(self) -> dict[str, str]:
        """See `CampaignSpec.meaning`; what the backend's answers rest on belongs to it."""
        return {**self.spec.meaning, "backend.fidelity": self.backend.fidelity.value, "backend.basis": self.backend.basis}

    @property
    def recorded(self) -> Event:
        """The question as the journal records it: all that is needed to read its answers, without the files it was made of."""
        return {
            "document": dict(self.spec.document),
            "network": to_json(self.spec.network),
            "space": space_to_json(self.space),
        }

    @property
    def searcher(self) -> Searcher:
        """The search; it keeps nothing, so a new one is as good as the old."""
        searcher: Searcher = registry.load("search", self.spec.search_kind).create(self.spec.search_options)
        return searcher

    @property
    def goal(self) -> Goal:
        """What is wanted; where the file names no objective, what its search is after, else speed against multipliers."""
        goal = self.spec.goal
        if goal.objectives:
            return goal
        searcher = self.searcher
        default = (Objective("ii_cycles_max"), Objective("dsp"))
        return replace(goal, objectives=searcher.objectives if isinstance(searcher, HasOwnGoal) else default)

    def job(self, point: DesignPoint) -> Job:
        """The question to the backend that a point is."""
        return Job(self.spec.network, point, self.spec.target, self.backend.fidelity, self.backend.basis)

    def view(self, state: CampaignState, transfer: tuple[LayerRecord, ...] = ()) -> View:
        """What a searcher may know now."""
        spec = self.spec
        return View(
            network=spec.network,
            target=spec.target,
            space=self.space,
            goal=self.goal,
            finished=state.finished,
            pending=state.pending,
            seed=spec.seed,
            transfer=transfer,
        )


def assemble(spec: CampaignSpec) -> Question:
    """Build backend and space.

    Raises:
        CorpusError, SpaceError, BackendError: the campaign cannot run as it is.
    """
    backend = build_backend(spec)
    return Question(spec, build_space(spec, backend), backend)


def build_backend(spec: CampaignSpec) -> SynthBackend:
    """Return the backend that a campaign names.

    Raises:
        CorpusError, BackendError: it cannot serve the campaign.
    """
    site = Site(
        network=spec.network,
        target=spec.target,
        source=spec.source.absolute(),
        work=spec.state.absolute() / "work",
        campaign=spec.name,
        slots=spec.slots,
        seed=spec.seed,
    )
    backend: SynthBackend = registry.load("synth_backends", spec.backend_kind).create(spec.backend_options, site)
    return backend


def build_space(spec: CampaignSpec, backend: SynthBackend) -> DesignSpace:
    """Return the legal choices of every layer with weights, narrowed by the campaign and by what the backend can serve.

    Raises:
        SpaceError: a layer has no choice left; says what took them away.
    """
    rules = dict(spec.layer_rules)
    options = []
    for layer in spec.network.layers:
        if registry.layer_kind(layer.kind).matrices(layer):
            choices = _choices(spec, layer, rules.get(layer.name, LayerTable()), backend)
            options.append(LayerOptions(layer, choices))
    if not options:
        raise SpaceError(f"network {spec.network.name}: no layer has weights, so there is nothing to choose")
    return DesignSpace(tuple(options))


def _choices(spec: CampaignSpec, layer: Layer, rule: LayerTable, backend: SynthBackend) -> tuple[LayerChoice, ...]:
    strategy = rule.strategy or spec.strategy
    legal = registry.layer_kind(layer.kind).legal(layer, spec.target, strategy)
    asked = rule.reuse_factors or (() if rule.reuse_factor is None else (rule.reuse_factor,))
    precision = None if rule.precision is None else Precision.parse(rule.precision)
    choices = tuple(LayerChoice(f, strategy, precision) for f in legal.reuse_factors if not asked or f in asked)
    if not choices:
        why = "; ".join(f"{rule.name}: {rule.reason}" for rule in legal.rules) or "its shape allows none"
        raise SpaceError(f"layer {layer.name}: no legal reuse factor with strategy {strategy}: {why}")
    if not isinstance(backend, ListsRecorded):
        return choices
    recorded = {choice.reuse_factor for choice in backend.recorded(layer)}
    served = tuple(choice for choice in choices if choice.reuse_factor in recorded)
    if not served:
        raise SpaceError(
            f"layer {layer.name} ({layer.kind} {layer.n_in} x {layer.n_out}, {layer.n_positions} positions): nothing is recorded for it;"
            f" recorded reuse factors of this shape: {sorted(recorded) or 'none'}, legal: {[c.reuse_factor for c in choices]}."
            " Record it, use another corpus, or use the estimate backend."
        )
    return served


def open_campaign(question: Question, *, watchers: tuple[Watcher, ...] = (), fresh: bool = False) -> Campaign:
    """Open (or start) a campaign's journal for writing and build the loop's objects.

    Raises:
        CampaignLocked: another process runs it.
        NetworkError: hls4ml is known to build the network wrongly.
        SpecError: its backend would run what the user did not agree to.
        SpecChanged: the file now asks something else than the journal answers; shows the difference.
    """
    spec = question.spec
    refuse_known_faults(spec.network, spec.target)
    refuse_unknown(spec.path, backend_commands(spec.backend_options))
    journal = open_journal(spec.state, spec.path, fresh=fresh)
    try:
        return _take_up(question, journal, watchers)
    except BaseException:
        journal.close()
        raise


def _take_up(question: Question, journal: Journal, watchers: tuple[Watcher, ...]) -> Campaign:
    spec, state = question.spec, replay(journal.events)
    refuse_changes(dict(state.meaning), question.meaning, spec.path)
    is_same = state.identity != "" and dict(state.meaning) == question.meaning
    cache = Cache(spec.cache)
    keys = state.transfer if is_same else _newest(cache, question) if learns(spec) else ()
    transfer = _comparable(transferable(cache, keys), question)
    campaign = Campaign(
        journal=journal,
        state=state,
        searcher=question.searcher,
        evaluator=Evaluator(cache, question.backend),
        view=lambda state: question.view(state, transfer),
        job=question.job,
        budget=spec.budget,
        slots=spec.slots,
        watchers=watchers,
    )
    if not is_same:
        used = tuple(dict.fromkeys(record.source for record in transfer))
        begin = events.continued if state.identity else partial(events.opened, spec.name)
        campaign.record(begin(question.meaning, used, question.recorded))
    return campaign


def refuse_folder(question: Question) -> None:
    """Say now what `dse run` would say of the folder that the campaign's name means.

    Raises:
        SpecError: it is a folder of the user's own.
        SpecChanged: its journal answers another question.
    """
    refuse_foreign(question.spec.state, question.spec.path)
    refuse_changes(dict(read_state(question.spec).meaning), question.meaning, question.spec.path)


def gone_on(question: Question, state: CampaignState) -> CampaignState:
    """Return the state as `dse run` would take it up: the file may ask the same question of another backend by now."""
    if not state.identity or dict(state.meaning) == question.meaning:
        return state
    event = events.continued(question.meaning, (), question.recorded)
    return events.apply(state, {**event, "elapsed": 0.0})


def learns(spec: CampaignSpec) -> bool:
    """Whether the search learns from layers that other campaigns measured."""
    return bool(getattr(spec.search_options, "transfer", False))


def _newest(cache: Cache, question: Question) -> tuple[str, ...]:
    kinds = {option.layer.kind for option in question.space.options}
    return cache.newest(regime(question.spec.target, Fidelity(question.backend.fidelity)), kinds, MAX_TRANSFER)


def _comparable(records: tuple[LayerRecord, ...], question: Question) -> tuple[LayerRecord, ...]:
    """Keep layers measured at the same fidelity, clock and data flow; of anything else a surrogate would learn the wrong thing."""
    ours = question.spec.target
    return tuple(
        record
        for record in records
        if record.fidelity == question.backend.fidelity
        and record.target.io_type == ours.io_type
        and record.target.clock_period_ns == ours.clock_period_ns
        and record.target.toolchain.name == ours.toolchain.name
    )[-MAX_TRANSFER:]


def read_state(spec: CampaignSpec) -> CampaignState:
    """Return what has happened so far, reading only; works while the campaign runs."""
    found, _ = read_events(spec.state / "journal.jsonl")
    return replay(found)
