"""The tables of an architecture search's file that are not shared with campaigns; see `dse.campaign.tables`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dse.errors import SpecError
from dse.nas.space import Range

Number = int | float
SamplerKind = Literal["known_cost", "botorch", "nsga2", "tpe", "random"]
Metric = Literal["rmse", "accuracy", "workload", "device_cost", "latency_ns"]


@dataclass(frozen=True, slots=True)
class NasTable:
    """What the search is called; its state lives in a folder of that name beside the file."""

    name: str
    seed: int = 0
    cache: str = ""


@dataclass(frozen=True, slots=True)
class DataTable:
    """Which runs are for what, and how they are cut; the other keys of `[data]` belong to the kind of source."""

    kind: str
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    protocol: Literal["dse", "n-torc"] = "dse"
    horizon: int = 0
    stride: int = 16
    windows: int | None = None

    def __post_init__(self) -> None:
        if self.horizon < 0 or self.stride < 1 or (self.windows is not None and self.windows < 1):
            raise SpecError("data: expected horizon from 0, stride and windows from 1")


@dataclass(frozen=True, slots=True)
class SpaceTable:
    """`[space]` itself; `[space.conv]`, `[space.recurrent]`, `[space.dense]` and `[space.head]` stand for themselves."""

    input_length: Range
    same_sizes: bool = False


@dataclass(frozen=True, slots=True)
class Training:
    """How a candidate is trained.

    Attributes:
        epochs: at most so many.
        patience: stop after so many epochs without a better validation error; the best weights are kept. None: never.
        seconds: wall time of one training; what is reached by then counts. None: unbounded.
        prune_after: epochs before a training may be given up as hopeless; None: never.
    """

    epochs: int = 30
    batch_size: int = 64
    learning_rate: Number = 0.003
    patience: int | None = 8
    seconds: Number | None = None
    prune_after: int | None = 5

    def __post_init__(self) -> None:
        whole = (self.epochs, self.batch_size, self.patience or 1, self.prune_after or 1)
        if min(whole) < 1 or not 0 < self.learning_rate <= 1 or (self.seconds is not None and self.seconds <= 0):
            raise SpecError(
                "training: expected epochs, batch_size, patience, prune_after from 1, 0 < learning_rate <= 1, seconds > 0"
            )


@dataclass(frozen=True, slots=True)
class SamplerTable:
    """`[search]`: who proposes architectures (`dse.nas.known_cost`, or one of Optuna's), and how many trainings run side by side.

    `startup`: so many candidates come first that look at no error: spread (`known_cost`), else random. Of `nsga2`: the population.
    """

    sampler: SamplerKind = "known_cost"
    startup: int = 10
    workers: int = 1

    def __post_init__(self) -> None:
        if self.startup < 1 or not 1 <= self.workers <= 256:
            raise SpecError("search: expected startup from 1, workers from 1 to 256")


@dataclass(frozen=True, slots=True)
class GoalTable:
    """`[[objective]]`: a metric; accuracy is maximised, all others minimised. `reference` is the hypervolume's corner."""

    metric: Metric
    reference: Number | None = None


@dataclass(frozen=True, slots=True)
class CostTable:
    """`[cost]`: where the tables per layer come from: the estimate, or a surrogate fitted to a corpus.

    `refuse` false trains also what cannot keep the limits, as a search for a proxy does that knows nothing of the device.
    """

    tables: Literal["estimate", "surrogate"] = "estimate"
    corpus: str = ""
    surrogate: str = "forest"
    refuse: bool = True

    def __post_init__(self) -> None:
        if (self.tables == "surrogate") != bool(self.corpus):
            raise SpecError('cost: expected tables = "surrogate" together with corpus, or neither')


@dataclass(frozen=True, slots=True)
class EffortTable:
    """`[budget]`: trainings (also those given up), and hours of wall time over all sessions."""

    trials: int | None = None
    hours: Number | None = None

    def __post_init__(self) -> None:
        if (self.trials is not None and self.trials < 1) or (self.hours is not None and self.hours <= 0):
            raise SpecError("budget: expected trials from 1, hours > 0")


@dataclass(frozen=True, slots=True)
class DeployTable:
    """`[deploy]`: what happens with the front. `[deploy.backend]` and `[deploy.search]` are written into the campaigns as they are.

    Attributes:
        when: `finished` deploys at the end of `dse nas run`; `asked` only by `dse nas deploy`.
        networks: at most so many, evenly spread over the front; None: all.
        syntheses: budget of each campaign.
        simulate: check the front bit by bit with hls4ml's C simulation (minutes a network; needs g++).
    """

    when: Literal["finished", "asked"] = "asked"
    networks: int | None = None
    syntheses: int = 12
    simulate: bool = False

    def __post_init__(self) -> None:
        if self.syntheses < 1 or (self.networks is not None and self.networks < 1):
            raise SpecError("deploy: expected syntheses and networks from 1")
