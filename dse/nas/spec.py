"""From an architecture search's file to a `NasSpec`, or to all that is wrong with the file at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from dse import registry
from dse.campaign import sections
from dse.campaign.files import read_tables, refuse
from dse.campaign.problems import Problem, did_you_mean, unknown_key
from dse.campaign.spec import cache_of
from dse.campaign.tables import NotifyTable, TargetTable, read_table
from dse.design import Target, is_identifier
from dse.goal import Limit
from dse.nas.cost import Device
from dse.nas.data.sources import SOURCES, Source
from dse.nas.data.windows import Cutting
from dse.nas.space import ConvSpace, DenseSpace, Head, RecurrentSpace, SearchSpace, problems_of
from dse.nas.tables import CostTable, DataTable, DeployTable, EffortTable, GoalTable, NasTable, SamplerTable, SpaceTable, Training
from dse.parts import Part

TABLES = ("nas", "data", "space", "training", "target", "cost", "objective", "limit", "search", "budget", "deploy", "notify")
_SPACES = {"conv": ConvSpace, "recurrent": RecurrentSpace, "dense": DenseSpace, "head": Head}
_LATENCIES = ("latency_ns_max", "latency_ns_min", "latency_cycles_max", "latency_cycles_min")


@dataclass(frozen=True, slots=True)
class Goal:
    """An objective as it is minimised: accuracy a is minimised as 1 - a. `reference` is in that sense too."""

    metric: str
    reference: float | None = None

    @property
    def is_learned(self) -> bool:
        """Whether only a training tells it."""
        return self.metric in ("rmse", "accuracy")


@dataclass(frozen=True, slots=True)
class NasSpec:
    """A file, read and checked.

    Attributes:
        document: what the file says, for workers and for the campaigns of the deployment.
    """

    path: Path
    name: str
    seed: int
    cache: Path
    source: Source
    data: DataTable
    space: SearchSpace
    training: Training
    target: Target
    target_table: TargetTable
    part: Part
    cost: CostTable
    goals: tuple[Goal, ...]
    limits: tuple[Limit, ...]
    search: SamplerTable
    budget: EffortTable
    deploy: DeployTable
    notify: NotifyTable
    document: dict[str, Any] = field(hash=False, compare=False)

    @property
    def state(self) -> Path:
        """The folder of journals, trained networks, campaigns and page."""
        return self.path.parent / self.name

    @property
    def cutting(self) -> Cutting:
        """How runs are cut."""
        data = self.data
        return Cutting(data.validation, data.test, data.protocol, data.horizon, data.stride, self.space.longest_input, data.windows)

    @property
    def device(self) -> Device:
        """What candidates are weighed against, with the estimate's tables."""
        return Device(self.target, self.part, self.target_table.strategy, self.limits)

    @property
    def meaning(self) -> dict[str, str]:
        """All that changes what the search asks, as text by dotted key; effort, workers and deployment are not part of it."""
        pairs: dict[str, object] = {
            "nas.seed": self.seed,
            "data.kind": self.data.kind,
            "target.strategy": self.target_table.strategy,
        }
        groups: tuple[tuple[str, Any], ...] = (
            ("data", self.source),
            ("data", self.data),
            ("training", self.training),
            ("cost", self.cost),
        )
        for name, group in groups:
            pairs |= {f"{name}.{key}": value for key, value in asdict(group).items()}
        pairs |= {f"space.{entry.name}": getattr(self.space, entry.name) for entry in fields(self.space)}
        pairs |= {f"target.{entry.name}": getattr(self.target, entry.name) for entry in fields(self.target)}
        if not self.part.is_listed:
            pairs["target.capacities"] = self.part
        pairs |= {f"objective.{goal.metric}": f"number {i}" for i, goal in enumerate(self.goals, 1)}
        pairs |= {f"limit.{limit.metric}": limit.maximum for limit in self.limits}
        pairs |= {"search.sampler": self.search.sampler, "search.startup": self.search.startup}
        return {key: str(value) for key, value in sorted(pairs.items())}


