"""From a campaign file to a `CampaignSpec`, or to all that is wrong with the file at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from dse.campaign import sections
from dse.campaign.files import read_tables, refuse
from dse.campaign.problems import Problem, unknown_key
from dse.campaign.recognition import refuse_other_tables
from dse.campaign.tables import BudgetTable, CampaignTable, LayerTable, NetworkTable, NotifyTable, read_table
from dse.design import Network, Strategy, Target, is_identifier
from dse.goal import Budget, Goal, Limit, Objective, implied_limits
from dse.parts import Part

TABLES = ("campaign", "network", "target", "search", "objective", "limit", "layer", "backend", "budget", "notify")


@dataclass(frozen=True, slots=True)
class CampaignSpec:
    """A campaign file, read and checked; everything that needs no backend is resolved.

    Attributes:
        path: the file.
        source: the network's file, resolved against the campaign file's folder.
        inputs: the user's own inputs for the comparison of numbers, resolved likewise; None where none are named.
        strategy: hls4ml strategy of all layers that `layer_rules` does not set.
        search_options, backend_options: the frozen `Options` of their modules.
        cache: root of the shared cache.
        document: the file's tables with the command line's overrides, as the journal records them.
    """

    path: Path
    name: str
    seed: int
    cache: Path
    network: Network
    source: Path
    inputs: Path | None
    allow_code: bool
    target: Target
    part: Part
    must_fit: bool
    strategy: Strategy
    layer_rules: tuple[tuple[str, LayerTable], ...]
    mode: str
    search_kind: str
    search_options: Any
    objectives: tuple[Objective, ...]
    limits: tuple[Limit, ...]
    backend_kind: str
    backend_options: Any
    slots: int
    budget: Budget
    notify: NotifyTable
    document: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def state(self) -> Path:
        """The folder of journal, page and running jobs."""
        return self.path.parent / self.name

    @property
    def goal(self) -> Goal:
        """What the file asks for."""
        clock = self.target.clock_period_ns
        implied = implied_limits(self.limits, self.part, clock) if self.must_fit else ()
        return Goal(self.objectives, (*self.limits, *implied), self.part, clock)

    @property
    def meaning(self) -> dict[str, str]:
        """All that changes what the campaign asks, as text by dotted key; two campaigns of equal meaning are the same question."""
        pairs: dict[str, object] = {
            "campaign.seed": self.seed,
            "network.digest": self.network.digest,
            "target.strategy": self.strategy,
            "search.mode": self.mode,
            "search.kind": self.search_kind,
            "backend.kind": self.backend_kind,
        }
        pairs |= {f"target.{key}": getattr(self.target, key) for key in (f.name for f in fields(self.target))}
        if not self.must_fit:
            pairs["target.must_fit"] = False
        if not self.part.is_listed:
            pairs["target.capacities"] = self.part
        pairs |= {f"search.{key}": value for key, value in asdict(self.search_options).items()}
        pairs |= {f"objective.{o.metric}": f"minimise, reference {o.reference}" for o in self.objectives}
        pairs |= {f"limit.{limit.metric}": limit.maximum for limit in self.limits}
        pairs |= {f"layer.{name}": {k: v for k, v in asdict(rule).items() if v is not None} for name, rule in self.layer_rules}
        return {key: str(value) for key, value in sorted(pairs.items())}


def read_campaign(path: Path, overrides: Iterable[str] = ()) -> CampaignSpec:
    """Read and check a campaign file.

    Args:
        overrides: `key=value` texts, e.g. `search.mode=compact`, applied before checking; values are TOML, or else text.

    Raises:
        CampaignProblems: with every problem found, each with line, column and hint.
        SpecError: the file cannot be read, or is no TOML.
    """
    document, text = read_tables(path, overrides)
    refuse_other_tables(path, document)
    problems: list[Problem] = []
    spec = build_spec(path, document, problems)
    refuse(path, text, problems)
    assert spec is not None
    return spec


def build_spec(
    path: Path, document: dict[str, Any], problems: list[Problem], network: Network | None = None
) -> CampaignSpec | None:
    """Build a spec from the tables of a file; None, and problems added, where it cannot be built.

    Args:
        network: the network where it is known (from a journal); left out, its file is read.
    """
    problems.extend(unknown_key((key,), dict.fromkeys(TABLES)) for key in document if key not in TABLES)
    campaign = read_table(CampaignTable, document.get("campaign", {}), ("campaign",), problems)
    if campaign and not is_identifier(campaign.name):
        problems.append(Problem(("campaign", "name"), f"campaign.name: got {campaign.name!r}, expected letters, digits and _"))
    network_table = read_table(NetworkTable, document.get("network", {}), ("network",), problems)
    network = network or sections.network_of(path, network_table, problems)
    target_table, target, part = sections.read_target(document.get("target", {}), problems)
    mode, search_kind, search_options = sections.read_search(document.get("search", {}), problems)
    backend, backend_options = sections.read_backend(document.get("backend"), problems)
    objectives = sections.read_objectives(document.get("objective", []), problems)
    limits = sections.read_limits(document.get("limit", []), part, problems)
    budget = read_table(BudgetTable, document.get("budget", {}), ("budget",), problems)
    notify = read_table(NotifyTable, document.get("notify", {}), ("notify",), problems)
    rules = sections.read_layer_rules(document.get("layer", {}), network, target, target_table, problems)
    if problems or not (
        campaign and network_table and network and target_table and target and part and backend and budget and notify
    ):
        return None
    return CampaignSpec(
        path=path,
        name=campaign.name,
        seed=campaign.seed,
        cache=cache_of(path, campaign.cache),
        network=network,
        source=path.parent / network_table.source,
        inputs=path.parent / network_table.inputs if network_table.inputs else None,
        allow_code=network_table.allow_code,
        target=target,
        part=part,
        must_fit=target_table.must_fit,
        strategy=target_table.strategy,
        layer_rules=rules,
        mode=mode,
        search_kind=search_kind,
        search_options=search_options,
        objectives=objectives,
        limits=limits,
        backend_kind=backend.kind,
        backend_options=backend_options,
        slots=backend.slots,
        budget=Budget(budget.syntheses, None if budget.hours is None else float(budget.hours)),
        notify=notify,
        document=document,
    )


def cache_of(path: Path, named: str) -> Path:
    """Return the cache that a spec file names, or the one beside its folder."""
    if named:
        return (path.parent / Path(named).expanduser()).absolute()
    folder = path.absolute().parent
    return (folder.parent if folder.name == "campaigns" else folder) / "cache"