def read_nas(path: Path, overrides: Iterable[str] = ()) -> NasSpec:
    """Read and check a file.

    Args:
        overrides: `key=value` texts as for campaigns.

    Raises:
        CampaignProblems: with every problem found, each with line, column and hint.
        SpecError: the file cannot be read, or is no TOML.
    """
    return build_spec(path, *read_tables(path, overrides))


def build_spec(path: Path, document: dict[str, Any], text: str = "") -> NasSpec:
    """Check a document that was parsed before; `text` is only for the messages.

    Raises:
        CampaignProblems: as `read_nas`.
    """
    problems: list[Problem] = []
    spec = _build(path, document, problems)
    refuse(path, text, problems)
    assert spec is not None
    return spec


def _build(path: Path, document: dict[str, Any], problems: list[Problem]) -> NasSpec | None:
    problems.extend(unknown_key((key,), dict.fromkeys(TABLES)) for key in document if key not in TABLES)
    nas = read_table(NasTable, document.get("nas", {}), ("nas",), problems)
    if nas and not is_identifier(nas.name):
        problems.append(Problem(("nas", "name"), f"nas.name: got {nas.name!r}, expected letters, digits and _"))
    data, source = _read_data(document.get("data", {}), problems)
    space = _read_space(document.get("space", {}), problems)
    training = read_table(Training, document.get("training", {}), ("training",), problems)
    target_table, target, part = sections.read_target(document.get("target", {}), problems)
    cost = _read_cost(document.get("cost", {}), problems)
    goals = _read_goals(document.get("objective", []), space.head if space else None, problems)
    limits = sections.read_limits(document.get("limit", []), part, problems)
    _check_device(goals, limits, cost, problems)
    search = read_table(SamplerTable, document.get("search", {}), ("search",), problems)
    budget = _read_budget(document.get("budget", {}), problems)
    deploy = _read_deploy(document.get("deploy", {}), problems)
    notify = read_table(NotifyTable, document.get("notify", {}), ("notify",), problems)
    if problems or not (
        nas
        and data
        and source
        and space
        and training
        and target_table
        and target
        and part
        and cost
        and search
        and budget
        and deploy
        and notify
    ):
        return None
    return NasSpec(
        path=path,
        name=nas.name,
        seed=nas.seed,
        cache=cache_of(path, nas.cache),
        source=source,
        data=data,
        space=space,
        training=training,
        target=target,
        target_table=target_table,
        part=part,
        cost=cost,
        goals=goals,
        limits=limits,
        search=search,
        budget=budget,
        deploy=deploy,
        notify=notify,
        document=document,
    )


def _read_data(document: object, problems: list[Problem]) -> tuple[DataTable | None, Source | None]:
    data = read_table(DataTable, document, ("data",), problems, extra=True)
    if not isinstance(document, dict):
        return None, None
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in SOURCES:
        if isinstance(kind, str):
            expected = ", ".join(sorted(SOURCES))
            problems.append(
                Problem(
                    ("data", "kind"), f"data.kind: got {kind!r}, expected one of {expected}", did_you_mean(kind, tuple(SOURCES))
                )
            )
        return None, None
    shared = tuple(entry.name for entry in fields(DataTable))
    own = {key: value for key, value in document.items() if key not in shared}
    source: Source | None = read_table(SOURCES[kind], own, ("data",), problems, beside=shared)
    return data, source


def _read_space(document: object, problems: list[Problem]) -> SearchSpace | None:
    table = read_table(SpaceTable, document, ("space",), problems, extra=True)
    if not isinstance(document, dict):
        return None
    own = (*(entry.name for entry in fields(SpaceTable)), *_SPACES)
    problems.extend(unknown_key(("space", key), dict.fromkeys(own)) for key in document if key not in own)
    parts = {name: read_table(cls, document.get(name, {}), ("space", name), problems) for name, cls in _SPACES.items()}
    if table is None or not all(parts.values()):
        return None
    # Built without its own check first, so that every problem gets its place.
    space: Any = object.__new__(SearchSpace)
    for name, value in {"input_length": table.input_length, "same_sizes": table.same_sizes, **parts}.items():
        object.__setattr__(space, name, value)
    found = problems_of(space)
    problems.extend(Problem(("space", *keys), f"space.{'.'.join(keys)}: {message}") for keys, message in found)
    return None if found else SearchSpace(input_length=table.input_length, same_sizes=table.same_sizes, **parts)  # type: ignore[arg-type]


def _read_cost(document: object, problems: list[Problem]) -> CostTable | None:
    cost = read_table(CostTable, document, ("cost",), problems)
    known = registry.kinds("surrogates")
    if cost and cost.surrogate not in known:
        message = f"cost.surrogate: got {cost.surrogate!r}, expected one of {', '.join(known)}"
        problems.append(Problem(("cost", "surrogate"), message, did_you_mean(cost.surrogate, known)))
    return cost


def _read_goals(documents: object, head: Head | None, problems: list[Problem]) -> tuple[Goal, ...]:
    if not isinstance(documents, list) or not documents:
        problems.append(Problem(("objective",), 'expected at least one [[objective]], e.g. metric = "rmse"'))
        return ()
    found = []
    for index, document in enumerate(documents):
        table = read_table(GoalTable, document, ("objective", index), problems)
        if table is not None:
            corner = None if table.reference is None else float(table.reference)
            found.append(Goal(table.metric, 1 - corner if corner is not None and table.metric == "accuracy" else corner))
    metrics = [goal.metric for goal in found]
    if len(set(metrics)) < len(metrics):
        problems.append(Problem(("objective",), "an objective is named twice, expected each once", at_key=True))
    learned = "accuracy" if head and head.kind == "classes" else "rmse"
    wrong = "rmse" if learned == "accuracy" else "accuracy"
    if wrong in metrics:
        index = metrics.index(wrong)
        problems.append(
            Problem(("objective", index, "metric"), f"objective: a {head.kind if head else ''} head has {learned}, not {wrong}")
        )
    if len(found) == len(documents) and not any(goal.is_learned for goal in found):
        problems.append(Problem(("objective",), f"no objective is learned, expected {learned} among them", at_key=True))
    return tuple(found)


def _check_device(goals: tuple[Goal, ...], limits: tuple[Limit, ...], cost: CostTable | None, problems: list[Problem]) -> None:
    if cost and not cost.refuse and any(goal.metric in ("device_cost", "latency_ns") for goal in goals):
        message = "cost.refuse: got false, but a network that cannot keep the limits has no device cost and no latency to search by"
        problems.append(Problem(("cost", "refuse"), message))
    if any(goal.metric == "device_cost" for goal in goals) and not any(limit.metric in _LATENCIES for limit in limits):
        message = 'objective device_cost: without a limit on latency the slowest design always wins; add [[limit]] metric = "latency_ns_max"'
        problems.append(Problem(("objective",), message, at_key=True))


def _read_budget(document: object, problems: list[Problem]) -> EffortTable | None:
    budget = read_table(EffortTable, document, ("budget",), problems)
    if budget and budget.trials is None and budget.hours is None:
        problems.append(Problem(("budget",), "expected trials or hours in [budget], or the search never ends", at_key=True))
    return budget


def _read_deploy(document: object, problems: list[Problem]) -> DeployTable | None:
    """Read `[deploy]`; the tables for its campaigns are read as a campaign reads them, so that mistakes show now and not hours later."""
    if not isinstance(document, dict):
        problems.append(Problem(("deploy",), "expected a table"))
        return None
    own = {key: value for key, value in document.items() if key not in ("backend", "search")}
    deploy = read_table(DeployTable, own, ("deploy",), problems, beside=("backend", "search"))
    for name, read in (("backend", sections.read_backend), ("search", sections.read_search)):
        if name in document:
            inner: list[Problem] = []
            read(document[name], inner)
            problems.extend(Problem(("deploy", *p.path), p.message, p.hint, p.at_key) for p in inner)
    return deploy
